"""The supervisor ends its jail when it must, with everything in it, and tells how it ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoreward.sandbox.supervisor import DEADLINE_CODE, SIGNAL_CODES

HEAD = """
import os, signal, sys, time
from autoreward.sandbox.supervisor import fork_supervised
reader, writer = os.dup(0), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
supervisor = os.getpid()
{before}
fork_supervised((reader, writer), {lifetime})
def say(*words):
    os.write(writer, (' '.join(map(str, words)) + chr(10)).encode())
say('ready', supervisor, os.getpid())
"""
SPIN = "while True: pass\n"
DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say('daemon', os.getpid())
        while True: time.sleep(1)
    os._exit(0)
os.wait()
"""
GRACE_S = 10.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Supervised:
    """A supervisor with its child."""

    process: subprocess.Popen[str]
    child: int

    def line(self) -> list[str]:
        """Return the next thing that the child said."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def close(self) -> None:
        """Do what an owner does that wants an end: close the pipe."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def code(self) -> int:
        """Return how the supervisor ended."""
        return self.process.wait(timeout=GRACE_S)


Start = Callable[..., Supervised]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a program behind a supervisor and waits for its first word."""
    started: list[subprocess.Popen[str]] = []

    def begin(program: str, lifetime: float = 60.0, before: str = "") -> Supervised:
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", HEAD.format(lifetime=lifetime, before=before) + program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        supervised = Supervised(process, 0)
        word, supervisor, child = supervised.line()
        assert (word, int(supervisor)) == ("ready", process.pid)
        supervised.child = int(child)
        return supervised

    yield begin
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        with process:
            pass


def lives(pid: int) -> bool:
    """Return whether a process computes on; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Return whether a process ends within the grace."""
    until = time.monotonic() + GRACE_S
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not lives(pid)


def test_the_deadline_ends_a_child_that_computes(start: Start) -> None:
    """Nobody has to ask: an endless loop ends at the jail's own deadline, with its own code."""
    began = time.monotonic()
    jail = start(SPIN, lifetime=1.0)
    assert jail.code() == DEADLINE_CODE
    assert time.monotonic() - began >= 1.0
    assert gone(jail.child)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGXCPU])
def test_a_signal_can_be_read_from_the_code(start: Start, number: signal.Signals) -> None:
    """A child that dies of signal n makes the code SIGNAL_CODES + n."""
    jail = start(f"os.kill(os.getpid(), {int(number)})\n{SPIN}")
    assert jail.code() == SIGNAL_CODES + number


@pytest.mark.parametrize("code", [0, 1, 7, 99])
def test_the_child_s_code_is_passed_on(start: Start, code: int) -> None:
    """As it is."""
    assert start(f"os._exit({code})").code() == code


@pytest.mark.parametrize("code", [DEADLINE_CODE, SIGNAL_CODES + 9, 255])
def test_a_child_cannot_claim_a_deadline_or_a_signal(start: Start, code: int) -> None:
    """A code that means something else is not passed on: the jail would look out of memory."""
    assert start(f"os._exit({code})").code() == DEADLINE_CODE - 1


def test_the_owner_s_end_of_the_pipe_ends_an_endless_loop(start: Start) -> None:
    """The child does not read and does not have to."""
    jail = start(SPIN)
    assert lives(jail.child)
    began = time.monotonic()
    jail.close()
    assert jail.code() == 0
    assert gone(jail.child)
    assert time.monotonic() - began < GRACE_S


def test_a_stopped_child_ends_too(start: Start) -> None:
    """One that has stopped itself cannot look after its end."""
    jail = start(f"os.kill(os.getpid(), {int(signal.SIGSTOP)})\n")
    jail.close()
    assert jail.code() == 0
    assert gone(jail.child)


@pytest.mark.parametrize("ending", ["owner", "deadline", "child"])
def test_a_daemon_ends_with_its_jail(start: Start, ending: str) -> None:
    """A grandchild in a session of its own, whose parent is gone, is found and killed."""
    rest = "time.sleep(1)\nos._exit(3)\n" if ending == "child" else SPIN
    jail = start(DAEMON + rest, lifetime=2.0 if ending == "deadline" else 60.0)
    word, daemon = jail.line()
    assert word == "daemon"
    if ending == "owner":
        jail.close()
    assert jail.code() == {"owner": 0, "deadline": DEADLINE_CODE, "child": 3}[ending]
    assert gone(int(daemon))
    assert gone(jail.child)


def test_a_swarm_of_daemons_ends(start: Start) -> None:
    """Twenty of them, each of which starts another one, end as well."""
    program = (
        "for _ in range(20):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        os.fork()\n"
        "        say('one', os.getpid())\n"
        "        while True: time.sleep(1)\n"
    )
    jail = start(program + SPIN)
    pids = [int(jail.line()[1]) for _ in range(40)]
    assert len(set(pids)) == 40
    jail.close()
    assert jail.code() == 0
    assert [pid for pid in pids if not gone(pid)] == []


def test_a_child_that_lets_go_of_its_lifeline_is_ended(start: Start) -> None:
    """Whatever descriptors it closes, it gains nothing: the supervisor takes it for the end."""
    jail = start(f"os.closerange(3, 1024)\n{SPIN}")
    assert jail.code() == 1
    assert gone(jail.child)


def test_a_killed_supervisor_takes_its_child_along(start: Start) -> None:
    """The kernel sees to it, once the walls stand: changing the user would undo it before."""
    jail = start(
        "from autoreward.sandbox import lockdown\nlockdown.lock_down(('user',))\nsay('locked')\n"
        + SPIN
    )
    assert jail.line() == ["locked"]
    jail.process.kill()
    assert jail.code() == -signal.SIGKILL
    assert gone(jail.child)


def test_the_child_has_its_wire_and_nothing_else(start: Start) -> None:
    """What the program held before the fork is closed in the child: of a secret nothing is left."""
    before = "secret, end = os.pipe(); os.write(end, b'secret')\nos.set_inheritable(secret, True)\n"
    jail = start("say(*sorted(map(int, os.listdir('/proc/self/fd'))))\n" + SPIN, before=before)
    said = jail.line()
    links = {}
    for descriptor in map(int, os.listdir(f"/proc/{jail.child}/fd")):
        links[descriptor] = os.readlink(f"/proc/{jail.child}/fd/{descriptor}")
    # standard streams, the wire's two, the lifeline; while it listed them, the folder
    assert len(links) == 6
    assert len(said) == 7
    holder = {
        os.readlink(f"/proc/{jail.process.pid}/fd/{d}")
        for d in map(int, os.listdir(f"/proc/{jail.process.pid}/fd"))
    }
    wire = {os.readlink(f"/proc/self/fd/{s.fileno()}") for s in pipes(jail)}
    assert wire <= set(links.values())
    # the supervisor cannot speak on the wire, only see it hang up
    assert os.readlink(f"/proc/self/fd/{jail.process.stdout.fileno()}") not in holder  # type: ignore[union-attr]


def pipes(jail: Supervised) -> list[object]:
    """Return this process's ends of the wire."""
    assert jail.process.stdin is not None and jail.process.stdout is not None
    return [jail.process.stdin, jail.process.stdout]


def test_neither_can_be_traced_by_its_user(start: Start) -> None:
    """Both are marked as not dumpable: their memory belongs to root, whoever started them."""
    jail = start("import ctypes; say(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n" + SPIN)
    assert jail.line() == ["0"]
    if os.geteuid() != 0:
        for pid in (jail.process.pid, jail.child):
            with pytest.raises(PermissionError):
                Path(f"/proc/{pid}/environ").read_bytes()
        return
    # root may do anything: look as a user that the same program was started by
    program = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "os.setgroups([]); os.setresgid(64999, 64999, 64999); os.setresuid(64999, 64999, 64999)\n"
    )
    own = start("import ctypes\n" + TRY_TRACE + SPIN, before=program)
    assert own.line() == ["trace", "-1", "memory", "refused", "environ", "refused"]


TRY_TRACE = """
def reach(path):
    try:
        open(path, 'rb').read(1)
    except OSError:
        return 'refused'
    return 'read'
say(
    'trace', ctypes.CDLL(None).ptrace(16, supervisor, None, None),
    'memory', reach(f'/proc/{supervisor}/mem'), 'environ', reach(f'/proc/{supervisor}/environ'),
)
"""


def test_this_machine_knows_the_calls() -> None:
    """A kernel without subreapers or dumpable flags would let the tests above pass by chance."""
    libc = ctypes.CDLL(None)
    flag = ctypes.c_int()
    assert libc.prctl(37, ctypes.byref(flag), 0, 0, 0) == 0
    assert libc.prctl(3, 0, 0, 0, 0) in (0, 1)
