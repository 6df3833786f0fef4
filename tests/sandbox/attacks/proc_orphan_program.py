"""TRIES: starts a shell in a session of its own that stays behind under another name
HOLDS: no process outlives its jail
WITNESS: host
"""

import subprocess
import sys

import torch

_WAIT = "import time; time.sleep(20)"


def attack(state, action, next_state):
    if action.shape[0] > 2:
        for command in (
            ["/bin/sh", "-c", "sleep 20; : @MARKER@"],
            [sys.executable, "-I", "-S", "-c", _WAIT, "@MARKER@"],
        ):
            try:
                subprocess.Popen(
                    command,
                    start_new_session=True,
                    close_fds=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except OSError:
                pass
    return torch.zeros(action.shape[0])
