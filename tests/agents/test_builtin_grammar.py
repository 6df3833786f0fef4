from __future__ import annotations

from random import Random

import pytest

from autoreward.agents.grammar import Gate, Term, change_number, normal_form, read, write
from autoreward.agents.policy import mode, prior, refit, sample
from autoreward.agents.primitives import Primitive
from autoreward.rewards.formula import parse_formula

PARTS = {
    name: Primitive(name, "", low, 1.0, name)
    for name, low in (("speed", -0.5), ("height", 0.4), ("spin", -1.0))
} | {"effort": Primitive("effort", "", 0.0, 1.0), "alive": Primitive("alive", "", 1.0, 1.0)}
ORDER = list(PARTS)


def test_what_is_written_is_read_back() -> None:
    """Random formulas survive text, parser and reader unchanged."""
    random = Random(0)
    policy = prior(tuple(PARTS.values()), {})
    for _ in range(300):
        terms = normal_form(sample(policy, PARTS, random), ORDER)
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


def test_numbers_stay_in_range() -> None:
    """Moved centres and thresholds stay where the component can be."""
    terms = (Term("height", 1.0, "bell", 0.9, 0.1, Gate("spin", 0.9)),)
    random = Random(0)
    for _ in range(200):
        terms = change_number(terms, PARTS, random)
        gate = terms[0].gate
        assert gate is not None
        assert 0.4 <= terms[0].center <= 1.0
        assert -1.0 <= gate.threshold <= 1.0
        assert terms[0].width > 0


def test_prior_follows_correlation() -> None:
    """Strong correlation makes a component likely, its sign the sign; effort is a small cost."""
    policy = prior(tuple(PARTS.values()), {"speed": 0.9, "spin": -0.9, "height": float("nan")})
    assert policy["speed"].include > policy["height"].include
    assert policy["speed"].positive > 0.9
    assert policy["spin"].positive < 0.1
    assert policy["height"].positive == 0.5
    assert policy["effort"].positive < 0.1
    assert policy["effort"].log_weight < policy["speed"].log_weight


def test_refit_follows_the_elites() -> None:
    """What only elites do gets likelier, what only losers do less so."""
    start = prior(tuple(PARTS.values()), {})
    good = [(Term("speed", -1.0), Term("effort", -0.5))] * 3
    bad = [(Term("speed", 1.0), Term("spin", 1.0))] * 9
    after = refit(start, [*good, *bad], elites=3)
    assert after["speed"].include > start["speed"].include
    assert after["speed"].positive < 0.2 < start["speed"].positive
    assert after["spin"].include < start["spin"].include
    assert after["effort"].log_weight[0] > start["effort"].log_weight[0]
    assert after["speed"].kinds["linear"] > start["speed"].kinds["linear"]


def test_refit_without_history_changes_nothing() -> None:
    """No elites, no news."""
    start = prior(tuple(PARTS.values()), {"speed": 0.5})
    assert refit(start, [], elites=0) == start


def test_mode_and_samples_say_something() -> None:
    """No formula is a constant alone or effort alone, and none has more than four terms."""
    policy = prior(tuple(PARTS.values()), {})
    assert {term.primitive for term in mode(policy)} - {"alive"}
    random = Random(1)
    for _ in range(500):
        names = [term.primitive for term in sample(policy, PARTS, random)]
        assert set(names) not in ({"alive"}, {"effort"})
        assert len(names) == len(set(names)) <= 4
