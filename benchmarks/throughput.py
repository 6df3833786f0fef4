"""Environment steps per CPU-second and per second against the PPO that people use today.

What is measured
    All sides train Gymnasium's own reward on the same MuJoCo model with 64x64 tanh networks on all
    cores: the engine eight learners with a jail each and the quick preset's settings;
    Stable-Baselines3 its PPO with its defaults, and a single-file PPO as CleanRL's
    (`single_file_ppo.py`), both one environment and one process a core. CPU seconds are those of
    all processes (and of the jails), from the first rollout on; imports and the start of jails do
    not count.

How
    The sides take turns in fresh processes, several rounds, and each round gives a ratio, so a
    machine whose speed drifts drifts under all. The table shows the median and range of ratios.

    python benchmarks/throughput.py        # about 15 minutes on two cores
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measuring import rotated, row, table

ENVIRONMENTS = {"hopper": "Hopper-v5", "half_cheetah": "HalfCheetah-v5", "ant": "Ant-v5"}
RESULTS = Path(__file__).parent / "results" / "throughput"
LEARNERS = 8
ENGINE_STEPS, OTHER_STEPS = 32 * 8192, 8 * 2048
"""Of all learners together; of each process."""


def run_engine(name: str) -> dict[str, float]:
    """Train eight learners."""
    import torch
    from engine import train_expert

    from autoreward.config import TrainingSettings

    torch.set_num_threads(1)
    settings = TrainingSettings()
    each = ENGINE_STEPS // LEARNERS
    if name == "ant":
        each //= 4  # its physics takes that much longer
    result = train_expert(name, LEARNERS, each, settings, warm_up=1)
    return {"steps": result.steps, "cpu": result.cpu_seconds, "wall": result.wall_seconds}


def run_sb3(name: str) -> dict[str, float]:
    """Train one PPO of Stable-Baselines3."""
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    model = PPO("MlpPolicy", ENVIRONMENTS[name], device="cpu", seed=0)
    cpu, wall = time.process_time(), time.perf_counter()
    model.learn(OTHER_STEPS)
    return {
        "steps": model.num_timesteps,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


def run_single_file(name: str) -> dict[str, float]:
    """Train one PPO of a single file."""
    import torch
    from single_file_ppo import train

    torch.set_num_threads(1)
    cpu, wall = time.process_time(), time.perf_counter()
    train(ENVIRONMENTS[name], OTHER_STEPS)
    return {
        "steps": OTHER_STEPS,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


SIDES = {"engine": run_engine, "sb3": run_sb3, "single_file": run_single_file}
NAMES = {"sb3": "SB3 PPO", "single_file": "single-file PPO"}


def in_processes(side: str, name: str) -> dict[str, float]:
    """Run one side in fresh processes, one a core but for the engine; return their sums."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, __file__, "--side", side, "--env", name]
    count = 1 if side == "engine" else len(os.sched_getaffinity(0))
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    found = [json.loads(process.communicate()[0].strip().splitlines()[-1]) for process in running]
    total = {key: sum(item[key] for item in found) for key in ("steps", "cpu")}
    return {
        "per_cpu_s": total["steps"] / total["cpu"],
        "per_s": sum(item["steps"] / item["wall"] for item in found),
    }


def compare(name: str, rounds: int) -> dict[str, Any]:
    """Let all sides take turns and return their rates and ratios."""
    rows = []
    for turn in range(rounds):
        measured = {side: in_processes(side, name) for side in rotated(list(SIDES), turn)}
        print(name, measured, file=sys.stderr, flush=True)
        rows.append(measured)
    return {"environment": name, "learners": LEARNERS, "rounds": rows}


def text_of(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = ["# Environment steps against the PPO that people use today", ""]
    lines += [f"Made by `{result['command']}` on {result['cores']} cores; median (range) of rounds"]
    lines += ["in which all sides took turns.", ""]
    rows = []
    for item in result["comparisons"]:
        rounds = item["rounds"]

        def rate(side: str, unit: str, rounds: list[Any] = rounds) -> str:
            return f"{statistics.median(r[side][unit] for r in rounds):,.0f}"

        def ratio(side: str, unit: str, rounds: list[Any] = rounds) -> str:
            ratios = [r["engine"][unit] / r[side][unit] for r in rounds]
            return f"**{statistics.median(ratios):.1f}×** ({min(ratios):.1f} to {max(ratios):.1f})"

        rows += [
            row(
                item["environment"],
                NAMES[side],
                *(rate("engine", unit) for unit in ("per_cpu_s", "per_s")),
                *(rate(side, unit) for unit in ("per_cpu_s", "per_s")),
                *(ratio(side, unit) for unit in ("per_cpu_s", "per_s")),
            )
            for side in NAMES
        ]
    head = ["environment", "against", "engine, per CPU-s", "per s", "theirs, per CPU-s", "per s"]
    return "\n".join([*lines, table([*head, "ratio per CPU-s", "ratio per s"], rows), ""])


def main() -> None:
    """Run one side, or all comparisons."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", choices=tuple(SIDES))
    parser.add_argument("--env", choices=tuple(ENVIRONMENTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.env or "hopper")))
        return
    names = [options.env] if options.env else list(ENVIRONMENTS)
    result = {
        "command": " ".join(["python benchmarks/throughput.py", *sys.argv[1:]]),
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "comparisons": [compare(name, options.rounds) for name in names],
    }
    options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(text_of(result))
    print(text_of(result))


if __name__ == "__main__":
    main()
