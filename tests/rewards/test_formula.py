"""The formula's text, tree and JSON form."""

from __future__ import annotations

import json
import math
import pickle
import random
import string
from typing import Any

import pytest

from autoreward.errors import RewardFileError
from autoreward.rewards.formula import (
    Binary,
    Call,
    Component,
    Formula,
    Node,
    Number,
    Unary,
    parse_formula,
)

DESIGN = "gate(upright, 0.5) * forward + 0.2 * upright - 0.05 * effort"


def random_tree(draw: random.Random, depth: int) -> Node:
    """Return a tree that need not be canonical, with every kind of node and awkward numbers."""
    kind = draw.choice(["number", "component"] if depth <= 1 else ["unary", "binary", "call"])
    if kind == "number":
        value = draw.choice([0.0, -0.0, 1.0, -2.0, 0.1, -1e-7, 1e20, 5e-324, draw.gauss(0, 1)])
        return Number(value)
    if kind == "component":
        return Component(draw.choice(["a", "forward", "x_1", "progress", "e5"]))
    below = [random_tree(draw, draw.choice([1, depth - 1])) for _ in range(draw.randint(2, 4))]
    if kind == "unary":
        return Unary("-", below[0])
    if kind == "binary":
        return Binary(draw.choice("+-*/"), below[0], below[1])
    return Call(draw.choice(["krc", "minimum", "e"]), tuple(below))


def value_of(node: Node, names: dict[str, float]) -> float:
    """Evaluate the arithmetic part of a tree in plain Python."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Component):
        return names[node.name]
    if isinstance(node, Unary):
        return -value_of(node.operand, names)
    assert isinstance(node, Binary)
    a, b = value_of(node.left, names), value_of(node.right, names)
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else math.nan}[node.operator]


def test_the_tree_of_a_formula() -> None:
    """Precedence, calls, numbers and names come out as the tree one expects."""
    formula = parse_formula("gate(up, 0.5) * -fast - 2")
    gate = Call("gate", (Component("up"), Number(0.5)))
    product = Binary("*", gate, Unary("-", Component("fast")))
    assert formula.root == Binary("-", product, Number(2.0))


@pytest.mark.parametrize(
    "text",
    [
        "a - b - c",
        "a - (b - c)",
        "a / b * c",
        "a / (b * c)",
        "-a * b + c",
        "-(a + b) * c",
        "a - -b",
        "2 - -3 * a",
        "--a",
        "1.5e-3 * a / .5 + 3.",
        "+a - +b",
        "((a)) * (((b + 2)))",
    ],
)
def test_arithmetic_means_what_it_means_in_python(text: str) -> None:
    """The tree has the value that Python gives the same text."""
    names = {"a": 3.7, "b": -1.3, "c": 0.9}
    assert value_of(parse_formula(text).root, names) == pytest.approx(eval(text, {}, names))


def test_random_trees_survive_printing_json_and_pickle() -> None:
    """Text and JSON of 500 random trees give an equal formula back."""
    draw = random.Random(7)
    sizes = set()
    for _ in range(500):
        formula = Formula(random_tree(draw, draw.randint(1, 6)))
        assert parse_formula(str(formula)) == formula
        assert str(parse_formula(str(formula))) == str(formula)
        assert Formula.from_json(json.loads(json.dumps(formula.to_json()))) == formula
        assert pickle.loads(pickle.dumps(formula)) == formula
        sizes.add(formula.size)
    assert max(sizes) > 30


def test_no_pair_of_parentheses_is_superfluous() -> None:
    """Taking away any printed pair of grouping parentheses changes the tree."""
    draw = random.Random(11)
    tried = 0
    for _ in range(400):
        formula = Formula(random_tree(draw, draw.randint(3, 6)))
        text = str(formula)
        for start, character in enumerate(text):
            if character != "(" or (start and text[start - 1].isalnum()):
                continue
            depth, end = 1, start
            while depth:
                end += 1
                depth += {"(": 1, ")": -1}.get(text[end], 0)
            bare = text[:start] + text[start + 1 : end] + text[end + 1 :]
            assert parse_formula(bare) != formula, f"{text} -> {bare}"
            tried += 1
    assert tried > 100


def test_printing_is_plain() -> None:
    """A formula prints the way a person writes it."""
    assert str(parse_formula(DESIGN)) == DESIGN
    assert str(parse_formula(" ((a)+(b*c))\n-(-(2.0)) *1.50")) == "a + b * c - -2 * 1.5"
    assert str(Formula(Unary("-", Unary("-", Number(2))))) == "2"
    assert str(Formula(Number(-0.0))) == "0"


def test_components_in_order_of_first_use() -> None:
    """Names are listed once, as they come in the text; functions are not among them."""
    assert parse_formula("b * krc(a, c) - b + d").components == ("b", "a", "c", "d")
    assert parse_formula("tanh(tanh)").components == ("tanh",)


def test_identity_and_skeleton() -> None:
    """Spelling changes neither, a number the identity alone, an operator both."""
    one = parse_formula("2 * a - clip(b, -1, 1)")
    same = parse_formula("(2.00*a) -clip( b,-1.0,1e0 )")
    other = parse_formula("-3 * a - clip(b, 0, 9)")
    different = parse_formula("2 * a + clip(b, -1, 1)")
    assert one.identity == same.identity != other.identity
    assert one.skeleton == same.skeleton == other.skeleton != different.skeleton
    for digest in (one.identity, one.skeleton):
        assert len(digest) == 12
        assert set(digest) <= set(string.hexdigits.lower())


def test_size_counts_nodes() -> None:
    """Every number, name, operator and call counts one."""
    assert parse_formula("-a + clip(b, 0, 1) * 2").size == 9


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("a +", "column 4: the formula ends"),
        ("a b", "column 3: 'b' follows without an operator"),
        ("2a", "column 2"),
        ("1_000 * a", "column 2"),
        ("1.2.3", "column 4"),
        ("(a", "column 1: this '(' is never closed"),
        ("clip(a, 0", "column 5: this '(' is never closed"),
        ("a)", "column 2: this ')' was never opened"),
        ("a, b", "column 2: a comma outside"),
        ("clip(a,)", "column 8"),
        ("clip(,a)", "column 6"),
        ("f(a)(b)", "column 5"),
        ("* a", "column 1"),
        ("a ** 2", "column 3: '**' has no place in a formula; write x * x"),
        ("a ^ 2", "write x * x"),
        ("a // 2", "use /"),
        ("a > 0.5", "gate(x, threshold)"),
        ("a == b", "gate(x, threshold)"),
        ("a = b", "without names of its own"),
        ("state.height", "column 6: '.' has no place in a formula; components stand by"),
        ("().__class__", "column 2"),
        ("a[0]", "inside a component"),
        ("a if b else c", "follows without an operator"),
        ("if", "'if' cannot be used"),
        ("lambda: 1", "'lambda' cannot be used"),
        ("not a", "'not' cannot be used"),
        ("None", "'None' cannot be used"),
        ("__import__('os')", "'__import__' cannot be used"),
        ("_private + 1", "'_private' cannot be used"),
        ("'text'", "has no place in a formula"),
        ("a; b", "has no place in a formula"),
        ("a # comment", "has no place in a formula"),
        ("a\\\nb", "has no place in a formula"),
        ("a − b", "column 3: '−' has no place in a formula; use the plain - sign"),
        ("2 × a", "use *"),
        ("größe", "column 3: 'ö' has no place"),
        ("a + ９", "'９' has no place"),
        ("a\x00", "has no place in a formula"),
        ("\ud800", "has no place in a formula"),
        ("1e999 * a", "finite"),
        ("9" * 400, "finite"),
        ("-1e999", "finite"),
        ("(" * 41 + "a" + ")" * 41, "nested deeper than 40"),
        ("(" * 1999, "nested deeper than 40"),
        ("-" * 1999 + "a", "nested deeper than 40"),
        ("f(" * 999, "nested deeper than 40"),
        ("+".join("a" * 42), "nested deeper than 40"),
        ("krc(" + ",".join("a" * 200) + ")", "more than 200 parts"),
        ("a" * 2001, "longer than 2000 characters"),
        ("a" + " " * 2000, "longer than 2000 characters"),
        ("krc(" + ",".join(["a" * 98] * 20) + ")", "longer than 2000 characters"),
    ],
)
def test_hostile_and_broken_text(text: str, part: str) -> None:
    """Whatever is not a formula gives one error that says where and what to do."""
    with pytest.raises(RewardFileError) as caught:
        parse_formula(text)
    assert caught.value.code == "formula"
    assert part in caught.value.message


def test_the_caps_themselves_are_allowed() -> None:
    """Exactly 40 levels, 200 parts and nested parentheses up to the cap still parse."""
    assert parse_formula("+".join("a" * 40)).size == 79
    assert parse_formula("(" * 40 + "a" + ")" * 40).size == 1
    assert parse_formula("krc(" + ",".join("a" * 199) + ")").size == 200
    deep: Node = Component("a")
    for index in range(39):
        deep = Unary("-", deep) if index % 2 else Binary("-", Component("b"), deep)
    formula = Formula(deep)
    assert parse_formula(str(formula)) == formula


def test_random_text_never_escapes_as_another_error() -> None:
    """Random strings over formula characters parse or raise RewardFileError, nothing else."""
    draw = random.Random(3)
    alphabet = ["a", "b1", "clip", "krc", *"(()),+-*/07 "]
    alphabet += ["1e5", "lambda", *".e_=<é['\\%\n\x7f"]
    parsed = 0
    for _ in range(4000):
        text = "".join(draw.choices(alphabet[: draw.choice([16, 99])], k=draw.randint(0, 12)))
        try:
            formula = parse_formula(text)
        except RewardFileError:
            continue
        parsed += 1
        assert parse_formula(str(formula)) == formula
    assert parsed > 100


@pytest.mark.parametrize(
    "data",
    [
        None,
        True,
        {},
        [],
        [1, 2],
        [[]],
        {"function": "clip"},
        "not a name",
        "__class__",
        "lambda",
        math.nan,
        math.inf,
        10**400,
        ["-"],
        ["-", "a", "b", "c"],
        ["+", "a"],
        ["%", "a", "b"],
        ["_f", "a"],
        ["f", None],
        ["krc", *["a"] * 300],
        "a" * 3000,
    ],
)
def test_broken_json_is_refused(data: Any) -> None:
    """JSON that no formula stands for raises the formula's error."""
    with pytest.raises(RewardFileError) as caught:
        Formula.from_json(data)
    assert caught.value.code == "formula"


def test_deep_json_is_refused() -> None:
    """Nesting beyond the cap is refused before Python's own limit."""
    data: Any = "a"
    for _ in range(100_000):
        data = ["-", data]
    with pytest.raises(RewardFileError, match="deeper"):
        Formula.from_json(data)


def test_trees_built_by_hand_keep_to_the_rules() -> None:
    """A tree that no text stands for cannot become a formula; too large a one neither."""
    for root in (
        Binary("%", Component("a"), Component("b")),
        Unary("+", Component("a")),
        Number(math.inf),
        Component("a.b"),
        Call("a b", ()),
    ):
        with pytest.raises(RewardFileError):
            Formula(root)
    shared: Node = Component("a")
    for _ in range(39):
        shared = Binary("+", shared, shared)  # a tree of 2^40 leaves in 40 objects
    with pytest.raises(RewardFileError, match="more than 200"):
        Formula(shared)
