"""TRIES: leaves, and hangs on the way out, by exit hooks and destructors
HOLDS: the jail ends with `timeout` or `crashed`
WITNESS: limit
"""

import atexit
import sys
import time


class _Clingy:
    def __del__(self):
        time.sleep(1000)


_KEPT = _Clingy()


def attack(state, action, next_state):
    atexit.register(time.sleep, 1000)
    sys.exit(0)
