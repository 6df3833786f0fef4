"""Share the load: the entropy of the motors' effort, and its divergence from a wanted split."""

import math

import torch
import torch.nn.functional as F

_LOG3 = math.log(3.0)
WANTED = (0.5, 0.3, 0.2)


def _shares(u):
    """Shares of the motors in the effort, [B, 3], summing to 1."""
    load = torch.square(u) + 1e-3
    return torch.true_divide(load, load.sum(dim=-1, keepdim=True))


def balance(state, action, next_state):
    """Entropy of the shares over its maximum, in (0, 1]."""
    p = _shares(action)
    return -torch.special.xlogy(p, p).sum(dim=-1) / _LOG3


def bits(state, action, next_state):
    """The same in bits, of a softmax of the joints' speeds."""
    logits = next_state.joint_velocity.abs()
    p = torch.softmax(logits, dim=-1)
    return -(p * torch.log2(p.clamp(min=1e-12))).sum(dim=-1) / math.log2(3)


def split(state, action, next_state):
    """Kullback-Leibler divergence of the shares from the wanted ones, >= 0."""
    wanted = torch.tensor(WANTED).expand(action.shape)
    return F.kl_div(_shares(action).log(), wanted, reduction="none").sum(dim=-1)


def surprise(state, action, next_state):
    """-log of the share of the motor that belongs to the fastest joint."""
    fastest = next_state.joint_velocity.abs().argmax(dim=-1, keepdim=True)
    log_shares = torch.log_softmax(4.0 * action, dim=-1)
    return -log_shares.take_along_dim(fastest, dim=-1).squeeze(-1)


def lazy(state, action, next_state):
    """Weight of the least used motor under a softmin."""
    return F.softmin(action.abs(), dim=-1).max(dim=-1).values


FORMULA = "balance + 0.1 * bits - 0.1 * split - 0.02 * surprise - 0.05 * lazy"
