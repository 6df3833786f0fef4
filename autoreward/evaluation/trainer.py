"""The trainer process as the host sees it: orders in, events out, restarted if it dies."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from autoreward.errors import TrainerError, UsageError
from autoreward.training.messages import Order, Start, to_line

_KEPT_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("MUJOCO_GL", "EGL_PLATFORM", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    *("WARP_CACHE_PATH", "XDG_CACHE_HOME"),  # where compiled GPU kernels are kept
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
)
_RESTARTS = 3
_START_SECONDS = 300.0


class Trainer:
    """Runs the trainer process and keeps its orders until they are answered.

    If the process dies, it is started anew and gets the unanswered orders again; trainings go on
    from their checkpoints. After three deaths without an answer in between it gives up.

    Args:
        start: What stays the same for all orders (`owner` is filled in here).
        log: File that takes what the trainer prints.
    """

    def __init__(self, start: Start, log: Path) -> None:
        self._start, self._log_path = start, log
        self._open_orders: dict[str, Order] = {}
        self._deaths = 0
        self._buffer = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.ready: dict[str, Any] = {}
        """What the trainer said of itself: sandbox, threads, device."""

    def __enter__(self) -> Trainer:
        """Start the process and wait until it is ready.

        Raises:
            TrainerError: It does not start.
            UsageError: It refuses what it was asked for.
        """
        self._launch()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, at once and with all its jails."""
        self._kill()

    def send(self, order: Order) -> None:
        """Give an order; one event answers it (`trained`, `measured` or `recorded`)."""
        self._open_orders[order.job] = order
        self._write(to_line(order))

    @property
    def waiting(self) -> frozenset[str]:
        """Jobs of the orders that are not answered yet."""
        return frozenset(self._open_orders)

    def events(self, timeout: float) -> list[dict[str, Any]]:
        """Return the events of the next `timeout` seconds or less; empty if there were none.

        Raises:
            TrainerError: The process died again and again.
            UsageError: The process refuses an order as a user's mistake.
        """
        assert self._process is not None and self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                return []
        chunk = os.read(self._process.stdout.fileno(), 1 << 20)
        if not chunk:
            self._restart()
            return [{"event": "restarted", "deaths": self._deaths}]
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        events = [json.loads(line) for line in lines]
        for event in events:
            if event["event"] == "fault":
                raise self._fault(event)
            if event["event"] in ("trained", "measured", "recorded"):
                self._open_orders.pop(event["job"], None)
                self._deaths = 0
        return events

    def ask(self, order: Order) -> dict[str, Any]:
        """Give an order and wait for its answer; for orders other than trainings."""
        self.send(order)
        while True:
            for event in self.events(1.0):
                if event.get("job") == order.job:
                    return event

    def _launch(self) -> None:
        environment = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES}
        # The simulator has its own threads; torch's would fight them for the cores.
        environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
        if self._log is None:
            self._log = self._log_path.open("ab")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "autoreward.training.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                bufsize=0,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise TrainerError(f"cannot start the trainer process: {error}") from None
        self._buffer = b""
        self._write(to_line(Start(**{**vars(self._start), "owner": os.getpid()})))
        self._await_ready()

    def _await_ready(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        deadline = time.monotonic() + _START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self._kill()
                    raise TrainerError(f"the trainer was not ready within {_START_SECONDS:g} s")
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    self._kill()
                    raise TrainerError(f"the trainer did not start: {self._last_words()}")
                self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        event = json.loads(line)
        if event["event"] == "fault":
            raise self._fault(event)
        self.ready = event

    def _restart(self) -> None:
        self._kill()
        self._deaths += 1
        if self._deaths >= _RESTARTS:
            raise TrainerError(
                f"the trainer process died {self._deaths} times in a row: {self._last_words()}; "
                f"its log is {self._log_path}"
            )
        self._launch()
        for order in list(self._open_orders.values()):
            self._write(to_line(order))

    def _write(self, data: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        view = memoryview(data)
        with contextlib.suppress(BrokenPipeError):  # its death is noticed when reading
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def _fault(self, event: dict[str, Any]) -> Exception:
        self._kill()
        usage = event["type"] in ("UsageError", "RewardFileError")
        return UsageError(event["text"]) if usage else TrainerError(event["text"])

    def _last_words(self) -> str:
        try:
            lines = self._log_path.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1][:300] if lines else "it printed nothing"

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        if self._log is not None:
            self._log.close()
            self._log = None
