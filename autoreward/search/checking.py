"""Everything a reward must pass before it is trained: static review, then a trial in a jail."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoreward.agents.critic import review
from autoreward.errors import SandboxError
from autoreward.evaluation.smoke import Trial, try_reward
from autoreward.evaluation.trainer import Trainer
from autoreward.evaluation.transitions import Transitions
from autoreward.findings import Finding, has_error
from autoreward.rewards.source import RewardSource
from autoreward.sandbox.reserve import Reserve
from autoreward.schema import StateSchema
from autoreward.store.rundir import RunFiles
from autoreward.training.messages import Record

_STEPS, _ROWS = 200, 16
_RECORDING_SEED_INDEX = 0
_JOB = "trial"
_TRIES = 2


@dataclass(frozen=True)
class Checked:
    """A reward and what was found about it."""

    source: RewardSource | None
    """None if it does not parse."""
    findings: Sequence[Finding]
    trial: Trial | None
    """None if it was refused before the trial."""

    @property
    def ok(self) -> bool:
        """Whether it may be trained."""
        return not has_error(list(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        formula = self.source.formula if self.source else None
        return {
            "ok": self.ok,
            "formula": str(formula) if formula else None,
            "findings": [finding.to_dict() for finding in self.findings],
            **(self.trial.to_dict() if self.trial else {}),
        }


class Checker:
    """Checks rewards of one run; formulas over the same components share a trial.

    Use as a context manager.

    Args:
        schema: The state that rewards see.
        transitions: Recorded random behaviour.
        reserve: Starts the jails; closed with the checker.
    """

    def __init__(self, schema: StateSchema, transitions: Transitions, reserve: Reserve) -> None:
        self._schema, self._transitions = schema, transitions
        self._reserve = reserve
        self._trials: dict[str, Trial] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Checker:
        """Return the checker itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the jails that were not used."""
        self._reserve.close()

    def check(self, text: str) -> Checked:
        """Review a reward file, then try it in a jail if the review found no error.

        Raises:
            SandboxError: No jail could be started.
        """
        reviewed = review(text, self._schema)
        source, findings = reviewed.source, list(reviewed.findings)
        if source is None or has_error(findings):
            return Checked(source, findings, None)
        trial = self._trial(source)
        findings += trial.findings
        if source.formula is not None:
            findings += trial.formula_findings(source.formula.components)
        return Checked(source, findings, trial)

    def _trial(self, source: RewardSource) -> Trial:
        with self._lock:  # jails one at a time: the trainer has the cores
            known = self._trials.get(source.components_text)
            if known is None:
                known = self._run(source.text)
                self._trials[source.components_text] = known
            return known

    def _run(self, text: str) -> Trial:
        for attempt in range(_TRIES):
            with self._reserve.take([_JOB])[_JOB] as jail:
                try:
                    return try_reward(text, self._schema, self._transitions, jail)
                except SandboxError:  # the jail was lost through no fault of the reward
                    if attempt == _TRIES - 1:
                        raise
        raise AssertionError("unreachable")


def recorded_transitions(trainer: Trainer, files: RunFiles, run_seed: int) -> Transitions:
    """Return the run's recorded transitions; the trainer records them once."""
    path: Path = files.transitions
    if not path.exists():
        order = Record(
            job="transitions",
            path=str(path.resolve()),
            seed=(run_seed, _RECORDING_SEED_INDEX),
            steps=_STEPS,
            rows=_ROWS,
        )
        trainer.ask(order)
    return Transitions.load(path)
