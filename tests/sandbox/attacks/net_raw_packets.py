"""TRIES: opens the network below TCP: raw packets, ICMP, packet sockets
HOLDS: there is no such socket
WITNESS: claim
"""

import socket

import torch


def _try(*kind):
    socket.socket(*kind).close()
    return True


_WAYS = (
    lambda: _try(socket.AF_PACKET, socket.SOCK_RAW, 0x0300),
    lambda: _try(socket.AF_PACKET, socket.SOCK_DGRAM, 0x0300),
    lambda: _try(socket.AF_INET, socket.SOCK_RAW, 1),
    lambda: _try(socket.AF_INET, socket.SOCK_DGRAM, 1),
    lambda: _try(socket.AF_INET6, socket.SOCK_RAW, 58),
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
