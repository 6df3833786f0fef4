"""TRIES: connects to the host by IPv6, also with an IPv4 address inside
HOLDS: no connection is made
WITNESS: claim
"""

import socket

import torch

_PORT = int("@TCP_PORT@")


def _try(address):
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as channel:
        channel.settimeout(0.5)
        channel.connect((address, _PORT, 0, 0))
        return True


_WAYS = (lambda: _try("::ffff:127.0.0.1"), lambda: _try("::1"))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
