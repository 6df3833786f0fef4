"""TRIES: blocks and ignores every signal, then sleeps for ever
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""

import signal
import time


def attack(state, action, next_state):
    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(1000)
