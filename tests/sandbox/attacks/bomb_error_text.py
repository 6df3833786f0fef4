"""TRIES: raises an error with a text of a hundred megabytes
HOLDS: the text is cut
WITNESS: limit
"""


def attack(state, action, next_state):
    raise ValueError("x" * 100_000_000)
