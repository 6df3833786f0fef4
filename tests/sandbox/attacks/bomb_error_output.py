"""TRIES: writes binary to standard error without end, by system call
HOLDS: the jail ends with `output` at its cap
WITNESS: limit
"""

import os


def attack(state, action, next_state):
    while True:
        os.write(2, b"\x00\xff\x1b[31m" * 4096)
