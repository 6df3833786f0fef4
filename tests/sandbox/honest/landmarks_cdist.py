"""Visit the nearest of six landmarks, but keep clear of the two pillars."""

import torch

_X = (-1.0, 0.0, 1.0)
_Y = (-0.5, 0.5)
_PILLARS = ((0.5, 0.0, 0.4), (-0.5, 0.2, 0.4))
_RADIUS = 0.25


def _landmarks(like):
    """[6, 3], on the floor."""
    plane = torch.cartesian_prod(torch.tensor(_X), torch.tensor(_Y))
    floor = torch.zeros(len(_X) * len(_Y), 1)
    return torch.cat((plane, floor), dim=1).type_as(like)


def landmark(state, action, next_state):
    """Nearness of the nearest landmark, in (0, 1]."""
    here = next_state.position.unsqueeze(1)  # [B, 1, 3]
    gaps = torch.cdist(here, _landmarks(here)).squeeze(1)  # [B, 6]
    return torch.exp(-2.0 * gaps.min(dim=-1).values)


def choice(state, action, next_state):
    """Confidence of a soft assignment to one landmark, from 1/6 to 1."""
    here = next_state.position[:, None, :]
    marks = _landmarks(here)
    gaps = torch.linalg.norm(here - marks, dim=-1)
    return torch.softmax(-5.0 * gaps, dim=-1).amax(dim=-1)


def collision(state, action, next_state):
    """How deep the hand is inside a pillar, relative to its radius, 0 to 1."""
    pillars = torch.as_tensor(_PILLARS, dtype=torch.float32)
    clearance = torch.cdist(next_state.position.unsqueeze(1), pillars).squeeze(1)
    depth = torch.clamp(_RADIUS - clearance, min=0.0) / _RADIUS
    return torch.max(depth, dim=-1)[0]


FORMULA = "10 * potential(landmark) + 0.1 * choice - 2 * collision"
