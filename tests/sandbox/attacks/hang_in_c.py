"""TRIES: hangs in C code that looks at no signal: a pattern that backtracks without end
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""

import re


def attack(state, action, next_state):
    re.match(r"(?:(?:a+)+)+$", "a" * 64 + "b")
    return next_state.height
