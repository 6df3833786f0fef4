"""TRIES: has code run whenever garbage is collected, between calls, and speaks out of turn there
HOLDS: the code runs inside the jail; words out of turn end it
WITNESS: host
"""

import gc
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


def _collected(phase, info):
    try:
        os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass
    _send_everywhere(_frame(HELLO, b"{}"))


def attack(state, action, next_state):
    if action.shape[0] > 2:
        gc.callbacks.append(_collected)
        gc.collect()
    return torch.zeros(action.shape[0])
