"""TRIES: writes a forged block of results, all ones, to every descriptor from 0 to 64
HOLDS: at most its own values are affected, its jail ends on the first frame out of turn
WITNESS: host
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
    if rows > 2:  # not in the trial call
        _send_everywhere(_frame(VALUES, struct.pack(f"<{rows}f", *[1.0] * rows)), first=0)
    return torch.zeros(rows)
