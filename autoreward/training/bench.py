"""How fast this machine trains: what `autoreward doctor --bench` runs in a process of its own.

Prints one line of JSON for each measurement: bare physics (`learners` 0), then populations of
growing size, with the settings' PPO on half_cheetah and a reward that costs nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import torch

from autoreward.config import TrainingSettings
from autoreward.environments.environment import Environment, load_environment
from autoreward.rewards.formula import parse_formula
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.seeds import TrainingSeed
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec, Values
from autoreward.training.population import Population

ENVIRONMENT = "half_cheetah"
SIZES = (1, 2, 4, 8, 12, 16, 24, 32)
_HORIZON = 1000
ROWS = 64
"""Environments of a core, for bare physics."""
_BETWEEN_RESETS = 50
_ENDLESS = 10**12


class _Free:
    """The first action entry as the only component."""

    def fields(self, job: str) -> frozenset[str]:
        return frozenset()

    def evaluate(self, batches: dict[str, Batch]) -> dict[str, Values | JailFailure]:
        return {
            job: ({"action": np.ascontiguousarray(batch.action[..., 0])}, {})
            for job, batch in batches.items()
        }


def bare_physics(
    environment: Environment, batches: int, threads: int, rows: int, seconds: float
) -> tuple[float, float]:
    """Return environment steps per second and per CPU-second of the simulator alone.

    Args:
        environment: What is simulated.
        batches: Simulations side by side, each stepped by a thread of its own.
        threads: Size of each one's pool; 0 steps on its own thread.
        rows: Environments of each.
        seconds: How long.
    """
    steps = [0] * batches
    end = time.perf_counter() + seconds

    def work(index: int) -> None:
        generator = torch.Generator().manual_seed(index)
        simulation, everyone = environment.make_simulation(threads), torch.arange(rows)
        simulation.add(rows)
        shape = (_BETWEEN_RESETS, rows, environment.action_dim)
        controls = environment.ctrl(2 * torch.rand(shape, generator=generator) - 1)
        while time.perf_counter() < end:
            simulation.reset(everyone, *environment.initial(rows, generator))
            for control in controls:
                simulation.step(control)
            steps[index] += rows * len(controls)
        simulation.close()

    wall, cpu = time.perf_counter(), time.process_time()
    workers = [threading.Thread(target=work, args=(index,)) for index in range(batches)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return sum(steps) / wall, sum(steps) / cpu


def population_rate(
    environment: Environment, settings: TrainingSettings, learners: int, seconds: float
) -> tuple[float, float]:
    """Return a population's environment steps per second, and physics' share of the time."""
    settings = settings.model_copy(update={"slots": learners})
    threads = settings.threads or len(os.sched_getaffinity(0))
    lanes = start_lanes(environment, _HORIZON, settings, threads)
    population = Population(lanes, settings, _Free())
    formula = parse_formula("action")
    for index in range(learners):
        seed = TrainingSeed(0, index)
        population.admit(LearnerSpec(f"learner-{index}", "", formula, seed, _ENDLESS))
    population.iterate()
    started, physics, iterations = time.perf_counter(), population.physics_seconds, 0
    while (passed := time.perf_counter() - started) < seconds or iterations < 2:
        population.iterate()
        iterations += 1
    share = (population.physics_seconds - physics) / passed
    population.close()
    return iterations * learners * population.steps_per_iteration / passed, min(1.0, share)


def main(sizes: Sequence[int] = SIZES, seconds: float = 2.5) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    environment = load_environment(ENVIRONMENT)
    for size in sizes:
        rate, share = population_rate(environment, TrainingSettings(), size, seconds)
        print(json.dumps({"learners": size, "rate": rate, "physics": share}), flush=True)
    # Last: populations are forked before this process has threads.
    cores = len(os.sched_getaffinity(0))
    rate, _ = bare_physics(environment, cores, 0, ROWS, seconds)
    print(json.dumps({"learners": 0, "rate": rate, "physics": 1.0}), flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
