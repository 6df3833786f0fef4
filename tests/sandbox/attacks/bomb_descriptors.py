"""TRIES: opens descriptors without end (it stops by itself at 1000): copies, pipes, events
HOLDS: not more than its limit can be had
WITNESS: limit
"""

import os
import resource
import select

import torch


def attack(state, action, next_state):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    except (OSError, ValueError):
        pass
    opened = []
    for make in (
        lambda: [os.dup(0)],
        lambda: list(os.pipe()),
        lambda: [os.eventfd(0)],
        lambda: [select.epoll().detach() if hasattr(select.epoll, "detach") else os.dup(1)],
        lambda: [os.open("/dev/null", os.O_RDONLY)],
    ):
        try:
            while len(opened) < 1000:
                opened += make()
        except OSError:
            pass
    many = len(opened)
    for descriptor in opened:
        os.close(descriptor)
    return torch.full((action.shape[0],), float(many >= 1000))
