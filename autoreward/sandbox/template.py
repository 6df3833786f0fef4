"""The process that jails of the `process` backend are forked from: everything is loaded, once.

Importing torch takes a second and 140 MB; a fork of a process that has done it takes some
milliseconds and shares its memory until one side writes. This process never sees a reward: it
forks, and a fork walls itself in as a jail that was started alone does.

It reads orders from a socket: the server's options, with four descriptors (the jail's input, output
and log, and a pipe for how it ended). It answers each with the jail's process id, and ends with its
owner.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import os
import select
import signal
import socket
from typing import NoReturn

ORDER_BYTES = 4096
"""The longest order."""
_DESCRIPTORS = 4
_ARG_START, _ARG_END = 45, 46
"""Where the command line stands in memory: places in /proc/self/stat, counted behind the name."""


def main(descriptor: int) -> NoReturn:
    """Serve one owner until it closes the socket.

    Args:
        descriptor: The socket.
    """
    from autoreward.sandbox.reward_server import load_libraries

    load_libraries()
    owner = socket.socket(fileno=descriptor)
    child_ended, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # its number is written to the pipe
    ends: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([owner.fileno(), child_ended], [], [])
        if child_ended in ready:
            os.read(child_ended, 4096)
            _reap(ends)
        if owner.fileno() not in ready:
            continue
        order, descriptors = _receive(owner)
        if not order:
            os._exit(0)
        pid = os.fork()
        if not pid:
            _become_jail(order.decode(), descriptors)
        ends[pid] = descriptors[-1]
        for number in descriptors[:-1]:
            os.close(number)
        owner.sendall(f"{pid}\n".encode())


def _receive(owner: socket.socket) -> tuple[bytes, list[int]]:
    numbers = array.array("i")
    space = socket.CMSG_SPACE(_DESCRIPTORS * numbers.itemsize)
    order, attached, _, _ = owner.recvmsg(ORDER_BYTES, space)
    for _, kind, data in attached:
        if kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return order, list(numbers)


def _become_jail(options: str, descriptors: list[int]) -> NoReturn:
    """Serve one reward, in a session of its own and with nothing of this process open."""
    from autoreward.sandbox.reward_server import serve

    with contextlib.suppress(BaseException):
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for target, source in enumerate(descriptors[:3]):
            os.dup2(source, target)
        os.closerange(3, 256)
        _rename(f"autoreward.sandbox.reward_server {options}")
        serve(options)
    os._exit(1)


def _reap(ends: dict[int, int]) -> None:
    """Tell of every jail that has ended how it did."""
    while ends:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = ends.pop(pid)
        with contextlib.suppress(OSError):  # the owner no longer asks
            os.write(end, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(end)


def _rename(text: str) -> None:
    """Let `ps` show a jail as one: write over the command line, which this process made long."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    name = text.encode()[: end - start - 1]
    ctypes.memmove(start, name.ljust(end - start, b"\0"), end - start)
