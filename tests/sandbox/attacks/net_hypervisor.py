"""TRIES: opens a socket to the hypervisor (AF_VSOCK), which no network namespace holds back
HOLDS: there is no such socket
WITNESS: claim
"""

import socket

import torch


def _try(kind):
    socket.socket(socket.AF_VSOCK, kind).close()  # a test has nothing to say to a hypervisor
    return True


_WAYS = (lambda: _try(socket.SOCK_STREAM), lambda: _try(socket.SOCK_DGRAM))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
