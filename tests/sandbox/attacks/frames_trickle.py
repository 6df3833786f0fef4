"""TRIES: sends its results a byte at a time, each just before patience could end
HOLDS: the deadline counts from the question, not from the last byte
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
        for byte in _frame(VALUES, bytes(4 * rows)):
            _send_everywhere(bytes([byte]))
            time.sleep(0.2)
    return torch.ones(rows)
