"""Tests of reading a reward file without running it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from honest_rewards import HONEST, SCHEMA

from autoreward.errors import RewardFileError
from autoreward.rewards.source import check_names, parse_reward, with_formula

TWO = '''"""Walk.

Longer text.
"""


def speed(state, action, next_state):
    """Forward speed,
    in m/s.

    More.
    """
    return next_state.speed


def effort(state, action, next_state):
    return action.square().sum(dim=-1)


FORMULA = "speed - 0.1 * effort"  # keep small
'''


def test_parts_of_a_file() -> None:
    """Components, docs, lines, reads, fields and the formula are those of the file."""
    source = parse_reward(TWO, "walk.py")
    speed, effort = source.components
    assert (source.name, source.kind) == ("walk.py", "components")
    assert source.docstring == "Walk.\n\nLonger text."
    assert (speed.name, speed.doc, speed.line) == ("speed", "Forward speed, in m/s.", 7)
    assert speed.reads == {"next_state"}
    assert speed.state_fields == {"speed"}
    assert (effort.doc, effort.reads, effort.state_fields) == ("", {"action"}, frozenset())
    assert str(source.formula) == "speed - 0.1 * effort"
    assert not source.uses_memory
    assert source.component("effort") is effort


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("", "empty", "empty"),
        ("  \n\n", "empty", "empty"),
        ("def a(state\n", "syntax", "not Python"),
        ("```python\ndef a(): pass\n```", "syntax", "not Python"),
        ("\x00\x01\x7fELF", "syntax", "plain text"),
        ("x = '\ud800'", "syntax", "plain text"),
        ("x = 1 # \u202e", "syntax", "plain text"),
        ("(" * 3000, "syntax", "not Python"),
        ("x = 1\n" * 20_000, "forbidden", "characters"),
        ('"""Only words."""\n', "no-component", "no component"),
        ("def _a(state, action, next_state):\n    return 1\n", "no-component", "no component"),
        ("def a(s, act, nxt):\n    return act\n", "signature", "(state, action, next_state)"),
        ("def a(action, state, next_state):\n    return action\n", "signature", "parameters"),
        ("def a(state, action, next_state, k):\n    return k\n", "signature", "memory"),
        ("def a(state, action, next_state=1):\n    return action\n", "signature", "must have"),
        ("def a():\n    return 1.0\n", "signature", "call it _a"),
        (TWO.replace("effort(", "gate("), "name", "gate_score"),
        (TWO.replace("effort(", "pi("), "name", "meaning"),
        (TWO.replace("effort(", "match("), "name", "meaning"),
        (TWO.replace("effort(", "lambda("), "syntax", "not Python"),
        (TWO.replace("effort(", "e" * 41 + "("), "name", "at most 40"),
        (TWO.replace("effort(", "vitesse_é("), "name", "plain letters"),
        (TWO.replace("def effort", "def speed"), "duplicate", "twice"),
        (TWO.replace("speed - 0.1", "speed - - * 0.1"), "formula", "FORMULA"),
        (TWO.replace("0.1 * effort", "0.1 * effrot"), "formula", "'effort'"),
        (TWO.replace('"speed - 0.1 * effort"', "speed"), "formula", "string literal"),
        (TWO + TWO[TWO.index("FORMULA") :], "duplicate", "FORMULA"),
        (
            "def compute_reward(state, action, next_state):\n    return state.a\n"
            "def b(state, action, next_state):\n    return state.a\n",
            "signature",
            "_b",
        ),
    ],
)
def test_broken_files_are_one_sentence(text: str, code: str, word: str) -> None:
    """Each way to break the contract has its code and a sentence that says what to do."""
    with pytest.raises(RewardFileError) as refused:
        parse_reward(text)
    assert refused.value.code == code
    assert word in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n" * 20_000, 8334),
        ("\n\nx = " + "-" * 40_000 + "1\n", 3),
        (HONEST["eureka"] + "# the end\n\nx = (\n1\n" + "+ 1\n" * 9000 + ")\n", 13),
        ("def a(x):\n    if x:\n        y = 2\n    elif " + "not " * 9000 + "1:\n        y = 1", 4),
        ("x = 1\nif 1" + " + 1" * 9000 + ":\n    y = 1\n", 2),
        ("def a(state, action, next_state):\n    y = 1\n    return y" + ".y" * 20_000, 3),
        ("\nx = " + "(" * 3000, 2),
        ("\n\nx = 1 " + "** 1" * 200, 3),
        ("\n\nx = '\ud800'", 3),
        (HONEST["eureka"].replace('"cost":', '"total":'), 10),
        (HONEST["eureka_grown_dict"].replace('"height"', '"total"'), 5),
        (HONEST["eureka_grown_dict"].replace("{}", "dict(total=action)"), 3),
    ],
)
def test_errors_of_the_file_have_a_line(text: str, line: int) -> None:
    """Files that are too long, too deep or have two totals are told where."""
    with pytest.raises(RewardFileError) as refused:
        parse_reward(text)
    assert refused.value.line == line


def test_formula_error_has_its_line() -> None:
    """A mistake in the formula is told with the line of FORMULA."""
    with pytest.raises(RewardFileError) as refused:
        parse_reward(TWO.replace("0.1 * effort", "(0.1"))
    assert refused.value.line == TWO[: TWO.index("FORMULA")].count("\n") + 1


def test_reads_go_through_helpers_and_aliases() -> None:
    """What a component reads is followed into helpers, other components and aliases."""
    text = """
def _height(s):
    return s.height

def _both(now, then, act):
    return _height(now) + then.speed

def _whole(a):
    return a.sum(dim=-1)

def first(state, action, next_state):
    return _both(state, next_state, action)

def second(state, action, next_state):
    s = next_state
    t = s
    return _height(s=t) + _whole(action)

def third(state, action, next_state, memory):
    return first(state, action, next_state) + memory.get("k", 0.0)

def fourth(state, action, next_state, memory):
    return next_state.pitch
"""
    first, second, third, fourth = parse_reward(text).components
    assert first.reads == {"state", "next_state"}  # the helper does not use the action
    assert first.state_fields == {"height", "speed"}
    assert second.reads == {"next_state", "action"}
    assert second.state_fields == {"height"}
    assert third.reads == {"state", "next_state", "memory"}
    assert third.state_fields == {"height", "speed"}
    assert third.uses_memory
    assert not fourth.uses_memory
    assert parse_reward(text).with_memory == {"third", "fourth"}


def test_compute_reward_files_show_literal_parts() -> None:
    """Of an Eureka-style file the dict's keys are seen, and `total` is the formula."""
    source = parse_reward(HONEST["eureka"])
    assert source.kind == "compute_reward"
    assert [part.name for part in source.components] == ["speed_reward", "cost", "total"]
    assert all(part.state_fields == {"speed"} for part in source.components)
    assert str(source.formula) == "total"
    grown = parse_reward(HONEST["eureka_grown_dict"])
    assert [part.name for part in grown.components] == ["speed", "height", "total"]
    alone = parse_reward(HONEST["eureka_total_in_the_dict"])
    assert [part.name for part in alone.components] == ["speed", "effort", "total"]
    assert parse_reward(HONEST["eureka"] + '\nFORMULA = "tanh(total)"').formula != source.formula


def test_file_without_formula_has_none() -> None:
    """A file of components may leave the formula to the search."""
    assert parse_reward(HONEST["no_formula_yet"]).formula is None


def test_identity_ignores_spelling() -> None:
    """Comments, docs, locals, number spelling and order of functions do not change a reward."""
    source = parse_reward(TWO)
    other = '''
import torch

def effort(state, action, next_state) -> torch.Tensor:
    """Another doc."""
    # a comment
    return (action.square()).sum(dim=-1)

def speed(state, action, next_state):
    return next_state.speed

FORMULA = "speed - 1e-1*effort"
'''
    assert parse_reward(other).identity == source.identity
    assert parse_reward(TWO.replace("0.1", "0.2")).identity != source.identity
    locals_a = "def a(state, action, next_state):\n    x = 2 * action[:, 0]\n    return x + x\n"
    locals_b = locals_a.replace("x", "y").replace("neyt", "next").replace("2 *", "2.0 *")
    assert parse_reward(locals_a).identity == parse_reward(locals_b).identity
    swapped = locals_a.replace("x + x", "x + x - 1")
    assert parse_reward(swapped).identity != parse_reward(locals_a).identity


def test_skeleton_ignores_weights_but_not_indices() -> None:
    """Numbers that are weights do not change the skeleton; indices and dims do."""
    text = "def a(state, action, next_state):\n    return 2 * action[:, 0] + action.sum(dim=1)\n"
    base = parse_reward(text + 'FORMULA = "2 * a"\n')
    heavier = parse_reward(text.replace("2 *", "3.5 *") + 'FORMULA = "4 * a"\n')
    other_entry = parse_reward(text.replace("[:, 0]", "[:, 1]") + 'FORMULA = "2 * a"\n')
    other_dim = parse_reward(text.replace("dim=1", "dim=0") + 'FORMULA = "2 * a"\n')
    assert heavier.skeleton == base.skeleton
    assert heavier.identity != base.identity
    assert len({base.skeleton, other_entry.skeleton, other_dim.skeleton}) == 3


def test_components_text_is_shared_by_formulas() -> None:
    """Files that differ in formula, docs and comments share it; other code does not."""
    source = parse_reward(TWO)
    retuned = parse_reward(with_formula(TWO, "effort").replace("Walk.", "Run.") + "# end\n")
    assert retuned.components_text == source.components_text
    assert retuned.identity != source.identity
    changed = parse_reward(TWO.replace("square()", "abs()"))
    assert changed.components_text != source.components_text
    again = parse_reward(source.components_text)
    assert again.components_text == source.components_text


def test_with_formula_replaces_in_place() -> None:
    """Only the FORMULA line changes; a trailing comment and the line count stay."""
    text = with_formula(TWO, "speed  -  effort")
    assert text == TWO.replace('"speed - 0.1 * effort"', '"speed - effort"')
    wrapped = TWO.replace('"speed - 0.1 * effort"', '(\n    "speed - "\n    "0.1 * effort"\n)')
    assert with_formula(wrapped, "speed - effort") == text
    assert with_formula(with_formula(wrapped, "effort"), "speed - effort") == text


def test_with_formula_adds_a_missing_one() -> None:
    """A file without FORMULA gets one at its end."""
    text = with_formula(HONEST["no_formula_yet"], "tanh(drift)")
    assert str(parse_reward(text).formula) == "tanh(drift)"
    assert text.startswith(HONEST["no_formula_yet"].rstrip())
    crlf = with_formula("# é\r\n" + TWO.replace("\n", "\r\n"), "effort")
    assert str(parse_reward(crlf).formula) == "effort"


def test_with_formula_refuses_nonsense() -> None:
    """A formula that does not parse is not written into a file."""
    with pytest.raises(RewardFileError):
        with_formula(TWO, 'speed" + open("f')


@pytest.mark.parametrize("name", HONEST)
def test_honest_files_name_existing_fields(name: str) -> None:
    """No honest file gets a finding about names or indices."""
    assert check_names(parse_reward(HONEST[name]), SCHEMA) == []


@pytest.mark.parametrize(
    ("expression", "code", "word"),
    [
        ("next_state.heigth", "unknown-name", "'height'"),
        ("_through(next_state)", "unknown-name", "'pitch'"),
        ("next_state.joint_velocity[:, 3]", "bad-index", "0 to 2"),
        ("next_state.joint_velocity[..., -4]", "bad-index", "3 entries"),
        ("next_state.height[:, 0]", "bad-index", "drop the index"),
        ("next_state.joint_velocity[0]", "bad-index", "[:, 0]"),
        ("action[:, 7]", "bad-index", "the action has 3 entries"),
        ("next_state.joint_velocity[:, -3]", "", ""),
        ("next_state.joint_velocity[:, 1:9].sum(dim=-1)", "", ""),
        ("action[..., 2]", "", ""),
    ],
)
def test_names_and_indices_are_checked(expression: str, code: str, word: str) -> None:
    """Unknown fields and literal indices outside a field are found, with the line."""
    text = (
        "def _through(s):\n    return s.pich\n\n"
        "def _unused(x):\n    return x\n\n"
        f"def a(state, action, next_state):\n    return {expression}\n"
    )
    found = check_names(parse_reward(text), SCHEMA)
    assert [finding.code for finding in found] == ([code] if code else [])
    for finding in found:
        assert word in finding.message
        assert finding.severity == "error"
        assert finding.evidence == ("line 2" if "_through" in expression else "line 8")


def test_narrower_action_is_noticed() -> None:
    """The width of the action is that of the schema."""
    source = parse_reward("def a(state, action, next_state):\n    return action[:, 2]\n")
    assert check_names(source, SCHEMA) == []
    narrow = replace(SCHEMA, action=SCHEMA.action[:2])
    assert [finding.code for finding in check_names(source, narrow)] == ["bad-index"]


def test_reading_needs_no_torch() -> None:
    """Parsing a reward and describing the helpers does not load torch."""
    program = (
        "import sys\n"
        "from autoreward.rewards.source import parse_reward\n"
        "from autoreward.rewards.vocabulary import describe_helpers\n"
        f"parse_reward({TWO!r})\n"
        "assert 'tolerance(x' in describe_helpers()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
