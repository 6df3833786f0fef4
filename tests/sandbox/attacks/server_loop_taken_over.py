"""TRIES: never returns: reads the questions itself and answers with whatever it likes
HOLDS: it can say only what a reward may say, its own values, and no later than a reward may
WITNESS: host
"""

import gc
import os
import struct

import torch


def _exactly(descriptor, count):
    data = b""
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            os._exit(0)
        data += chunk
    return data


def attack(state, action, next_state):
    rows = action.shape[0]
    if rows == 2:
        return torch.zeros(rows)
    (wire,) = [o for o in gc.get_objects() if type(o).__name__ == "_Wire"]
    while True:
        block = struct.pack(f"<{rows}f", *[0.5] * rows)
        wire.send([struct.pack("<4sBI", b"ARJ1", 5, len(block)), block])
        _, _, length = struct.unpack("<4sBI", _exactly(wire.reader, 9))
        _exactly(wire.reader, length)
