"""TRIES: writes its results itself and leaves with exit status 0
HOLDS: at most its own values are affected; the next call ends with `crashed`
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
        _send_everywhere(_frame(VALUES, struct.pack(f"<{rows}f", *[0.5] * rows)))
        os._exit(0)
    return next_state.height
