"""Tests of the functions in scope of every reward file."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from autoreward.rewards import helpers
from autoreward.rewards.helpers import bell, distance, inf, norm, tolerance
from autoreward.rewards.vocabulary import HELPERS, describe_helpers


def test_tolerance_values() -> None:
    """1 inside, value_at_margin at the margin, its fourth power at twice the margin."""
    x = torch.tensor([0.9, 1.0, 1.5, 2.0, 2.5, 3.0, 0.0])
    values = tolerance(x, lower=1.0, upper=2.0, margin=0.5)
    expected = [0.1**0.04, 1.0, 1.0, 1.0, 0.1, 0.1**4, 0.1**4]
    torch.testing.assert_close(values, torch.tensor(expected))


def test_tolerance_without_margin_is_a_step() -> None:
    """With margin 0 it is an indicator of the closed interval."""
    values = tolerance(torch.tensor([-0.1, 0.0, 0.1]), lower=0.0, upper=0.0)
    assert values.tolist() == [0.0, 1.0, 0.0]
    assert values.dtype == torch.float32


def test_tolerance_with_open_bounds_is_finite() -> None:
    """Infinite bounds give no NaN, also far away."""
    x = torch.tensor([-1e30, 0.0, 1e30])
    values = tolerance(x, lower=1.0, upper=inf, margin=2.0)
    assert torch.isfinite(values).all()
    assert values[2] == 1.0
    assert tolerance(x, lower=-inf, upper=inf, margin=1.0).tolist() == [1.0, 1.0, 1.0]


def test_tolerance_takes_masks_and_counts() -> None:
    """Bool and integer tensors count as numbers."""
    assert tolerance(torch.tensor([True, False]), 1.0, 1.0).tolist() == [1.0, 0.0]
    assert tolerance(torch.tensor([3]), 1.0, 2.0, margin=1.0).item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lower": 1.0, "upper": 0.0}, "lower <= upper"),
        ({"margin": -1.0}, "margin"),
        ({"margin": 1.0, "value_at_margin": 0.0}, "value_at_margin"),
        ({"margin": 1.0, "value_at_margin": 1.0}, "value_at_margin"),
    ],
)
def test_tolerance_refuses_bad_bounds(options: dict[str, float], word: str) -> None:
    """Bounds that make no sense are an error that names them."""
    with pytest.raises(ValueError, match=word):
        tolerance(torch.zeros(2), **options)


def test_bell_is_a_gaussian() -> None:
    """1 at 0, exp(-1/2) at sigma, symmetric."""
    values = bell(torch.tensor([-2.0, 0.0, 2.0]), sigma=2.0)
    torch.testing.assert_close(values, torch.tensor([math.exp(-0.5), 1.0, math.exp(-0.5)]))
    with pytest.raises(ValueError, match="sigma"):
        bell(torch.zeros(2), sigma=0.0)


def test_distance_and_norm_reduce_the_last_dimension() -> None:
    """3-4-5 triangles, row by row."""
    a = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    b = torch.tensor([[3.0, 4.0], [1.0, 1.0]])
    assert distance(a, b).tolist() == [5.0, 0.0]
    assert norm(b[:1]).tolist() == [5.0]
    assert distance(torch.zeros(4, 7, 3), torch.ones(3)).shape == (4, 7)


def test_descriptions_match_the_functions() -> None:
    """Every helper is described with its real signature, and nothing else is in scope."""
    for name, helper in HELPERS.items():
        value = getattr(helpers, name)
        if callable(value):
            names = list(inspect.signature(value).parameters)
            written = helper.signature.removeprefix(f"{name}(").removesuffix(")").split(", ")
            assert [part.partition("=")[0] for part in written] == names
    public = {n for n, v in vars(helpers).items() if inspect.isfunction(v) and n[0] != "_"}
    assert public | {"inf", "pi"} == set(HELPERS)
    assert len(describe_helpers().splitlines()) == len(HELPERS)
