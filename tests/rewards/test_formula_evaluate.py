"""Evaluation of formulas on tensors: arithmetic, shapes, moments."""

from __future__ import annotations

import pytest
import torch

from autoreward.errors import RewardFileError
from autoreward.rewards.evaluate import Moments, Signals, evaluate, needs_state_values
from autoreward.rewards.formula import Binary, Component, Formula, Number, Unary, parse_formula


def signals(shape: tuple[int, ...] = (4, 3)) -> Signals:
    """Return random signals a, b with values at the state before."""
    generator = torch.Generator().manual_seed(0)
    a, b, c, d = (torch.randn(shape, generator=generator) for _ in range(4))
    ended = torch.zeros(shape, dtype=torch.bool)
    return Signals({"a": a, "b": b}, {"a": c, "b": d}, ended, 0.9)


def test_arithmetic_agrees_with_torch() -> None:
    """Operators, precedence and signs give what the same expression gives in torch."""
    given = signals()
    a, b = given.components["a"], given.components["b"]
    value = evaluate(parse_formula("2 * a - b / (a - 3) - -b * (a + 0.5)"), given)
    assert torch.allclose(value, 2 * a - b / (a - 3) + b * (a + 0.5), atol=1e-6)


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("text", ["3", "-(2 - 1)", "tanh(0.5)", "normalize(2)", "a", "0 * a + 1"])
def test_the_result_has_the_full_shape(text: str, shape: tuple[int, ...]) -> None:
    """Even a formula of numbers alone pays every transition, in float32."""
    value = evaluate(parse_formula(text), signals(shape))
    assert value.shape == shape
    assert value.dtype == torch.float32
    assert value.is_contiguous()


def test_the_result_is_no_alias() -> None:
    """Writing to the reward changes no component."""
    given = signals()
    kept = given.components["a"].clone()
    evaluate(parse_formula("a"), given).fill_(7)
    assert torch.equal(given.components["a"], kept)


def test_division_is_protected() -> None:
    """A divisor near zero counts as one millionth with its sign; others are exact."""
    x = torch.tensor([0.0, -0.0, 1e-9, -1e-9, 1e-6, 2.0, -4.0])
    given = Signals({"x": x}, {}, torch.zeros(7, dtype=torch.bool), 0.9)
    value = evaluate(parse_formula("1 / x"), given)
    assert value.tolist() == pytest.approx([1e6, 1e6, 1e6, -1e6, 1e6, 0.5, -0.25])


def test_potential_sees_both_states_and_termination() -> None:
    """gamma * phi(s') - phi(s), where phi is an expression and 0 in terminal states."""
    given = signals()
    given.terminated[1, 2] = True
    value = evaluate(parse_formula("potential(a * b + 1)"), given)
    after = given.components["a"] * given.components["b"] + 1
    after[1, 2] = 0
    before = given.at_state["a"] * given.at_state["b"] + 1
    assert torch.allclose(value, 0.9 * after - before, atol=1e-6)


def test_state_values_are_asked_for_inside_potential_only() -> None:
    """Only the components of a potential are needed at the state before."""
    text = "a + 2 * potential(b + tanh(c)) - potential(d) * e"
    assert needs_state_values(parse_formula(text)) == {"b", "c", "d"}
    assert needs_state_values(parse_formula("a + tanh(b)")) == frozenset()


def test_missing_components_are_named() -> None:
    """A name without values is an error with the nearest one, at either state."""
    given = signals()
    with pytest.raises(RewardFileError, match="'aa'; did you mean 'a'"):
        evaluate(parse_formula("aa"), given)
    given.at_state = {}
    with pytest.raises(RewardFileError, match="no values of component 'a'"):
        evaluate(parse_formula("potential(a)"), given)


@pytest.mark.parametrize("text", ["nothing(a)", "clip(a, 0)", "normalize(a, b)", "potential()"])
def test_unchecked_calls_are_refused(text: str) -> None:
    """A formula that never saw the type rules fails with the formula's error."""
    with pytest.raises(RewardFileError, match="no function"):
        evaluate(parse_formula(text), signals())


def test_moments_merge_batches() -> None:
    """Batches of different sizes give the mean and variance of all their numbers."""
    generator = torch.Generator().manual_seed(4)
    batches = [torch.randn(n, 2, generator=generator) * n + 1000 for n in (1, 7, 40, 3)]
    moments = Moments()
    for batch in batches:
        moments.update(batch)
    moments.update(torch.zeros(0))
    everything = torch.cat(batches).to(torch.float64)
    assert moments.count == everything.numel()
    assert moments.mean == pytest.approx(float(everything.mean()))
    assert moments.m2 / moments.count == pytest.approx(float(everything.var(correction=0)))


def test_moments_survive_a_checkpoint() -> None:
    """The tensor form gives equal moments back."""
    moments = Moments()
    moments.update(torch.tensor([1.0, 2.0, 4.5]))
    saved = moments.to_tensor()
    assert (saved.shape, saved.dtype) == ((3,), torch.float64)
    assert Moments.from_tensor(saved) == moments


def test_moments_are_kept_by_expression() -> None:
    """Each normalised expression has its own moments, and takes a batch in once per evaluation."""
    given = signals()
    text = "normalize(a) + 2 * normalize(a) - normalize(a + b)"
    evaluate(parse_formula(text), given)
    assert set(given.moments) == {"normalize(a)", "normalize(a + b)"}
    assert given.moments["normalize(a)"].count == 12
    evaluate(parse_formula(text), given)
    assert given.moments["normalize(a)"].count == 24


def test_resuming_moments_changes_nothing() -> None:
    """Saving and loading moments between batches gives bit-equal rewards."""
    formula = parse_formula("normalize(a * b)")
    straight, resumed = signals(), signals()
    for _ in range(3):
        moments = {k: Moments.from_tensor(m.to_tensor()) for k, m in resumed.moments.items()}
        resumed.moments = moments
        assert torch.equal(evaluate(formula, straight), evaluate(formula, resumed))


def test_folding_of_signs_keeps_the_value() -> None:
    """A tree built by hand and the text it prints pay the same."""
    tree = Formula(Binary("-", Component("a"), Unary("-", Unary("-", Number(2)))))
    assert str(tree) == "a - 2"
    given = signals()
    assert torch.equal(evaluate(tree, given), given.components["a"] - 2)
