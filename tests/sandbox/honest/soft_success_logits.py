"""Success as a soft probability: logits of the separate conditions, then their log-likelihood."""

import torch
import torch.nn.functional as F


def _logit_near(s):
    gap = torch.norm(s.goal - s.position, p=2, dim=-1)
    return 6.0 * (0.4 - gap).clamp(-2.0, 2.0)


def _logit_tall(s):
    return torch.special.logit(torch.sigmoid(4.0 * (s.height - 0.8)), eps=1e-4)


def both(state, action, next_state):
    """Log-probability that both conditions hold, bounded below."""
    total = F.logsigmoid(_logit_near(next_state)) + F.logsigmoid(_logit_tall(next_state))
    return torch.clamp_min(total, -8.0) / 8.0


def either(state, action, next_state):
    """Probability of near or tall."""
    near = torch.special.expit(_logit_near(next_state))
    tall = _logit_tall(next_state).sigmoid()
    return near + tall - near * tall


def weakest(state, action, next_state):
    """Soft minimum of both logits, squashed."""
    logits = torch.stack([_logit_near(next_state), _logit_tall(next_state)], dim=-1)
    softest = -torch.logsumexp(-logits, dim=-1)
    return torch.tanh(softest / 4)


FORMULA = "both + either + 0.5 * par(weakest, 0.2, 3) + 0.1 * lsc(weakest, 0)"
