"""TRIES: opens settings of the machine for writing: memory, network, control groups, sysrq
HOLDS: none can be written
WITNESS: claim
"""

import glob
import os

import torch

_PATHS = (
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/hostname",
    "/proc/sysrq-trigger",
    "/proc/sys/net/ipv4/ip_forward",
    "/sys/power/state",
    "/proc/sys/kernel/randomize_va_space",
)


def _open(path):
    os.close(os.open(path, os.O_WRONLY))
    return True


def _groups():
    for path in glob.glob("/sys/fs/cgroup/**/memory.limit_in_bytes", recursive=True)[:50]:
        if os.access(path, os.W_OK):
            return _open(path)


_WAYS = (
    *[(lambda path=path: _open(path)) for path in _PATHS],
    _groups,
    lambda: _open("/sys/fs/cgroup/cgroup.procs"),
)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
