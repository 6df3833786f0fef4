"""Tests of the rules that a reward file must keep."""

from __future__ import annotations

import ast

import pytest
from attack_rewards import ATTACKS, component
from honest_rewards import HONEST

from autoreward.assets import asset_root
from autoreward.errors import RewardFileError
from autoreward.rewards import vocabulary
from autoreward.rewards.rules import check_rules, violations
from autoreward.rewards.source import parse_reward


@pytest.mark.parametrize("name", HONEST)
def test_honest_files_pass(name: str) -> None:
    """What people and language models write for rewards keeps the rules."""
    assert check_rules(ast.parse(HONEST[name])) == []


def test_packaged_rewards_pass() -> None:
    """Every reward file of the environments that come with the package keeps the rules."""
    files = [*asset_root("envs").glob("*/expert*.py"), *asset_root("envs").glob("*/sparse*.py")]
    assert len(files) >= 10
    for path in files:
        assert check_rules(ast.parse(path.read_text())) == [], path


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused(name: str) -> None:
    """Each attack is refused, with a sentence that names it and the line."""
    text, word = ATTACKS[name]
    with pytest.raises(RewardFileError) as refused:
        parse_reward(text)
    assert refused.value.line
    assert refused.value.code in ("forbidden", "unknown-name")
    sentences = [violation.sentence for violation in violations(ast.parse(text))]
    assert any(word in sentence for sentence in sentences), sentences


def test_every_violation_is_reported_with_line_and_fix() -> None:
    """A file with three broken rules gives three findings, in the order of the file."""
    text = "import os\n" + component("print(action)", "x = torch.load('f')")
    findings = check_rules(ast.parse(text))
    assert [finding.evidence for finding in findings] == ["line 1", "line 3", "line 4"]
    assert all(finding.severity == "error" and finding.suggestion for finding in findings)


def test_one_broken_rule_is_one_finding() -> None:
    """A file that is right but for one word is told of that word only."""
    text = component("x = torch.exp(next_state.height).numpi()")
    assert [finding.message for finding in check_rules(ast.parse(text))] == [
        "the method 'numpi' is not available"
    ]


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("x = tolerence(next_state.height)", "'tolerance'"),
        ("x = torch.expp(next_state.height)", "'exp'"),
        ("x = next_state.height.clampp(0)", "'clamp'"),
        ("x = _limitt(next_state.height)", "'_limit'"),
    ],
)
def test_misspelt_names_are_told_the_right_one(line: str, near: str) -> None:
    """A misspelt function gets the nearest one that exists."""
    text = "def _limit(x):\n    return x\n\n" + component(line)
    assert any(near in violation.fix for violation in violations(ast.parse(text)))


def test_file_without_return_is_refused() -> None:
    """A function that cannot return anything is found before it is run."""
    text = "def a(state, action, next_state):\n    x = next_state.height\n"
    assert [v.code for v in violations(ast.parse(text))] == ["missing-return"]
    text = component("if True:", "    return")
    assert [v.code for v in violations(ast.parse(text))] == ["missing-return"]


def test_duplicate_names_are_refused() -> None:
    """Two components of one name are refused, with both lines."""
    found = violations(ast.parse(component() + component()))
    assert [(v.code, v.line) for v in found] == [("duplicate", 4)]
    assert "line 1" in found[0].what


def test_unused_helpers_keep_the_rules_too() -> None:
    """A helper left over may read fields of its parameter, and still not open files."""
    left = "def _speed(s):\n    return s.speed + s.height.abs()\n\n"
    assert violations(ast.parse(left + component())) == []
    assert violations(ast.parse(left.replace("s.speed", "open(s)") + component()))
    assert violations(ast.parse(left.replace("s.speed", "s.__class__") + component()))
    assert violations(ast.parse(left.replace("s.speed", "sum(s.numpy())") + component()))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("def _speed():\n    return next_state.speed\n\n" + component(), "'next_state'"),
        ("def _speed():\n    return next_state.speed.abs()\n\n" + component(), "'next_state'"),
        ("def _speed():\n    return next_state.abs()\n\n" + component(), "'next_state'"),
        ("def _speed():\n    return state\n\n" + component("x = _speed()"), "'state'"),
    ],
)
def test_a_state_that_is_not_handed_over_is_named(text: str, word: str) -> None:
    """A helper that uses the state without having it is told so, and not of tensor attributes."""
    found = violations(ast.parse(text))
    assert [v.code for v in found] == ["unknown-name"]
    assert word in found[0].what
    assert "parameter" in found[0].fix


def test_a_public_helper_is_told_to_be_private() -> None:
    """What is wrong with `def speed(s)` is its name, not what it does with s."""
    with pytest.raises(RewardFileError, match="call it _speed") as refused:
        parse_reward("def speed(s):\n    t = s\n    return t.speed\n\n" + component())
    assert refused.value.code == "signature"


def test_memory_serves_as_a_dict_only() -> None:
    """Memory can be read and written by key; it cannot be aliased or returned."""
    head = "def a(state, action, next_state, memory):\n"
    good = 'memory["x"] = action\n    y = memory.get("x", action)\n    return y[:, 0]\n'
    assert violations(ast.parse(f"{head}    {good}")) == []
    for bad in ("m = memory", "memory.clear()", "memory = {}", "x = [memory]"):
        text = f"{head}    {bad}\n    return action[:, 0]\n"
        assert violations(ast.parse(text)), bad


def test_large_file_is_refused_quickly() -> None:
    """A file of thousands of statements gets one finding."""
    text = component(*["x = (1, 2, 3, 4, 5, 6, 7, 8, 9)"] * 2000)
    found = violations(ast.parse(text))
    assert [violation.what for violation in found] == ["the file is too large"]
    assert 1200 < found[0].line < 1900, "the line where it becomes too large"


def test_allowed_words_exist() -> None:
    """Every word of the allow-lists names something in torch, math or the helpers."""
    import torch

    from autoreward.rewards import helpers

    for path, names in vocabulary.TORCH_MODULES.items():
        module = torch
        for part in path.split(".")[1:]:
            module = getattr(module, part)
        assert [name for name in names if not callable(getattr(module, name, None))] == []
    words = vocabulary.TENSOR_METHODS | vocabulary.TENSOR_PROPERTIES - {"values", "indices"}
    assert [name for name in words if not hasattr(torch.Tensor, name)] == []
    assert [name for name in vocabulary.HELPERS if not hasattr(helpers, name)] == []
    assert [name for name in words | vocabulary.TORCH_FUNCTIONS if name.endswith("_")] == []
