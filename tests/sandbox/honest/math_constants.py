import math

import torch

_HALF_TURN = math.pi / 2
_DECAY = math.log(10.0)
_ROOT = math.sqrt(2.0)


def turned(state, action, next_state):
    wrapped = torch.atan2(torch.sin(next_state.pitch), torch.cos(next_state.pitch))
    return 1.0 - wrapped.abs().clamp(max=_HALF_TURN) / _HALF_TURN


def near(state, action, next_state):
    return torch.exp(-_DECAY * norm(next_state.goal - next_state.position) / _ROOT)


FORMULA = "turned + near"
