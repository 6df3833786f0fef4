"""The `process` backend: a plain child process with limits. Weak against code that means harm.

What is covered: a clean environment (no keys), no inherited descriptors, its own process group,
limits on address space, open files and file size, death with its owner, a wall clock held by the
owner with a hard kill, capped output.
What is not covered: it runs as the same user on the same file system and network, so code that gets
past the static rules can read files and open sockets. Use a container for code you do not trust.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from autoreward.errors import SandboxError
from autoreward.sandbox.jail import Jail, Limits

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from autoreward.sandbox.reward_server import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
}


class _ChildProcess:
    """A reward server as a child process in its own process group."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin and child.stdout and child.stderr
        self._child = child
        self.writer = child.stdin.fileno()
        self.reader = child.stdout.fileno()
        self.log = child.stderr.fileno()

    def kill(self) -> None:
        """Kill the whole process group and reap the child."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=10)
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream and not stream.closed:
                with contextlib.suppress(OSError):
                    stream.close()

    def exit_code(self) -> int | None:
        """Wait up to a second for the child to end; None if it is still running."""
        try:
            return self._child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return None


class ProcessSandbox:
    """Starts reward servers as child processes."""

    name = "process"
    strength = 1
    summary = "child process with resource limits; weak: same user, files and network reachable"

    def launch(self, limits: Limits) -> Jail:
        """Start a reward server without waiting for it; `Jail.wait_ready` does.

        Raises:
            SandboxError: The process cannot be started.
        """
        command = [sys.executable, "-I", "-B", "-c", _PROGRAM]
        command += [_PACKAGE_ROOT, str(limits.memory_mb), str(os.getpid())]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"cannot start a reward process: {error}") from None
        return Jail(_ChildProcess(child), limits)


SANDBOX = ProcessSandbox()
