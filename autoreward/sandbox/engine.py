"""The Docker engine: reaching it, and a container's streams as a process of ours."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from typing import Any

from autoreward.errors import SandboxError
from autoreward.sandbox.supervisor import SIGNAL_CODES

_TIMEOUT_S = 60
_HEADER = struct.Struct(">BxxxI")
_INSTALL = (
    "install Docker and start it (https://docs.docker.com/engine/install), set DOCKER_HOST or "
    "sandbox.docker.host, or choose --sandbox bubblewrap or process"
)


def connect(host: str | None) -> Any:
    """Return a `docker.APIClient` for an engine that answers.

    Args:
        host: Its address; None takes DOCKER_HOST, or the usual socket.

    Raises:
        SandboxError: None answers there.
    """
    import docker  # a quarter of a second
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        if host:
            client = docker.APIClient(base_url=host, version="auto", timeout=_TIMEOUT_S)
        else:
            client = docker.from_env(version="auto", timeout=_TIMEOUT_S).api
        client.ping()
    except (DockerException, RequestException) as error:
        where = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        reason = str(error).replace("\n", " ")[:200]
        raise SandboxError(f"no Docker engine answers at {where} ({reason}): {_INSTALL}") from None
    return client


class Stream:
    """One attached socket of a container; strips the engine's frame headers (Docker API, attach).

    Args:
        client: A `docker.APIClient`.
        container: The container's id, not started yet: nothing it says is missed.
        streams: Which of stdin, stdout, stderr.
    """

    def __init__(self, client: Any, container: str, *streams: str) -> None:
        wanted = {**dict.fromkeys(streams, 1), "stream": 1}
        self._file = client.attach_socket(container, params=wanted)
        self.socket: socket.socket = getattr(self._file, "_sock", self._file)
        self.socket.setblocking(False)
        self._header = b""
        self._left = 0

    def read(self) -> bytes:
        """Return what has come, empty at the end; BlockingIOError if there is nothing."""
        data = self.socket.recv(1 << 20)
        if not data:
            return b""
        parts = []
        view = memoryview(data)
        while view:
            if not self._left:
                missing = _HEADER.size - len(self._header)
                self._header += bytes(view[:missing])
                view = view[missing:]
                if len(self._header) == _HEADER.size:
                    _, self._left = _HEADER.unpack(self._header)
                    self._header = b""
                continue
            parts.append(view[: self._left])
            self._left -= len(parts[-1])
            view = view[len(parts[-1]) :]
        if not parts:
            raise BlockingIOError
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the socket."""
        with contextlib.suppress(OSError):
            self.socket.close()
        with contextlib.suppress(OSError):
            self._file.close()


class ContainerProcess:
    """A container whose main process is a reward server.

    Args:
        client: A `docker.APIClient`.
        container: The created container's id; it is started here.
    """

    def __init__(self, client: Any, container: str) -> None:
        self._client, self.container = client, container
        self._closed = False
        self._wire = Stream(client, container, "stdin", "stdout")
        self._errors = Stream(client, container, "stderr")
        client.start(container)
        self.reader = self.writer = self._wire.socket.fileno()
        self.log = self._errors.socket.fileno()

    def read(self) -> bytes:
        """Return what the server wrote, empty at its end; BlockingIOError if there is nothing."""
        return self._wire.read()

    def write(self, data: memoryview) -> int:
        """Send some of `data` and return how much; BlockingIOError if it takes nothing now."""
        return self._wire.socket.send(data)

    def read_log(self) -> bytes:
        """Return standard error, empty at its end; BlockingIOError if there is nothing."""
        return self._errors.read()

    def kill(self) -> None:
        """Kill and remove the container. What cannot be removed now is found by the next sweep."""
        if self._closed:
            return
        self._closed = True
        self._wire.close()
        self._errors.close()
        remove(self._client, self.container)

    def exit_code(self) -> int | None:
        """Wait up to a second for the end; None if it is still running.

        Raises:
            SandboxError: The engine or the container is gone, or the container was killed although
                it had memory left.
        """
        from docker.errors import APIError
        from requests.exceptions import RequestException

        until = time.monotonic() + 1
        while True:
            try:
                state = self._client.inspect_container(self.container)["State"]
            except (APIError, RequestException) as error:
                raise SandboxError(f"a container was lost: {error}") from None
            if not state["Running"]:
                return _exit_code(state)
            if time.monotonic() > until:
                return None
            time.sleep(0.02)


def _exit_code(state: dict[str, Any]) -> int:
    """Return a supervisor's exit code; SandboxError if somebody else killed the container."""
    code = int(state["ExitCode"])
    if state["OOMKilled"]:
        return SIGNAL_CODES + signal.SIGKILL
    if code == 128 + signal.SIGKILL:
        raise SandboxError("a container was killed from outside")
    return code


def remove(client: Any, container: str) -> bool:
    """Kill and remove a container; whether it was there."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        client.remove_container(container, force=True)
    except (APIError, RequestException):
        return False
    return True
