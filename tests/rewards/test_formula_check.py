"""The type rules of formulas."""

from __future__ import annotations

import pytest

from autoreward.findings import has_error
from autoreward.rewards.formula import check_formula, parse_formula

COMPONENTS = {
    "forward": frozenset({"next_state"}),
    "upright": frozenset({"next_state"}),
    "constant": frozenset[str](),
    "effort": frozenset({"action"}),
    "delta": frozenset({"state", "next_state"}),
    "streak": frozenset({"next_state", "memory"}),
}


@pytest.mark.parametrize(
    "text",
    [
        "forward",
        "gate(upright, 0.5) * forward + 0.2 * upright - 0.05 * effort",
        "clip(forward, -1, 1) + tanh(delta) + sigmoid(effort) + sign(streak)",
        "bell(forward - 1.5, 0.5) + tiers(upright, 0.1, 1, 0.5, 0.5, 0) + tiers(upright, 0, 1, -1)",
        "par(forward, 2) + par(forward, -2, 3) + lsc(upright, 0.8) + normalize(effort)",
        "krc(forward, upright, 0.5) + product(forward, upright) + minimum(forward, 1)",
        "progress(forward, upright, 1 - effort)",
        "0.1 * potential(tanh(forward) + upright / 2 - constant) + effort",
        "forward - potential(upright) / 4 - (1 - 3) * -potential(forward)",
        "forward / (effort - 1)",
        "0 * forward + 1e-9 * upright",
    ],
)
def test_good_formulas_have_no_findings(text: str) -> None:
    """Every function in each accepted form passes."""
    assert check_formula(parse_formula(text), COMPONENTS) == []


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("forwrad", "unknown-name", "did you mean 'forward'?"),
        ("zzz", "unknown-name", "known: constant"),
        ("klip(forward, 0, 1)", "unknown-name", "did you mean 'clip'?"),
        ("forward(1)", "unknown-name", "write forward alone"),
        ("forward + tanh", "unknown-name", "write tanh(x)"),
        ("clip(forward, 0)", "formula", "write clip(x, low, high)"),
        ("clip()", "formula", "does not take 0 arguments"),
        ("tanh(forward, 1)", "formula", "write tanh(x)"),
        ("krc(forward)", "formula", "write krc(a, b, …)"),
        ("progress(forward)", "formula", "write progress(p, q1, …)"),
        ("potential()", "formula", "write potential(phi)"),
        ("potential(forward, upright)", "formula", "write potential(phi)"),
        ("par(forward)", "formula", "write par(x, ref[, k])"),
        ("par(forward, 1, 2, 3)", "formula", "write par(x, ref[, k])"),
        ("tiers(forward, 1)", "formula", "write tiers("),
        ("tiers(forward, 1, 2)", "formula", "write tiers("),
        ("tiers(forward, 1, 2, 3, 4)", "formula", "write tiers("),
        ("clip(forward, upright, 1)", "formula", "argument 2 of clip must be a plain number"),
        ("gate(forward, upright)", "formula", "argument 2 of gate must be a plain number"),
        ("bell(forward, 1 / 3)", "formula", "argument 2 of bell must be a plain number"),
        ("tiers(forward, 1, upright, 0)", "formula", "argument 3 of tiers"),
        ("clip(forward, 1, 1)", "formula", "low must be smaller than high"),
        ("clip(forward, 1, -1)", "formula", "low must be smaller than high"),
        ("bell(forward, 0)", "formula", "sigma must be greater than 0"),
        ("bell(forward, -1)", "formula", "sigma must be greater than 0"),
        ("par(forward, 0, 0)", "formula", "k must be greater than 0"),
        ("par(forward, 0, -1)", "formula", "k must be greater than 0"),
        ("tiers(forward, 1, 1, 1, 0.5, 0)", "formula", "the edges must ascend"),
        ("tiers(forward, 2, 1, 1, 0.5, 0)", "formula", "the edges must ascend"),
        ("potential(effort)", "formula", "effort reads action"),
        ("potential(tanh(delta))", "formula", "delta reads state"),
        ("potential(forward * streak)", "formula", "streak reads memory"),
        ("potential(potential(forward))", "formula", "potential cannot stand inside potential"),
        ("potential(1 + 2 * potential(forward))", "formula", "cannot stand inside potential"),
        ("potential(normalize(forward))", "formula", "normalize cannot stand inside potential"),
        ("forward / 0", "formula", "division by zero"),
        ("forward / -0.0", "formula", "division by zero"),
        ("forward / (2 - 1 - 1)", "formula", "division by zero"),
        ("forward / -(1 - 1)", "formula", "division by zero"),
        ("forward / 1e-7", "formula", "division by zero"),
        ("1e10 * forward", "formula", "too large or too small"),
        ("1e-10 * forward", "formula", "too large or too small"),
        ("bell(forward, 1e-300)", "formula", "too large or too small"),
        ("1", "formula", "uses no component"),
        ("tanh(2) - 3 / 4", "formula", "uses no component"),
    ],
)
def test_bad_formulas(text: str, code: str, part: str) -> None:
    """Each broken rule gives an error that names it and says what to write."""
    findings = check_formula(parse_formula(text), COMPONENTS)
    assert has_error(findings)
    assert any(f.code == code and part in str(f) for f in findings), findings


def test_all_problems_are_reported_once() -> None:
    """Several mistakes come in order of appearance, a repeated one only once."""
    findings = check_formula(parse_formula("wrong * tahn(forward) + wrong / 0"), COMPONENTS)
    assert [finding.evidence for finding in findings] == ["wrong", "tahn(forward)", "wrong / 0"]


@pytest.mark.parametrize(
    "text",
    [
        "forward * potential(upright)",
        "gate(forward, 0) * potential(upright)",
        "tanh(potential(upright)) + forward",
        "1 / potential(forward)",
        "normalize(potential(forward) + upright)",
    ],
)
def test_misplaced_shaping_is_warned_of(text: str) -> None:
    """Shaping that is scaled by a signal or squashed has no guarantee left; it is still allowed."""
    findings = check_formula(parse_formula(text), COMPONENTS)
    assert [(finding.code, finding.severity) for finding in findings] == [("shaping", "warning")]
