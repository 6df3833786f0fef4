"""The `bubblewrap` backend: namespaces of its own, no daemon, no root (Linux, `bwrap` >= 0.4).

What is covered, around the inner walls: the jail sees the interpreter and its packages, read-only,
and no other file; no network, no other process, no shared memory; no capability and none to be had;
an outer seccomp list. Started by root, it first becomes a user that nothing belongs to, because
bwrap run by root leaves /proc/sys writable.
What is not covered: memory is limited by address space, not by a cgroup; processor time by the wall
clock alone; the kernel is shared with the host.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import site
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox import seccomp, staging
from autoreward.sandbox.child import PACKAGE, ChildProcess, server_command
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.lockdown import FIRST_UID, OUTER_WALLS, SECCOMP_WALLS, UIDS

_SYSTEM = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/sys/devices/system/cpu",
)
"""What any interpreter needs; torch chooses its kernels by what it reads of the processor."""
_LINKS = ("/lib", "/lib64")
_ADVICE = (
    "bwrap needs unprivileged user namespaces: inside a container they are usually forbidden, on "
    "Ubuntu 24.04 allow them by `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
)


class BubblewrapSandbox:
    """Starts reward servers under `bwrap`."""

    name = "bubblewrap"
    strength = 2
    summary = "namespaces without a daemon, read-only packages and nothing else, no network"

    def __init__(self, settings: SandboxSettings) -> None:
        """Take the settings; none apply here."""

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a reward server without waiting for it; `Jail.wait_ready` does.

        Raises:
            SandboxError: bwrap is not installed or cannot be started.
        """
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bwrap is not installed: apt-get install bubblewrap")
        paths = visible_paths()
        filter_file = os.memfd_create("seccomp", 0)
        try:
            os.write(filter_file, seccomp.runtime_filter())
            os.lseek(filter_file, 0, os.SEEK_SET)
            command = [program, *_arguments(program, paths), "--seccomp", str(filter_file)]
            command += ["--", *server_command(limits)]
            process = ChildProcess(_stepped_down(command, paths), (filter_file,))
        finally:
            os.close(filter_file)
        return Jail(process, limits, SECCOMP_WALLS | OUTER_WALLS, _ADVICE)

    def sweep(self) -> int:
        """Return 0: a jail dies with the process that started it."""
        return 0


@cache
def visible_paths() -> tuple[str, ...]:
    """Return the real paths that a jail may see: libraries, interpreter, packages."""
    code = sysconfig.get_paths()
    wanted = [*_SYSTEM, code["stdlib"], code["platstdlib"], code["purelib"], code["platlib"]]
    wanted += [*site.getsitepackages(), sys.executable, os.path.realpath(sys.executable)]
    wanted += [sys.prefix if sys.prefix != sys.base_prefix else "", str(PACKAGE)]
    if sys.base_prefix not in ("/", "/usr", "/usr/local"):
        wanted += [f"{sys.base_prefix}/{part}" for part in ("bin", "lib", "lib64")]
    there = sorted({path for path in wanted if path and os.path.exists(path)}, key=len)
    kept: list[str] = []
    for path in there:
        if not any(Path(path).is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def _arguments(program: str, paths: tuple[str, ...]) -> list[str]:
    namespaces = ("user", "ipc", "pid", "net", "uts", "cgroup-try")
    arguments = [f"--unshare-{name}" for name in namespaces]
    if _knows(program, "--disable-userns"):  # since 0.8
        arguments += ["--disable-userns"]
    arguments += ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
    arguments += ["--hostname", "jail"]
    for index, path in enumerate(paths):
        arguments += ["--ro-bind", staging.staged(index) if _is_root() else path, path]
    for link in _LINKS:
        if os.path.islink(link):
            arguments += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            arguments += ["--ro-bind", link, link]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*arguments, "--chdir", "/"]


def _stepped_down(command: list[str], paths: tuple[str, ...]) -> list[str]:
    """Return the command as root must start it: as a user of its own."""
    if not _is_root():
        return command
    uid = FIRST_UID + random.randrange(UIDS)
    plan = json.dumps({"paths": paths, "uid": uid})
    python = [sys.executable, "-I", "-S", "-B", "-c", staging.PROGRAM, str(PACKAGE.parent)]
    return [*python, plan, *command]


def _is_root() -> bool:
    return os.geteuid() == 0


@cache
def _knows(program: str, option: str) -> bool:
    try:
        done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return option in done.stdout + done.stderr


SANDBOX = BubblewrapSandbox
