"""Trains learners with the population engine the way the product does: lanes, rewards in jails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from families import processes

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.seeds import TrainingSeed
from autoreward.training.jails import JailPool
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.population import Ended, Population


@dataclass(frozen=True)
class Measured:
    """What a training took."""

    ended: list[Ended]
    steps: int
    """Environment steps of all learners."""
    cpu_seconds: float
    """Of this process, its lanes and its jails, from the first iteration to the last."""
    wall_seconds: float
    physics_seconds: float
    """Wall-clock time of the simulators, mean over lanes."""
    memory_mb: float
    """Of the same processes together at the end (PSS: shared pages are split among them)."""


def train_expert(
    name: str,
    learners: int,
    steps: int,
    settings: TrainingSettings,
    threads: int | None = None,
    warm_up: int = 0,
) -> Measured:
    """Train the environment's human-written reward with as many training seeds as learners.

    Every learner has a jail of its own, as different rewards would.

    Args:
        name: The environment.
        learners: K.
        steps: Environment steps of each.
        settings: PPO's.
        threads: Cores to use; None for all.
        warm_up: Iterations before anything is counted.
    """
    folder = open_environment(name)
    task = next(iter(folder.tasks.values()))
    assert task.human is not None
    text = folder.read(task.human)
    formula = parse_reward(text).formula
    assert formula is not None
    # A constant that nothing reads makes each file a reward of its own.
    texts = {f"learner-{k}": f"{text}\n_COPY = {k}\n" for k in range(learners)}
    threads = threads or len(os.sched_getaffinity(0))
    # Before all else, as in the trainer: lanes are forked.
    lanes = start_lanes(load_environment(folder, task), task.horizon, settings, threads)
    pool = JailPool(
        Reserve(open_sandbox(SandboxSettings(kind="process")), Limits(), spare=0),
        folder.schema,
        job_timeout_s=3600,
    )
    population = Population(lanes, settings, pool)
    failures = pool.admit(texts)
    assert not failures, failures
    for k, (job, code) in enumerate(texts.items()):
        population.admit(LearnerSpec(job, code, formula, TrainingSeed(0, k), steps))
    for _ in range(warm_up):
        population.iterate()
    before, physics = cpu_seconds(), population.physics_seconds
    started = time.perf_counter()
    ended: list[Ended] = []
    taken = 0
    while len(population):
        taken += len(population) * population.steps_per_iteration
        ended += population.iterate()
    wall = time.perf_counter() - started
    # Before they are closed: learners leave, jails and lanes stay until `close`.
    cpu, memory = cpu_seconds() - before, memory_mb()
    pool.close()
    population.close()
    ended.sort(key=lambda end: end.learner.spec.seed.index)
    return Measured(ended, taken, cpu, wall, population.physics_seconds - physics, memory)


def cpu_seconds() -> float:
    """Return the CPU seconds that this process and its living descendants have used."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in _family():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / tick


def memory_mb() -> float:
    """Return the memory of this process and its living descendants."""
    total = 0.0
    for pid in _family():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
    return total


def _family() -> Iterator[int]:
    known, found = processes(), {os.getpid()}
    while more := {p.pid for p in known.values() if p.parent in found} - found:
        found |= more
    yield from found
