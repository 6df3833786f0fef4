"""What works on this machine: found out by trying, in processes of their own where it is heavy."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from autoreward.config import SandboxSettings
from autoreward.environments.folder import find_environments
from autoreward.errors import AutorewardError
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import Sandbox, sandboxes, self_check
from autoreward.store.rundir import runs_root

_PACKAGES = {
    "torch": True,
    "mujoco": True,
    "gymnasium": True,
    "numpy": True,
    "openai": False,
    "anthropic": False,
    "litellm": False,
    "mujoco-warp": False,
}
"""Package → whether nothing works without it."""
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")
_TRY_SECONDS = 120
_NEARLY = 0.95
"""Share of the best rate that is worth no more learners: each takes memory and a jail."""
_LITTLE_MEMORY_GB = 4.0

_GPU = (
    "import torch\n"
    "if torch.cuda.is_available(): print(torch.cuda.get_device_name(0))\n"
    "else: print('none')"
)
_PHYSICS = (
    "import time, torch\n"
    "from autoreward.environments.environment import load_environment\n"
    "from autoreward.environments.vector import VectorEnvironment\n"
    "torch.set_num_threads(1)\n"
    "env = load_environment('half_cheetah')\n"
    "vector = VectorEnvironment(env, 1000, {threads})\n"
    "vector.add_group(64, torch.Generator().manual_seed(0))\n"
    "action = torch.zeros(64, env.action_dim)\n"
    "vector.step(action)\n"
    "start = time.perf_counter()\n"
    "for _ in range(50): vector.step(action)\n"
    "print(f'{{50 * 64 / (time.perf_counter() - start):,.0f}} half_cheetah steps/s')"
)
_RENDERING = (
    "import mujoco, torch\n"
    "from autoreward.sim.rendering import render\n"
    "model = mujoco.MjModel.from_xml_string(\n"
    "    '<mujoco><worldbody><geom size=\".1\"/></worldbody></mujoco>')\n"
    "print(render(model, torch.zeros(1, 0), 32, 32).shape)"
)


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    name: str
    state: Literal["ok", "missing", "failed"]
    """`missing` is something that can be done without."""
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def examine() -> Iterator[Check]:
    """Try one thing after the other, the cheap ones first."""
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield from map(_package, _PACKAGES)
    yield _cores()
    yield _memory()
    yield _runs()
    yield _environments()
    yield _keys()
    yield _gpu()
    yield _attempt("physics", _PHYSICS.format(threads=len(os.sched_getaffinity(0))), needed=True)
    yield _rendering()
    backends = sandboxes(SandboxSettings()).values()
    tried = [_sandbox(backend) for backend in backends]
    nothing_works = all(check.state == "failed" for check in tried)
    for check in tried:
        state = check.state if check.state == "ok" or nothing_works else "missing"
        yield Check(check.name, state, check.text)


def bench(sizes: Sequence[int] = ()) -> Iterator[dict[str, float]]:
    """Yield how fast this machine trains: first populations, then bare physics (`learners` 0).

    Args:
        sizes: How many learners to try; empty for the usual ones.

    Raises:
        AutorewardError: It cannot train.
    """
    command = [sys.executable, "-m", "autoreward.training.bench", *map(str, sizes)]
    variables = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            yield json.loads(line)
        words = process.stderr.read().strip().splitlines()
    if process.returncode:
        why = words[-1] if words else f"exit code {process.returncode}"
        raise AutorewardError(f"this machine does not train: {why}")


def best_slots(measured: Sequence[Mapping[str, float]]) -> int:
    """Return how many learners to train at once: the fewest that nearly reach the best rate."""
    populations = [entry for entry in measured if entry["learners"]]
    best = max(entry["rate"] for entry in populations)
    return int(min(e["learners"] for e in populations if e["rate"] >= _NEARLY * best))


def _package(name: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        needed = _PACKAGES[name]
        text = f"not installed: pip install {name}"
        return Check(name, "failed" if needed else "missing", text)


def _cores() -> Check:
    usable, there = len(os.sched_getaffinity(0)), os.cpu_count()
    return Check("cores", "ok", f"{usable} usable of {there}; load {os.getloadavg()[0]:.1f}")


def _memory() -> Check:
    facts = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        facts[name] = int(rest.split()[0]) / 1e6
    free, total = facts["MemAvailable"], facts["MemTotal"]
    note = "; little: lower training.slots" if free < _LITTLE_MEMORY_GB else ""
    return Check("memory", "ok", f"{free:.1f} GB free of {total:.1f} GB{note}")


def _runs() -> Check:
    root = runs_root().absolute()
    place = root if root.exists() else root.parent
    writable = os.access(place, os.W_OK)
    text = f"{root}" if writable else f"{root} cannot be written; set AUTOREWARD_RUNS to a folder"
    return Check("runs", "ok" if writable else "failed", text)


def _environments() -> Check:
    found = find_environments()
    return Check("environments", "ok" if found else "failed", ", ".join(found) or "none found")


def _keys() -> Check:
    """Say which keys are there; never what they are."""
    there = [name for name in _KEYS if os.environ.get(name, "").strip()]
    text = ", ".join(there) or "none of " + ", ".join(_KEYS)
    note = "" if there else "; the built-in designer, --model manual and local servers need none"
    return Check("model keys", "ok" if there else "missing", text + note)


def _gpu() -> Check:
    check = _attempt("gpu", _GPU, needed=False)
    return Check("gpu", "missing", "none; the cores do all work") if check.text == "none" else check


def _rendering() -> Check:
    check = _attempt("rendering", _RENDERING, needed=False, MUJOCO_GL="egl")
    text = "EGL works" if check.state == "ok" else f"EGL does not work: {check.text}"
    return Check("rendering", check.state, text)


def _sandbox(backend: Sandbox) -> Check:
    name = f"sandbox {backend.name}"
    started = time.monotonic()
    try:
        walls = self_check(backend, Limits(startup_timeout_s=_TRY_SECONDS))
    except AutorewardError as error:
        return Check(name, "failed", str(error))
    seconds = time.monotonic() - started
    text = f"started in {seconds:.1f} s; {backend.summary}; walls: {', '.join(walls) or 'none'}"
    return Check(name, "ok", text)


def _attempt(name: str, program: str, *, needed: bool, **variables: str) -> Check:
    """Run a small program; its last line is the text, its last words the reason of a failure."""
    failed: Literal["missing", "failed"] = "failed" if needed else "missing"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=_TRY_SECONDS,
            env={**os.environ, **variables},
        )
    except subprocess.TimeoutExpired:
        return Check(name, failed, f"no answer within {_TRY_SECONDS} s")
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    text = lines[-1] if lines else f"exit code {done.returncode}"
    return Check(name, "ok" if done.returncode == 0 else failed, text)
