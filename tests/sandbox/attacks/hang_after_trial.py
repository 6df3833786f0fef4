"""TRIES: behaves while it is tried, hangs when it is used
HOLDS: every call has a deadline
WITNESS: limit
"""


def attack(state, action, next_state):
    while action.shape[0] > 2:
        pass
    return next_state.height
