"""Environment steps per CPU-second: the population engine, jails included, against SB3's PPO.

What is measured
    Both sides train Gymnasium's own reward on the same MuJoCo model with 64x64 tanh networks: the
    engine eight learners with one jail each and the product's default settings, Stable-Baselines3
    one PPO with its defaults. CPU seconds are those of the whole process (and of the jails), from
    the first rollout on; imports and the start of jails do not count.

How
    The two sides take turns in fresh processes, several rounds, and each round gives a ratio, so a
    machine whose speed drifts drifts under both. The table shows the median and range of ratios.

    python benchmarks/throughput.py        # about 10 minutes on two cores
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

ENVIRONMENTS = {"hopper": "Hopper-v5", "half_cheetah": "HalfCheetah-v5"}
RESULTS = Path(__file__).parent / "results" / "throughput.json"
LEARNERS = 8


def run_engine(name: str, steps: int) -> dict[str, float]:
    """Train eight learners, `steps` environment steps in all."""
    import torch
    from engine import train_expert

    from autoreward.config import TrainingSettings

    torch.set_num_threads(1)
    result = train_expert(name, LEARNERS, steps // LEARNERS, TrainingSettings())
    return {"steps": result.steps, "cpu": result.cpu_seconds, "wall": result.wall_seconds}


def run_sb3(name: str, steps: int) -> dict[str, float]:
    """Train one PPO of Stable-Baselines3."""
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    model = PPO("MlpPolicy", ENVIRONMENTS[name], device="cpu", seed=0)
    cpu, wall = time.process_time(), time.perf_counter()
    model.learn(steps)
    return {
        "steps": model.num_timesteps,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


def in_a_process(side: str, name: str, steps: int) -> dict[str, float]:
    """Run one side in a fresh process and return what it measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, __file__, "--side", side, "--env", name, "--steps", str(steps)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def compare(name: str, rounds: int) -> dict[str, Any]:
    """Let both sides take turns and return their rates and ratios."""
    rows = []
    for _ in range(rounds):
        ours = in_a_process("engine", name, 32 * 8192)
        theirs = in_a_process("sb3", name, 12 * 2048)
        row = {
            "engine_steps_per_cpu_s": round(ours["steps"] / ours["cpu"]),
            "sb3_steps_per_cpu_s": round(theirs["steps"] / theirs["cpu"]),
            "engine_steps_per_s": round(ours["steps"] / ours["wall"]),
            "sb3_steps_per_s": round(theirs["steps"] / theirs["wall"]),
        }
        row["ratio"] = round(row["engine_steps_per_cpu_s"] / row["sb3_steps_per_cpu_s"], 2)
        print(name, row, file=sys.stderr, flush=True)
        rows.append(row)
    ratios = [row["ratio"] for row in rows]
    return {
        "environment": name,
        "learners": LEARNERS,
        "ratio_median": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "rounds": rows,
    }


def main() -> None:
    """Run one side, or all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--side", choices=("engine", "sb3"))
    parser.add_argument("--env", choices=tuple(ENVIRONMENTS), default="hopper")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.side:
        side = run_engine if arguments.side == "engine" else run_sb3
        print(json.dumps(side(arguments.env, arguments.steps)))
        return
    result = {
        "command": "python benchmarks/throughput.py",
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "comparisons": [compare(name, arguments.rounds) for name in ENVIRONMENTS],
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    for item in result["comparisons"]:
        low, high = item["ratio_range"]
        print(
            f"{item['environment']:>14}: {item['ratio_median']:.1f}× SB3 ({low:.1f} to {high:.1f})"
        )


if __name__ == "__main__":
    main()
