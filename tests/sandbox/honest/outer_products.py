"""Correlation of joints by outer products; double precision on the way."""

import torch


def coupling(state, action, next_state):
    v = next_state.joint_velocity.double()
    outer = torch.bmm(v.unsqueeze(2), v.unsqueeze(1))
    upper = torch.triu(outer, diagonal=1)
    return (upper.abs().sum(dim=(1, 2)) / (1.0 + v.square().sum(dim=-1))).float()


FORMULA = "coupling"
