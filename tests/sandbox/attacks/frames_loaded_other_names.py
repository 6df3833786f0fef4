"""TRIES: announces components called fitness and success while it is being loaded
HOLDS: names are only names; two answers to one question end the jail
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


_send_everywhere(_frame(LOADED, b'{"components": ["attack", "fitness", "success"]}'))


def attack(state, action, next_state):
    return torch.ones(action.shape[0])
