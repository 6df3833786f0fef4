"""TRIES: answers the next ten calls ahead of time, before their states are known
HOLDS: at most its own values are affected; answers that nobody asked for end the jail
WITNESS: host
"""

import gc
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
        early = _frame(VALUES, struct.pack(f"<{rows}f", *[1.0] * rows))
        for wire in [o for o in gc.get_objects() if type(o).__name__ == "_Wire"]:
            wire.send([early] * 10)
    return torch.zeros(rows)
