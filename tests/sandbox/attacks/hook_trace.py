"""TRIES: traces the server: changes what its functions hold, call by call
HOLDS: an answer of another kind or length than asked for ends the jail
WITNESS: limit
"""

import ctypes
import struct
import sys

import torch


def _trace(frame, event, argument):
    if frame.f_code.co_name == "send" and "parts" in frame.f_locals:
        frame.f_locals["parts"] = [struct.pack("<4sBI", b"ARJ1", 1, 2), b"{}"]
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def attack(state, action, next_state):
    sys.setprofile(_trace)
    sys.settrace(_trace)
    return torch.ones(action.shape[0])
