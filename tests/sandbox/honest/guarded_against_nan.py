"""Everything is guarded: simulators do explode, and a NaN in the reward ends a night's run."""

import torch

_EPS = 1e-8
_LARGE = 1e3


def _safe(x):
    """Finite and bounded."""
    return torch.nan_to_num(x, nan=0.0, posinf=_LARGE, neginf=-_LARGE).clamp(-_LARGE, _LARGE)


def direction(state, action, next_state):
    """Cosine between motion and goal, 0 where either has no length."""
    motion = _safe(next_state.position - state.position)
    offset = _safe(state.goal - state.position)
    lengths = motion.norm(dim=-1) * offset.norm(dim=-1)
    cosine = (motion * offset).sum(dim=-1) / lengths
    return torch.where(torch.isfinite(cosine), cosine, torch.zeros_like(cosine)).clamp(-1, 1)


def mean_ratio(state, action, next_state):
    """Velocity per action, mean over the motors that are driven at all."""
    ratio = next_state.joint_velocity / action
    usable = torch.where(action.abs() < 0.05, torch.full_like(ratio, torch.nan), ratio)
    mean = torch.nanmean(usable, dim=-1)
    return torch.tanh(mean.masked_fill(mean.isnan(), 0.0))


def driven_speed(state, action, next_state):
    """Summed speed of the joints whose motors push."""
    speeds = next_state.joint_velocity.abs().masked_fill(action.abs() < 0.05, torch.nan)
    return torch.nansum(speeds, dim=-1).clip(max=10.0) / 10.0


def log_gap(state, action, next_state):
    """-log of the squared distance, finite at the goal."""
    gap = (next_state.goal - next_state.position).square().sum(dim=-1)
    value = -torch.log(gap + _EPS)
    return torch.clamp_max(value.where(~torch.isinf(value), value.new_full((), 5.0)), 5.0)


def sane(state, action, next_state):
    """1 unless any reading is absurd."""
    readings = torch.column_stack((next_state.height, next_state.speed, next_state.pitch))
    return (torch.isfinite(readings) & readings.abs().less(2.0)).all(dim=-1)


FORMULA = "sane * (direction + 0.05 * mean_ratio + 0.02 * driven_speed) + 0.1 * log_gap"
