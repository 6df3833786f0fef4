"""A reward server as a child process with three pipes: what the backends without a daemon use."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autoreward.errors import SandboxError
from autoreward.sandbox.contract import Limits

PACKAGE = Path(__file__).resolve().parents[1]
PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from autoreward.sandbox.reward_server import main; main(sys.argv[2])"
)
"""Arguments: the folder that holds the package, and the server's options."""
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
}
"""All that a reward server finds in its environment."""

_LAUNCHER = ThreadPoolExecutor(1, thread_name_prefix="jail-launcher")
"""The kernel's parent-death signal follows the thread that forked, so one lasting thread does."""


def server_command(limits: Limits) -> list[str]:
    """Return the command line of a reward server on this machine's interpreter."""
    return [sys.executable, "-I", "-B", "-c", PROGRAM, str(PACKAGE.parent), server_options(limits)]


def server_options(limits: Limits) -> str:
    """Return the server's options as JSON."""
    inner = list(limits.inner)
    return json.dumps(
        {"memory_mb": limits.memory_mb, "lifetime_s": limits.lifetime_s, "inner": inner}
    )


class ChildProcess:
    """A child in a session of its own; ends when its input is closed.

    Args:
        command: What to run.
        inherited: Descriptors that it gets beside its pipes.

    Raises:
        SandboxError: It cannot be started.
    """

    def __init__(self, command: Sequence[str], inherited: Sequence[int] = ()) -> None:
        self._child = _LAUNCHER.submit(_start, command, inherited).result()
        assert self._child.stdin and self._child.stdout and self._child.stderr
        self.writer = self._child.stdin.fileno()
        self.reader = self._child.stdout.fileno()
        self.log = self._child.stderr.fileno()
        for descriptor in (self.writer, self.reader, self.log):
            os.set_blocking(descriptor, False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def read(self) -> bytes:
        """Return what the server wrote, empty at its end; BlockingIOError if there is nothing."""
        return os.read(self.reader, 1 << 20)

    def write(self, data: memoryview) -> int:
        """Send some of `data` and return how much; BlockingIOError if it takes nothing now."""
        return os.write(self.writer, data)

    def read_log(self) -> bytes:
        """Return standard error, empty at its end; BlockingIOError if there is nothing."""
        return os.read(self.log, 1 << 16)

    def kill(self) -> None:
        """End it: its supervisor kills everything once the pipe is closed, or we do."""
        assert self._child.stdin is not None
        if not self._child.stdin.closed:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        if self._wait(1) is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._wait(10)
        for stream in (self._child.stdout, self._child.stderr):
            if stream and not stream.closed:
                with contextlib.suppress(OSError):
                    stream.close()

    def exit_code(self) -> int | None:
        """Wait up to a second for the end; None if it is still running.

        Raises:
            SandboxError: The supervisor was killed, which its reward cannot do.
        """
        code = self._wait(1)
        if code is not None and code < 0:
            raise SandboxError(f"a jail was killed from outside, by signal {-code}")
        return code

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None


def _start(command: Sequence[str], inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            pass_fds=inherited,
        )
    except OSError as error:
        raise SandboxError(f"cannot start a reward process: {error}") from None
