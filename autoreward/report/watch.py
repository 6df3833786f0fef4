"""What is known of a run while it works: observer events in, a picture of the moment out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autoreward.report.forecast import Forecast, Plan, job_label
from autoreward.report.format import count, duration, number, plural, with_unit

_RATE_SECONDS = 15.0
"""Time over which the rate of environment steps is taken."""
_PACE_SECONDS = 120.0
"""Time over which the pace is taken that the time left follows from, idle moments included."""


@dataclass(frozen=True)
class Best:
    """The best candidate so far, of those that were trained longest."""

    candidate: str
    mean: float
    """Primary fitness on validation seeds."""
    rung: int
    """How far it was trained: scores of two rungs are not compared."""


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
        lost: Proposals and candidates of an earlier process that will never be trained.
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
    lost: set[str] = field(default_factory=set)
    candidates: int = 0
    best: Best | None = None
    phase: str = "starting"
    learners: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Job → environment steps of its policy so far, primary fitness per step while exploring."""
    physics_share: float = 0.0
    """Share of the cores' time, while the trainer works, that the simulators take."""
    jail_share: float = 0.0
    """Share of the trainer's busy time in which it waited for jails."""
    slots: tuple[int, int] = (0, 0)
    """Learner slots in use, and all."""
    rejected: int = 0
    asked: set[int] = field(default_factory=set)
    """Proposals that a language model is asked for."""
    _ready: set[str] = field(default_factory=set)
    """Candidates that were accepted and are not in training yet."""
    _steps: deque[tuple[float, int]] = field(default_factory=deque)
    _busy: float = 0.0
    """Seconds that the trainer has worked."""

    def __post_init__(self) -> None:
        self._forecast = Forecast(self.plan, self.finished, self.lost)

    def take(self, kind: str, data: Mapping[str, Any], now: float) -> str | None:
        """Take in an event; return a line worth printing at once, if it makes one."""
        handler = getattr(self, f"_on_{kind.replace('-', '_')}", None)
        line: str | None = handler(data, now) if handler else None
        return line

    def rate(self, now: float) -> float:
        """Return environment steps per second of late; 0 where nothing trains or is known."""
        if not self.learners or len(self._steps) < 2:
            return 0.0
        last, high = self._steps[-1]
        if now - last > _RATE_SECONDS:
            return 0.0
        first, low = next(point for point in self._steps if last - point[0] <= _RATE_SECONDS)
        return (high - low) / (last - first) if last > first else 0.0

    @property
    def taken(self) -> int:
        """Environment steps so far, those of earlier processes included."""
        return self._forecast.taken(self._positions)

    @property
    def total(self) -> int:
        """Environment steps of the whole run, about."""
        return max(self._forecast.total, self.taken)

    @property
    def fraction(self) -> float:
        """Share of all environment steps that has been taken."""
        return self.taken / self.total if self.total else 0.0

    @property
    def amount(self) -> str:
        """How much is done, in words: `31% of about 4.1 M env steps`."""
        return f"{self.fraction:.0%} of about {count(self.total)} env steps"

    @property
    def shares(self) -> str:
        """Where the trainer's time goes, in words."""
        return f"{self.physics_share:.0%} physics, {self.jail_share:.0%} jails"

    @property
    def flow(self) -> str:
        """What language models are asked for, in words; empty where it is nothing."""
        return f"{plural(len(self.asked), 'answer')} awaited" if self.asked else ""

    def seconds_left(self, now: float) -> float | None:
        """Return how long the run will still take.

        The search goes on at its pace, waits for models included; the final comparison goes as fast
        as the trainer works. None while the pace is unknown, or nothing goes on.
        """
        if not (self.learners or self.asked) or len(self._steps) < 2:
            return None
        (first, low), (last, high) = self._steps[0], self._steps[-1]
        heard = last if self.learners else now  # nobody listens to the trainer while one proposes
        pace = (high - low) / max(heard - first, 1e-6)
        if pace <= 0:
            return None
        final = min(self._forecast.final_left(self._positions), self.total - self.taken)
        speed = max(pace, self.rate(now), high / self._busy if self._busy else 0.0)
        return (self.total - self.taken - final) / pace + final / speed

    def line(self, now: float) -> str:
        """Return the moment in one line."""
        parts = [f"[{duration(now - self.started)}] {self.phase}", self.flow]
        if self.learners:
            parts.append(f"{plural(len(self.learners), 'learner')} at {self._progress()}")
        if rate := self.rate(now):
            parts.append(f"{count(rate)} env steps/s, {self.shares}")
        parts.append(self.amount)
        if self.plan.rungs:
            parts.append(plural(self.candidates, "candidate"))
        if self.best:
            parts.append(f"best {self.score(self.best.mean)}{self.at(self.best.rung)}")
        if left := self.seconds_left(now):
            parts.append(f"about {duration(left)} left")
        return " · ".join(filter(None, parts))

    def at(self, rung: int | None, word: str = "at") -> str:
        """Return ` at 10%` below a whole training, ` on 2 seeds` beyond it, nothing for one."""
        if rung is None or self.plan.rungs[rung].steps == self.plan.rungs[-1].steps:
            seeds = 1 if rung is None else self.plan.rungs[rung].seeds
            return f" on {seeds} seeds" if seeds > 1 else ""
        return f" {word} {self.plan.rungs[rung].steps / self.plan.steps:.0%}"

    def score(self, value: float) -> str:
        """Return a value of the primary fitness with its unit."""
        return f"{number(value)}{with_unit(self.unit)}"

    @property
    def _positions(self) -> dict[str, int]:
        return {job: steps for job, (steps, _) in self.learners.items()}

    def _progress(self) -> str:
        """Return how far the learners are on the way to their rungs."""
        shares = [steps / self.plan.target(job) for job, (steps, _) in self.learners.items()]
        low, high = (f"{min(1.0, share):.0%}" for share in (min(shares), max(shares)))
        return high if low == high else f"{low}-{high}"

    def _on_phase(self, data: Mapping[str, Any], now: float) -> str:
        self.phase = data["text"]
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_proposing(self, data: Mapping[str, Any], now: float) -> str:
        generation, rewards = data["generation"] + 1, plural(data["count"], "reward")
        self.phase = f"proposing {rewards} (generation {generation} of {self.plan.generations})"
        self._forecast.begin_generation(data["generation"])
        return f"[{duration(now - self.started)}] {self.phase}"

    def _on_checked(self, data: Mapping[str, Any], now: float) -> str | None:
        return "\n".join(f"  {finding}" for finding in data["findings"]) or None

    def _on_asking(self, data: Mapping[str, Any], now: float) -> None:
        if data["model"] is not None:
            self.asked.add(data["proposal"])
        if not self.plan.ordered:
            self.phase = "searching"

    def _on_accepted(self, data: Mapping[str, Any], now: float) -> None:
        self.candidates += 1
        self.asked.discard(data["proposal"])
        self._ready.add(data["candidate"])

    def _on_duplicate(self, data: Mapping[str, Any], now: float) -> None:
        self.asked.discard(data["proposal"])
        self._forecast.lost.add(f"proposal {data['proposal']}")

    def _on_rejected(self, data: Mapping[str, Any], now: float) -> str:
        self.rejected += 1
        self._on_duplicate(data, now)
        errors = (f for f in data["findings"] if f.severity == "error")
        return f"  proposal {data['proposal']} was refused: {next(errors)}"

    def _on_training(self, data: Mapping[str, Any], now: float) -> None:
        self._forecast.train(data["jobs"])
        self._ready -= {job_label(job) for job in data["jobs"]}
        if "confirm" in self.phase:
            return
        if not self.plan.ordered:
            self.phase = "searching"
        else:
            bracket = self.phase.find("(")  # which generation
            self.phase = "training" + (f" {self.phase[bracket:]}" if bracket >= 0 else "")

    def _on_progress(self, data: Mapping[str, Any], now: float) -> None:
        learners = data["learners"]
        self.learners = {job: (v["steps"], v["fitness"]) for job, v in learners.items()}
        self._busy = busy = data["busy_seconds"]
        self.physics_share = min(1.0, data["physics_seconds"] / busy) if busy else 0.0
        self.jail_share = min(1.0, data["jail_seconds"] / busy) if busy else 0.0
        self.slots = data["occupied"], data["slots"]
        self._steps.append((now, data["steps"]))
        while len(self._steps) > 2 and now - self._steps[0][0] > _PACE_SECONDS:
            self._steps.popleft()

    def _on_trained(self, data: Mapping[str, Any], now: float) -> str:
        self._end(data["job"])
        score, rung, mark = data["score"], self.plan.rung_of(data["job"]), ""
        if rung is not None and self._is_best(data["candidate"], score.mean, rung):
            self.best = Best(data["candidate"], score.mean, rung)
            mark = f"  best so far{self.at(rung)}"
        label = job_label(data["job"]) + self.at(rung, "to")
        return f"  trained {label}: {self.primary} {self.score(score.mean)}{mark}"

    def _is_best(self, candidate: str, mean: float, rung: int) -> bool:
        if self.best is None:
            return True
        now, before = self.plan.rungs[rung].steps, self.plan.rungs[self.best.rung].steps
        if now != before or candidate == self.best.candidate:
            return now >= before
        return (mean - self.best.mean) * (1 if self.direction == "max" else -1) > 0

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
        self._forecast.lost.add(data["candidate"])
        self._ready.discard(data["candidate"])
        return f"  skipped {data['candidate']}: {data['reason']}"

    def _on_analyzed(self, data: Mapping[str, Any], now: float) -> str | None:
        codes = [f.code for f in data["findings"] if f.severity != "note"]
        if not codes:
            return None
        label = job_label(data["job"]) + self.at(self.plan.rung_of(data["job"]))
        return f"  found in {label}: {', '.join(dict.fromkeys(codes))}"

    def _on_explained(self, data: Mapping[str, Any], now: float) -> str:
        if data["problem"]:
            return f"  analyzer on {data['candidate']}: {data['problem']}"
        claims = plural(len(data["findings"]), "claim")
        return f"  analyzer on {data['candidate']}: {claims} confirmed by measurement"

    def _on_audited(self, data: Mapping[str, Any], now: float) -> str:
        return f"  critic {data['said']}"

    def _on_budget(self, data: Mapping[str, Any], now: float) -> str:
        self._forecast.end_search(len(self._ready))
        return f"  a limit is reached, no more rewards are proposed: {data['reason']}"

    def _on_budget_warning(self, data: Mapping[str, Any], now: float) -> str:
        return f"  mind: {data['text']}"

    def _end(self, job: str) -> None:
        self._forecast.end(job)
        self.learners.pop(job, None)


def known_jobs(jobs: Iterable[Any]) -> set[str]:
    """Return the ids of the jobs that have ended."""
    return {job.id for job in jobs if job.state in ("done", "failed")}
