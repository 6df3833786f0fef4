"""TRIES: becomes another program that writes a file of the host where its results should be
HOLDS: the file's text comes out nowhere
WITNESS: host
"""

import os

import torch


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for program in ("/bin/cat", "/usr/bin/cat", "/bin/busybox"):
            try:
                os.execv(program, ["cat", "@CANARY_FILE@"])
            except OSError:
                pass
    return torch.zeros(action.shape[0])
