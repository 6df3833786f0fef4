"""Operators that ask nobody: on the built-in designer's files, on recorded files, and alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from free_operators import DEAD, FILE, formula_of, made, shares

from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.formulas.grammar import read
from autoreward.agents.formulas.parts import Part
from autoreward.agents.operators.free import FREE
from autoreward.agents.primitives import component_file, primitives
from autoreward.environments.folder import open_environment
from autoreward.llm.fences import extract_code
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward, with_formula
from autoreward.rewards.terms import numbers_of, scale_free, summands

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]
TUNE, ABLATE = FREE["tune"], FREE["ablate"]
ALL: tuple[Operator, ...] = ("tune", "ablate", "graft")
HEAD = re.compile(r"<!-- (\w+) (\w+) (\w+) accepted -->\n")
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts" / "designer").glob("*.md"))


def recorded() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the accepted files of the transcripts by environment and task, with their names."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path in TRANSCRIPTS:
        text = path.read_text(encoding="utf-8")
        if head := HEAD.match(text):
            code = extract_code(text)
            assert code is not None
            found.setdefault((head[1], head[2]), []).append((path.stem, code))
    return found


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("where", recorded(), ids="-".join)
def test_recorded_files_give_valid_files(
    name: Operator,
    where: tuple[str, str],
    make_brief: MakeBrief,
    make_attempt: MakeAttempt,
) -> None:
    """Each file that a language model wrote gives a new file that the critic accepts."""
    folder, files = open_environment(where[0]), recorded()[where]
    task = folder.task_named(where[1])
    history = [make_attempt(stem, text=code, formula="") for stem, code in files]
    known = {parse_reward(code).identity for _, code in files}
    for number, parent in enumerate(history):
        rest = history if name == "graft" else []
        brief = make_brief(
            folder=folder, task=task, generation=1, proposal=number, elites=1,
            history=(parent, *(other for other in rest if other is not parent)),
        )  # fmt: skip
        draft = made(FREE[name], brief, number)
        if number == 0:
            assert draft == made(FREE[name], brief, number), "the brief and the seed decide"
        found = review(draft.text, folder.schema, task.instruction)
        assert found.accepted, [str(finding) for finding in found.findings]
        assert not any(finding.code == "unused-component" for finding in found.findings)
        assert found.source is not None
        assert found.source.identity not in known or name == "ablate"
        assert found.source.identity != parse_reward(parent.text).identity


@pytest.mark.parametrize("name", ALL)
def test_the_environments_own_components_stay_shared(
    name: Operator, make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Over the primitives only the formula changes, and stays in the built-in grammar."""
    brief = make_brief(generation=1)
    parts = primitives(brief.folder, brief.task)
    file = component_file(brief.folder, parts)
    speed, height, up = (part.name for part in parts[:3])
    formulas = (
        f"{speed} - 0.1 * effort",
        f"gate({height}, 0.5) * tanh(2 * {speed}) + 0.3 * alive",
        f"bell({height} - 0.4, 0.2) - 0.05 * effort + 0.2 * {up}",
        f"-{up} + 0.5 * {speed}",
    )
    history = tuple(
        make_attempt(str(i), text=with_formula(file, formula), formula=formula)
        for i, formula in enumerate(formulas)
    )
    brief = replace(brief, history=history, elites=4)
    for number in range(16):
        draft = made(FREE[name], replace(brief, index=number % 6, proposal=number), number)
        new = parse_reward(draft.text)
        assert new.formula is not None
        terms = read(new.formula)
        assert terms, f"{new.formula} is no sentence of the grammar"
        assert len({term.primitive for term in terms}) == len(terms) <= 4
        assert max(abs(term.weight) for term in terms) == 1.0
        assert draft.text == with_formula(file, str(new.formula))
        assert draft.idea.startswith(("Reward", "Avoid"))
        parents = [history[int(parent)].formula for parent in draft.parents]
        assert scale_free(new.formula) not in {scale_free(parse_formula(f)) for f in parents}


def test_tuning_keeps_the_structure(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Numbers move, keep their signs inside the terms, and have two digits."""
    parent = attempt("a", "gate(tall, 0.5) * 2 * tanh(0.3 * fast) - 0.1 * clip(calm, -0.5, 0.9)")
    flips = 0
    for seed in range(30):
        new = parse_reward(made(TUNE, over(parent), seed).text)
        assert new.formula is not None
        first, second = summands(new.formula)
        flips += (first.weight, second.weight) != (abs(first.weight), -abs(second.weight))
        assert first.body and second.body
        assert all(value > 0 for value in numbers_of(first.body))
        low, high = numbers_of(second.body)
        assert low < 0 < high
        assert max(abs(first.weight), abs(second.weight)) == 2.0
        assert all(value == float(f"{value:.2g}") for value in numbers_of(new.formula.root))
    assert 0 < flips < 12, "a sign of a weight is turned now and then"


def test_numbers_that_are_not_written_are_tuned(attempt: MakeAttempt, over: MakeBrief) -> None:
    """`a - b` gets a weight; a thing that means the same at any weight does not fit."""
    assert re.fullmatch(
        r"(tall - 0\.\d+ \* calm|0\.\d+ \* tall - calm)",
        formula_of(made(TUNE, over(attempt("a", "tall - calm")), 1)),
    )
    for scaled in (
        "tall",
        "3 * tall",
        "-tall / 2",
        "10 * potential(0.7 * tall)",
        "2 * tall * fast",
    ):
        assert not TUNE.fits(over(attempt("a", scaled))), scaled
    assert TUNE.fits(over(attempt("a", "tall * (0.3 + 0.7 * fast)")))


def test_thresholds_stay_in_the_usual_range(attempt: MakeAttempt, over: MakeBrief) -> None:
    """A gate that nothing ever passes is not proposed where the range is known."""
    parts = (Part("tall", 0.0, 0.6), Part("fast", -2.0, 2.0))
    parent = attempt("a", "gate(tall, 0.5) * fast + calm", parts=parts)
    drawn = [made(TUNE, over(parent), seed) for seed in range(20)]
    found = [re.search(r"gate\(tall, ([\d.]+)\)", formula_of(draft)) for draft in drawn]
    values = [float(match[1]) for match in found if match]
    assert len(values) == 20
    assert max(values) == 0.6
    assert min(values) < 0.4


def distance(formula: str) -> float:
    """Return how far a formula's numbers are from a hidden optimum, on a logarithmic scale."""
    wanted = parse_formula("tall - 0.05 * fast + 0.3 * bell(calm, 0.1)")
    logs = []
    for tree in (parse_formula(formula), wanted):
        weights = [math.log(abs(term.weight)) for term in summands(tree)]
        inner = math.log(numbers_of(tree.root)[-1])
        logs.append([*(weight - sum(weights) / 3 for weight in weights), inner])
    return math.dist(*logs)


def test_tuning_converges(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Six rounds of four attempts come near the optimum of a quadratic."""
    left = []
    for run in range(3):
        known = [attempt("0", "tall - 0.5 * fast + bell(calm, 0.5)")]
        first = distance(known[0].formula)
        known[0] = replace(known[0], score=-first)
        for _ in range(6):
            brief = over(*known, elites=1)
            new: list[Attempt] = []
            for _ in range(4):
                number = len(known) + len(new)
                formula = formula_of(made(TUNE, brief, 100 * run + number))
                signs = [term.weight > 0 for term in summands(parse_formula(formula))]
                score = -distance(formula) if signs == [True, False, True] else -99.0
                new.append(attempt(str(number), formula, score=score))
            known = sorted((*known, *new), key=lambda attempt: -attempt.score)
        left.append(-known[0].score / first)
    assert sum(left) / 3 < 0.4


def test_only_like_attempts_say_something_about_numbers(
    attempt: MakeAttempt, over: MakeBrief
) -> None:
    """Attempts of other budgets, files, structures or signs do not move what is drawn."""
    parent = attempt("a", "tall - 0.5 * calm", steps=7)
    alone = formula_of(made(TUNE, over(parent, elites=1), 1))
    like = attempt("b", "tall - 0.001 * calm", steps=7)
    others = (
        replace(like, steps=3),
        attempt("c", "tall + 0.001 * calm", steps=7),
        attempt("d", "tall - 0.001 * tanh(calm)", steps=7),
        attempt("e", "tall - 0.001 * calm", FILE.replace("LOW = 0.5", "LOW = 0.6"), steps=7),
    )
    for history, same in (((*others, parent), True), ((like, parent), False)):
        drawn = made(TUNE, over(*history, pool=(parent,)), 1)
        assert (formula_of(drawn) == alone) == same


def test_an_idle_component_goes_first(attempt: MakeAttempt, over: MakeBrief) -> None:
    """What never paid is dropped, and with it the function, its comment, helper and constant."""
    formula = "gate(calm, 0.5) * (0.5 * tall + fast) + 0.2 * calm"
    idle = attempt("b", formula, components=shares(formula, tall=DEAD))
    other = attempt("a", formula, components=shares(formula))
    draft = made(ABLATE, over(other, idle))
    assert draft.parents == ("b",)
    assert formula_of(draft) == "gate(calm, 0.5) * fast + 0.2 * calm"
    for gone in ("tall", "_height", "LOW", "How tall"):
        assert gone not in draft.text.removeprefix('"""Stand tall."""')
    assert "without 0.5 * tall" in draft.changes
    assert parse_reward(draft.text).component("fast").doc == "Forward speed in m/s."


@pytest.mark.parametrize(
    ("formula", "results"),
    [
        ("tall - 0.5 * fast", {"tall", "-fast"}),
        ("gate(calm, 0.5) * fast", {"fast"}),
        ("2 * tall * fast * calm", {"2 * tall * fast", "2 * tall * calm", "2 * fast * calm"}),
        ("minimum(tall, fast)", {"tall", "fast"}),
        ("tall / calm", {"tall"}),
        ("tanh(tall + fast)", {"tanh(tall)", "tanh(fast)"}),
    ],
)
def test_what_is_left_out(
    formula: str, results: set[str], attempt: MakeAttempt, over: MakeBrief
) -> None:
    """A term or a gate where there is one, else a factor; never all."""
    brief = over(attempt("a", formula))
    assert {formula_of(made(ABLATE, brief, seed)) for seed in range(15)} == results


def test_some_task_is_left(attempt: MakeAttempt, over: MakeBrief) -> None:
    """A single component is kept, and what is left asks for more than to live without effort."""
    for single in ("tall", "0.5 * tanh(2 * tall)", "tall + 0.5"):
        assert not ABLATE.fits(over(attempt("a", single)))
    parts = (Part("tall", 0, 1), Part("calm", 0, 1, role="effort"), Part("fast", 1, 1, "alive"))
    parent = attempt("a", "tall - 0.1 * calm + fast", parts=parts)
    left = {formula_of(made(ABLATE, over(parent), seed)) for seed in range(20)}
    assert left == {"tall - 0.1 * calm", "tall + fast"}


def test_broken_files_are_no_parents(attempt: MakeAttempt, over: MakeBrief) -> None:
    """A file that a later rule refuses, or without a formula, is passed over."""
    bad = attempt("a", "tall", "import os\n")
    none = attempt("b", "tall", FILE.partition("FORMULA")[0])
    for operator in FREE.values():
        assert not operator.fits(over(bad, none, elites=2))
    assert made(TUNE, over(bad, attempt("c", "tall - calm"), elites=2)).parents == ("c",)
