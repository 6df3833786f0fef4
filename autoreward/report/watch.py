"""What is known of a run while it works: observer events in, a picture of the moment out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autoreward.config import Settings
from autoreward.report.format import count, duration, number, plural, with_unit

_WINDOW_SECONDS = 15.0
"""Time over which the rate of environment steps is taken."""


@dataclass(frozen=True)
class Best:
    """The best candidate so far."""

    candidate: str
    mean: float
    """Primary fitness on validation seeds."""


@dataclass(frozen=True)
class Plan:
    """How much a run has to do."""

    generations: int
    population: int
    steps: int
    """Environment steps of one training."""
    final: int
    """Trainings of the final comparison."""

    @classmethod
    def of_run(cls, settings: Settings, baselines: int) -> Plan:
        """Return the plan of a design run with a number of baselines."""
        search = settings.search
        return cls(
            generations=search.generations,
            population=search.population,
            steps=settings.training.steps,
            final=(search.finalists + baselines) * search.confirm_seeds,
        )

    @classmethod
    def of_evaluation(cls, settings: Settings, seeds: int) -> Plan:
        """Return the plan of an evaluation."""
        return cls(0, 0, settings.training.steps, seeds)


@dataclass
class Watch:
    """The state of a run as its observer events tell it. Not thread-safe.

    Args:
        plan: How much there is to do.
        run: The run's name.
        primary: Name of the fitness that decides.
        unit: Its unit.
        direction: Whether more of it is better.
        finished: Jobs that an earlier process finished.
        candidates: Candidates that an earlier process proposed.
        best: The best of them.
        started: Time of the start, in the clock of `take`.
    """

    plan: Plan
    run: str
    primary: str
    unit: str
    direction: Literal["max", "min"]
    started: float
    finished: set[str] = field(default_factory=set)
    candidates: int = 0
    best: Best | None = None
    phase: str = "starting"
    learners: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Job → environment steps so far, primary fitness per step while exploring."""
    waiting: int = 0
    """Trainings without a slot yet."""
    jail_share: float = 0.0
    """Share of the trainer's busy time in which it waited for jails."""
    rejected: int = 0
    _expected: int = 0
    _steps: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._expected = self.plan.generations * self.plan.population + self.plan.final

    def take(self, kind: str, data: Mapping[str, Any], now: float) -> str | None:
        """Take in an event; return a line worth printing at once, if it makes one."""
        handler = getattr(self, f"_on_{kind.replace('-', '_')}", None)
        line: str | None = handler(data, now) if handler else None
        return line

    @property
    def rate(self) -> float:
        """Environment steps per second of late; 0 where nothing is known yet."""
        if len(self._steps) < 2:
            return 0.0
        (first, low), (last, high) = self._steps[0], self._steps[-1]
        return (high - low) / (last - first) if last > first else 0.0

    @property
    def done(self) -> int:
        """Trainings that have ended."""
        return len(self.finished)

    @property
    def expected(self) -> int:
        """Trainings in all, as far as can be foreseen."""
        return max(self._expected, self.done + len(self.learners) + self.waiting)

    @property
    def fraction(self) -> float:
        """Share of all environment steps that has been taken."""
        total = self.expected * self.plan.steps
        return min(1.0, self._taken() / total) if total else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the trainings will still take; None while the rate is unknown."""
        rate = self.rate
        if rate <= 0:
            return None
        return max(0.0, self.expected * self.plan.steps - self._taken()) / rate

    def line(self, now: float) -> str:
        """Return the moment in one line."""
        parts = [f"[{duration(now - self.started)}] {self.phase}"]
        if self.learners:
            parts.append(f"{plural(len(self.learners), 'learner')} at {self._progress()}")
        if self.rate:
            parts.append(f"{count(self.rate)} env steps/s, {self.jail_share:.0%} in jails")
        parts.append(f"trainings {self.done}/{self.expected}")
        if self.plan.generations:
            parts.append(plural(self.candidates, "candidate"))
        if self.best:
            parts.append(f"best {self.score(self.best.mean)}")
        left = self.seconds_left()
        if left:
            parts.append(f"about {duration(left)} left")
        return " · ".join(parts)

    def score(self, value: float) -> str:
        """Return a value of the primary fitness with its unit."""
        return f"{number(value)}{with_unit(self.unit)}"

    def _taken(self) -> float:
        return self.done * self.plan.steps + sum(steps for steps, _ in self.learners.values())

    def _progress(self) -> str:
        steps = [steps for steps, _ in self.learners.values()]
        low, high = min(steps) / self.plan.steps, max(steps) / self.plan.steps
        return f"{high:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%}-{high:.0%}"

    def _on_phase(self, data: Mapping[str, Any], now: float) -> str:
        self.phase = data["text"]
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_proposing(self, data: Mapping[str, Any], now: float) -> str:
        generation, rewards = data["generation"] + 1, plural(data["count"], "reward")
        self.phase = f"proposing {rewards} (generation {generation} of {self.plan.generations})"
        remaining = self.plan.generations - data["generation"]
        self._expected = self.done + remaining * self.plan.population + self.plan.final
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_checked(self, data: Mapping[str, Any], now: float) -> str | None:
        return "\n".join(f"  {finding}" for finding in data["findings"]) or None

    def _on_accepted(self, data: Mapping[str, Any], now: float) -> None:
        self.candidates += 1

    def _on_rejected(self, data: Mapping[str, Any], now: float) -> str:
        self.rejected += 1
        errors = (f for f in data["findings"] if f.severity == "error")
        return f"  proposal {data['proposal']} was refused: {next(errors)}"

    def _on_training(self, data: Mapping[str, Any], now: float) -> None:
        jobs = set(data["jobs"])
        if "confirm" in self.phase:
            self._expected = self.done + len(jobs - self.finished)
        else:
            bracket = self.phase.find("(")  # which generation
            self.phase = "training" + (f" {self.phase[bracket:]}" if bracket >= 0 else "")

    def _on_progress(self, data: Mapping[str, Any], now: float) -> None:
        learners = data["learners"]
        self.learners = {job: (v["steps"], v["fitness"]) for job, v in learners.items()}
        self.waiting = data["waiting"]
        busy = data["busy_seconds"]
        self.jail_share = min(1.0, data["jail_seconds"] / busy) if busy else 0.0
        self._steps.append((now, data["steps"]))
        while len(self._steps) > 2 and now - self._steps[0][0] > _WINDOW_SECONDS:
            self._steps.popleft()

    def _on_trained(self, data: Mapping[str, Any], now: float) -> str:
        self._end(data["job"])
        score = data["score"]
        better = self.best is None or (score.mean - self.best.mean) * self._sign > 0
        first = data["purpose"] == "search"
        if first and better:
            self.best = Best(data["candidate"], score.mean)
        mark = "  best so far" if first and better else ""
        return f"  trained {job_label(data['job'])}: {self.primary} {self.score(score.mean)}{mark}"

    def _on_failed(self, data: Mapping[str, Any], now: float) -> str:
        self._end(data["job"])
        return f"  failed {job_label(data['job'])}: {data['finding']}"

    def _on_restarted(self, data: Mapping[str, Any], now: float) -> str:
        self._steps.clear()
        return "  the trainer process died and was started again; trainings go on where they were"

    def _on_reviewing(self, data: Mapping[str, Any], now: float) -> str | None:
        waiting = data["waiting"]
        if not waiting:
            return None
        self.phase = f"{plural(waiting, 'reward')} wait for your word: autoreward review {self.run}"
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_preferring(self, data: Mapping[str, Any], now: float) -> str | None:
        if not data["missing"] or data["candidates"] < 2:
            return None
        missing = plural(data["missing"], "comparison")
        self.phase = f"{missing} missing: autoreward prefer {self.run}"
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_skipped(self, data: Mapping[str, Any], now: float) -> str:
        self._expected -= 1
        return f"  skipped {data['candidate']}: {data['reason']}"

    def _on_analyzed(self, data: Mapping[str, Any], now: float) -> str | None:
        codes = [f.code for f in data["findings"] if f.severity != "note"]
        if not codes:
            return None
        return f"  found in {job_label(data['job'])}: {', '.join(dict.fromkeys(codes))}"

    def _on_explained(self, data: Mapping[str, Any], now: float) -> str:
        if data["problem"]:
            return f"  analyzer on {data['candidate']}: {data['problem']}"
        claims = plural(len(data["findings"]), "claim")
        return f"  analyzer on {data['candidate']}: {claims} confirmed by measurement"

    def _on_audited(self, data: Mapping[str, Any], now: float) -> str:
        return f"  critic {data['said']}"

    def _on_budget(self, data: Mapping[str, Any], now: float) -> str:
        return f"  a limit is reached, no more rewards are proposed: {data['reason']}"

    @property
    def _sign(self) -> int:
        return 1 if self.direction == "max" else -1

    def _end(self, job: str) -> None:
        self.finished.add(job)
        self.learners.pop(job, None)


def job_label(job: str) -> str:
    """Return a job's id as people read it: `3c79117b3288`, `human (seed 1000)`."""
    candidate, purpose, seed = job.rsplit("-", 2)
    return candidate if purpose == "search" else f"{candidate} (seed {seed.removeprefix('s')})"


def known_jobs(jobs: Iterable[Any]) -> set[str]:
    """Return the ids of the jobs that have ended."""
    return {job.id for job in jobs if job.state in ("done", "failed")}
