"""Trains learners with the population engine the way the product does: rewards in jails."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.seeds import TrainingSeed
from autoreward.training.jails import JailPool
from autoreward.training.learner import LearnerSpec
from autoreward.training.population import Ended, Population


@dataclass(frozen=True)
class Measured:
    """What a training took."""

    ended: list[Ended]
    steps: int
    """Environment steps of all learners."""
    cpu_seconds: float
    """Of this process and all jails, from the first iteration to the last."""
    wall_seconds: float


def train_expert(name: str, learners: int, steps: int, settings: TrainingSettings) -> Measured:
    """Train the environment's human-written reward with as many training seeds as learners.

    Every learner has a jail of its own, as different rewards would.
    """
    folder = open_environment(name)
    task = next(iter(folder.tasks.values()))
    assert task.human is not None
    text = folder.read(task.human)
    formula = parse_reward(text).formula
    assert formula is not None
    # A constant that nothing reads makes each file a reward of its own.
    texts = {f"learner-{k}": f"{text}\n_COPY = {k}\n" for k in range(learners)}
    pool = JailPool(
        Reserve(open_sandbox(SandboxSettings(kind="process")), Limits(), spare=0),
        folder.schema,
        job_timeout_s=3600,
    )
    threads = len(os.sched_getaffinity(0))
    population = Population(load_environment(folder, task), task.horizon, settings, pool, threads)
    failures = pool.admit(texts)
    assert not failures, failures
    for k, (job, code) in enumerate(texts.items()):
        population.admit(LearnerSpec(job, code, formula, TrainingSeed(0, k), steps))
    before = time.process_time() + _jail_seconds()
    started = time.perf_counter()
    ended: list[Ended] = []
    taken = 0
    while len(population):
        taken += len(population) * population.steps_per_iteration
        ended += population.iterate()
    wall = time.perf_counter() - started
    # The jails are asked before they are closed: learners leave, jails stay until `close`.
    cpu = time.process_time() + _jail_seconds() - before
    pool.close()
    ended.sort(key=lambda end: end.learner.spec.seed.index)
    return Measured(ended, taken, cpu, wall)


def _jail_seconds() -> float:
    """Return the CPU seconds that this process's living children have used."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for child in _children():
        with open(f"/proc/{child}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / tick


def _children() -> list[int]:
    pids: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children") as file:
            pids += [int(pid) for pid in file.read().split()]
    return pids
