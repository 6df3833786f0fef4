"""Penalties collected in a list, as people write it."""

import torch


def penalties(state, action, next_state):
    found = []
    found.append((next_state.pitch.abs() > 1.0).float())
    found.append((next_state.height < 0.3).float())
    for i in range(action.shape[-1]):
        found.append(0.1 * action[:, i].abs())
    return -torch.stack(found).sum(dim=0)


def alive(state, action, next_state):
    return torch.ones_like(next_state.height) * (next_state.height > 0.2)


FORMULA = "alive + penalties"
