"""Conformance of a sandbox backend: what owners of jails rely on, by trying to break it.

The attacks in `tests/sandbox/attacks` go further; these take half a minute and need no checkout.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox.contract import Batch, JailFailure, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.registry import Sandbox, open_sandbox, start_jail
from autoreward.schema import Actuator, Field, StateSchema

SCHEMA = StateSchema(
    (Field("height", "qpos[0]", "m", "height", low=0, high=2),),
    (Actuator("motor", "N m", "torque"),),
    0.01,
)
_STEPS, _ROWS = 5, 3
_LIMITS = Limits(memory_mb=1500, call_timeout_s=3.0, output_mb=0.1)
_GRACE_S = 5.0

_HONEST = """
def tall(state, action, next_state):
    return next_state.height

def count(state, action, next_state, memory):
    memory["n"] = memory.get("n", torch.zeros_like(next_state.height)) + 1.0
    return memory["n"]

FORMULA = "tall + count"
"""
SPIN = "def a(state, action, next_state):\n    while True: pass\n"
_HEAD = "import ctypes, os, socket, sys, time\ndef a(state, action, next_state):\n"
_ENDINGS = {
    "a hung reward": ("timeout", "    while True: pass\n"),
    "a hoarding reward": ("memory", "    x = []\n    while True: x.append(bytearray(1 << 24))\n"),
    "a crashing reward": ("crashed", "    ctypes.string_at(0)\n"),
    "a reward that exits with 0": ("crashed", "    os._exit(0)\n"),
    "a flooding reward": ("output", "    while True: os.write(1, b'x' * 65536)\n"),
    "a reward that forges a frame": (
        "protocol",
        "    for fd in range(3, 64):\n"
        "        try: os.write(fd, b'ARJ1' + bytes([5]) + (12).to_bytes(4, 'little') + bytes(12))\n"
        "        except OSError: pass\n"
        "    return next_state.height\n",
    ),
}
_ESCAPES = {
    "reads a file of the host": "open({file!r}).read() == {secret!r}",
    "reads the owner's environment": (
        "any({secret!r}.encode() in open(f'/proc/{{p}}/environ', 'rb').read()"
        " for p in [*os.listdir('/proc'), {owner}] if str(p).isdigit())"
    ),
    "has a variable of the owner": "{secret!r} in os.environ.values()",
    "connects to the host": "socket.create_connection(('127.0.0.1', {port}), 1)",
    "starts a process": "(os.fork() or os._exit(0)) and True",
    "writes a file": "[open(p + '/left-by-a-jail', 'w') for p in ('/tmp', {folder!r})]",
    "signals its owner": "os.kill({owner}, 0) is None",
}


@dataclass(frozen=True)
class SandboxReport:
    """What `check_sandbox` found."""

    name: str
    problems: tuple[str, ...]
    """One sentence each; empty where all passed."""
    walls: tuple[str, ...] = ()
    """What the jail itself found to hold."""
    checks: int = 0
    """How many things were tried."""
    start_seconds: float = 0.0
    """From launch to ready."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        """Render as one line, problems below it."""
        head = (
            f"{self.name}: {'ok' if self.ok else 'BROKEN'}: {self.checks} checks, ready in "
            f"{self.start_seconds:.1f} s, walls: {', '.join(self.walls) or 'none'}"
        )
        return "\n  ".join([head, *self.problems])


@dataclass
class _Check:
    """Runs the checks of one backend and collects problems."""

    sandbox: Sandbox
    problems: list[str] = field(default_factory=list)
    done: int = 0

    def attempt(self, name: str, check: Callable[[], str]) -> None:
        """Run one check; it returns what is wrong."""
        self.done += 1
        try:
            problem = check()
        except (JailFailure, SandboxError) as error:
            problem = str(error)
        if problem:
            self.problems.append(f"{name}: {problem}")

    def start(self, **changes: object) -> Jail:
        """Return a ready jail."""
        return start_jail(self.sandbox, replace(_LIMITS, **changes))  # type: ignore[arg-type]


def check_sandbox(settings: SandboxSettings) -> SandboxReport:
    """Check the backend that the settings name.

    Every jail that is needed is started for real; a backend that cannot start any has one problem.

    Raises:
        UsageError: There is no such backend.
    """
    sandbox = open_sandbox(settings)
    check = _Check(sandbox)
    started = time.monotonic()
    try:
        with check.start() as jail:
            walls, seconds = jail.walls, time.monotonic() - started
            check.attempt("an honest reward", lambda: _honest(jail))
            check.attempt("a neighbour's end", lambda: _neighbour(check, jail))
    except SandboxError as error:
        return SandboxReport(sandbox.name, (str(error),), checks=1)
    for name, (code, body) in _ENDINGS.items():
        check.attempt(name, lambda c=code, b=body: _ending(check, c, _HEAD + b))  # type: ignore[misc]
    for name, problem in _escapes(check).items():
        check.attempt(f"a reward {name}", lambda p=problem: p)  # type: ignore[misc]
    check.attempt("a jail at its deadline", lambda: _lifetime(check))
    check.attempt("a jail whose owner is killed", lambda: _orphan(settings))
    return SandboxReport(sandbox.name, tuple(check.problems), walls, check.done, seconds)


def _batch() -> Batch:
    height = np.arange(_STEPS * _ROWS, dtype=np.float32).reshape(_STEPS, _ROWS)
    starts = np.zeros_like(height)
    starts[0] = 1.0
    action = np.full((_STEPS, _ROWS, 1), 0.5, dtype=np.float32)
    return Batch({"height": height}, action, {"height": height + 1}, starts)


def _honest(jail: Jail) -> str:
    jail.load(_HONEST, SCHEMA)
    batch = _batch()
    values, _ = jail.call(batch)
    if not np.array_equal(values["tall"], batch.next_state["height"]):
        return "its values came back changed"
    if not np.array_equal(values["count"][:, 0], np.arange(1, _STEPS + 1)):
        return "its memory does not count the steps of an episode"
    return ""


def _neighbour(check: _Check, jail: Jail) -> str:
    with check.start() as other, contextlib.suppress(JailFailure):
        other.load(_HEAD + "    os._exit(1)\n", SCHEMA, checked=False)
    batch = _batch()
    same = np.array_equal(jail.call(batch)[0]["tall"], batch.next_state["height"])
    return "" if same else "changed the values of another jail"


def _ending(check: _Check, code: str, text: str) -> str:
    # A busy machine takes a while to fill a memory; only a hang must end by its deadline.
    limit_s = _LIMITS.call_timeout_s if code == "timeout" else 10 * _LIMITS.call_timeout_s
    with check.start(call_timeout_s=limit_s) as jail:
        started = time.monotonic()
        try:
            jail.load(text, SCHEMA, checked=False)
        except JailFailure as failure:
            seconds = time.monotonic() - started
            if failure.code != code:
                return f"ended with {failure.code} ({failure.message}), not with {code}"
            late = seconds > limit_s + _GRACE_S
            return f"took {seconds:.1f} s to end" if late else ""
        return f"was not ended with {code}"


def _escapes(check: _Check) -> dict[str, str]:
    """Return each escape with an empty text, or what it reached."""
    secret = f"canary-{secrets.token_hex(8)}"
    variable = "AUTOREWARD_CANARY_KEY"
    with (
        tempfile.TemporaryDirectory(prefix="autoreward-check-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        os.chmod(folder, 0o755)
        file = Path(folder) / "secret"
        file.write_text(secret)
        os.environ[variable] = secret
        try:
            given = {
                "file": str(file), "secret": secret, "folder": folder, "owner": os.getpid(),
                "port": server.getsockname()[1],
            }  # fmt: skip
            return {name: _escape(check, code.format(**given)) for name, code in _ESCAPES.items()}
        finally:
            del os.environ[variable]


def _escape(check: _Check, expression: str) -> str:
    text = (
        f"{_HEAD}    try: done = bool({expression})\n    except Exception: done = False\n"
        "    return torch.full_like(next_state.height, float(done))\n"
    )
    with check.start() as jail:
        try:
            jail.load(text, SCHEMA, checked=False)
            values, _ = jail.call(_batch())
        except JailFailure:
            return ""
    return "it does" if values["a"].any() else ""


def _lifetime(check: _Check) -> str:
    with check.start(lifetime_s=1.0) as jail:
        time.sleep(1.5)
        try:
            jail.load(_HONEST, SCHEMA)
        except JailFailure as failure:
            return "" if failure.code in ("timeout", "crashed") else f"ended with {failure.code}"
    return "lives on"


def _orphan(settings: SandboxSettings) -> str:
    """Kill the owner of a jail that is computing; a number in its command line names the jail."""
    lifetime = 40_000 + secrets.randbelow(10**9) / 10**6
    program = (
        "from autoreward.config import SandboxSettings\n"
        "from autoreward.sandbox.contract import Limits\n"
        "from autoreward.sandbox.registry import open_sandbox, start_jail\n"
        "from autoreward.testing.sandboxes import SCHEMA, SPIN\n"
        f"settings = SandboxSettings.model_validate_json({settings.model_dump_json()!r})\n"
        f"jail = start_jail(open_sandbox(settings), Limits(lifetime_s={lifetime!r}))\n"
        "print('ready', flush=True)\n"
        "jail.load(SPIN, SCHEMA, checked=False)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        ready = owner.stdout.readline()
    seen = _named(lifetime)
    owner.kill()
    owner.wait()
    if not ready:
        return "could not be started by a process of its own"
    if len(seen) < 2:
        return "cannot be seen on this machine, so its end was not checked"
    until = time.monotonic() + _GRACE_S
    while _named(lifetime) and time.monotonic() < until:
        time.sleep(0.05)
    open_sandbox(settings).sweep()
    return "leaves processes behind" if _named(lifetime) else ""


def _named(lifetime: float) -> list[str]:
    """Return the jail processes on this machine whose options hold that number."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = path.read_bytes()
            if repr(lifetime).encode() in text and b"reward_server" in text:
                found.append(path.parent.name)
    return found
