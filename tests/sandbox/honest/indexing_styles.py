"""Slices, ellipses, index tensors, gather, negative indices."""

import torch


def picks(state, action, next_state):
    p = next_state.position
    first, last = p[:, 0], p[..., -1]
    middle = p.index_select(-1, torch.tensor([1])).squeeze(-1)
    strongest = action.abs().argmax(dim=-1, keepdim=True)
    there = next_state.joint_velocity.gather(-1, strongest)[:, 0]
    both = p[:, [0, 2]].sum(dim=1)
    return first - last + middle + 0.1 * there + 0.01 * both


FORMULA = "picks"
