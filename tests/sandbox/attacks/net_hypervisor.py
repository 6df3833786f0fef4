"""TRIES: opens a socket to the hypervisor (AF_VSOCK), which no network namespace holds back
HOLDS: there is no such socket
WITNESS: claim
"""

import socket

import torch


def _try(kind):
    with socket.socket(socket.AF_VSOCK, kind) as channel:
        channel.settimeout(0.3)
        channel.connect_ex((2, 1))
        return True


_WAYS = (lambda: _try(socket.SOCK_STREAM), lambda: _try(socket.SOCK_DGRAM))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


def attack(state, action, next_state):
    won = any([_works(way) for way in _WAYS])
    return torch.full_like(next_state.height, float(won))
