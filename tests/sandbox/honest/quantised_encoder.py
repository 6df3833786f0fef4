"""The real robot's encoder has 24 teeth a turn: pay what it can tell apart, and no more."""

import math

import torch

TEETH = 24
TOOTH = math.tau / TEETH  # rad
_ROUNDED = math.floor(math.degrees(TOOTH))  # 15 degrees
_MISSED = math.fmod(360.0, 7.0)


def teeth_from_upright(state, action, next_state):
    """Whole teeth between the pitch and upright, over the quarter turn; 0 to 1 and beyond."""
    return torch.floor(next_state.pitch.abs() / TOOTH) / math.ceil(TEETH / 4)


def moved_forward(state, action, next_state):
    """Whole centimetres gained, towards zero, per 5 cm."""
    gained = (next_state.position - state.position)[:, 0] * 100.0
    return torch.trunc(gained).clamp(-5, 5) / 5.0


def inside_tooth(state, action, next_state):
    """0 at a tooth, up to 1 half way between two."""
    part = torch.frac(next_state.pitch.abs() / TOOTH)
    return 1.0 - (2.0 * part - 1.0).abs()


def coarse_height(state, action, next_state):
    """Height in steps of 10 cm: rounded, not cut off."""
    return torch.round(next_state.height, decimals=1)


def quantised_effort(state, action, next_state):
    """Actions as the DAC sees them (8 steps each way), rounded up by size."""
    steps = torch.ceil(action.abs() * 8.0)
    return steps.mean(dim=-1).div(8.0)


def stance(state, action, next_state):
    """1 where the sensor's level is above a half; a half exactly at the threshold."""
    return torch.heaviside(next_state.contact - 0.5, torch.tensor(0.5))


def phase_in_turn(state, action, next_state):
    """Sawtooth of the pitch over a turn, in (-1, 1)."""
    return torch.fmod(next_state.pitch, math.tau) / math.tau


def window(state, action, next_state):
    """Number of the 0.25 m window along x, counted from the start, at most 4 by size."""
    return torch.floor_divide(next_state.position[:, 0], 0.25).fix().clamp(-4.0, 4.0)


FORMULA = (
    "-0.5 * teeth_from_upright + moved_forward + 0.05 * inside_tooth + 0.3 * coarse_height"
    " - 0.05 * quantised_effort + 0.1 * stance + 0.01 * phase_in_turn + 0.05 * window"
)
