"""How many environment steps a run will take, foreseen from what it has done so far."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from autoreward.config import Settings
from autoreward.search.rungs import Rung, costs_of, rungs_of

_JOB = re.compile(r"(.+)-(search|confirm|baseline)-s(\d+)(?:-r(\d+))?")


@dataclass(frozen=True)
class Plan:
    """How much a run has to do; steps are environment steps, in whole iterations of the trainer."""

    generations: int
    population: int
    steps: int
    """Of a whole training."""
    final: int
    """Trainings of the final comparison."""
    rungs: tuple[Rung, ...] = ()
    """Where candidates are compared; the last trainings are whole ones, or a generation's share of
    it. Empty where nothing is searched."""
    eta: int = 3
    """One in so many candidates goes on at a rung."""
    finalists: int = 1
    ordered: bool = True
    """Whether the search goes generation by generation."""
    most_candidates: int | None = None
    most_steps: int | None = None

    @classmethod
    def of_run(cls, settings: Settings, baselines: int) -> Plan:
        """Return the plan of a design run with a number of baselines."""
        search, limits = settings.search, settings.budget
        rungs = rungs_of(settings)
        if search.inner == "population":
            rungs = (Rung(max(1, round(settings.training.steps / search.generations))),)
        return cls(
            generations=search.generations,
            population=search.population,
            steps=_whole(settings, settings.training.steps),
            final=(search.finalists + baselines) * search.confirm_seeds,
            rungs=tuple(Rung(_whole(settings, rung.steps), rung.seeds) for rung in rungs),
            eta=search.eta,
            finalists=search.finalists,
            ordered=settings.ordered,
            most_candidates=limits.candidates,
            most_steps=limits.env_steps,
        )

    @classmethod
    def of_evaluation(cls, settings: Settings, seeds: int) -> Plan:
        """Return the plan of an evaluation."""
        return cls(0, 0, _whole(settings, settings.training.steps), seeds)

    def rung_of(self, job: str) -> int | None:
        """Return the rung that a training leads to, None for one that is not of the search."""
        parts = _JOB.fullmatch(job)
        if parts is None or parts[2] != "search" or not self.rungs:
            return None
        if parts[4] is not None:
            return int(parts[4]) - 1
        return sum(rung.seeds == 1 for rung in self.rungs) - 1 + int(parts[3])

    def target(self, job: str) -> int:
        """Return the steps that the policy of a training will have had."""
        rung = self.rung_of(job)
        return self.steps if rung is None else self.rungs[rung].steps

    def cost(self, job: str) -> int:
        """Return the steps of a training alone, those of the rung before not counted."""
        return self.target(job) - self._base(job)

    def taken(self, job: str, steps: int) -> int:
        """Return how many of its own steps a training has taken, given those of its policy."""
        return min(max(0, steps - self._base(job)), self.cost(job))

    def _base(self, job: str) -> int:
        rung = self.rung_of(job)
        return 0 if rung is None else self.rungs[rung].steps - costs_of(self.rungs)[rung]

    def going_on(self, rung: int) -> float:
        """Return the share of those at the rung before that are expected to go on to this one."""
        if not self.ordered:
            return 1 / self.eta
        at = self.population
        for _ in range(rung - 1):
            at = math.ceil(at / self.eta)
        return math.ceil(at / self.eta) / at


@dataclass
class Forecast:
    """What is done, and what is likely still to come.

    Args:
        plan: How much there is to do.
        finished: Trainings that have ended.
        lost: What will never be trained: `proposal 3`, or a candidate's id.
    """

    plan: Plan
    finished: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    _entered: list[set[str]] = field(default_factory=list)
    """Rung → its trainings, ended or not."""
    _decided: list[int] = field(default_factory=list)
    """Rung → how many at the rung before it are through: gone on, or out."""
    _final: set[str] = field(default_factory=set)
    _confirming: bool = False
    """Whether the search is over."""
    _most: int | None = None
    """Candidates that can still become, known since a generation began or the search ended."""

    def __post_init__(self) -> None:
        self._entered = [set() for _ in self.plan.rungs]
        self._decided = [0 for _ in self.plan.rungs]
        for job in self.finished:
            self._enter(job)
        for rung, jobs in enumerate(self._entered):
            if jobs:
                self._decide(rung)

    def train(self, jobs: Collection[str]) -> None:
        """Take note of trainings that were asked for, some of them maybe long ago."""
        for job in jobs:
            self._enter(job)
            rung = self.plan.rung_of(job)
            if rung is None:
                self._confirming = True
            else:
                self._decide(rung)

    def end(self, job: str) -> None:
        """Take note of the end of a training."""
        self._enter(job)
        self.finished.add(job)

    def begin_generation(self, number: int) -> None:
        """Take note that a generation is proposed: all before it is decided."""
        for rung in range(len(self.plan.rungs)):
            self._decide(rung)
        to_come = (self.plan.generations - number) * self.plan.population
        self._most = len(self._first) + to_come

    def end_search(self, waiting: int) -> None:
        """Take note that nothing more is proposed.

        Args:
            waiting: Candidates that are there but not in training yet.
        """
        self._most = len(self._first) + waiting

    def taken(self, learners: Mapping[str, int]) -> int:
        """Return the environment steps so far.

        Args:
            learners: Trainings under way → the steps that their policies have had.
        """
        done = sum(self.plan.cost(job) for job in self.finished)
        open_ = (item for item in learners.items() if item[0] not in self.finished)
        return done + sum(self.plan.taken(job, steps) for job, steps in open_)

    def final_left(self, learners: Mapping[str, int]) -> int:
        """Return the environment steps that the final comparison still takes.

        Args:
            learners: As for `taken`.
        """
        done = len(self._final & self.finished) * self.plan.steps
        open_ = self._final & learners.keys() - self.finished
        return self._final_steps - done - sum(self.plan.taken(job, learners[job]) for job in open_)

    @property
    def total(self) -> int:
        """Environment steps of the run from its beginning to its end, about."""
        costs = costs_of(self.plan.rungs)
        search = sum(n * cost for n, cost in zip(self._expected(), costs, strict=True))
        total = round(search) + self._final_steps
        return total if self.plan.most_steps is None else min(total, self.plan.most_steps)

    @property
    def _final_steps(self) -> int:
        """Environment steps of the final comparison."""
        known = len(self._final)
        return (known if self._confirming else max(self.plan.final, known)) * self.plan.steps

    def _expected(self) -> list[float]:
        """Return how many trainings each rung will have had in the end."""
        counts: list[float] = []
        for rung, jobs in enumerate(self._entered):
            if self._confirming:
                counts.append(len(jobs))
            elif not rung:
                counts.append(max(self._candidates, len(jobs)))
            else:
                open_ = max(0.0, counts[-1] - self._decided[rung])
                likely = len(jobs) + open_ * self.plan.going_on(rung)
                seeds = self.plan.rungs[rung].seeds > 1
                counts.append(max(likely, 0 if seeds else min(self.plan.finalists, counts[-1])))
        return counts

    @property
    def _candidates(self) -> int:
        """Candidates that will be trained."""
        bounds = [self.plan.generations * self.plan.population - len(self.lost)]
        bounds += [n for n in (self.plan.most_candidates, self._most) if n is not None]
        return min(bounds)

    @property
    def _first(self) -> set[str]:
        return self._entered[0] if self._entered else set()

    def _enter(self, job: str) -> None:
        rung = self.plan.rung_of(job)
        if rung is None:
            self._final.add(job)
        else:
            self._entered[rung].add(job)

    def _decide(self, rung: int) -> None:
        if rung:
            self._decided[rung] = len(self._entered[rung - 1] & self.finished)


def job_label(job: str) -> str:
    """Return a job's id as people read it: `3c79117b3288`, `human (seed 1000)`."""
    parts = _JOB.fullmatch(job)
    if parts is None:
        return job
    candidate, purpose, seed, _ = parts.groups()
    return candidate if purpose == "search" else f"{candidate} (seed {seed})"


def _whole(settings: Settings, steps: int) -> int:
    """Return what so many steps really take."""
    iteration = settings.training.envs * settings.training.rollout
    return math.ceil(steps / iteration) * iteration
