"""TRIES: raises SystemExit with success
HOLDS: the jail ends with `crashed`
WITNESS: limit
"""


def attack(state, action, next_state):
    raise SystemExit(0)
