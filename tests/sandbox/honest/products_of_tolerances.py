"""The style of the dm_control suite: products of values in [0, 1]."""

import torch

_STAND_HEIGHT = 0.9
_WALK_SPEED = 1.0


def walk(state, action, next_state):
    standing = tolerance(next_state.height, _STAND_HEIGHT, inf, margin=_STAND_HEIGHT / 2)
    upright = (1.0 + torch.cos(next_state.pitch)) / 2.0
    stand_reward = (3.0 * standing + upright) / 4.0
    move_reward = tolerance(next_state.speed, _WALK_SPEED, inf, margin=_WALK_SPEED / 2)
    small_control = (4.0 + tolerance(action, margin=1.0).mean(dim=-1)) / 5.0
    return small_control * stand_reward * (5.0 * move_reward + 1.0) / 6.0


FORMULA = "walk"
