"""TRIES: reads from address 0
HOLDS: the jail ends with `crashed`
WITNESS: limit
"""

import ctypes


def attack(state, action, next_state):
    ctypes.string_at(0)
    return next_state.height
