"""A reward server as a child process with three pipes: what the backends without a daemon use."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

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


class PipedProcess(ABC):
    """A reward server that is spoken to over three pipes; ends when its input is closed.

    Args:
        pid: Its process id, which is its session's and its group's, too.
        writer: Our end of its input.
        reader: Our end of its output.
        log: Our end of its standard error.
    """

    def __init__(self, pid: int, writer: int, reader: int, log: int) -> None:
        self.pid, self.writer, self.reader, self.log = pid, writer, reader, log
        for descriptor in (writer, reader, log):
            os.set_blocking(descriptor, False)

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
        self._close_input()
        if self._wait(1.0) is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._wait(10.0)
        self._close_rest()

    def exit_code(self) -> int | None:
        """Wait up to a second for the end; None if it is still running.

        Raises:
            SandboxError: The supervisor was killed, which its reward cannot do.
        """
        code = self._wait(1.0)
        if code is not None and code < 0:
            raise SandboxError(f"a jail was killed from outside, by signal {-code}")
        return code

    @abstractmethod
    def _wait(self, seconds: float) -> int | None:
        """Return the exit code, None if it is not known in time."""

    @abstractmethod
    def _close_input(self) -> None:
        """Close our end of its input; once more does nothing."""

    @abstractmethod
    def _close_rest(self) -> None:
        """Close the other pipes; once more does nothing."""


class ChildProcess(PipedProcess):
    """A child in a session of its own.

    Args:
        command: What to run.
        inherited: Descriptors that it gets beside its pipes.

    Raises:
        SandboxError: It cannot be started.
    """

    def __init__(self, command: Sequence[str], inherited: Sequence[int] = ()) -> None:
        child = self._child = _LAUNCHER.submit(_start, command, inherited).result()
        assert child.stdin and child.stdout and child.stderr
        pipes = (child.stdin, child.stdout, child.stderr)
        super().__init__(child.pid, *(pipe.fileno() for pipe in pipes))

    def _close_input(self) -> None:
        self._close(self._child.stdin)

    def _close_rest(self) -> None:
        self._close(self._child.stdout)
        self._close(self._child.stderr)

    def _close(self, pipe: IO[bytes] | None) -> None:
        if pipe and not pipe.closed:
            with contextlib.suppress(OSError):
                pipe.close()

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
