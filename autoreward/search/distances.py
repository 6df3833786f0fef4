"""How far two rewards are apart as aims, measured on what a run has recorded."""

from __future__ import annotations

from collections.abc import Sequence

from autoreward.evaluation.bank import Bank
from autoreward.evaluation.novelty import reward_distance
from autoreward.rewards.distance import Distance
from autoreward.search.checking import recorded_checker
from autoreward.search.setup import Setup
from autoreward.store.rundir import RunFiles


def distance_of(
    files: RunFiles, setup: Setup, rewards: Sequence[tuple[str, str]]
) -> Distance | str:
    """Return the distance of two rewards, or why there is none, as the end of a sentence.

    Args:
        files: Of the run whose behaviour they are tried on.
        setup: Of that run.
        rewards: Name and reward file of the two.

    Raises:
        SandboxError: No jail could be started.
    """
    checker = recorded_checker(files, setup)
    if checker is None:
        return f"{files.directory.name} has not recorded any behaviour yet"
    tried = []
    with checker:
        if files.bank.exists():
            checker.use(Bank.load(files.bank))
        for name, text in rewards:
            checked = checker.check(text)
            formula = checked.source.formula if checked.source is not None else None
            if checked.trial is None or not checked.trial.answers or formula is None:
                problem = next((f.message for f in checked.findings if f.severity == "error"), "")
                return f"{name} cannot be tried: {problem or 'it has no FORMULA'}"
            tried.append((checked.trial, formula))
    (first, formula), (second, other) = tried
    found = reward_distance(first, formula, second, other)
    return found or "one of them gives no finite numbers away from recorded behaviour"
