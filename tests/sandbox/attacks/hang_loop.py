"""TRIES: loops for ever in Python, swallowing every exception
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""


def attack(state, action, next_state):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
