"""How the engine's speed and memory change with the number of candidates K, and how far physics is.

What is measured
    The human-written reward is trained by K learners (K candidates, each with a reward file and a
    jail of its own) with the quick preset's PPO on all cores, lanes and jails included: environment
    steps per second and per CPU-second, the share of the cores' time that the simulator takes, and
    the memory of all processes together.

    The ceiling is bare physics: `mujoco.rollout` steps as many environments of the same model
    with random controls and does nothing else; once with one thread pool over all cores, once with
    a batch for each core. The faster of the two counts.

How
    Each measurement has a fresh process; ceiling and all K take turns, several rounds, each in
    another order. A share of the ceiling is a ratio within one round. Tables show median (range).

    python benchmarks/scaling.py        # about 15 minutes on two cores
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from measuring import rotated, row, table

RESULTS = Path(__file__).parent / "results"
ENVIRONMENTS = ("half_cheetah", "hopper")
COUNTS = (1, 2, 4, 8, 16, 32)
CEILING = "ceiling"


def measure_engine(environment: str, count: int, iterations: int, changes: str) -> dict[str, float]:
    """Train `count` learners and return rates, shares and memory."""
    import torch
    from engine import train_expert

    from autoreward.config import TrainingSettings

    torch.set_num_threads(1)
    settings = TrainingSettings(slots=count, **json.loads(changes))
    size = settings.envs * settings.rollout
    done = train_expert(environment, count, (iterations + 1) * size, settings, warm_up=1)
    return {
        "steps_per_s": done.steps / done.wall_seconds,
        "steps_per_cpu_s": done.steps / done.cpu_seconds,
        "physics_share": done.physics_seconds / done.wall_seconds,
        "memory_mb": done.memory_mb,
    }


def measure_ceiling(name: str, seconds: float) -> dict[str, float]:
    """Step physics and nothing else; return the rates of the faster way."""
    import torch

    from autoreward.environments.environment import load_environment
    from autoreward.training.bench import ROWS, bare_physics

    torch.set_num_threads(1)
    environment, cores = load_environment(name), len(os.sched_getaffinity(0))
    pool = bare_physics(environment, 1, cores, ROWS * cores, seconds)
    each = bare_physics(environment, cores, 0, ROWS, seconds)
    rate, cpu_rate = max(pool, each)
    return {"steps_per_s": rate, "steps_per_cpu_s": cpu_rate}


def in_a_process(environment: str, side: str, options: argparse.Namespace) -> dict[str, float]:
    """Take one measurement in a fresh process."""
    command = [sys.executable, __file__, "--env", environment, "--side", side]
    command += ["--iterations", str(options.iterations), "--set", options.set]
    variables = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(
        command, env={**os.environ, **variables}, check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def compare(environment: str, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Return what each side reached in each round."""
    sides = [CEILING, *map(str, options.counts)]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for turn in range(options.rounds):
        for side in rotated(sides, turn):
            found[side].append(in_a_process(environment, side, options))
            print(environment, side, found[side][-1], file=sys.stderr, flush=True)
    for side in sides[1:]:
        for mine, bare in zip(found[side], found[CEILING], strict=True):
            mine["of_ceiling"] = mine["steps_per_s"] / bare["steps_per_s"]
            mine["of_ceiling_cpu"] = mine["steps_per_cpu_s"] / bare["steps_per_cpu_s"]
    return found


def text_of(found: dict[str, dict[str, list[dict[str, float]]]], command: str) -> str:
    """Return the tables."""

    def cell(rounds: list[dict[str, float]], name: str, form: str) -> str:
        values = [item[name] for item in rounds]
        if len(values) == 1:
            return f"{values[0]:{form}}"
        return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"

    lines = ["# Speed and memory by the number of candidates", "", f"Made by `{command}`.", ""]
    for environment, sides in found.items():
        bare = sides[CEILING]
        head = ["K", "steps/s", "of the ceiling", "steps per CPU-s", "of the ceiling's"]
        head += ["simulator's share of time", "memory MB", "MB each further"]
        rows, before = [], None
        for side, rounds in sides.items():
            if side == CEILING:
                continue
            memory = statistics.median(item["memory_mb"] for item in rounds)
            further = (memory - before[1]) / (int(side) - before[0]) if before else None
            before = (int(side), memory)
            rows.append(
                row(
                    side,
                    cell(rounds, "steps_per_s", ",.0f"),
                    cell(rounds, "of_ceiling", ".0%"),
                    cell(rounds, "steps_per_cpu_s", ",.0f"),
                    cell(rounds, "of_ceiling_cpu", ".0%"),
                    cell(rounds, "physics_share", ".0%"),
                    f"{memory:,.0f}",
                    "-" if further is None else f"{further:.0f}",
                )
            )
        lines += [
            f"## {environment}",
            "",
            f"Bare physics: {cell(bare, 'steps_per_s', ',.0f')} steps/s, "
            f"{cell(bare, 'steps_per_cpu_s', ',.0f')} per CPU-second.",
            "",
            table(head, rows),
            "",
        ]
    return "\n".join(lines)


def draw(found: dict[str, dict[str, list[dict[str, float]]]], path: Path) -> None:
    """Draw the cost of a step against K."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.8))
    for environment, sides in found.items():
        counts = [int(side) for side in sides if side != CEILING]
        rounds = [sides[str(count)] for count in counts]
        cost = [statistics.median(1e6 / r["steps_per_cpu_s"] for r in item) for item in rounds]
        share = [statistics.median(100 * r["of_ceiling"] for r in item) for item in rounds]
        (line,) = axes[0].plot(counts, cost, marker="o", label=environment)
        bare = statistics.median(1e6 / r["steps_per_cpu_s"] for r in sides[CEILING])
        axes[0].axhline(bare, color=line.get_color(), linestyle=":", linewidth=1)
        axes[1].plot(counts, share, marker="o", label=environment)
    axes[0].set_ylabel("CPU time of one environment step, µs")
    axes[0].set_title("dotted: bare physics", fontsize=9)
    axes[1].set_ylabel("speed, % of bare physics on all cores")
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts, map(str, counts))
        axis.set_xlabel("candidates trained at once, K")
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Take one measurement, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--env", choices=ENVIRONMENTS)
    parser.add_argument("--side")
    parser.add_argument("--iterations", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--set", default="{}", help="changes of the training settings, JSON")
    parser.add_argument("--out", type=Path, default=RESULTS / "scaling")
    options = parser.parse_args()
    if options.side == CEILING:
        print(json.dumps(measure_ceiling(options.env, 4.0)))
        return
    if options.side:
        count, changes = int(options.side), options.set
        print(json.dumps(measure_engine(options.env, count, options.iterations, changes)))
        return
    command = "python benchmarks/scaling.py " + " ".join(sys.argv[1:])
    names = [options.env] if options.env else list(ENVIRONMENTS)
    found = {name: compare(name, options) for name in names}
    text = text_of(found, command.strip())
    result: dict[str, Any] = {"command": command.strip(), "cores": len(os.sched_getaffinity(0))}
    options.out.with_suffix(".json").write_text(json.dumps(result | {"found": found}, indent=1))
    options.out.with_suffix(".md").write_text(text)
    draw(found, options.out.with_suffix(".png"))
    print(text)


if __name__ == "__main__":
    main()
