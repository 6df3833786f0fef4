"""A clock for the gait: contact should follow a sine of the phase that the memory keeps."""

import math

import torch

_STEP = 2.0 * math.pi * 1.5 * 0.05  # 1.5 Hz


def gait(state, action, next_state, memory):
    phase = memory.get("phase", torch.zeros_like(next_state.contact))
    memory["phase"] = torch.remainder(phase + _STEP, 2.0 * math.pi)
    wanted = (torch.sin(memory["phase"]) > 0.0).float()
    return 1.0 - (wanted - next_state.contact.clamp(0.0, 1.0)).abs()


def forward(state, action, next_state):
    return next_state.speed.clamp(0.0, 1.5)


FORMULA = "forward + 0.3 * gait"
