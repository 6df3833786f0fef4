"""TRIES: prints without end
HOLDS: the jail ends with `output` at its cap
WITNESS: limit
"""


def attack(state, action, next_state):
    while True:
        print("x" * 10_000, flush=True)
