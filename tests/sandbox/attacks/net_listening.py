"""TRIES: opens a port of its own, for others to connect to
HOLDS: there are no sockets
WITNESS: claim
"""

import socket

import torch


def _listen(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as channel:
        channel.bind(address)
        channel.listen()
        return True


_WAYS = (
    lambda: _listen(socket.AF_INET, ("0.0.0.0", 0)),
    lambda: _listen(socket.AF_INET6, ("::", 0)),
    lambda: _listen(socket.AF_UNIX, "\0@MARKER@"),
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
