"""Turn the offset to the goal into the body's frame before looking at it."""

import torch


def ahead(state, action, next_state):
    c, s = torch.cos(next_state.pitch), torch.sin(next_state.pitch)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    rows = [
        torch.stack([c, zero, s], dim=-1),
        torch.stack([zero, one, zero], dim=-1),
        torch.stack([-s, zero, c], dim=-1),
    ]
    rotation = torch.stack(rows, dim=-2)
    offset = (next_state.goal - next_state.position).unsqueeze(-1)
    local = torch.matmul(rotation.transpose(-1, -2), offset).squeeze(-1)
    return local[:, 0] / (torch.linalg.norm(local, dim=-1) + 1e-6)


FORMULA = "ahead"
