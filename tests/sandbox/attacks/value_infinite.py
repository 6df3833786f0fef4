"""TRIES: returns infinity on real states, within the rules
HOLDS: the call ends with `bad-values`
WITNESS: limit
"""


def attack(state, action, next_state):
    return next_state.height / (next_state.height - next_state.height).abs().clamp(max=0.0)


FORMULA = "attack"
