"""Spread, median and quantiles of what the joints do."""

import torch


def even(state, action, next_state):
    v = next_state.joint_velocity.abs()
    return -(v.std(dim=-1) / (v.mean(dim=-1) + 1e-3))


def typical(state, action, next_state):
    return action.abs().median(dim=-1).values


def peak_to_mean(state, action, next_state):
    v = next_state.joint_velocity.square()
    return torch.log1p(v.amax(dim=-1)) - torch.log1p(v.mean(dim=-1))


FORMULA = "even - 0.1 * typical - 0.1 * peak_to_mean"
