"""What a run has tried already: a new reward that is an old one in other words is not trained."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from autoreward.agents.designer import Operator
from autoreward.evaluation.novelty import Known, fingerprint, novelty, reward_values
from autoreward.findings import Finding
from autoreward.rewards.source import RewardSource
from autoreward.search.archive import rungs_reached
from autoreward.search.checking import Checked
from autoreward.search.jobs import fitness_of
from autoreward.search.setup import Setup
from autoreward.search.view import View
from autoreward.store.journal import Journal
from autoreward.store.records import Candidate
from autoreward.store.rundir import write_atomic


class Novelty:
    """Compares new rewards with those of a run.

    Args:
        journal: Open for writing.
        setup: The run's fixed parts.
    """

    def __init__(self, journal: Journal, setup: Setup) -> None:
        self._journal, self._primary = journal, setup.primary
        self._fingerprints: dict[str, NDArray[np.float32]] = {}

    def twin(
        self, source: RewardSource, checked: Checked, operator: Operator, view: View
    ) -> list[Finding]:
        """Return why a reward that passed the checks is not worth a training; empty if it is.

        The very same reward is no matter of this: the journal knows it by its id.

        Args:
            source: The reward.
            checked: What the checks found.
            operator: How it was made.
            view: The scores that its designer may be told.
        """
        others = [c for c in self._journal.candidates() if c.id != source.identity]
        made: dict[int | None, str] = {p.number: p.operator for p in self._journal.proposals()}
        known = [
            self._known(candidate, made.get(candidate.proposal, ""), view) for candidate in others
        ]
        found = novelty(self._about(source, checked, operator), known)
        return [] if found is None else [found.finding]

    def keep(self, source: RewardSource, checked: Checked) -> None:
        """Remember the values of an accepted reward."""
        values = self._about(source, checked, "draft").fingerprint
        if values is not None:
            buffer = io.BytesIO()
            np.save(buffer, values, allow_pickle=False)
            write_atomic(self._journal.files.fingerprint(source.identity), buffer.getvalue())

    def _about(self, source: RewardSource, checked: Checked, operator: Operator) -> Known:
        values = None
        if checked.trial is not None and source.formula is not None:
            values = reward_values(checked.trial, source.formula)
        return Known(
            source.identity,
            source.skeleton,
            None if values is None else fingerprint(values),
            operator,
        )

    def _known(self, candidate: Candidate, operator: str, view: View) -> Known:
        reached = rungs_reached(self._journal, candidate.id, view)
        score = None
        if reached:
            fitness = fitness_of(self._journal, reached[max(reached)], "validation")
            score = fitness[self._primary.name].mean
        return Known(
            candidate.id,
            candidate.skeleton,
            self._fingerprint(candidate.id),
            operator,
            score,
        )

    def _fingerprint(self, candidate: str) -> NDArray[np.float32] | None:
        """Return the values that `keep` remembered; they never change."""
        path = self._journal.files.fingerprint(candidate)
        if candidate not in self._fingerprints and path.exists():
            self._fingerprints[candidate] = np.load(path, allow_pickle=False)
        return self._fingerprints.get(candidate)
