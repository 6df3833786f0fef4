from __future__ import annotations

from random import Random

import pytest

from autoreward.agents.formulas.choices import decode, encode
from autoreward.agents.formulas.grammar import Gate, Term, normal_form, read, write
from autoreward.agents.formulas.parts import Part
from autoreward.agents.formulas.policy import FormulaPolicy
from autoreward.rewards.formula import parse_formula

PARTS = (
    *(Part(name, low, 1.0) for name, low in (("speed", -0.5), ("height", 0.4), ("spin", -1.0))),
    Part("effort", 0.0, 1.0, "effort"),
    Part("alive", 1.0, 1.0, "alive"),
)
ORDER = [part.name for part in PARTS]


def test_what_is_written_is_read_back() -> None:
    """Random formulas survive text, parser and reader unchanged."""
    random = Random(0)
    policy = FormulaPolicy(uniform=True)
    for _ in range(300):
        terms = normal_form(policy.sample(PARTS, random), ORDER)
        formula = parse_formula(write(terms))
        assert read(formula) == terms
        assert write(normal_form(read(formula) or (), ORDER)) == write(terms)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("speed", (Term("speed", 1.0),)),
        ("-speed", (Term("speed", -1.0),)),
        ("speed * 0.5 * 2", (Term("speed", 1.0),)),
        ("speed - (height - spin)", (Term("speed", 1), Term("height", -1), Term("spin", 1))),
        ("bell(height + 0.2, 0.1)", (Term("height", 1.0, "bell", -0.2, 0.1),)),
        ("0.3 * tanh(-2 * spin)", (Term("spin", 0.3, "tanh", width=-2.0),)),
        (
            "gate(height, -0.5) * 0.2 * speed",
            (Term("speed", 0.2, gate=Gate("height", -0.5)),),
        ),
    ],
)
def test_spellings_are_understood(text: str, terms: tuple[Term, ...]) -> None:
    """Signs, brackets and the order of factors do not matter."""
    assert read(parse_formula(text)) == terms


@pytest.mark.parametrize(
    "text",
    ["speed * height", "speed / 2", "par(speed, 1)", "speed + 1", "potential(height)", "0 * speed"],
)
def test_other_formulas_are_not_sentences(text: str) -> None:
    """A formula of another shape is said to be one, not bent into the grammar."""
    assert read(parse_formula(text)) is None


def test_scale_means_nothing() -> None:
    """Formulas that differ by a positive factor have one normal form; a negative factor differs."""
    one = (Term("spin", -0.2), Term("speed", 0.8))
    other = tuple(Term(term.primitive, 5 * term.weight) for term in reversed(one))
    turned = tuple(Term(term.primitive, -term.weight) for term in one)
    assert normal_form(one, ORDER) == normal_form(other, ORDER)
    assert write(normal_form(one, ORDER)) == "speed - 0.25 * spin"
    assert normal_form(one, ORDER) != normal_form(turned, ORDER)


def test_choices_are_the_nearest_options() -> None:
    """A formula becomes options and these the formula again, numbers as near as the options are."""
    text = "0.28 * bell(height - 0.72, 0.13) + gate(height, 0.6) * 2 * speed - tanh(3.9 * spin)"
    choices = encode(read(parse_formula(text)), PARTS)
    assert choices is not None
    terms = decode(choices, PARTS)
    assert write(normal_form(terms, ORDER)) == (
        "gate(height, 0.64) * speed + 0.1 * bell(height - 0.7, 0.12) - 0.3 * tanh(4 * spin)"
    )
    assert encode(terms, PARTS) == choices


def test_weights_are_told_apart_by_what_they_do() -> None:
    """A component in large units has a small weight for the same share in the reward."""
    parts = (Part("metres", -1.0, 1.0), Part("millimetres", -1000.0, 1000.0))
    choices = encode((Term("metres", 1.0), Term("millimetres", 0.001)), parts)
    assert choices is not None
    assert choices[0].weight == choices[1].weight
    assert write(decode(choices, parts)) == "metres + 0.001 * millimetres"


@pytest.mark.parametrize(
    "text",
    ["unknown", "gate(unknown, 0.5) * speed", "speed - 0.5 * speed", " + ".join("abcde")],
)
def test_formulas_without_choices(text: str) -> None:
    """Unknown components, two terms of one, and more than four terms have no choices."""
    parts = (*PARTS, *(Part(name, 0.0, 1.0) for name in "abcde"))
    assert encode(read(parse_formula(text)), parts) is None
