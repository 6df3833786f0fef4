"""TRIES: aborts
HOLDS: the jail ends with `crashed`
WITNESS: limit
"""

import os


def attack(state, action, next_state):
    os.abort()
