"""Steps down from root before a command is run: to a throw-away user that can read its files.

For backends that root must not run. The user's interpreter may stand where only root may go (as
under /root), so in a mount namespace of our own each path is shown below a place open to all.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import NoReturn

PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from autoreward.sandbox.staging import main; main(sys.argv[2], sys.argv[3:])"
)
"""Arguments: the folder that holds the package, `Plan` as JSON, the command."""

_STAGE = "/tmp"
_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 0x1000, 0x4000, 0x40000


def staged(index: int) -> str:
    """Return where the path of that number is shown to the user."""
    return f"{_STAGE}/{index}"


def main(plan: str, command: list[str]) -> NoReturn:
    """Show paths below /tmp, become another user, run a command. Needs to be root.

    Args:
        plan: JSON: `paths` to show, in the order of `staged`, and the `uid` to become.
        command: Takes this process's place.

    Raises:
        OSError: This process may not do that, e.g. in a container without CAP_SYS_ADMIN.
    """
    given = json.loads(plan)
    paths, uid = given["paths"], given["uid"]
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS), "make a mount namespace")
    _check(libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "part the mounts")
    opened = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths]
    flags = _MS_NOSUID | _MS_NODEV
    _check(libc.mount(b"stage", _STAGE.encode(), b"tmpfs", flags, b"mode=755,size=1m"), "mount")
    for index, (path, descriptor) in enumerate(zip(paths, opened, strict=True)):
        target = staged(index)
        if os.path.isdir(path):
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        source = f"/proc/self/fd/{descriptor}".encode()
        _check(libc.mount(source, target.encode(), None, _MS_BIND | _MS_REC, None), f"show {path}")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    sys.stderr.flush()
    os.execv(command[0], command)


def _check(result: int, doing: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"cannot {doing}: {os.strerror(ctypes.get_errno())}")
