"""TRIES: returns numbers so large that one training update would ruin a policy, within the rules
HOLDS: the call ends with `bad-values`
WITNESS: limit
"""


def attack(state, action, next_state):
    x = 1e9 * (next_state.height.abs() + 1.0)
    return x * x * x


FORMULA = "attack"
