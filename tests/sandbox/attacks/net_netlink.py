"""TRIES: asks the kernel for the network's interfaces by netlink
HOLDS: there is no such socket
WITNESS: claim
"""

import socket
import struct

import torch


def _links():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.settimeout(0.5)
        channel.bind((0, 0))
        channel.send(struct.pack("<IHHII", 32, 18, 0x301, 1, 0) + bytes(16))
        return len(channel.recv(8192)) > 16


_WAYS = (_links,)


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
