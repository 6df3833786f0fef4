"""Tests of the bound on the work of one call, counted without running it."""

from __future__ import annotations

import ast
import time

import pytest
from attack_rewards import component
from honest_rewards import HONEST

from autoreward.errors import RewardFileError
from autoreward.rewards.rules import violations
from autoreward.rewards.source import parse_reward
from autoreward.rewards.violations import Violation


def found(text: str) -> list[Violation]:
    """Return a file's violations."""
    return violations(ast.parse(text))


def chain(length: int, body: str) -> str:
    """Return helpers that call the next one; `{}` in the body stands for its name."""
    helpers = [f"def _f{i}(x):\n{body.format(f'_f{i + 1}')}\n    return x\n" for i in range(length)]
    return "\n".join([*helpers, f"def _f{length}(x):\n    return x + 1.0\n\n"])


NESTED = "    for i in range(60):\n        for j in range(60):\n            x = {}(x)"
TWICE = "    x = {0}(x) + {0}(x)"


@pytest.mark.parametrize(
    ("helpers", "word"),
    [
        (chain(3, NESTED), "_f1 can come to"),
        (chain(20, TWICE), "can come to"),
        (chain(60, TWICE), "chain of more than 50"),
        (chain(60, "    x = {}(x)"), "chain of more than 50"),
        (chain(1200, "    x = {}(x)"), "chain of more than 50"),
        (chain(3, "    x = sum([{}(x) for i in range(60) for j in range(60)])"), "_f1 can come to"),
        (chain(3, "    x = sum({}(x) for i in range(60) for j in range(60))"), "_f1 can come to"),
        (
            chain(6, "    for i in (1, 2, 3, 4, 5, 6, 7, 8, 9):\n        x = {}(x)"),
            "_f1 can come to",
        ),
        (chain(9, "    if 1:\n        x = {0}({0}({0}(x)))\n    x = {0}({0}(x))"), "can come to"),
    ],
)
def test_helpers_that_multiply_are_refused(helpers: str, word: str) -> None:
    """Loops and calls that are short each for itself are counted through the helpers."""
    text = helpers + component("x = _f0(action)")
    started = time.monotonic()
    with pytest.raises(RewardFileError) as refused:
        parse_reward(text)
    assert time.monotonic() - started < 2.0
    assert refused.value.code == "forbidden"
    assert refused.value.line
    assert [v.what for v in found(text) if word in v.what], found(text)


def test_the_function_that_is_too_much_is_named_once() -> None:
    """Those who call it are not blamed, and the sentence says what to do."""
    (violation,) = found(chain(3, NESTED).replace("_f2", "_two") + component("x = _f0(action)"))
    assert violation.what.startswith("one call of _f1 can come to")
    assert "batched torch" in violation.fix
    assert violation.line == 7


@pytest.mark.parametrize(
    "lines",
    [
        ["for i in range(200):", "    for j in range(200):", "        x = action + 1.0"],
        ["x = [[i * j for i in range(100)] for j in range(100)]"],
        ["xs = []", "for i in range(200):", "    xs.append(i * 1.0)", "x = sum(y for y in xs)"],
    ],
)
def test_work_within_the_bound_is_accepted(lines: list[str]) -> None:
    """The longest loops that the rules for loops allow may hold a little work."""
    assert found(component(*lines)) == []


@pytest.mark.parametrize(
    "lines",
    [
        [
            "for i in range(200):",
            "    for j in range(200):",
            "        x = (action + 1.0) * 2.0 - action * 3.0",
            "        y = (x + 1.0) * 2.0 - x * 3.0",
        ],
        ["x = [sum(k * 1.0 for k in range(100)) for i in range(99) for j in range(99)]"],
        [
            "xs = []",
            "for i in range(150):",
            "    for j in range(150):",
            "        xs.append(i)",
            "for a in xs:",
            "    for b in xs:",
            "        x = a",
        ],
        [
            "xs = [i for i in range(150)]",
            "for a in range(150):",
            "    for b in range(150):",
            "        x = sum(xs)",
        ],
        [
            "d = {'a': 1.0, 'b': 2.0}",
            "d['c'] = 3.0",
            "for i in range(200):",
            "    for j in range(200):",
            "        x = [v for v in d.values()]",
        ],
    ],
)
def test_work_beyond_the_bound_is_refused(lines: list[str]) -> None:
    """Operators, comprehensions, lists that have grown and sums over them all count."""
    (violation,) = found(component(*lines))
    assert "can come to" in violation.what


def test_loops_over_the_entries_of_a_row_are_short() -> None:
    """Every pair of joints may be compared, though the text does not tell their number."""
    pairs = component(
        "n = action.shape[1]",
        "for i in range(n):",
        "    for j in range(n):",
        "        gap = (action[:, i] - action[:, j]).abs()",
        "        x = torch.exp(-gap / 0.1) * 0.5",
    )
    assert found(pairs) == []


def test_branches_count_by_the_longer_one() -> None:
    """Only one of them runs."""
    loop = ["for i in range(150):", "    for j in range(150):", "        x = action * i + j * 2"]
    both = ["if 1:", *(f"    {line}" for line in loop), "else:", *(f"    {line}" for line in loop)]
    assert found(component(*both)) == []
    assert found(component(*loop, *loop)) != []


def test_many_ways_to_hand_over_the_state_do_not_take_long() -> None:
    """Helpers that call each other with their parameters shuffled are refused before it hurts."""
    names = [f"p{i}" for i in range(20)]
    turned, swapped = [*names[1:], names[0]], [names[1], names[0], *names[2:]]
    helpers = "".join(
        f"def _f{i}({', '.join(names)}):\n"
        f"    return _f{i + 1}({', '.join(turned)}) + _f{i + 1}({', '.join(swapped)})\n"
        for i in range(30)
    )
    last = f"def _f30({', '.join(names)}):\n    return p0.height\n"
    handed = ", ".join(["state", "action", "next_state", "state", "next_state"] * 4)
    started = time.monotonic()
    assert found(helpers + last + component(f"x = _f0({handed})"))
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("name", HONEST)
def test_honest_files_are_far_from_the_bound(name: str) -> None:
    """Fifty times the work of an honest file would still be accepted."""
    source = parse_reward(HONEST[name])
    public = "compute_reward" if source.kind == "compute_reward" else source.components[0].name
    given = "state, action, next_state" + (", memory" if public in source.with_memory else "")
    many = f"\ndef _many({given}):\n    return [{public}({given}) for i in range(50)]\n"
    assert found(HONEST[name] + many) == []
