"""TRIES: opens the kernel's cryptography (AF_ALG), the way to several broken kernels
HOLDS: there is no such socket
WITNESS: claim
"""

import socket

import torch


def _hash():
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as channel:
        channel.bind(("hash", "sha256"))
        operation, _ = channel.accept()
        operation.sendall(b"abc")
        return len(operation.recv(32)) == 32


_WAYS = (_hash, lambda: bool(socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
