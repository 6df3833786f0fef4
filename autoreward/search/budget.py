"""The limits a user sets on a run, and what of them is left."""

from __future__ import annotations

import time

from autoreward.config import Settings
from autoreward.errors import UsageError
from autoreward.store.journal import Journal

ELAPSED = "elapsed_s"
"""Name of the wall-clock seconds of work, in the journal."""
_SAVE_SECONDS = 5.0


class Budget:
    """Says when to stop proposing. What the final comparison takes is set aside from the start.

    Dollars and tokens are held by the language models' ledger, call by call.

    Args:
        settings: The run's settings.
        journal: Where wall-clock time is kept over resumes.
        baselines: Number of baselines that are trained.

    Raises:
        UsageError: The limit on environment steps does not even pay for the final comparison.
    """

    def __init__(self, settings: Settings, journal: Journal, baselines: int) -> None:
        self._settings, self._journal = settings, journal
        self._before = float(journal.meta(ELAPSED, 0.0))
        self._started = self._saved = time.monotonic()
        trainings = (settings.search.finalists + baselines) * settings.search.confirm_seeds
        self._reserved = trainings * settings.training.steps
        limit = settings.budget.env_steps
        least = self._reserved + settings.training.steps
        if limit is not None and limit < least:
            raise UsageError(
                f"budget.env_steps is {limit:,}, but one candidate and the final comparison "
                f"({trainings} trainings of {settings.training.steps:,} steps) take {least:,}: "
                "raise it, or lower training.steps or search.confirm_seeds"
            )

    @property
    def elapsed(self) -> float:
        """Wall-clock seconds of work on this run, over all resumes."""
        return self._before + time.monotonic() - self._started

    def keep_time(self, *, now: bool = False) -> None:
        """Write the elapsed time down every few seconds, or `now`."""
        if now or time.monotonic() - self._saved > _SAVE_SECONDS:
            self._saved = time.monotonic()
            self._journal.set_meta(ELAPSED, self.elapsed)

    def exhausted(self) -> str:
        """Return why no further candidate may be proposed, empty if one may."""
        limits, training = self._settings.budget, self._settings.training
        # A proposal under way may become a candidate, so it counts as one.
        candidates = sum(p.state in ("open", "accepted") for p in self._journal.proposals())
        if limits.candidates is not None and candidates >= limits.candidates:
            return f"{candidates} candidates (budget.candidates)"
        if limits.hours is not None and self.elapsed >= 3600 * limits.hours:
            return f"{self.elapsed / 3600:.2f} hours (budget.hours)"
        if limits.env_steps is not None:
            planned = candidates * training.steps
            if planned + training.steps + self._reserved > limits.env_steps:
                return f"{limits.env_steps:,} environment steps (budget.env_steps)"
        return ""
