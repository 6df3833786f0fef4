"""Racing: candidates are validated at rungs of the step budget, and only the best go on.

Asynchronous successive halving (ASHA; Li et al., MLSys 2020): of all that have reached a rung, the
best 1/eta go on to the next; who did not may still do so when more have come. Ranks are taken
within one rung only, and always on the validated fitness. Beyond a whole training the race goes on
over training seeds: the best of one seed are trained again on the next, and compared by their mean,
for the best of many single trainings is a lucky one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from autoreward.config import Settings
from autoreward.evaluation.statistics import lower_confidence
from autoreward.schema import Fitness
from autoreward.search.jobs import Jobs, fitness_of
from autoreward.search.rungs import costs_of, rungs_of
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Job
from autoreward.training.messages import POLICY_FILE


def going_on(scores: Mapping[str, float], gone: Collection[str], count: int) -> list[str]:
    """Return who of a rung goes on: those of the best `count` that have not done so, best first.

    Args:
        scores: Candidate → cautious score of the rung, higher is better.
        gone: Those that went on earlier; they keep their places.
        count: Places on the next rung.
    """
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    return [name for name in ranked[:count] if name not in gone]


class Race:
    """Who is where, and who goes on; everything is read from the journal.

    Args:
        journal: Open for writing.
        jobs: Carries trainings out.
        settings: The run's settings.
        primary: The fitness that decides.
    """

    def __init__(self, journal: Journal, jobs: Jobs, settings: Settings, primary: Fitness) -> None:
        self._journal, self._jobs, self._primary = journal, jobs, primary
        self._settings = settings
        self.rungs = rungs_of(settings)
        self._costs = costs_of(self.rungs)

    @property
    def last(self) -> int:
        """Number of the last rung."""
        return len(self.rungs) - 1

    @property
    def whole(self) -> int:
        """Number of the first rung whose trainings are whole; those beyond are other seeds."""
        return sum(rung.seeds == 1 for rung in self.rungs) - 1

    def job_id(self, candidate: str, rung: int) -> str:
        """Return the id of a candidate's training to a rung."""
        whole = f"{candidate}-search-s{self._seed(rung)}"
        return whole if rung >= self.whole else f"{whole}-r{rung + 1}"

    def cost(self, rung: int) -> int:
        """Return the environment steps from the rung before to this one."""
        return self._costs[rung]

    def enter(self, candidate: str, rung: int) -> str:
        """Train a candidate on to a rung, from where it left off, and return the job.

        Beyond the first whole training it is another one, from scratch on the next seed.
        """
        record, goes_on = self._journal.candidate(candidate), 0 < rung <= self.whole
        before = self._journal.files.job(self.job_id(candidate, rung - 1)) if goes_on else None
        return self._jobs.request(
            candidate,
            "search",
            record.text,
            record.formula,
            self._seed(rung),
            job_id=self.job_id(candidate, rung),
            steps=self.rungs[rung].steps,
            start=before,
            keep=rung < self.whole,
            early=rung < self.whole,
        )

    def enter_from(self, candidate: str, generation: int, parent: Path | None) -> str:
        """Train a candidate on from the policy of another one (population mode).

        Args:
            candidate: Whom.
            generation: Of the candidate; the steps of all generations add up to one training.
            parent: Folder of the training to go on from; None begins from scratch.
        """
        record, share = self._journal.candidate(candidate), self.share
        return self._jobs.request(
            candidate,
            "search",
            record.text,
            record.formula,
            self._seed(self.whole),
            steps=share * (generation + 1),
            own_steps=share,
            start=parent,
            inherit="policy",
            keep=True,
        )

    @property
    def share(self) -> int:
        """Environment steps of one generation in population mode."""
        search = self._settings.search
        return max(1, round(self._settings.training.steps / search.generations))

    def entered(self, rung: int) -> list[str]:
        """Return the candidates whose training to a rung was asked for, whatever came of it."""
        ids = {job.id for job in self._journal.jobs(purpose="search")}
        names = (candidate.id for candidate in self._journal.candidates())
        return [name for name in names if self.job_id(name, rung) in ids]

    def scores(self, rung: int, among: Collection[str] | None = None) -> dict[str, float]:
        """Return the cautious score of every candidate that has reached a rung.

        Args:
            rung: Its number.
            among: Only these candidates count; None for all.
        """
        names = self.entered(rung) if among is None else among
        found = {}
        first = min(rung, self.whole)
        for name in names:
            jobs = [self.job_id(name, number) for number in range(first, rung + 1)]
            if all(_state(self._journal, job) == "done" for job in jobs):
                found[name] = score_of(self._journal, jobs, self._primary)
        return found

    def best_job(self, generation_jobs: Collection[str]) -> Path | None:
        """Return the folder of the best of some finished trainings, None where none is."""
        done = [name for name in generation_jobs if _state(self._journal, name) == "done"]
        if not done:
            return None
        best = max(done, key=lambda name: (score_of(self._journal, [name], self._primary), name))
        folder: Path = self._journal.files.job(best)
        return folder if (folder / POLICY_FILE).exists() else None

    def short_of(self, wanted: int) -> list[tuple[str, int]]:
        """Return who must go on, and to which rung, so that `wanted` have a whole training.

        Those that are on their way count. Called until it returns nothing.
        """
        for rung in range(self.whole, 0, -1):
            gone, scores = self.entered(rung), self.scores(rung - 1)
            states = [_state(self._journal, self.job_id(name, rung)) for name in gone]
            missing = wanted - sum(state != "failed" for state in states)
            if missing <= 0:
                return []
            if waiting := going_on(scores, gone, len(scores)):
                return [(name, rung) for name in waiting[:missing]]
        return []

    def places(self, rung: int, reached: int, *, at_least_one: bool) -> int:
        """Return how many of those that have reached the rung before may go on to a rung.

        On further seeds these are no more than become parents.

        Args:
            rung: Where they go.
            reached: How many have reached the one before.
            at_least_one: Whether a few have a place, too: where they were all waited for. Where
                they come one by one, the first would always have one.
        """
        search = self._settings.search
        count = math.ceil(reached / search.eta) if at_least_one else reached // search.eta
        return count if rung <= self.whole else min(count, max(search.elites, 1))

    def _seed(self, rung: int) -> int:
        """Return the index of the training seed of a rung."""
        return max(0, rung - self.whole)


def score_of(journal: Queries, jobs: Sequence[str], primary: Fitness) -> float:
    """Return the mean cautious score of finished trainings of one reward: more is better.

    How far apart two seeds are says little about how far apart seeds are, so it does not count.
    """
    values = (fitness_of(journal, [job], "validation")[primary.name] for job in jobs)
    return fmean(lower_confidence(value, primary.direction) for value in values)


def _state(journal: Queries, job_id: str) -> str:
    job: Job | None = journal.job(job_id)
    return job.state if job is not None else ""
