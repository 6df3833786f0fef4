"""A soft maximum over three ways of doing well."""

import torch
import torch.nn.functional as F


def any_way(state, action, next_state):
    ways = torch.stack(
        [
            next_state.speed.clamp(-2.0, 2.0),
            next_state.height.clamp(0.0, 2.0),
            -distance(next_state.position, next_state.goal).clamp(max=5.0),
        ],
        dim=-1,
    )
    weights = F.softmax(4.0 * ways, dim=-1)
    return (weights * ways).sum(dim=-1) + 0.1 * torch.logsumexp(ways, dim=-1)


FORMULA = "any_way"
