"""TRIES: asks the container engine's socket for its version, the first step to owning the host
HOLDS: the engine cannot be reached
WITNESS: claim
"""

import socket

import torch

_PATHS = ("@DOCKER_SOCKET@", "/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock")


def _ask(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(0.5)
        channel.connect(path)
        channel.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return channel.recv(64).startswith(b"HTTP/")


_WAYS = tuple((lambda path=path: _ask(path)) for path in _PATHS if path.startswith("/"))


def _works(way):
    try:
        return bool(way())
    except BaseException:
        return False


_won = []


def attack(state, action, next_state):
    _won.extend(way for way in _WAYS if _works(way))
    return torch.full_like(next_state.height, float(bool(_won)))
