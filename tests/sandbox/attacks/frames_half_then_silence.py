"""TRIES: sends the first half of its results and waits for ever
HOLDS: the deadline is the owner's; the jail ends with `timeout`
WITNESS: limit
"""

import os
import struct
import time

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
    rows = action.shape[0]
    if rows > 2:
        _send_everywhere(_frame(VALUES, bytes(2 * rows), length=4 * rows))
        while True:
            time.sleep(1.0)
    return torch.ones(rows)
