"""What is wrong with an attempt, the worst first: people before machines."""

from __future__ import annotations

from dataclasses import dataclass

from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.tables import USELESS, diagnose
from autoreward.findings import Finding

HACKS = ("reward-hacking", "early-end", "velocity-exploit", "contact-exploit")
"""Findings that say that the reward is earned without the task."""
_SEVERITIES = ("error", "warning")
_GUESSES = ("judged",)
"""Codes of what was said before anything was measured: after all that was."""
_WORST = (*HACKS, "wrong-direction", "over-optimisation", "standing-still", "flooding")
"""Codes that come before others of the same severity."""


@dataclass(frozen=True)
class Fault:
    """One thing to correct."""

    text: str
    by_people: bool = False
    """Whether a person said so; else a machine may be wrong."""


def faults(brief: Brief, attempt: Attempt) -> list[Fault]:
    """Return the things to correct; none where nothing was found.

    First what people said about this very attempt, the latest first; then findings by severity;
    then components that never paid or never changed, unless a finding names them.
    """
    named = [text for text in brief.feedback if attempt.id in text]
    said = [f'people say about it: "{text}"' for text in reversed((*named, *attempt.notes))]
    found = [str(f) for f in sorted(attempt.findings, key=_order) if f.severity in _SEVERITIES]
    idle = [
        f"the component `{name}` is {remark} all through training"
        for name, remark in useless(brief, attempt).items()
        if not any(name in text for text in found)
    ]
    every = [*(Fault(text, True) for text in said), *(Fault(text) for text in (*found, *idle))]
    return list(dict.fromkeys(every))


def hack(attempt: Attempt) -> Finding | None:
    """Return the worst finding that the reward is earned without the task, None if there is none.

    A finding of severity `note` is a suspicion and does not count.
    """
    found = [f for f in attempt.findings if f.code in HACKS and f.severity in _SEVERITIES]
    return min(found, key=_order, default=None)


def useless(brief: Brief, attempt: Attempt) -> dict[str, str]:
    """Return the components that a policy could not learn from, each with the remark on it.

    A constant one is a bonus for living: it is of use where an episode can end early.
    """
    if not attempt.components:
        return {}
    names = list(attempt.components[-1])
    remarks = {
        name: diagnose([point[name] for point in attempt.components], alone=len(names) == 1)
        for name in names
    }
    bad = USELESS if brief.task.terminate == "never" else USELESS - {"constant"}
    return {name: remark for name, remark in remarks.items() if remark in bad}


def _order(finding: Finding) -> tuple[int, bool, int]:
    severity = _SEVERITIES.index(finding.severity) if finding.severity in _SEVERITIES else 9
    guessed = finding.code in _GUESSES
    return severity, guessed, _WORST.index(finding.code) if finding.code in _WORST else len(_WORST)
