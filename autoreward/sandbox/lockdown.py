"""The inner walls of a jail: what a process can take away from itself, for good.

They stand in every backend, inside whatever the backend builds around them, and are put up after
torch is loaded and before the candidate is: user, Landlock, seccomp, resource limits.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
from pathlib import Path

from autoreward.sandbox import seccomp

INNER_WALLS = ("user", "landlock", "seccomp")
SECCOMP_WALLS = frozenset({"no-files", "no-sockets", "no-processes"})
"""What `standing_walls` finds where seccomp works."""
OUTER_WALLS = frozenset({"own-processes", "own-network", "read-only", "no-privileges"})
"""What `outer_walls` finds where a backend builds a real one."""
FIRST_UID, UIDS = 61_000, 4_000
"""User ids that no account has by convention: one for each jail that root starts."""

_CREATE_RULESET, _RESTRICT_SELF, _VERSION_FLAG = 444, 446, 1
_FILES_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_FILES_NOW = 16
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NEVER_WRITABLE = ("/", "/etc", "/var", "/dev", "/dev/shm", "/proc/sys/kernel/core_pattern")


def limit(memory_mb: int, cpu_s: float) -> None:
    """Lower this process's limits; an unprivileged process can never raise them again."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = {
        resource.RLIMIT_AS: memory_mb << 20,
        resource.RLIMIT_CPU: int(cpu_s) + 1,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for name, value in limits.items():
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


def lock_down(inner: tuple[str, ...]) -> None:
    """Put up the inner walls, those that this kernel has; `standing_walls` says which hold.

    From here on the process also dies with its parent, the supervisor.
    """
    if "user" in inner and os.geteuid() == 0:
        uid = FIRST_UID + os.getpid() % UIDS
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    # Only now: a change of user would clear it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if "landlock" in inner:
        with contextlib.suppress(OSError):
            restrict_files_and_ports()
    if "seccomp" in inner:
        with contextlib.suppress(OSError):
            seccomp.install(seccomp.compute_filter())


def restrict_files_and_ports() -> int:
    """Forbid every path, TCP port and, where the kernel can, signal to others, by Landlock.

    Returns:
        The kernel's Landlock version.

    Raises:
        OSError: The kernel has no Landlock.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version: int = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if version < 1:
        raise OSError(ctypes.get_errno(), "this kernel has no Landlock")
    files = (1 << _FILES_BY_ABI.get(version, _FILES_NOW)) - 1
    ports = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= 6 else 0  # abstract sockets, signals
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = struct.pack("<QQQ", files, ports, scopes)[:size]
    descriptor = libc.syscall(_CREATE_RULESET, ruleset, ctypes.c_size_t(size), 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses the rules")
    try:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.syscall(_RESTRICT_SELF, descriptor, 0):
            raise OSError(ctypes.get_errno(), "Landlock refuses to restrict this process")
    finally:
        os.close(descriptor)
    return version


def outer_walls() -> list[str]:
    """Return what stands around this process, before the inner walls: found out by trying.

    `own-processes` (it is number 1 among its own), `own-network` (nothing but loopback),
    `read-only` (no directory of the root can be written), `no-privileges` (no capability, none to
    be gained, not root).
    """
    walls = []
    if os.getpid() == 1:
        walls.append("own-processes")
    interfaces = [line.split(":")[0].strip() for line in _lines("/proc/net/dev")[2:]]
    if interfaces in (["lo"], []) and Path("/proc/net/dev").exists():
        walls.append("own-network")
    if not any(os.access(place, os.W_OK) for place in _NEVER_WRITABLE):
        walls.append("read-only")
    status = dict(line.split(":\t", 1) for line in _lines("/proc/self/status") if ":\t" in line)
    capabilities = [int(status.get(name, "1"), 16) for name in ("CapEff", "CapPrm", "CapBnd")]
    if not any(capabilities) and status.get("NoNewPrivs") == "1" and os.geteuid() != 0:
        walls.append("no-privileges")
    return walls


def standing_walls() -> list[str]:
    """Return which inner walls hold in this process, found out by running into them.

    `no-files` (nothing can be opened), `no-sockets`, `no-processes` (no child can be forked).
    """
    walls = []
    try:
        os.close(os.open("/proc/self/status", os.O_RDONLY))
    except OSError:
        walls.append("no-files")
    try:
        socket.socket(socket.AF_UNIX).close()
    except OSError:
        walls.append("no-sockets")
    try:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    except OSError:
        walls.append("no-processes")
    return walls


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
