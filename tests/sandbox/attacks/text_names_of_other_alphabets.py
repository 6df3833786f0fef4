"""TRIES: names components with letters that look like others, so that a table shows what is not there
HOLDS: only short plain names are accepted; the jail ends with `protocol`
WITNESS: limit
"""


def attack(state, action, next_state):
    return next_state.height


globals()["fitn\u0435ss"] = attack  # with a Cyrillic e
