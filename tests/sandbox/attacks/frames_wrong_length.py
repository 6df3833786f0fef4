"""TRIES: answers with a block of results twice as long as the one asked for
HOLDS: the length is known before anything is read; the jail ends with `protocol`
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
    rows = action.shape[0]
    if rows > 2:
        _send_everywhere(_frame(VALUES, bytes(8 * rows)))
    return torch.ones(rows)
