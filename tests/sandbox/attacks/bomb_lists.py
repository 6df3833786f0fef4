"""TRIES: fills the memory with Python lists
HOLDS: the jail ends with `memory` or `timeout`
WITNESS: limit
"""


def attack(state, action, next_state):
    hoard = []
    while True:
        hoard.append([None] * 1_000_000)
    return next_state.height
