"""TRIES: announces a block of four gigabytes, so that the owner sets memory aside for it
HOLDS: a length over the cap ends the jail; nothing is allocated
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
        _send_everywhere(_frame(VALUES, b"", length=0xFFFFFFFF))
    return torch.ones(action.shape[0])
