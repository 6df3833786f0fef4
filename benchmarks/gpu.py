"""Training on a GPU: environment steps per second, where the time goes, and equal learning curves.

**No figure of this benchmark is verified until it has been run on a machine with a GPU**; on the
CPU it only shows that it runs.

What is measured
    Speed: M learners with N environments each (1×4096, 8×2048, 16×4096) train the human-written
    reward, a jail each, on MuJoCo Warp. The first iterations, in which kernels are compiled and
    graphs recorded, do not count. Phases: `physics` the simulator's own time; `policy` the rest of
    the rollout, restarts and handing states to the jails included; `rewards` waiting for the jails;
    `update` all of PPO's epochs and the statistics. Memory is the device's, all of it that is not
    free at the end, and what torch had allocated at most.

    Learning: eight training seeds with the product's own settings on MuJoCo's CPU simulator and
    on MuJoCo Warp, equal environment steps. The fitness of the rollouts in ten parts of training,
    and of the policies on validation episodes, which are always MuJoCo's; means with 95 % bootstrap
    intervals over seeds. Float32 and another solver start make other trajectories, so intervals are
    compared, not curves.

How
    Each measurement is a process of its own, so that its memory is its own.

    pip install -e '.[gpu]' && python benchmarks/gpu.py     # writes benchmarks/results/gpu.json
    python benchmarks/gpu.py --device cpu --tiny --out gpu-tiny.json    # a minute: does it run?
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.evaluation.statistics import bootstrap_interval
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox
from autoreward.sandbox.reserve import Reserve
from autoreward.seeds import TrainingSeed, ValidationSeed
from autoreward.training.jails import JailPool
from autoreward.training.lane_process import start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.population import Ended, Population
from autoreward.training.validation import validate

RESULTS = Path(__file__).parent / "results" / "gpu.json"
ENVIRONMENTS = ("half_cheetah", "hopper", "ant")
SIZES = ((1, 4096), (8, 2048), (16, 4096))
TINY_SIZES = ((1, 8), (2, 4))
PARTS = 10
"""Parts of a training whose fitness is shown."""


class Training:
    """A population that trains an environment's human-written reward, timed by phase.

    Args:
        name: The environment.
        learners: M.
        steps: Environment steps of each.
        settings: PPO's; they say on which device.
    """

    def __init__(self, name: str, learners: int, steps: int, settings: TrainingSettings) -> None:
        folder = open_environment(name)
        self.task = next(iter(folder.tasks.values()))
        assert self.task.human is not None
        text = folder.read(self.task.human)
        formula = parse_reward(text).formula
        assert formula is not None
        self.environment = load_environment(folder, self.task)
        cores = len(os.sched_getaffinity(0))
        # Before all else, as in the trainer: lanes may be forked.
        lanes = start_lanes(self.environment, self.task.horizon, settings, cores)
        reserve = Reserve(open_sandbox(SandboxSettings(kind="process")), Limits(), spare=0)
        self.jails = JailPool(reserve, folder.schema, job_timeout_s=36_000)
        self.population = Population(lanes, settings, self.jails)
        self.seconds = dict.fromkeys(("collect", "learn", "rewards"), 0.0)
        if settings.simulator == "warp":
            for method in ("collect", "learn"):
                setattr(lanes[0], method, self._timed(method, getattr(lanes[0], method)))
            self.jails.evaluate = self._timed("rewards", self.jails.evaluate)  # type: ignore[method-assign]
        # A constant that nothing reads makes each file a reward of its own.
        texts = {f"learner-{k}": f"{text}\n_COPY = {k}\n" for k in range(learners)}
        failures = self.jails.admit(texts)
        assert not failures, failures
        for k, (job, code) in enumerate(texts.items()):
            self.population.admit(LearnerSpec(job, code, formula, TrainingSeed(0, k), steps))

    def _timed(self, phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                self.seconds[phase] += time.perf_counter() - started

        return timed

    def close(self) -> None:
        self.population.close()
        self.jails.close()


def measure_speed(
    name: str, learners: int, envs: int, device: str, tiny: bool
) -> dict[str, object]:
    """Return steps per second, shares of the phases and memory of one size."""
    rollout, warm_up, iterations = (8, 1, 2) if tiny else (32, 3, 10)
    settings = TrainingSettings(
        envs=envs,
        rollout=rollout,
        epochs=5,
        minibatches=4,
        slots=learners,
        device=device,
        simulator="warp",
    )
    training = Training(name, learners, 10**12, settings)
    population = training.population
    begun = time.perf_counter()
    for _ in range(warm_up):
        population.iterate()
    compiled = time.perf_counter() - begun
    training.seconds = dict.fromkeys(training.seconds, 0.0)
    physics, started = population.physics_seconds, time.perf_counter()
    for _ in range(iterations):
        assert not population.iterate()
    wall, physics = time.perf_counter() - started, population.physics_seconds - physics
    seconds = training.seconds
    phases = {
        "physics": physics,
        "policy": seconds["collect"] - physics,
        "rewards": seconds["rewards"],
        "update": seconds["learn"],
    }
    steps = iterations * learners * envs * rollout
    result = {
        "environment": name,
        "learners": learners,
        "envs": envs,
        "rollout": rollout,
        "steps_per_s": round(steps / wall),
        "physics_steps_per_s": round(steps / physics),
        "share": {phase: round(taken / wall, 3) for phase, taken in phases.items()},
        "warm_up_s": round(compiled, 1),
        "memory_mb": memory(device),
    }
    training.close()
    return result


def memory(device: str) -> dict[str, int]:
    """Return what is in use, in MB."""
    if device != "cuda":
        return {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    free, total = torch.cuda.mem_get_info()
    most = torch.cuda.max_memory_allocated()
    return {"device": (total - free) >> 20, "torch": most >> 20}


def measure_learning(name: str, device: str, simulator: str, tiny: bool) -> dict[str, object]:
    """Return one side's fitness during training, and of its policies, seed by seed."""
    small = {"envs": 4, "rollout": 16, "minibatches": 2, "epochs": 2} if tiny else {}
    seeds, steps, episodes = (2, 64 * PARTS, 2) if tiny else (8, 1_024_000, 20)
    settings = TrainingSettings(slots=seeds, device=device, simulator=simulator, **small)
    training = Training(name, seeds, steps, settings)
    started = time.perf_counter()
    ended: list[Ended] = []
    while len(training.population):
        ended += training.population.iterate()
    wall = time.perf_counter() - started
    ended.sort(key=lambda end: end.learner.spec.seed.index)
    assert all(end.finding is None for end in ended)
    primary = training.task.fitness
    curves = []
    for end in ended:
        values = [record["fitness_per_step"][primary] for record in end.learner.curve]
        cuts = [round(part * len(values) / PARTS) for part in range(PARTS + 1)]
        pieces = [values[a:b] for a, b in itertools.pairwise(cuts)]
        curves.append([sum(piece) / len(piece) for piece in pieces])
    measured = validate(
        training.environment,
        20 if tiny else training.task.horizon,
        [end.policy for end in ended],
        ValidationSeed.first(0, episodes),
        len(os.sched_getaffinity(0)),
    )
    scores = [one.scores[primary] for one in measured]
    training.close()
    return {
        "fitness": primary,
        "steps_each": ended[0].learner.steps,
        "wall_s": round(wall, 1),
        "curves": curves,
        "scores": [sum(row) / len(row) for row in scores],
    }


def with_interval(values: Sequence[float]) -> dict[str, object]:
    """Return mean and 95 % interval over seeds."""
    low, high = bootstrap_interval(values)
    mean = sum(values) / len(values)
    return {"mean": round(mean, 4), "interval": [round(low, 4), round(high, 4)]}


def compare_learning(name: str, device: str, tiny: bool) -> dict[str, object]:
    """Return both sides' curves and scores with intervals, and whether these overlap."""
    sides = {}
    for label, place in (("cpu", ("cpu", "mujoco")), ("warp", (device, "warp"))):
        found = in_a_process("learning", tiny, name, *place)
        found["curve"] = [with_interval(column) for column in zip(*found["curves"], strict=True)]
        found["score"] = with_interval(found["scores"])
        sides[label] = found
    (low, high), (other_low, other_high) = (sides[s]["score"]["interval"] for s in sides)
    return {"environment": name, "overlap": low <= other_high and other_low <= high, **sides}


def in_a_process(side: str, tiny: bool, *arguments: object) -> dict[str, Any]:
    """Take one measurement in a fresh process."""
    command = [sys.executable, __file__, "--side", side, *(["--tiny"] if tiny else [])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(
        [*command, "--arguments", json.dumps(arguments)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name(0)
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a size that only shows that it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--side", choices=("speed", "learning"), help=argparse.SUPPRESS)
    parser.add_argument("--arguments", type=json.loads, default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.side:
        measure = measure_speed if options.side == "speed" else measure_learning
        print(json.dumps(measure(*options.arguments, options.tiny)))
        return
    result: dict[str, Any] = {
        "command": " ".join(["python benchmarks/gpu.py", *sys.argv[1:]]),
        "device": device_name(options.device),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
        "tiny": options.tiny,
        "speed": [],
        "learning": [],
    }
    for name in ENVIRONMENTS:
        for learners, envs in TINY_SIZES if options.tiny else SIZES:
            row = in_a_process("speed", options.tiny, name, learners, envs, options.device)
            result["speed"].append(row)
            print(f"{name} {learners}×{envs}: {row['steps_per_s']:,} steps/s {row['share']}")
    for name in ENVIRONMENTS:
        row = compare_learning(name, options.device, options.tiny)
        result["learning"].append(row)
        print(f"{name}: cpu {row['cpu']['score']}, warp {row['warp']['score']}")
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
