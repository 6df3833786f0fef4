"""TRIES: has five thousand components
HOLDS: the jail ends with `protocol`
WITNESS: limit
"""


def attack(state, action, next_state):
    return next_state.height


for _number in range(5_000):
    globals()[f"c{_number}"] = attack
