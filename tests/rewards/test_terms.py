"""A formula as a weighted sum: nothing of its value is lost, and equal rewards look equal."""

from __future__ import annotations

import pytest
import torch

from autoreward.rewards.evaluate import Signals, evaluate
from autoreward.rewards.formula import Formula, parse_formula
from autoreward.rewards.terms import (
    gate_thresholds,
    numbers_of,
    outside_gates,
    reductions,
    renamed,
    scale_free,
    summands,
    weighted_sum,
    with_numbers,
)

FORMULAS = (
    "a",
    "-a",
    "a - b",
    "2 * (a - b) - c / 4",
    "gate(a, 0.5) * 0.3 * tanh(2 * b) - 0.1 * c",
    "-gate(a, 0.1) * b + c",
    "-(a + b) * c + 0.5",
    "a * 0.3 * (2 * b) - -0.5 * c",
    "b / (2 * a) + 3 / c",
    "10 * potential(0.7 * a + 0.3 * b) + c * (0.3 + 0.7 * gate(b, 0.5))",
    "-2 * (a - (b - 3 * (c + 1)))",
    "0 * a + b",
    "minimum(a, 2 * b, c) - krc(a, b)",
)


def value(formula: Formula) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    draws = torch.rand((2, 3, 5, 2), generator=generator) + 0.01
    now, before = (dict(zip("abc", draw, strict=True)) for draw in draws)
    ended = torch.zeros((5, 2), dtype=torch.bool)
    return evaluate(formula, Signals(now, before, ended, 0.9))


@pytest.mark.parametrize("text", FORMULAS)
def test_the_sum_of_the_terms_is_the_formula(text: str) -> None:
    """Taken apart and put together it has the same value, and stays as it then is."""
    formula = parse_formula(text)
    again = weighted_sum(summands(formula))
    assert torch.allclose(value(again), value(formula), atol=1e-5)
    assert weighted_sum(summands(again)) == again


def test_terms_are_written_as_people_do() -> None:
    """Weights of 1 are left out, signs stand in front, weights after gates."""
    for text in ("a - b", "-a + 0.5 * b", "gate(a, 0.5) * 0.3 * b - c", "-gate(a, 0.5) * b", "0.5"):
        assert str(weighted_sum(summands(parse_formula(text)))) == text
    with pytest.raises(ValueError, match="needs a term"):
        weighted_sum(())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a - b", "3 * a - 3 * b", True),
        ("a - b", "0.5 * (a - b)", True),
        ("a + b", "b + a", True),
        ("a * (0.3 + 0.7 * b)", "a * (0.6 + 1.4 * b)", True),
        ("10 * potential(0.7 * a)", "potential(a)", True),
        ("potential(-a)", "potential(-2 * a)", True),
        ("a", "-a", False),
        ("a - b", "a - 2 * b", False),
        ("a + c * (0.3 + 0.7 * b)", "a + c * (0.6 + 1.4 * b)", False),
        ("tanh(a)", "tanh(2 * a)", False),
        ("potential(-a)", "potential(a)", False),
        ("a", "a + 1", False),
    ],
)
def test_a_common_factor_means_nothing(one: str, other: str, same: bool) -> None:
    """Formulas are alike that differ by a positive factor, wherever it stands, or in order."""
    assert (scale_free(parse_formula(one)) == scale_free(parse_formula(other))) == same


def test_numbers_are_found_and_replaced_in_order() -> None:
    """Signs belong to them; thresholds of gates on one component are known."""
    root = parse_formula("gate(a, 0.5) * clip(b, -1, 2) + gate(a + b, 3) * bell(c - 4, 5)").root
    assert numbers_of(root) == (0.5, -1.0, 2.0, 3.0, 4.0, 5.0)
    assert gate_thresholds(root) == {0: "a"}
    changed = with_numbers(root, [float(i) for i in range(10, 16)])
    assert numbers_of(changed) == (10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
    assert outside_gates(root) == {"b", "c"}
    assert str(Formula(renamed(root, {"a": "x"}))).count("x") == 2


@pytest.mark.parametrize(
    ("text", "rests"),
    [
        ("a", set()),
        ("0.5 * a + 2", set()),
        ("a + b - c", {"b - c", "a - c", "a + b"}),
        ("a * b * 2 * c", {"b * 2 * c", "a * 2 * c", "a * b * 2"}),
        ("a * (0.3 + 0.7 * b)", {"a", "0.3 + 0.7 * b"}),
        ("tanh(a - b)", {"tanh(-b)", "tanh(a)"}),
        ("product(a, b, c)", {"product(b, c)", "product(a, c)", "product(a, b)"}),
        ("a / b", {"a"}),
    ],
)
def test_one_piece_less(text: str, rests: set[str]) -> None:
    """Every term and factor with a component can go, at any depth, but for the last."""
    found = [str(Formula(reduction.rest)) for reduction in reductions(parse_formula(text).root)]
    assert set(found) == rests
    assert len(found) == len(rests)
