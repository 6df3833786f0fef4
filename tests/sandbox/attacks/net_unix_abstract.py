"""TRIES: connects to a socket of the host that has a name but no file
HOLDS: no connection is made
WITNESS: claim
"""

import socket

import torch


def _try():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(0.5)
        channel.connect("\0@ABSTRACT_SOCKET@")
        return True


_WAYS = (_try,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
