"""Which operator makes a proposal, from which parents, and what it names as wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.operators.choosing import PROMPT_OPERATORS, choose
from autoreward.agents.operators.contract import PromptOperator
from autoreward.agents.operators.faults import faults
from autoreward.agents.operators.mutate import MutateOperator
from autoreward.agents.operators.rewrite import RewriteOperator
from autoreward.agents.operators.simplify import SimplifyOperator
from autoreward.agents.operators.turns import elites, in_turn
from autoreward.environments.folder import open_environment
from autoreward.findings import Finding

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]
HACK = Finding("reward-hacking", "warning", "it rocks to and fro")
STALL = Finding("stall", "warning", "nothing is learnt in the second half")


def paying(mean: float) -> dict[str, float]:
    return {"mean": mean, "std": 0.2, "min": 0.0, "max": 1.0, "share": 0.3}


DEAD = {"mean": 0.0, "std": 0.0, "min": 0.0, "max": 0.01, "share": 0.0}
CONSTANT = {"mean": 1.0, "std": 0.0, "min": 1.0, "max": 1.0, "share": 0.0}


def over_training(**last: dict[str, float]) -> tuple[dict[str, Any], ...]:
    """Components that rise, but for those given."""
    return tuple({"pays": paying(0.1 * i), **last} for i in range(10))


def names(brief: Brief, count: int) -> list[str]:
    """Operators of a whole generation."""
    return [choose(brief_at(brief, index)).name for index in range(count)]


def brief_at(brief: Brief, index: int) -> Brief:
    return replace(brief, index=index, proposal=brief.generation * brief.population + index)


def test_first_generation_drafts(make_brief: MakeBrief) -> None:
    """Where nothing is known, everything is drafted."""
    assert names(make_brief(), 6) == ["draft"] * 6


def test_later_generations_change_and_cross(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Even places change a parent, odd ones cross, a third of the odd ones simplifies."""
    plain = tuple(make_attempt(name) for name in "abc")
    brief = make_brief(generation=1, history=plain)
    assert names(brief, 6) == ["mutate", "cross", "mutate", "cross", "mutate", "cross"]
    heavy = make_attempt("b", components=over_training(dead=DEAD))
    brief = make_brief(generation=1, history=(plain[0], heavy, plain[2]))
    assert names(brief, 6) == ["mutate", "cross", "mutate", "simplify", "mutate", "cross"]
    assert choose(brief_at(brief, 3)).parents(brief_at(brief, 3)) == (heavy,)


@pytest.mark.parametrize("generation", [1, 2, 5])
@pytest.mark.parametrize("population", [1, 2, 5, 6])
def test_the_choice_follows_from_the_brief(
    generation: int, population: int, make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Equal briefs give equal operators, parents and texts; each choice can be carried out."""
    history = (make_attempt("a", findings=(HACK,)), make_attempt("b"), make_attempt("c"))
    for index in range(population):
        brief = make_brief(
            generation=generation, index=index, population=population, elites=1, history=history
        )
        operator = choose(brief)
        assert operator.fits(brief)
        parents = operator.parents(brief)
        again = choose(brief)
        assert (again.name, again.parents(brief)) == (operator.name, parents)
        assert again.variables(brief, parents) == operator.variables(brief, parents)


def test_small_populations_come_to_every_parent(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Turns go on from generation to generation."""
    history = tuple(make_attempt(name) for name in "abc")
    parents = [
        in_turn(make_brief(generation=g, population=2, elites=2, history=history)).id
        for g in (1, 2, 3)
    ]
    assert parents == ["a", "b", "a"]


def test_pinned_attempts_stay_parents(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """What a person pinned is the first in turn whatever its rank, and the best follow."""
    history = (*(make_attempt(name) for name in "abc"), make_attempt("d", pinned=True))
    brief = make_brief(generation=1, elites=2, history=history)
    assert [attempt.id for attempt in elites(brief)] == ["d", "a", "b"]
    assert in_turn(brief).id == "d"
    both = (make_attempt("a", pinned=True), *history[1:])
    brief = make_brief(generation=1, elites=2, history=both)
    assert [attempt.id for attempt in elites(brief)] == ["a", "d", "b"]


def test_the_pool_says_who_is_a_parent(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """Where the brief names parents, they take turns as named, whatever their rank."""
    history = tuple(make_attempt(name, pinned=name == "a") for name in "abcd")
    brief = make_brief(generation=1, population=2, history=history, pool=(history[3], history[1]))
    assert [attempt.id for attempt in elites(brief)] == ["d", "b"]
    assert in_turn(replace(brief, generation=2)).id == "b"


def test_those_that_were_stopped_early_come_last(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """A score of a shorter training is not compared with one of a longer."""
    history = (make_attempt("a", steps=10), make_attempt("b", steps=100), make_attempt("c"))
    brief = make_brief(generation=1, elites=2, history=history)
    assert [attempt.id for attempt in elites(brief)] == ["b", "a"]


def test_a_hacked_parent_is_rewritten(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """A warning that the reward is earned without the task asks for other measures."""
    hacked = make_attempt("a", findings=(STALL, HACK))
    brief = make_brief(generation=1, history=(hacked, make_attempt("b")))
    assert names(brief, 3) == ["rewrite", "cross", "mutate"]
    assert "it rocks to and fro" in str(RewriteOperator().variables(brief, (hacked,))["reason"])
    suspected = make_attempt("a", findings=(Finding("reward-hacking", "note", "perhaps"),))
    assert choose(make_brief(generation=1, history=(suspected,))).name == "mutate"


@pytest.mark.parametrize(
    ("order", "operator"), [("pxy", "rewrite"), ("xpy", "mutate"), ("px", "mutate")]
)
def test_a_parent_whose_children_fail_is_rewritten(
    order: str, operator: str, make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Two children, none of them better, are enough; one better child is reason to go on."""
    attempts = {
        "p": make_attempt("p", pinned=True),
        "x": make_attempt("x", parents=("p",)),
        "y": make_attempt("y", parents=("p", "x")),
    }
    history = tuple(attempts[name] for name in order)
    brief = make_brief(generation=1, elites=0, history=history)
    assert in_turn(brief).id == "p"
    assert choose(brief).name == operator


def test_two_stalls_in_a_line_are_rewritten(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """One stall is corrected, a second one after it asks for other measures."""
    child = make_attempt("a", findings=(STALL,), parents=("b",))
    once, twice = make_attempt("b"), make_attempt("b", findings=(STALL,))
    assert choose(make_brief(generation=1, history=(child, once))).name == "mutate"
    assert choose(make_brief(generation=1, history=(child, twice))).name == "rewrite"


def test_the_operator_asked_for_is_used_where_it_fits(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Else the rule by generation and place decides, and so it does for operators of no prompt."""
    two = (make_attempt("a"), make_attempt("b"))
    for asked in PROMPT_OPERATORS:
        brief = make_brief(generation=1, history=two, operator=asked)
        fits = PROMPT_OPERATORS[asked].fits(brief)
        assert choose(brief).name == (asked if fits else "mutate"), asked
    assert choose(make_brief(generation=1, history=two, operator="tune")).name == "mutate"
    assert choose(make_brief(generation=1, history=two[:1], operator="cross")).name == "mutate"
    assert choose(make_brief(operator="mutate")).name == "draft"
    fresh = make_brief(generation=1, history=two, operator="cross", fresh=True)
    assert choose(fresh).name == "draft", "what could not be mended starts from scratch"


def test_the_worst_fault_comes_first(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """People before errors before warnings, hacks before the rest, idle components last."""
    attempt = make_attempt(
        "a",
        findings=(
            Finding("jitter", "warning", "it trembles"),
            Finding("constant", "note", "by the way"),
            HACK,
            Finding("bad-values", "error", "NaN came out"),
        ),
        notes=("first remark", "second remark"),
        components=over_training(dead=DEAD),
    )
    brief = make_brief(generation=1, history=(attempt,), feedback=("a looks drunk", "b is fine"))
    found = faults(brief, attempt)
    order = (
        "second remark", "first remark", "a looks drunk", "NaN", "it rocks", "it trembles", "`dead`"
    )  # fmt: skip
    assert [text in fault.text for text, fault in zip(order, found, strict=True)] == [True] * 7
    assert [fault.by_people for fault in found] == [True] * 3 + [False] * 4


def test_each_turn_of_a_parent_names_another_fault(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Siblings of one parent correct different things, the worst one first."""
    findings = (Finding("falls", "warning", "it falls"), Finding("jitter", "warning", "it shakes"))
    attempt = make_attempt("a", findings=findings)
    brief = make_brief(generation=1, history=(attempt,), elites=1)
    texts = [fault_at(brief, index).text for index in (0, 2, 4)]
    assert ["it falls" in texts[0], "it shakes" in texts[1], texts[2]] == [True, True, texts[0]]


def fault_at(brief: Brief, index: int) -> Any:
    here = brief_at(brief, index)
    operator: PromptOperator = MutateOperator()
    return operator.variables(here, operator.parents(here))["fault"]


def test_without_a_fault_none_is_invented(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """A parent about which nothing was found is still a parent."""
    brief = make_brief(generation=1, history=(make_attempt("a"),))
    assert fault_at(brief, 0) is None


def test_a_bonus_for_living_is_ballast_only_where_nothing_ends_early(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """A constant component is dropped on half_cheetah and stays on hopper."""
    attempt = make_attempt("a", components=over_training(alive=CONSTANT))
    assert not SimplifyOperator().fits(make_brief(generation=1, history=(attempt,)))
    cheetah = open_environment("half_cheetah")
    brief = make_brief(folder=cheetah, task=cheetah.tasks["run"], generation=1, history=(attempt,))
    assert SimplifyOperator().variables(brief, (attempt,)) == {"idle": {"alive": "constant"}}
