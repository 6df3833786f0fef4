"""TRIES: computes a number of a billion digits
HOLDS: the jail ends with `timeout` or `memory`
WITNESS: limit
"""


def attack(state, action, next_state):
    x = 3**200_000_000
    return next_state.height * float(len(str(x**5)))
