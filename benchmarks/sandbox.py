"""What the walls around reward code cost: start, training, memory, one call, states on a GPU.

What is measured
    Every backend that works on this machine, with the product's own classes: how long a jail takes
    to be ready and to be gone; Hopper training with eight reward files (eight jails, the quick
    preset's PPO) against the same training with the components computed in the trainer's own
    process; the memory of 1, 2, 4 and 8 jails; one call with all of Hopper's state fields.

How
    All variants take turns in one process, in an order that rotates from round to round, and every
    round gives ratios, so a machine whose speed drifts drifts under all of them. The trainings have
    the same seeds and must end with equal parameters, or else they have not done the same work.

    python benchmarks/sandbox.py           # about 5 minutes on two cores
    python benchmarks/sandbox.py --quick   # half a minute; its figures mean nothing
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import sandbox_costs
import torch
from measuring import Series, row, table
from sandbox_costs import OWN, PLAIN, QUICK, Size

RESULTS = Path(__file__).parent / "results" / "sandbox.md"
TARGET = 0.05
"""What jails may add to a training's wall-clock time."""


def machine() -> str:
    """Return what the figures depend on, in one sentence."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    cores, memory = len(os.sched_getaffinity(0)), os.sysconf("SC_PHYS_PAGES") << 12 >> 30
    return (
        f"{models[0] if models else platform.machine()}, {cores} cores, {memory} GiB, Linux "
        f"{platform.release()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"mujoco {version('mujoco')}"
    )


def versions(backends: list[str]) -> str:
    """Return the versions of what the backends are built on."""
    texts = []
    if "docker" in backends:
        engine = sandbox_costs.connect(None).version()["Version"]
        texts.append(f"Docker engine {engine}")
    if "bubblewrap" in backends:
        done = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=True)
        texts.append(done.stdout.strip())
    return ", ".join(texts)


def start_table(series: dict[str, Series]) -> str:
    rows = []
    for name, one in series.items():
        jail = name not in PLAIN
        rows.append(
            row(
                PLAIN.get(name, f"jail: {name}"),
                one.text("ready"),
                one.text("launch") if jail else "-",
                one.text("ratio"),
                one.text("gone", ".0f", 1e3) if jail else "-",
            )
        )
    head = ("what", "s until ready", "s of it in `launch`", "ready against import torch")
    return table((*head, "ms from `close` to gone"), rows)


def training_table(series: dict[str, Series], same: dict[str, bool]) -> str:
    rows = []
    for name, one in series.items():
        own = name == OWN
        rows.append(
            row(
                name,
                one.text("wall"),
                "1" if own else one.text("wall_ratio", ".3f"),
                "1" if own else one.text("cpu_ratio", ".3f"),
                one.text("jails", ".1f", 1e3),
                one.text("engine", ".1f", 1e3),
                one.text("waiting", ".1%"),
                "yes" if same[name] else "**no**",
            )
        )
    head = ("components computed in", "s an iteration", "wall-clock, ratio", "CPU, ratio")
    parts = ("CPU ms of the jails", "CPU ms of Docker", "time waiting for values", "equal policies")
    return table((*head, *parts), rows)


def verdict(series: dict[str, Series]) -> str:
    """Return the medians of the rounds' ratios against the target."""
    texts = []
    for name, one in series.items():
        if name != OWN:
            cost = sandbox_costs.median(one.values["wall_ratio"]) - 1
            texts.append(f"{name} {cost:+.1%} ({'holds' if cost < TARGET else 'MISSED'})")
    return f"Jails add to the wall-clock time (median; target: below {TARGET:.0%}): " + ", ".join(
        texts
    )


def call_table(calls: dict[int, dict[str, Series]]) -> str:
    rows = [
        row(
            transitions,
            name,
            one.text("call", ".2f", 1e3),
            one.text("call", ".3f", 1e6 / transitions),
            "1" if name == OWN else one.text("ratio", ".1f"),
        )
        for transitions, series in calls.items()
        for name, one in series.items()
    ]
    return table(("transitions", "computed in", "ms a call", "µs a transition", "ratio"), rows)


def measure(size: Size, command: str) -> str:
    """Measure everything and return the page."""
    torch.set_num_threads(1)
    began, load = time.monotonic(), os.getloadavg()[0]
    backends, reasons = sandbox_costs.working()
    starts = sandbox_costs.measure_start(backends, size)
    print(start_table(starts), flush=True)
    trained, same = sandbox_costs.measure_training(backends, size)
    print(training_table(trained, same), flush=True)
    memory = sandbox_costs.measure_memory(backends, size)
    anonymous = sandbox_costs.torch_alone()
    calls = sandbox_costs.measure_calls(backends, size)
    gpu = sandbox_costs.measure_gpu(calls, size)
    minutes = (time.monotonic() - began) / 60
    missing = [f"Not measured, because it does not work here: {n}: {r}" for n, r in reasons.items()]
    memory_head = [f"PSS of {count}" for count in size.jails]
    further = ("PSS, each further", "RSS, each further", "shim, each", "control group, each")
    gpu_head = ("transitions", "ms of `.cpu()`", "its share of copy and call")
    settings = sandbox_costs.TrainingSettings()
    return "\n\n".join(
        [
            "# What the walls around reward code cost",
            f"`{command}`; {machine()}; {versions(list(backends))}. Took {minutes:.1f} minutes; "
            f"load average {load:.1f} before and {os.getloadavg()[0]:.1f} after. Every figure is "
            "the median over interleaved rounds with the least and the greatest in brackets; "
            "ratios are taken within a round.",
            *missing,
            "## Start and end of one jail",
            f"{size.starts} rounds. Ready: torch is imported, the walls stand and have been tried. "
            "The comparisons are interpreters of this machine without walls; no jail holds mujoco, "
            "because states come from the trainer.",
            start_table(starts),
            "## Training",
            f"Hopper, {size.learners} reward files and as many jails, {settings.envs} × "
            f"{settings.rollout} transitions of each in an iteration, {size.rounds} rounds of "
            f"{size.iterations}. All variants train from the same seeds. CPU: trainer and jails; "
            "what Docker's own processes used meanwhile, for whomever, stands beside it. Waiting "
            "counts sending, computing and fetching.",
            training_table(trained, same),
            verdict(trained) + ".",
            "## Memory",
            "MB of all processes of the jails (PSS: shared pages are split among those who share "
            "them, the benchmark's own process included), after each has answered a call of 2048 "
            f"transitions. Each further: what {size.jails[-1]} take more than {size.jails[0]}, "
            "by jail. Shim: Docker's own process beside a container. Control group: what a "
            "container is charged with. An interpreter that has imported torch and no more has "
            f"{anonymous:.0f} MB of its own.",
            table(("jails", *memory_head, *further), memory),
            "## One call",
            f"All of Hopper's state fields ({sandbox_costs.bytes_each()} bytes a transition to the "
            f"jail), Gymnasium's reward (three components), {size.calls} rounds.",
            call_table(calls),
            "## States on a GPU",
            table(gpu_head, gpu) if gpu else "Not measured: no GPU here.",
        ]
    )


def main() -> None:
    """Measure, print the page and write it if it is a full one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of everything")
    parser.add_argument("--out", type=Path, help=f"where to write; {RESULTS.name} if not --quick")
    arguments = parser.parse_args()
    command = "python benchmarks/sandbox.py" + (" --quick" if arguments.quick else "")
    page = measure(QUICK if arguments.quick else Size(), command)
    print(page)
    out = arguments.out or (None if arguments.quick else RESULTS)
    if out is not None:
        out.write_text(page + "\n")


if __name__ == "__main__":
    main()
