"""TRIES: has code run by timers and signals while the server waits for the next question
HOLDS: the code runs inside the jail, if at all
WITNESS: host
"""

import os
import signal

import torch


def _woken(*_):
    try:
        os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass


def attack(state, action, next_state):
    for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGUSR1):
        signal.signal(number, _woken)
    for start in (
        lambda: signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01),
        lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01),
        lambda: signal.alarm(1),
        lambda: os.kill(os.getpid(), signal.SIGUSR1),
    ):
        try:
            start()
        except OSError:
            pass
    return torch.zeros(action.shape[0])
