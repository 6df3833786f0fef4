"""Runs one attack in a jail and says what came of it, by looking from outside.

An arena plants what an attack could want: a key in the environment and in a file, a program of the
host, listening sockets, a folder that anybody may write to, and another reward beside it. After the
attack it looks whether any of that was reached.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from attack_files import ROWS, SCHEMA, STEPS, Attack, Blocks, as_bytes, attacks, random_block
from jail_processes import left_alive, members, stat_of

from autoreward.config import SandboxSettings
from autoreward.errors import AutorewardError, SandboxError
from autoreward.sandbox.contract import JailFailure, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.registry import Sandbox, open_sandbox, start_jail

LIMITS = Limits(memory_mb=1500, call_timeout_s=3.0, output_mb=0.1)
KEY = "AUTOREWARD_CANARY_KEY"
CALLS = 3
MOST_SECONDS = 2 * LIMITS.call_timeout_s + 5.0

_CODE = re.compile(r"[a-z][a-z-]{0,39}")
_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")
_LONGEST_MESSAGE = 2000
_MOST_LOG = 1 << 20
_NEIGHBOUR = """
def mixed(state, action, next_state):
    return torch.sin(next_state.height) * next_state.speed + action.square().sum(dim=-1)

FORMULA = "mixed"
"""

Verdict = Literal["stopped", "no effect", "gets through"]


@dataclass(frozen=True)
class Outcome:
    """What came of an attack on one backend."""

    verdict: Verdict
    detail: str
    """How it ended, or what it reached."""


@cache
def opened(kind: str) -> Sandbox | str:
    """Return a backend, or why it does not work here."""
    try:
        sandbox = open_sandbox(SandboxSettings(kind=kind))
        start_jail(sandbox, LIMITS).close()
    except AutorewardError as error:
        return str(error)
    return sandbox


def run_attack(name: str, sandbox: Sandbox, limits: Limits = LIMITS) -> Outcome:
    """Run one attack in an arena of its own."""
    (attack,) = (attack for attack in attacks() if attack.name == name)
    with Arena(sandbox, limits) as arena:
        return arena.run(attack)


class Arena:
    """Everything that an attack could want, around one backend. Use as a context manager.

    Args:
        sandbox: The backend.
        limits: Of the jails; fewer inner walls show what the outer ones hold.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits = LIMITS) -> None:
        self._sandbox, self._limits = sandbox, limits
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="arena")

    def __enter__(self) -> Arena:
        with contextlib.ExitStack() as undo:
            undo.callback(self._starter.shutdown)
            self._next = self._start()  # comes up while the rest is being set up
            undo.callback(self._close_next)
            self._secret = secrets.token_hex(16)
            undo.callback(_set, KEY, os.environ.get(KEY))
            os.environ[KEY] = self._secret
            self._folder = Path(tempfile.mkdtemp(prefix="arena-"))
            undo.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder.chmod(0o755)
            self._canary = self._folder / "canary"
            self._drop = self._folder / "open" / "dropped"
            self._drop.parent.mkdir()
            self._drop.parent.chmod(0o777)
            self._plant()
            self._listen(undo)
            self._call_program()
            undo.callback(lambda: self._end_program())
            self._meet_neighbour()
            undo.callback(lambda: self._neighbour.close())
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo.close()

    def run(self, attack: Attack) -> Outcome:
        """Load an attack past the rules, call it three times, and look around.

        Raises:
            SandboxError: A jail did not start.
        """
        marker = f"ar{secrets.token_hex(5)}"
        text = self._filled(attack.text, marker)
        jail, self._next = self._next.result(), self._start()
        seen = members(jail)
        log = _kept_log(jail)
        blocks = [random_block(number) for number in range(CALLS)]
        sent = [as_bytes(block) for block in blocks]
        answers: list[Blocks] = []
        failure: JailFailure | None = None
        breaches: list[str] = []
        started = time.monotonic()
        try:
            jail.load(text, SCHEMA, checked=False)
            for block in blocks:
                answers += [jail.call(block)[0]]
        except JailFailure as found:
            failure = found
        except SandboxError as error:
            breaches.append(f"its failure counts as the infrastructure's: {error}")
        except Exception as error:  # nothing that a jail says may do that to its owner
            breaches.append(f"its owner failed: {type(error).__name__}: {error}")
        seen |= members(jail)
        jail.close()
        seconds = time.monotonic() - started
        if seconds > MOST_SECONDS:
            breaches.append(f"it took {seconds:.0f} s")
        if sent != [as_bytes(block) for block in blocks]:
            breaches.append("the owner's arrays changed")
        breaches += self._said(answers, bytes(log), failure)
        breaches += left_alive(jail, seen, marker)
        breaches += self._reached(marker)
        if breaches:
            return Outcome("gets through", "; ".join(breaches))
        return _judged(attack, answers, failure)

    # what is planted

    def _close_next(self) -> None:
        with contextlib.suppress(SandboxError):
            self._next.result().close()

    def _start(self) -> Future[Jail]:
        return self._starter.submit(start_jail, self._sandbox, self._limits)

    def _plant(self) -> None:
        shutil.rmtree(self._canary, ignore_errors=True)
        self._canary.unlink(missing_ok=True)
        self._canary.write_text(f"{KEY}={self._secret}\n")
        self._canary.chmod(0o644)
        self._planted = self._state_of_canary()

    def _state_of_canary(self) -> tuple[object, ...]:
        try:
            now = self._canary.lstat()
            extra = tuple(os.listxattr(self._canary))
            content = self._canary.read_bytes()
        except OSError as error:
            return (error.errno,)
        return (now.st_mode, now.st_uid, now.st_size, now.st_mtime_ns, now.st_nlink, extra, content)

    def _listen(self, undo: contextlib.ExitStack) -> None:
        kinds = {
            "a TCP connection": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "a datagram": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "a connection by socket file": (
                socket.AF_UNIX,
                socket.SOCK_STREAM,
                str(self._folder / "socket"),
            ),
            "a connection by socket name": (
                socket.AF_UNIX,
                socket.SOCK_STREAM,
                f"\0arena-{secrets.token_hex(4)}",
            ),
        }
        self._listeners: dict[str, socket.socket] = {}
        for what, (family, kind, address) in kinds.items():
            listener = self._listeners[what] = undo.enter_context(socket.socket(family, kind))
            listener.bind(address)
            listener.setblocking(False)
            if kind is socket.SOCK_STREAM:
                listener.listen(64)
        (self._folder / "socket").chmod(0o777)

    def _call_program(self) -> None:
        """Start a program of the host: it holds the key, and has no walls around it."""
        environment = {**os.environ, KEY: self._secret}
        self._program = subprocess.Popen(["sleep", "100000"], env=environment)

    def _end_program(self) -> None:
        self._program.kill()
        self._program.wait()

    def _meet_neighbour(self) -> None:
        self._neighbour = start_jail(self._sandbox, self._limits)
        self._neighbour.load(_NEIGHBOUR, SCHEMA)
        self._block = random_block(99)
        self._expected = self._neighbour.call(self._block)[0]["mixed"].tobytes()

    def _filled(self, text: str, marker: str) -> str:
        ports = [listener.getsockname() for listener in self._listeners.values()]
        engine = os.environ.get("DOCKER_HOST", "").removeprefix("unix://")
        words = {
            "CANARY_FILE": self._canary,
            "DROP_FILE": self._drop,
            "HOST_PID": self._program.pid,
            "NEIGHBOUR_PID": max(members(self._neighbour), default=(0, ""))[0],
            "TCP_PORT": ports[0][1],
            "UDP_PORT": ports[1][1],
            "UNIX_SOCKET": ports[2],
            "ABSTRACT_SOCKET": ports[3].decode().lstrip("\0"),
            "DOCKER_SOCKET": engine if engine.startswith("/") else "/var/run/docker.sock",
            "MARKER": marker,
        }
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    # what is looked at

    def _said(
        self, answers: list[Blocks], log: bytes, failure: JailFailure | None
    ) -> Iterator[str]:
        """What came out that must not: the key, wrong blocks, texts that are not plain."""
        blocks = [block for answer in answers for block in answer.values()]
        text = f"{failure.code} {failure.message}" if failure else ""
        if self._secret.encode() in b"".join([log, text.encode(), *(b.tobytes() for b in blocks)]):
            yield "the key came out"
        if any(b.shape != (STEPS, ROWS) or not np.isfinite(b).all() for b in blocks):
            yield "a block of wrong shape or with NaN came out"
        if failure and not _CODE.fullmatch(failure.code):
            yield f"the failure's code is {failure.code[:40]!r}"
        if failure and (
            _NOT_PLAIN.search(failure.message) or len(failure.message) > _LONGEST_MESSAGE
        ):
            yield "the failure's message is not plain or not short"

    def _reached(self, marker: str) -> Iterator[str]:
        """What was reached of all that is planted; it is put right again."""
        if os.path.lexists(self._drop):
            yield "a file was left on the host"
        for folder in (str(self._drop.parent), "/tmp", "/var/tmp", "/dev/shm", "/"):
            for entry in list(os.scandir(folder)):
                if marker in entry.name or entry.path == str(self._drop):
                    if entry.path != str(self._drop):
                        yield f"something was left in {folder}"
                    _remove(entry)
        if self._state_of_canary() != self._planted:
            yield "a file of the host was changed"
            for path in self._folder.glob("canary*"):
                path.unlink()
            self._plant()
        for what, listener in self._listeners.items():
            if _heard(listener):
                yield f"{what} arrived"
        state = stat_of(self._program.pid)[0]
        if state != "S":
            yield f"a program of the host was stopped or killed ({state})"
            self._end_program()
            self._call_program()
        yield from self._neighbours_answer()

    def _neighbours_answer(self) -> Iterator[str]:
        try:
            found = self._neighbour.call(self._block)[0]["mixed"].tobytes()
        except JailFailure as failure:
            found = f"{failure.code}: {failure.message}".encode()
        if found != self._expected:
            yield "the neighbour was changed or ended"
            self._neighbour.close()
            self._meet_neighbour()


def _set(name: str, value: str | None) -> None:
    """Put a variable of the environment back as it was."""
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value


def _judged(attack: Attack, answers: list[Blocks], failure: JailFailure | None) -> Outcome:
    if failure:
        line = failure.message.splitlines()[0] if failure.message else ""
        return Outcome("stopped", f"{failure.code}: {line[:100]}")
    own = [answer["attack"] for answer in answers]
    if attack.witness == "host":
        return Outcome("no effect", "it came back; nothing was reached")
    if any((block == 1.0).all() for block in own):
        return Outcome("gets through", "it got what it wanted")
    if attack.witness == "claim" or not any(block.any() for block in own):
        return Outcome("stopped", "refused")
    return Outcome("gets through", "it came back although it should have been ended")


def _heard(listener: socket.socket) -> bool:
    """Take all connections or datagrams that wait; whether there was one."""
    heard = False
    with contextlib.suppress(BlockingIOError):
        while True:
            if listener.type is socket.SOCK_DGRAM:
                listener.recv(64)
            else:
                listener.accept()[0].close()
            heard = True
    return heard


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def _kept_log(jail: Jail) -> bytearray:
    """Return what the jail prints, filled at its end: what the owner kept and what still waits."""
    text, close = bytearray(), jail.close

    def last_words() -> None:
        jail.close = close  # type: ignore[method-assign]
        text.extend(jail._log)
        with contextlib.suppress(Exception):
            while len(text) < _MOST_LOG and (chunk := jail._process.read_log()):
                text.extend(chunk)
        close()

    jail.close = last_words  # type: ignore[method-assign]
    return text
