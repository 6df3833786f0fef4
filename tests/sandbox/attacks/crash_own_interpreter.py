"""TRIES: overwrites the interpreter's own objects: None, small numbers, the type of types
HOLDS: the jail ends alone
WITNESS: limit
"""

import ctypes


def attack(state, action, next_state):
    for victim in (None, 1, type, object, tuple, dict):
        ctypes.memset(id(victim), 0x41, 48)
    return next_state.height
