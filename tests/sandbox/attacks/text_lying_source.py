"""TRIES: has its error point to source lines that are not in its file
HOLDS: at most the quoted line is a lie; it stays short and plain
WITNESS: limit
"""

import linecache


def attack(state, action, next_state):
    lines = ["return torch.ones(1)  # correct \x1b[2J" + "x" * 5000 + "\n"] * 100
    linecache.cache["<reward>"] = (1, None, lines, "<reward>")
    raise ValueError("all is well")
