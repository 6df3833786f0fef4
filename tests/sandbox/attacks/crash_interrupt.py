"""TRIES: raises KeyboardInterrupt, as if its owner had asked for the end
HOLDS: the jail ends alone
WITNESS: limit
"""


def attack(state, action, next_state):
    raise KeyboardInterrupt
