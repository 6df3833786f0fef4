"""TRIES: leaves with the exit codes by which a supervisor tells of memory, signals and deadlines
HOLDS: the jail ends alone, with a failure of the reward's own
WITNESS: limit
"""

import os


def attack(state, action, next_state):
    os._exit(137)
