"""The limits a user sets on a run, and what of them is left.

Everything is set aside before it is used and counted exactly afterwards: a training counts at its
full size from the moment it is queued, and what the search must still do when it ends (take the
finalists to the last rung, train them and the baselines on fresh seeds) is reserved from the start.
Dollars and tokens are held by the language models' ledger, call by call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from autoreward.config import Settings
from autoreward.errors import UsageError
from autoreward.search.observer import Observer, silent
from autoreward.search.rungs import Rung, costs_of, rungs_of
from autoreward.store.journal import Journal
from autoreward.store.records import Job

ELAPSED = "elapsed_s"
"""Name of the wall-clock seconds of work, in the journal."""
WARNING = "budget-warning"
"""Event and observer kind: most of a limit is used."""
_WARN_AT = 0.8
_SAVE_SECONDS = 5.0
_ON_THE_WAY = ("queued", "running", "infra")


class Budget:
    """Says what may still be proposed and trained; every sum is read from the journal.

    Args:
        settings: The run's settings.
        journal: Of the run; wall-clock time is kept in it over resumes.
        baselines: Number of baselines that are trained.
        observer: Told once when most of a limit is used.

    Raises:
        UsageError: The limit on environment steps does not even pay for the final comparison.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        baselines: int,
        observer: Observer = silent,
    ) -> None:
        self._settings, self._journal, self._observe = settings, journal, observer
        self._limits, self._baselines = settings.budget, baselines
        self._rungs = rungs_of(settings)
        self._costs = tuple(self._whole(cost) for cost in costs_of(self._rungs))
        self._whole_rungs = len(settings.search.racing)  # those beyond are on further seeds
        self._before = float(journal.meta(ELAPSED, 0.0))
        self._started = self._saved = time.monotonic()
        self._warned = {
            (event.data["limit"], event.data["of"])
            for event in journal.events()
            if event.kind == WARNING
        }
        self._check()

    @property
    def elapsed(self) -> float:
        """Wall-clock seconds of work on this run, over all resumes."""
        return self._before + time.monotonic() - self._started

    def keep_time(self, *, now: bool = False) -> None:
        """Write the elapsed time down every few seconds, or `now`, and warn where it is time to."""
        if now or time.monotonic() - self._saved > _SAVE_SECONDS:
            self._saved = time.monotonic()
            self._journal.set_meta(ELAPSED, self.elapsed)
            self._warn()

    def may_propose(self, *, asks_model: bool = True) -> str:
        """Return why no further reward may be proposed, empty if one may.

        Args:
            asks_model: Whether the proposal needs a language model.
        """
        proposals = self._journal.proposals()
        # A proposal under way may become a candidate, so it counts as one.
        candidates = sum(p.state in ("open", "accepted") for p in proposals)
        limits, spent = self._limits, self._journal.spent()
        if limits.candidates is not None and candidates >= limits.candidates:
            return f"{candidates} candidates (budget.candidates)"
        if asks_model and limits.usd is not None and spent.usd >= limits.usd:
            return f"{spent.usd:.4g} dollars for language models (budget.usd)"
        if asks_model and limits.tokens is not None and spent.tokens >= limits.tokens:
            return f"{spent.tokens:,} tokens of language models (budget.tokens)"
        if asks_model and limits.calls is not None and spent.calls >= limits.calls:
            return f"{spent.calls:,} calls of language models (budget.calls)"
        if reason := self._late():
            return reason
        entered = {job.candidate for job in self._journal.jobs(purpose="search")}
        coming = {c.id for c in self._journal.candidates() if c.state != "rejected"} - entered
        waiting = sum(
            p.state == "open" or (p.state == "accepted" and p.candidate in coming)
            for p in proposals
        )
        entering = waiting + 1
        first = self._whole(self._first)
        further = entering * (self._raced - first)  # what becomes of them when they race
        return self._short_of_steps(entering * first, [0] * entering, further)

    def may_train(self, steps: int, *, rung: int) -> str:
        """Return why a candidate may not be trained further, empty if it may.

        Args:
            steps: Environment steps that this takes, beyond those the candidate has had.
            rung: Where they take it to. It may become a finalist: then it draws on what is reserved
                for that.
        """
        return self._late() or self._short_of_steps(self._whole(steps), [rung])

    def _check(self) -> None:
        limit, training = self._limits.env_steps, self._settings.training.steps
        trainings = self._comparisons * self._settings.search.confirm_seeds
        least = (trainings + 1) * self._whole(training)
        if limit is not None and limit < least:
            raise UsageError(
                f"budget.env_steps is {limit:,}, but one candidate and the final comparison "
                f"({trainings} trainings of {training:,} steps) take {least:,}: "
                "raise it, or lower training.steps or search.confirm_seeds"
            )

    @property
    def _comparisons(self) -> int:
        """Rewards of the final comparison."""
        return self._settings.search.finalists + self._baselines

    @property
    def _first(self) -> int:
        """Environment steps of a candidate's first training."""
        search, steps = self._settings.search, self._settings.training.steps
        if search.inner == "population":
            return max(1, round(steps / search.generations))
        return self._rungs[0].steps

    @property
    def _raced(self) -> int:
        """Environment steps that a candidate takes in the mean: one in eta goes on at each rung.

        Counted when it is proposed: steps that begin with many and end with none of them are lost.
        Further seeds are for what is left.
        """
        search = self._settings.search
        if search.inner == "population":
            return self._whole(self._first)
        costs = self._costs[: self._whole_rungs]
        shares = (cost / search.eta**number for number, cost in enumerate(costs))
        return self._whole(round(sum(shares)))

    def _whole(self, steps: int) -> int:
        """Return what so many steps really take: whole iterations of the trainer."""
        iteration = self._settings.training.envs * self._settings.training.rollout
        return math.ceil(steps / iteration) * iteration

    def _cost(self, job: Job) -> int:
        """Return the environment steps of a training, those of the rung before not counted."""
        if job.purpose != "search":
            return self._whole(job.steps)
        if self._settings.search.inner == "population":
            return self._whole(self._first)
        return self._costs[self._rung(job)]

    def _rung(self, job: Job) -> int:
        """Return the number of the rung that a training of the search leads to."""
        return self._rungs.index(Rung(job.steps, job.training_seed + 1))

    def _short_of_steps(self, more: int, entering: Sequence[int], further: int = 0) -> str:
        """Return that `more` steps do not fit, empty if they do.

        Args:
            more: Steps that are to be taken now.
            entering: Rungs that candidates are about to enter, each from the one before.
            further: What the candidates will take later; the way of finalists to the end is part of
                it, or it of that.
        """
        limit = self._limits.env_steps
        if limit is None:
            return ""
        jobs = self._journal.jobs()
        later = max(self._to_the_end(jobs, entering), further)
        if self._taken(jobs) + more + self._comparison(jobs) + later > limit:
            return f"{limit:,} environment steps (budget.env_steps)"
        return ""

    def _taken(self, jobs: Iterable[Job]) -> int:
        """Return the steps of ended trainings, and the full size of those on their way."""
        return sum(self._cost(j) if j.state in _ON_THE_WAY else j.env_steps for j in jobs)

    def _reserved(self, jobs: list[Job]) -> int:
        """Return the steps that must stay for the end of the search and the final comparison."""
        return self._comparison(jobs) + self._to_the_end(jobs, ())

    def _comparison(self, jobs: list[Job]) -> int:
        """Return the steps of the final comparison that no training stands for yet."""
        settings = self._settings
        pinned = len(self._journal.pinned())
        kept = sum(job.purpose == "baseline" for job in jobs)  # those count by themselves
        trainings = (self._comparisons + pinned) * settings.search.confirm_seeds - kept
        return max(0, trainings) * self._whole(settings.training.steps)

    def _to_the_end(self, jobs: list[Job], entering: Sequence[int]) -> int:
        """Return the steps that train as many candidates to the end as are to be finalists.

        Args:
            jobs: All trainings of the run.
            entering: Rungs that candidates are about to enter, each from the one before.
        """
        if self._settings.search.inner == "population":
            return 0
        search = [job for job in jobs if job.purpose == "search"]
        failed = {
            job.candidate for job in search if job.state == "failed" and not job.training_seed
        }
        at: dict[str, int] = {}
        for job in search:
            if job.candidate not in failed:
                at[job.candidate] = max(at.get(job.candidate, 0), self._rung(job))
        levels = list(at.values())
        for rung in entering:
            if rung and (below := self._rungs.index(self._rungs[rung - 1])) in levels:
                levels.remove(below)
            levels.append(rung)
        nearest = sorted(levels, reverse=True)[: self._settings.search.finalists]
        return sum(sum(self._costs[level + 1 : self._whole_rungs]) for level in nearest)

    def _late(self) -> str:
        """Return that the time is over but for what must still be trained, empty if it is not."""
        hours = self._limits.hours
        if hours is None:
            return ""
        jobs = self._journal.jobs()
        left = self._reserved(jobs) + sum(self._cost(j) for j in jobs if j.state in _ON_THE_WAY)
        rate = _steps_per_second(jobs)
        expected = self.elapsed + (left / rate if rate else 0.0)
        if expected < 3600 * hours:
            return ""
        needed = expected - self.elapsed
        more = f", and {needed / 3600:.2f} more for the end of it" if needed else ""
        return f"{self.elapsed / 3600:.2f} hours{more} (budget.hours)"

    def _warn(self) -> None:
        """Say once of each limit that most of it is used."""
        spent, proposals = self._journal.spent(), self._journal.proposals()
        used = {
            "usd": spent.usd,
            "tokens": float(spent.tokens),
            "calls": float(spent.calls),
            "env_steps": float(self._taken(self._journal.jobs())),
            "hours": self.elapsed / 3600,
            "candidates": float(sum(p.state in ("open", "accepted") for p in proposals)),
        }
        for name, limit in self._limits.model_dump().items():
            if not limit or used[name] < _WARN_AT * limit or (name, limit) in self._warned:
                continue
            self._warned.add((name, limit))
            text = f"{used[name] / limit:.0%} of budget.{name} = {limit:g} is used"
            self._journal.event(WARNING, limit=name, of=limit, text=text)
            self._observe(WARNING, text=text)


def _steps_per_second(jobs: Iterable[Job]) -> float:
    """Return how fast the ended trainings went side by side; 0 where there is none."""
    ended = [j for j in jobs if j.started and j.finished and j.env_steps]
    busy, until = 0.0, 0.0
    for start, end in sorted((j.started or 0.0, j.finished or 0.0) for j in ended):
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return sum(job.env_steps for job in ended) / busy if busy else 0.0
