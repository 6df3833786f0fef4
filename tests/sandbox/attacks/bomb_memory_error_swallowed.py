"""TRIES: fills the memory, swallows every MemoryError and goes on for ever
HOLDS: the jail ends with `memory` or `timeout`
WITNESS: limit
"""


def attack(state, action, next_state):
    hoard, size = [], 1 << 28
    while True:
        try:
            hoard.append(bytearray(size))
        except MemoryError:
            size = max(size // 2, 16)
