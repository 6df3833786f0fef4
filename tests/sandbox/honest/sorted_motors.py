"""The strongest motor should not be much stronger than the second."""

import torch


def balance(state, action, next_state):
    ordered, order = torch.sort(action.abs(), dim=-1, descending=True)
    return ordered[:, 0] - ordered[:, 1]


def two_strongest(state, action, next_state):
    return torch.topk(action.abs(), 2, dim=-1).values.mean(dim=-1)


def which(state, action, next_state):
    return action.abs().argmax(dim=-1).float() / 3.0


FORMULA = "-1 * balance - 0.1 * two_strongest + 0.01 * which"
