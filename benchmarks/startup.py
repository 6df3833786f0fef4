"""What is paid beside training: imports, the start of a run, jails, the journal.

What is measured
    * Wall-clock time of `autoreward --help` and of a bare interpreter, in turns.
    * Import times of the heavy libraries, each in a fresh process, less a bare interpreter.
    * From the start of `autoreward design` (a fresh process, process sandbox) to the trainer's
      first report of environment steps, and where that time goes.
    * A jail of each sandbox that works here: until the first one answers, and each after it.
    * A journaled event, and the share that all events of the run above have of its time.

    python benchmarks/startup.py        # about 2 minutes on two cores
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import row, table

RESULTS = Path(__file__).parent / "results" / "startup"
LIBRARIES = ("autoreward.cli.main", "autoreward.config", "numpy", "torch", "mujoco", "litellm")
ROUNDS = 7
DESIGN = (
    "import os, sys, time\n"
    "from pathlib import Path\n"
    "from autoreward.config import load_settings\n"
    "from autoreward.search.opening import create_run\n"
    "from autoreward.search.run import Run\n"
    "from autoreward.search.setup import prepare\n"
    "born = float(sys.argv[1])\n"
    "said = set()\n"
    "def watch(kind, **data):\n"
    "    if kind == 'progress' and not data['learners']:\n"
    "        return\n"
    "    if kind not in said:\n"
    "        said.add(kind)\n"
    "        print(kind, time.time() - born, flush=True)\n"
    "    if kind == 'progress':\n"
    "        raise KeyboardInterrupt\n"
    "print('imported', time.time() - born, flush=True)\n"
    "setup = prepare(load_settings(description='run forward', env='half_cheetah',\n"
    "                              sandbox={'kind': 'process'}))\n"
    "journal = create_run(setup, 'design', root=Path(sys.argv[2]), name='run')\n"
    "try:\n"
    "    Run(journal, setup, watch).execute()\n"
    "except KeyboardInterrupt:\n"
    "    pass\n"
)


def wall(command: list[str], **variables: str) -> float:
    """Return the seconds a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **variables})
    return time.perf_counter() - started


def import_times() -> dict[str, list[float]]:
    """Return seconds by library; `-` is a bare interpreter."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        bare = wall([sys.executable, "-c", "pass"])
        found.setdefault("-", []).append(bare)
        program = [str(Path(sys.executable).with_name("autoreward")), "--help"]
        found.setdefault("autoreward --help", []).append(wall(program))
        for name in LIBRARIES:
            try:
                took = wall([sys.executable, "-c", f"import {name}"]) - bare
            except subprocess.CalledProcessError:
                continue
            found.setdefault(f"import {name}", []).append(took)
    return found


def first_step() -> dict[str, list[float]]:
    """Return seconds from the start of the process to each first event of a run."""
    found: dict[str, list[float]] = {}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", DESIGN, str(time.time()), folder]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        for line in done.stdout.splitlines():
            event, seconds = line.split()
            found.setdefault(event, []).append(float(seconds))
        if "progress" not in found:
            raise SystemExit(f"no training began: {done.stderr[-500:]}")
    return found


def jail_times() -> dict[str, dict[str, list[float]]]:
    """Return seconds of the first jail of each sandbox, and of one after it."""
    from autoreward.config import SandboxSettings
    from autoreward.errors import AutorewardError
    from autoreward.sandbox.contract import Labels, Limits
    from autoreward.sandbox.registry import sandboxes

    found: dict[str, dict[str, list[float]]] = {}
    for name in sandboxes(SandboxSettings()):
        try:
            sandbox = sandboxes(SandboxSettings())[name]
            for index in range(ROUNDS):
                started = time.perf_counter()
                jail = sandbox.launch(Limits(), Labels("benchmark", "startup"))
                jail.wait_ready()
                kind = "further" if index else "first"
                found.setdefault(name, {}).setdefault(kind, []).append(
                    time.perf_counter() - started
                )
                jail.close()
        except AutorewardError as error:
            print(f"{name}: {error}", file=sys.stderr)
    return found


def journal_times() -> dict[str, list[float]]:
    """Return the seconds of journaled events, and of reading the state of a run."""
    from autoreward.store.journal import Journal

    events = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.create(Path(folder) / "run", {}, {}, {}) as journal,
    ):
        for number in range(300):
            started = time.perf_counter()
            journal.event("measured", number=number, text="x" * 200)
            events.append(time.perf_counter() - started)
    return {"event": events}


def main() -> None:
    """Measure all and write the table."""
    measured: dict[str, Any] = {
        "imports": import_times(),
        "first_step": first_step(),
        "jails": jail_times(),
        "journal": journal_times(),
    }

    def cells(values: list[float], unit: float = 1.0, form: str = ".2f") -> str:
        low, high = min(values) * unit, max(values) * unit
        return f"{statistics.median(values) * unit:{form}} ({low:{form}} to {high:{form}})"

    lines = ["# What is paid beside training", "", "Made by `python benchmarks/startup.py`."]
    lines += ["Median (range).", "", "## Imports, seconds", ""]
    bare = measured["imports"].pop("-")
    rows = [row("bare interpreter", cells(bare))]
    rows += [row(f"`{name}`", cells(times)) for name, times in measured["imports"].items()]
    lines += [table(["", "s"], rows), "", "Imports are less the bare interpreter.", ""]
    lines += ["## From the start of `design` to the first training step, seconds", ""]
    named = {"imported": "imported, settings not read yet", "progress": "first steps reported"}
    rows = [row(named.get(k, k), cells(v)) for k, v in measured["first_step"].items()]
    lines += [table(["first event of its kind", "s"], rows), "", "## Jails, milliseconds", ""]
    rows = [
        row(name, cells(kinds["first"], 1e3, ".0f"), cells(kinds["further"], 1e3, ".0f"))
        for name, kinds in measured["jails"].items()
        if "further" in kinds
    ]
    lines += [table(["sandbox", "the first", "each further"], rows), "", "## Journal", ""]
    event = cells(measured["journal"]["event"], 1e3)
    lines += [f"One event, on disk before the call returns: {event} ms.", ""]
    text = "\n".join(lines)
    RESULTS.with_suffix(".md").write_text(text)
    RESULTS.with_suffix(".json").write_text(json.dumps(measured, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
