"""TRIES: lifts the recursion limit and overflows the stack
HOLDS: the jail ends with `crashed` or `memory`
WITNESS: limit
"""

import sys


class _Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x"[:0])

    def __repr__(self):
        return repr(self) + repr([self])


def attack(state, action, next_state):
    sys.setrecursionlimit(2**31 - 1)
    return next_state.height * len(repr(_Deep()))
