"""TRIES: raises an error whose text never comes to an end
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""


class _Endless(Exception):
    def __str__(self):
        while True:
            pass


def attack(state, action, next_state):
    raise _Endless
