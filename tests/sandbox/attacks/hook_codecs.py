"""TRIES: registers codecs and error handlers of its own, which the server's text passes through
HOLDS: the code runs inside the jail, with nothing more to reach
WITNESS: host
"""

import codecs
import json
import os

import torch


def _handler(error):
    os.close(os.open("@DROP_FILE@", os.O_CREAT | os.O_WRONLY))
    return ("", error.end)


def attack(state, action, next_state):
    for name in ("strict", "replace", "surrogatepass", "backslashreplace"):
        codecs.register_error(name, _handler)
    json.encoder.encode_basestring_ascii = lambda text: '"\ud800"'
    if action.shape[0] > 2:
        raise ValueError("\ud800 \udfff")
    return torch.zeros(action.shape[0])
