"""TRIES: reports a failure of the infrastructure, to be tried again for ever without blame
HOLDS: after loading, every failure is the reward's own and final
WITNESS: limit
"""

import json
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
        failure = {"code": "infra", "text": "the sandbox failed, please queue this job again"}
        _send_everywhere(_frame(FAIL, json.dumps(failure).encode()))
    return torch.ones(action.shape[0])
