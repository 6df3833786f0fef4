"""A jail seen from outside: one reward, one process, frames over two pipes, hard limits.

Nothing that comes out is trusted: kinds must come in the expected order, lengths are exact, names
must be plain identifiers, numbers finite and bounded, text is capped. Before the candidate is
loaded a failure is infrastructure (`SandboxError`, to be retried); after it, it is the candidate's
(`JailFailure`, a finding).
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import SandboxError
from autoreward.sandbox.contract import Batch, JailFailure, Limits, Process
from autoreward.sandbox.frames import (
    HEAD,
    Buffer,
    FrameError,
    Kind,
    pack_call,
    pack_json,
    parse_head,
)
from autoreward.sandbox.lockdown import SECCOMP_WALLS
from autoreward.sandbox.supervisor import DEADLINE_CODE, SIGNAL_CODES
from autoreward.schema import StateSchema

MAX_COMPONENTS = 64
MAX_ABSOLUTE = 1e8
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_CODE = re.compile(r"[a-z]+(-[a-z]+){0,3}")
_OWN_CODES = frozenset({"timeout", "crashed", "output", "protocol", "bad-values", "infra", "walls"})
"""Causes that are seen from outside: a jail cannot claim them."""
_LOG_BYTES = 4096
"""Of the log, what is kept."""
_CONTROL = re.compile(r"[^\x20-\x7e\n]")


class Jail:
    """One reward in one process. Use as a context manager; `close` is idempotent.

    Args:
        process: The started server.
        limits: What it may use.
        promises: Walls that its backend promises: a jail without one of them is not used.
        advice: What to do if it does not start.
    """

    def __init__(
        self,
        process: Process,
        limits: Limits,
        promises: frozenset[str] = frozenset(),
        advice: str = "",
    ) -> None:
        self._process, self._limits = process, limits
        self._promises, self._advice = promises, advice
        self._started = time.monotonic()
        self.walls: tuple[str, ...] = ()
        """What the jail found to hold when it started, by trying."""
        self._buffer, self._log, self._logged = bytearray(), bytearray(), 0
        self._loaded = False
        self._expected_bytes = 0
        self._pending: tuple[Batch, float] | None = None
        self.components: tuple[str, ...] = ()
        self.ended = False
        """Whether the process is gone: by `close`, or because the candidate broke the contract."""
        self.seconds = 0.0
        """Wall-clock seconds waited for answers so far."""

    def __enter__(self) -> Jail:
        """Return the jail itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the jail."""
        self.close()

    def close(self) -> None:
        """End the process and release its pipes."""
        self.ended = True
        self._process.kill()

    def wait_ready(self) -> None:
        """Wait for the server inside to come up.

        Raises:
            SandboxError: It did not within `startup_timeout_s`, or not within all its walls.
        """
        _, payload = self._receive({Kind.HELLO}, self._started + self._limits.startup_timeout_s)
        self.walls = tuple(str(wall) for wall in self._json(payload).get("walls", ()))
        missing = self._promises - set(self.walls)
        if "seccomp" not in self._limits.inner:
            missing -= SECCOMP_WALLS
        if missing:
            raise self._failure("walls", f"these walls do not hold here: {', '.join(missing)}")

    def lives_for(self, seconds: float) -> bool:
        """Return whether the jail's own deadline is at least that far away."""
        return time.monotonic() + seconds <= self._started + self._limits.lifetime_s

    def load(self, code: str, schema: StateSchema, checked: bool = True) -> tuple[str, ...]:
        """Compile the reward inside and return its component names.

        Args:
            code: The reward file.
            schema: The state it sees.
            checked: Whether the static rules apply. Without them the file may hold any Python:
                attacks do, to show that the jail does not depend on the rules.

        Raises:
            JailFailure: The reward does not load, or a trial call on zeros fails.
        """
        self._loaded = True  # from here on a failure is the candidate's
        deadline = time.monotonic() + self._limits.call_timeout_s
        order = {"code": code, "schema": schema.to_dict(), "checked": checked}
        self._send(pack_json(Kind.LOAD, order), deadline)
        _, payload = self._receive({Kind.LOADED}, deadline)
        names = self._json(payload).get("components")
        if (
            not isinstance(names, list)
            or not 0 < len(names) <= MAX_COMPONENTS
            or not all(isinstance(n, str) and _NAME.fullmatch(n) for n in names)
            or len(set(names)) != len(names)
        ):
            raise self._failure("protocol", "the reward server sent malformed component names")
        self.components = tuple(names)
        return self.components

    def submit(self, batch: Batch) -> None:
        """Send a block of transitions; `collect` fetches the answer.

        Raises:
            JailFailure: The server does not take it in time, or the jail has ended.
        """
        if self.ended:  # its descriptors may belong to others by now
            raise JailFailure("crashed", "the reward's process has ended")
        self._expect_silence()
        state, following = sorted(batch.state), sorted(batch.next_state)
        header = {
            "state": state,
            "next_state": following,
            "learner": batch.learner,
            "at_state": batch.at_state,
            "check_inputs": batch.check_inputs,
        }
        arrays = [batch.action, batch.starts, *(batch.state[name] for name in state)]
        arrays += [batch.next_state[name] for name in following]
        started = time.monotonic()
        # the cap on VALUES is exact for this call
        rows = len(self.components) + len(batch.at_state)
        self._expected_bytes = 4 * rows * batch.starts.size
        self._pending = batch, started
        self._send(pack_call(header, arrays), started + self._limits.call_timeout_s)
        self.seconds += time.monotonic() - started

    def collect(self) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
        """Return the submitted block's component values, each [T, N], and those of `at_state`.

        Raises:
            JailFailure: Time-out, crash, wrong length, non-finite or absurdly large values.
        """
        assert self._pending is not None, "collect without submit"
        (batch, _), self._pending = self._pending, None
        started = time.monotonic()
        try:
            _, payload = self._receive({Kind.VALUES}, started + self._limits.call_timeout_s)
        finally:
            self.seconds += time.monotonic() - started
        if len(payload) != self._expected_bytes:
            raise self._failure("protocol", "the reward server sent a block of the wrong length")
        names = (*self.components, *batch.at_state)
        values = np.frombuffer(payload, "<f4").reshape(len(names), *batch.starts.shape)
        for name, block in zip(names, values, strict=True):
            self._check_values(name, block)
        count = len(self.components)
        return (
            dict(zip(names[:count], values[:count], strict=True)),
            dict(zip(names[count:], values[count:], strict=True)),
        )

    def call(
        self, batch: Batch
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
        """Submit and collect in one go."""
        self.submit(batch)
        return self.collect()

    def _expect_silence(self) -> None:
        """Fail a server that speaks before it is asked: an answer must answer its own question."""
        try:
            data = self._process.read()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise self._ended()
        raise self._failure("protocol", "the reward server sent something before it was asked")

    def _check_values(self, name: str, block: NDArray[np.float32]) -> None:
        bad = ~np.isfinite(block)
        if bad.any():
            message = f"component {name!r} is NaN or infinite on {bad.mean():.1%} of transitions"
            raise JailFailure("bad-values", message)
        peak = float(np.abs(block).max(initial=0.0))
        if peak > MAX_ABSOLUTE:
            raise JailFailure("bad-values", f"component {name!r} reaches {peak:.3g}")

    def _send(self, parts: list[Buffer], deadline: float) -> None:
        pending = [memoryview(part).cast("B") for part in parts if len(part)]

        def write() -> bool:
            while pending:
                try:
                    pending[0] = pending[0][self._process.write(pending[0]) :]
                except BlockingIOError:
                    return False
                except OSError:
                    raise self._ended() from None
                if not pending[0]:
                    pending.pop(0)
            return True

        self._poll(deadline, self._process.writer, selectors.EVENT_WRITE, write)

    def _receive(self, expected: set[Kind], deadline: float) -> tuple[Kind, bytes]:
        target = self._buffer
        frame: list[tuple[Kind, int]] = []

        def read() -> bool:
            while True:
                if not frame and len(target) >= HEAD.size:
                    frame.append(self._head(bytes(target[: HEAD.size]), expected))
                if frame and len(target) >= HEAD.size + frame[0][1]:
                    return True
                try:
                    chunk = self._process.read()
                except BlockingIOError:
                    return False
                if not chunk:
                    raise self._ended()
                target.extend(chunk)

        self._poll(deadline, self._process.reader, selectors.EVENT_READ, read)
        kind, length = frame[0]
        payload = bytes(target[HEAD.size : HEAD.size + length])
        del target[: HEAD.size + length]
        if target:
            raise self._failure("protocol", "the reward server sent more than it was asked for")
        if kind is Kind.FAIL:
            data = self._json(payload)
            code, text = str(data.get("code", "error")), str(data.get("text", ""))
            known = _CODE.fullmatch(code) and len(code) <= 40 and code not in _OWN_CODES
            raise self._failure(code if known else "error", text)
        return kind, payload

    def _head(self, head: bytes, expected: set[Kind]) -> tuple[Kind, int]:
        try:
            kind, length = parse_head(head)
        except FrameError as error:
            raise self._failure("protocol", str(error)) from None
        if kind not in expected | {Kind.FAIL}:
            raise self._failure("protocol", f"the reward server sent {kind.name} out of turn")
        if kind is Kind.VALUES and length != self._expected_bytes:
            raise self._failure("protocol", "the reward server sent a block of the wrong length")
        return kind, length

    def _poll(
        self, deadline: float, descriptor: int, event: int, attempt: Callable[[], bool]
    ) -> None:
        """Run `attempt` whenever the descriptor is ready, drain the log, keep the deadline."""
        if attempt():
            return
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            selector.register(self._process.log, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    seconds = self._limits.call_timeout_s
                    raise self._failure("timeout", f"no answer within {seconds:g} s")
                for key, _ in selector.select(left):
                    if key.fd == self._process.log and not self._drain():
                        selector.unregister(self._process.log)
                    elif key.fd == descriptor and attempt():
                        return

    def _drain(self) -> bool:
        try:
            chunk = self._process.read_log()
        except BlockingIOError:
            return True
        self._logged += len(chunk)
        self._log = (self._log + chunk)[-_LOG_BYTES:]
        if self._logged > self._limits.output_mb * (1 << 20):
            raise self._failure("output", f"printed more than {self._limits.output_mb:g} MB")
        return bool(chunk)

    def _ended(self) -> Exception:
        """Return the exception for a server that closed its pipe."""
        try:
            code = self._process.exit_code()
        except SandboxError as error:
            self.close()
            return error
        self._read_last_words()
        if code == DEADLINE_CODE:
            return self._failure("timeout", "the jail reached the end of its lifetime")
        if code is not None and code > SIGNAL_CODES:
            if code - SIGNAL_CODES == signal.SIGKILL:
                return self._failure("memory", "killed by the system, most likely out of memory")
            return self._failure("crashed", f"ended by signal {code - SIGNAL_CODES}")
        return self._failure("crashed", f"exited with code {code}")

    def _read_last_words(self) -> None:
        """Read the rest of the log: the end of the output may be seen before it."""
        with contextlib.suppress(OSError):  # among them BlockingIOError: there is nothing more
            while len(self._log) < _LOG_BYTES and (chunk := self._process.read_log()):
                self._log = (self._log + chunk)[-_LOG_BYTES:]

    def _failure(self, code: str, text: str) -> Exception:
        self.close()
        text = _CONTROL.sub("?", text)[-2000:].strip()
        if not self._loaded:
            log = _CONTROL.sub("?", self._log.decode(errors="replace"))[-500:].strip()
            parts = [f"the jail did not start ({code}): {text}", log, self._advice]
            return SandboxError("; ".join(part for part in parts if part))
        return JailFailure(code, text or code)

    def _json(self, payload: bytes) -> dict[str, Any]:
        try:
            data = json.loads(payload)
        except (ValueError, RecursionError):
            raise self._failure("protocol", "the reward server sent malformed JSON") from None
        if not isinstance(data, dict):
            raise self._failure("protocol", "the reward server sent malformed JSON")
        return data
