"""Jails forked from a template process, as their owner sees them."""

from __future__ import annotations

import array
import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading

from autoreward.errors import SandboxError
from autoreward.sandbox.child import ENVIRONMENT, PACKAGE, PipedProcess
from autoreward.sandbox.template import ORDER_BYTES

_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from autoreward.sandbox.template import main; main(int(sys.argv[2]))"
)
_ROOM = "-" * 512
"""Makes the command line long enough to hold a jail's."""
_ANSWER_SECONDS = 60.0


class Template:
    """Starts the template process when the first jail is wanted, and again if it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        atexit.register(self.close)

    def fork(self, options: str) -> ForkedProcess:
        """Return a reward server that is about to come up.

        Args:
            options: As for `reward_server.serve`.

        Raises:
            SandboxError: None can be started.
        """
        with self._lock:
            for attempt in range(2):
                if self._process is None or self._process.poll() is not None:
                    self._start()
                pipes = [os.pipe() for _ in range(4)]
                # Of the first, the input, the jail has the reading end; of the others the writing.
                theirs = [pipes[0][0], *(writer for _, writer in pipes[1:])]
                ours = [pipes[0][1], *(reader for reader, _ in pipes[1:])]
                try:
                    pid = self._order(options, theirs)
                    return ForkedProcess(pid, *ours)
                except OSError as error:
                    for number in ours:
                        os.close(number)
                    if attempt:
                        raise SandboxError(f"cannot start a reward process: {error}") from None
                finally:
                    for number in theirs:
                        os.close(number)
        raise AssertionError

    def close(self) -> None:
        """End the template; its jails end with their own pipes."""
        process, self._process = self._process, None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
            process.kill()
            process.wait()

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair()
        arguments = [str(PACKAGE.parent), str(theirs.fileno()), _ROOM]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        except OSError as error:
            ours.close()
            raise SandboxError(f"cannot start a reward process: {error}") from None
        finally:
            theirs.close()
        ours.settimeout(_ANSWER_SECONDS)
        self._socket = ours

    def _order(self, options: str, descriptors: list[int]) -> int:
        """Return the process id of a new jail.

        Raises:
            OSError: The template is gone, or does not answer.
        """
        assert self._socket is not None
        text = options.encode()
        if len(text) > ORDER_BYTES:
            raise SandboxError("the options of a jail are too long")
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        self._socket.sendmsg([text], [rights])
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._socket.recv(32)
            if not part:
                raise ConnectionResetError("the process that jails are forked from has ended")
            answer += part
        return int(answer)


class ForkedProcess(PipedProcess):
    """A reward server that was forked from a template.

    Args:
        pid: Its supervisor's.
        writer: Our end of its input.
        reader: Our end of its output.
        log: Our end of its standard error.
        end: Tells its exit code.
    """

    def __init__(self, pid: int, writer: int, reader: int, log: int, end: int) -> None:
        super().__init__(pid, writer, reader, log)
        self._end, self._open = end, {writer, reader, log, end}
        self._code: int | None = None

    def _wait(self, seconds: float) -> int | None:
        if self._code is None and self._end in self._open:
            ready, _, _ = select.select([self._end], [], [], seconds)
            if ready:
                text = os.read(self._end, 32)
                # Nothing to read: the template was killed, and with it who could tell.
                self._code = int(text) if text else -signal.SIGKILL
        return self._code

    def _close_input(self) -> None:
        self._close(self.writer)

    def _close_rest(self) -> None:
        for descriptor in list(self._open):
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)
