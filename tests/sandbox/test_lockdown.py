"""Each inner wall does its part alone, cannot be taken down again, and is told truly."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoreward.sandbox.contract import Limits
from autoreward.sandbox.lockdown import (
    FIRST_UID,
    INNER_WALLS,
    OUTER_WALLS,
    SECCOMP_WALLS,
    UIDS,
    outer_walls,
    standing_walls,
)

ROOT = Path(__file__).resolve().parents[2]
HEAD = f"""
import ctypes, errno, json, os, resource, signal, socket, sys
sys.path.insert(0, {str(ROOT)!r})
from autoreward.sandbox import lockdown
def attempt(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0
def forked():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
def say(found):
    os.write(1, json.dumps(found).encode())
"""
LANDLOCK = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
"""The kernel's Landlock version; -1 where there is none."""
needs_landlock = pytest.mark.skipif(LANDLOCK < 1, reason="this kernel has no Landlock")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(program: str, *arguments: str) -> Any:
    """Return what a program said, run in a process of its own: walls are for good."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", HEAD + program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_walls_have_an_order() -> None:
    """User first: after the others nobody could become one; by default all of them stand."""
    assert INNER_WALLS == ("user", "landlock", "seccomp")
    assert Limits().inner == INNER_WALLS
    assert not SECCOMP_WALLS & OUTER_WALLS


def test_without_walls_everything_can_be_had() -> None:
    """What the tests below find refused is not refused by this machine anyway."""
    program = """
lockdown.lock_down(())
say({
    'open': attempt(lambda: os.close(os.open('/etc/passwd', os.O_RDONLY))),
    'socket': attempt(lambda: socket.socket(socket.AF_UNIX).close()),
    'fork': attempt(forked),
    'walls': lockdown.standing_walls(),
    'uid': os.geteuid(),
})
"""
    found = run(program)
    assert found == {"open": 0, "socket": 0, "fork": 0, "walls": [], "uid": os.geteuid()}


@needs_root
def test_the_user_wall_leaves_root_for_good() -> None:
    """Real, effective and saved ids and all groups go; root's files and rights with them."""
    program = """
lockdown.lock_down(('user',))
say({
    'uids': os.getresuid(), 'gids': os.getresgid(), 'groups': os.getgroups(),
    'back': attempt(lambda: os.setresuid(0, 0, 0)), 'signal': attempt(lambda: os.kill(1, 0)),
    'file': attempt(lambda: os.open('/etc/shadow', os.O_RDONLY)),
    'capabilities': [x for x in open('/proc/self/status').read().split(chr(10)) if 'CapEff' in x],
})
"""
    found = run(program)
    (uid,) = set(found["uids"])
    assert FIRST_UID <= uid < FIRST_UID + UIDS
    assert found["gids"] == [uid] * 3
    assert found["groups"] == []
    assert found["back"] == found["signal"] == errno.EPERM
    assert found["file"] == errno.EACCES
    assert int(found["capabilities"][0].split()[1], 16) == 0


@needs_root
def test_a_limited_user_cannot_fork() -> None:
    """The limit of no processes does not bind root, but the user that the wall makes of it."""
    program = """
lockdown.limit(4096, 60)
before = attempt(forked)
lockdown.lock_down(('user',))
say({'before': before, 'after': attempt(forked), 'walls': lockdown.standing_walls()})
"""
    assert run(program) == {"before": 0, "after": errno.EAGAIN, "walls": ["no-processes"]}


@needs_landlock
def test_landlock_alone_refuses_every_path() -> None:
    """No file can be opened, made, listed or run, nothing above it either; open ones stay open."""
    program = """
there = os.open('/etc/passwd', os.O_RDONLY)
lockdown.lock_down(('landlock',))
say({
    'read': attempt(lambda: os.open('/etc/passwd', os.O_RDONLY)),
    'write': attempt(lambda: os.open('/tmp/landlocked', os.O_WRONLY | os.O_CREAT)),
    'list': attempt(lambda: os.listdir('/')),
    'make': attempt(lambda: os.mkdir('/tmp/landlocked')),
    'run': attempt(lambda: os.execv('/bin/true', ['true'])),
    'open': len(os.read(there, 4)),
    'walls': lockdown.standing_walls(),
})
"""
    found = run(program)
    assert found.pop("open") == 4
    assert found.pop("walls") == ["no-files"]
    assert found == dict.fromkeys(("read", "write", "list", "make", "run"), errno.EACCES)


@needs_landlock
@pytest.mark.skipif(LANDLOCK < 4, reason="this kernel's Landlock knows no ports")
def test_landlock_alone_refuses_ports() -> None:
    """No TCP port can be bound or connected to."""
    program = """
server = socket.create_server(('127.0.0.1', 0))
lockdown.lock_down(('landlock',))
other = socket.socket()
say([attempt(lambda: other.connect(server.getsockname())),
     attempt(lambda: socket.socket().bind(('127.0.0.1', 0)))])
"""
    assert run(program) == [errno.EACCES, errno.EACCES]


@needs_landlock
@pytest.mark.skipif(LANDLOCK < 6, reason="this kernel's Landlock knows no signals")
def test_landlock_alone_refuses_signals_to_others() -> None:
    """Neither its parent nor anyone else outside can be signalled; it itself can."""
    program = """
lockdown.lock_down(('landlock',))
say([attempt(lambda: os.kill(os.getppid(), 0)), attempt(lambda: os.kill(os.getpid(), 0))])
"""
    assert run(program) == [errno.EPERM, 0]


def test_seccomp_alone_holds_its_three_walls() -> None:
    """Nothing opened, no socket, no process: exactly what the jail reports of it."""
    program = """
lockdown.lock_down(('seccomp',))
say({'walls': lockdown.standing_walls(), 'uid': os.geteuid(),
     'open': attempt(lambda: os.open('/etc/passwd', os.O_RDONLY))})
"""
    found = run(program)
    assert set(found["walls"]) == SECCOMP_WALLS
    assert found["open"] == errno.EPERM
    assert found["uid"] == os.geteuid()


def test_all_walls_together_stand() -> None:
    """In their order none keeps the next from being put up."""
    program = """
lockdown.limit(4096, 60)
lockdown.lock_down(lockdown.INNER_WALLS)
say({'walls': lockdown.standing_walls(), 'uid': os.geteuid(),
     'open': attempt(lambda: os.open('/etc/passwd', os.O_RDONLY))})
"""
    found = run(program)
    assert set(found["walls"]) == SECCOMP_WALLS
    assert found["uid"] != 0


def test_limits_cannot_be_raised_again() -> None:
    """As an unprivileged user: each limit is hard as well as soft, and raising one is refused."""
    program = """
lockdown.limit(2000, 33.5)
lockdown.lock_down(('user',))
names = [n for n in ('AS CPU FSIZE NOFILE NPROC CORE MEMLOCK MSGQUEUE').split()]
def higher(name):
    number = getattr(resource, 'RLIMIT_' + name)
    value = resource.getrlimit(number)[1] + 1
    try:
        resource.setrlimit(number, (value, value))
    except (ValueError, OSError):
        return True
    return False
say({n: [resource.getrlimit(getattr(resource, 'RLIMIT_' + n)), higher(n)] for n in names})
"""
    found = run(program)
    asked = {"AS": 2000 << 20, "CPU": 34, "NOFILE": 64}
    for name, (limit, refused) in found.items():
        assert limit[0] == limit[1] <= asked.get(name, 0), name
        assert refused, name


def test_no_file_can_grow_and_the_attempt_does_not_kill(tmp_path: Path) -> None:
    """An open file takes nothing any more, as an error and not as a signal."""
    program = """
there = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
lockdown.limit(4096, 60)
say(attempt(lambda: os.write(there, b'x')))
"""
    assert run(program, str(tmp_path / "file")) == errno.EFBIG
    assert (tmp_path / "file").read_bytes() == b""


def test_memory_over_the_limit_is_refused() -> None:
    """By the address space that the process may have."""
    program = """
lockdown.limit(500, 60)
try:
    bytearray(600 << 20)
except MemoryError:
    say('refused')
"""
    assert run(program) == "refused"


def test_limits_below_the_asked_ones_stay() -> None:
    """A machine that allows less is not an error."""
    program = """
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
lockdown.limit(3072, 60)
say([resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_AS)])
"""
    assert run(program) == [[32, 32], [1 << 30, 1 << 30]]


def test_a_kernel_without_walls_is_told_truly() -> None:
    """Where Landlock and seccomp fail, the process goes on, and reports no wall."""
    program = """
from autoreward.sandbox import seccomp
def broken(*_):
    raise OSError(errno.ENOSYS, 'not here')
seccomp.install = lockdown.restrict_files_and_ports = broken
lockdown.lock_down(('landlock', 'seccomp'))
say(lockdown.standing_walls())
"""
    assert run(program) == []


def test_this_very_process_stands_within_no_wall() -> None:
    """A test suite's process can open files and fork, and is not a jail: no wall is claimed."""
    assert standing_walls() == []
    assert "no-privileges" not in outer_walls() or os.geteuid() != 0


UNSHARE = """
libc = ctypes.CDLL(None, use_errno=True)
def unshare(flag):
    if libc.unshare(flag):
        say('refused')
        sys.exit()
"""


def unshared(program: str) -> Any:
    """Return what a program said that makes namespaces; skip where root may not."""
    found = run(UNSHARE + program)
    if found == "refused":
        pytest.skip("this machine lets its root make no namespaces")
    return found


@needs_root
def test_a_network_of_its_own_is_found() -> None:
    """It is claimed where there is nothing but loopback, not where the host's network is."""
    program = """
before = lockdown.outer_walls()
unshare(0x40000000)
say([before, lockdown.outer_walls()])
"""
    before, after = unshared(program)
    hosts = Path("/proc/net/dev").read_text()
    assert ("own-network" in before) == (len(hosts.splitlines()) <= 3 and "lo:" in hosts)
    assert "own-network" in after


@needs_root
def test_processes_of_its_own_are_found() -> None:
    """By being number 1: the parent outside claims nothing."""
    program = """
reader, writer = os.pipe()
unshare(0x20000000)
if os.fork() == 0:
    os.write(writer, json.dumps(lockdown.outer_walls()).encode())
    os._exit(0)
os.wait()
say([lockdown.outer_walls(), json.loads(os.read(reader, 4096))])
"""
    outside, inside = unshared(program)
    assert "own-processes" not in outside
    assert "own-processes" in inside


@needs_root
def test_privileges_are_gone_only_when_none_can_be_gained() -> None:
    """No capability in any set, another user, and no way up by a program: each is needed."""
    program = """
libc = ctypes.CDLL(None, use_errno=True)
found = [lockdown.outer_walls()]
for number in range(64):
    libc.prctl(24, number, 0, 0, 0)  # out of the bounding set
os.setgroups([]); os.setresgid(61000, 61000, 61000); os.setresuid(61000, 61000, 61000)
found.append(lockdown.outer_walls())
libc.prctl(38, 1, 0, 0, 0)
found.append(lockdown.outer_walls())
say(["no-privileges" in walls for walls in found])
"""
    assert run(program) == [False, False, True]


@needs_root
def test_root_sees_that_it_can_write() -> None:
    """A root directory that this process could write in is never called read-only."""
    assert "read-only" not in outer_walls()
