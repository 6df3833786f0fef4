"""TRIES: prints its results: frames and JSON on standard output and standard error
HOLDS: what is printed is a log
WITNESS: host
"""

import os
import struct
import sys

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
    frame = _frame(VALUES, struct.pack(f"<{rows}f", *[1.0] * rows))
    for descriptor in (1, 2):
        os.write(descriptor, frame)
    sys.__stdout__.buffer.write(frame)
    sys.__stdout__.flush()
    print('{"fitness": 1.0, "success": true}', flush=True)
    return torch.zeros(rows)
