"""TRIES: answers with an empty block of results and an empty failure
HOLDS: the jail ends with `protocol`
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
        _send_everywhere(_frame(VALUES, b"") + _frame(FAIL, b""))
    return torch.ones(action.shape[0])
