"""TRIES: introduces itself a second time, as a jail with other walls
HOLDS: a greeting is taken once, before the reward is loaded
WITNESS: limit
"""

import os
import struct

HELLO, LOADED, VALUES, FAIL = 1, 3, 5, 6


def _frame(kind, payload, length=None):
    length = len(payload) if length is None else length
    return struct.pack("<4sBI", b"ARJ1", kind, length) + payload


def _send_everywhere(data, first=3):
    for descriptor in range(first, 65):
        try:
            os.write(descriptor, data)
        except OSError:
            pass


def attack(state, action, next_state):
    if action.shape[0] > 2:
        _send_everywhere(_frame(HELLO, b'{"torch": "9", "walls": ["everything"]}'))
    return torch.ones(action.shape[0])
