"""Helpers that build on each other."""

import torch

_UP = 0.8


def _unit(vector, eps=1e-6):
    """The direction of a vector."""
    return vector / (norm(vector).unsqueeze(-1) + eps)


def _offset(s):
    return s.goal - s.position


def _toward(s):
    return _unit(_offset(s))


def _planar_distance(s):
    return norm(_offset(s)[..., :2])


def heading(state, action, next_state):
    moved = next_state.position - state.position
    return (_unit(moved) * _toward(state)).sum(dim=-1)


def approach(state, action, next_state):
    return _planar_distance(state) - _planar_distance(next_state)


def up(state, action, next_state):
    return (next_state.height > _UP).float()


FORMULA = "heading + 5 * approach + 0.1 * up"
