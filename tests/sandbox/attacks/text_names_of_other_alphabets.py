"""TRIES: names a component with letters that look like others, to be taken for a score
HOLDS: only short plain names are accepted; the jail ends with `protocol`
WITNESS: limit
"""


def attack(state, action, next_state):
    return next_state.height


globals()["fitn\u0435ss"] = attack  # with a Cyrillic e
