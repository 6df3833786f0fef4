"""The formula policy of a run: what it begins with, and what it knows in the end."""

from __future__ import annotations

from pathlib import Path

from autoreward.config import Settings
from autoreward.errors import RunError, UsageError
from autoreward.search.briefing import outcomes_of, start_file
from autoreward.search.setup import Setup
from autoreward.search.view import view_now
from autoreward.store.journal import Journal
from autoreward.store.rundir import RunFiles, find_run, write_atomic


def keep_warm_start(journal: Journal, settings: Settings) -> None:
    """Copy the formula policy that the settings name into the run, once.

    The copy makes a run that is resumed, or moved to another machine, begin as it did before.

    Raises:
        UsageError: There is no such policy, or it cannot be read.
    """
    kept, named = start_file(journal), settings.search.warm_start
    if named is None or kept.exists():
        return
    from autoreward.agents.formulas.policy import FormulaPolicy

    path = _policy_file(named)
    FormulaPolicy.load(path)
    write_atomic(kept, path.read_bytes())


def keep_policy(journal: Journal, setup: Setup) -> None:
    """Write down what the formula policy has learned from the run, for others to begin with."""
    from autoreward.agents.formulas.policy import learned

    start = start_file(journal)
    outcomes = outcomes_of(journal, setup, view_now(journal))
    if outcomes:
        learned(start if start.exists() else None, outcomes).save(journal.files.formula_policy)


def _policy_file(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    try:
        kept = RunFiles(find_run(name)).formula_policy
    except RunError as error:
        raise UsageError(f"--warm-start {name}: {error}") from None
    if not kept.exists():
        raise UsageError(f"--warm-start {name}: that run has no formula policy yet")
    return kept
