"""TRIES: leaves at once with exit status 0, as if all were well
HOLDS: only a result is a result; the jail ends with `crashed`
WITNESS: limit
"""

import os


def attack(state, action, next_state):
    os._exit(0)
