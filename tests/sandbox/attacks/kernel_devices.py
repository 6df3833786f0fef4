"""TRIES: opens devices: memory, disks, the kernel's log, virtual machines; makes one
HOLDS: there is no device but the harmless ones
WITNESS: claim
"""

import glob
import os

import torch

_PATHS = ("/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/port")


def _open(path):
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    return True


def _disk():
    return any(_open(path) for path in glob.glob("/dev/[svn][dv][a-z]*"))


def _made():
    path = f"{os.path.dirname('@DROP_FILE@')}/@MARKER@"
    os.mknod(path, 0o60600, os.makedev(1, 1))
    os.unlink(path)
    return True


_WAYS = (*[(lambda path=path: _open(path)) for path in _PATHS], _disk, _made)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
