"""TRIES: raises an error with a text of fifty megabytes
HOLDS: the text is cut
WITNESS: limit
"""


def attack(state, action, next_state):
    raise ValueError("x" * 50_000_000)
