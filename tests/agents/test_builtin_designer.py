from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from autoreward.agents.builtin import BuiltinDesigner
from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.agents.grammar import read
from autoreward.environments.folder import EnvironmentFolder, find_environments, open_environment
from autoreward.errors import UsageError
from autoreward.findings import Finding
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward

MakeBrief = Callable[..., Brief]
DESIGNER = BuiltinDesigner()


def formula_of(draft: Draft) -> str:
    """Return the formula without parsing the whole file, which the critic's tests do."""
    return draft.text.rpartition('FORMULA = "')[2].partition('"')[0]


def weights(formula: str) -> dict[str, float]:
    """Return the signed weight of each component; one that is bent or gated counts for less."""
    terms = read(parse_formula(formula))
    assert terms is not None
    return {
        term.primitive: term.weight
        * (1.0 if term.kind == "linear" else 0.6)
        * (1.0 if term.gate is None else 0.6)
        for term in terms
    }


def search(brief: Brief, score: Callable[[str], float], generations: int) -> list[Attempt]:
    """Run a search against a cheap score; best first."""
    history: tuple[Attempt, ...] = ()
    for generation in range(generations):
        made = []
        for index in range(brief.population):
            number = generation * brief.population + index
            asked = replace(
                brief, proposal=number, generation=generation, index=index, history=history
            )
            draft = DESIGNER.propose(asked)
            formula = formula_of(draft)
            made.append(Attempt(str(number), draft.text, formula, "", score(formula), {}))
        history = tuple(sorted((*history, *made), key=lambda attempt: -attempt.score))
    return list(history)


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_every_file_passes_the_critic(name: str, make_brief: MakeBrief) -> None:
    """Files and formulas are valid by construction, in every environment and task."""
    folder = open_environment(name)
    for task in folder.tasks.values():
        for number in range(25):
            brief = make_brief(folder=folder, task=task, proposal=number, index=number)
            found = review(DESIGNER.propose(brief).text, folder.schema)
            assert found.accepted, found.findings


def test_later_generations_are_valid_too(make_brief: MakeBrief) -> None:
    """Mutation keeps formulas valid, in normal form and within four terms."""
    brief = make_brief(population=10, relevance={"forward_velocity": 0.9})
    draw = Random(0)
    for attempt in search(brief, lambda formula: draw.random(), generations=6):
        found = review(attempt.text, brief.folder.schema)
        assert found.accepted, found.findings
        terms = read(parse_formula(attempt.formula))
        assert terms is not None
        assert 1 <= len(terms) <= 4
        assert max(abs(term.weight) for term in terms) == 1.0


def test_components_are_one_text(make_brief: MakeBrief) -> None:
    """All candidates of a run share their components, so that they can share a jail."""
    texts = set()
    for number in range(10):
        brief = make_brief(proposal=number, index=number)
        source = parse_reward(DESIGNER.propose(brief).text)
        texts.add(source.components_text)
        assert all(part.doc for part in source.components)
        assert source.docstring
    assert len(texts) == 1


def test_alive_is_offered_where_an_episode_can_end(make_brief: MakeBrief) -> None:
    """A constant is a component only where it can decide something."""
    cheetah = open_environment("half_cheetah")
    hopper_file = DESIGNER.propose(make_brief()).text
    cheetah_file = DESIGNER.propose(make_brief(folder=cheetah)).text
    assert "def alive(" in hopper_file
    assert "def alive(" not in cheetah_file
    assert "def effort(" in cheetah_file


def test_first_candidate_is_the_likeliest(make_brief: MakeBrief) -> None:
    """The very first formula follows the measured correlations, sign included, without chance."""
    relevance = {"forward_velocity": 0.95, "pitch": -0.6, "foot_height": 0.1}
    drafts = [DESIGNER.propose(make_brief(run_seed=seed, relevance=relevance)) for seed in range(5)]
    assert len({draft.text for draft in drafts}) == 1
    found = weights(formula_of(drafts[0]))
    assert found["forward_velocity"] == 1.0
    assert found["pitch"] < 0
    assert found["effort"] < 0 < found["alive"]
    assert "foot_height" not in found


def test_without_relevance_something_is_measured(make_brief: MakeBrief) -> None:
    """With nothing known the first formula is still more than doing nothing."""
    reacher = open_environment("reacher")
    assert set(weights(formula_of(DESIGNER.propose(make_brief(folder=reacher))))) != {"effort"}


def test_same_brief_same_draft(make_brief: MakeBrief, make_attempt: Callable[..., Attempt]) -> None:
    """Everything follows from the brief; a retry and another proposal draw anew."""
    history = (make_attempt("a", formula="forward_velocity - 0.1 * effort"),)
    brief = make_brief(generation=1, index=1, proposal=7, history=history)
    assert DESIGNER.propose(brief) == BuiltinDesigner().propose(brief)
    assert DESIGNER.propose(replace(brief, retry=1)) != DESIGNER.propose(brief)
    assert DESIGNER.propose(replace(brief, proposal=8)) != DESIGNER.propose(brief)
    assert DESIGNER.propose(replace(brief, run_seed=1)) != DESIGNER.propose(brief)


def test_even_places_change_an_elite(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """Half of a later generation changes one of the elites and says which."""
    history = (
        make_attempt("best", 3.0, formula="forward_velocity - 0.1 * effort"),
        make_attempt("second", 2.0, formula="torso_height + 0.3 * alive"),
        make_attempt("third", 1.0, formula="pitch + 0.3 * alive"),
    )
    drafts = [
        DESIGNER.propose(make_brief(generation=1, index=i, proposal=6 + i, history=history))
        for i in range(6)
    ]
    assert [draft.operator for draft in drafts] == ["mutate", "sample"] * 3
    assert [draft.parents for draft in drafts[::2]] == [("best",), ("second",), ("best",)]
    assert all(draft.parents == () and draft.changes == "" for draft in drafts[1::2])
    assert drafts[0].changes.startswith("forward_velocity - 0.1 * effort → ")


def test_history_of_another_form_is_passed_over(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """Formulas that the grammar cannot write, or that do not parse, are no parents."""
    history = (
        make_attempt("product", 3.0, formula="product(forward_velocity, torso_height)"),
        make_attempt("broken", 2.0, formula="forward_velocity +"),
        make_attempt("foreign", 1.0, formula="no_such_component"),
    )
    draft = DESIGNER.propose(make_brief(generation=1, proposal=6, history=history))
    assert draft.operator == "sample"


def test_known_formulas_are_not_proposed_again(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """What the run has trained already is drawn again."""
    known = {}
    for number in range(40):
        brief = make_brief(generation=1, index=1, proposal=number, history=tuple(known.values()))
        formula = formula_of(DESIGNER.propose(brief))
        assert formula not in known
        known[formula] = make_attempt(formula, -number, formula=formula)


def test_few_duplicates_within_a_generation(make_brief: MakeBrief) -> None:
    """Siblings, which cannot see each other, are rarely alike."""
    relevance = {"forward_velocity": 0.9}
    formulas = [
        formula_of(DESIGNER.propose(make_brief(proposal=i, index=i, relevance=relevance)))
        for i in range(60)
    ]
    assert len(set(formulas)) >= 57


def test_it_learns(make_brief: MakeBrief) -> None:
    """It beats random formulas at equal budget and unlearns a misleading correlation."""
    folder = open_environment("half_cheetah")
    target = {"forward_velocity": 1.0, "pitch_rate": -0.6, "back_foot_height": 0.3, "effort": -0.1}
    relevance = {"forward_velocity": 0.6, "pitch_rate": 0.35, "vertical_velocity": -0.2}
    runs, wins, learned, advantage = 20, 0, 0, 0.0
    for seed in range(runs):
        noise = Random(seed)

        def error(formula: str) -> float:
            found = weights(formula)
            names = found.keys() | target.keys()
            return sum((found.get(name, 0.0) - target.get(name, 0.0)) ** 2 for name in names)

        def score(formula: str, noise: Random = noise) -> float:
            return -error(formula) + noise.gauss(0.0, 0.05)

        brief = make_brief(folder=folder, run_seed=seed, population=10, relevance=relevance)
        best = search(brief, score, generations=6)[0]
        drawn = [
            formula_of(DESIGNER.propose(replace(brief, proposal=i, index=i))) for i in range(60)
        ]
        random_best = max(drawn, key=score)
        wins += error(best.formula) < error(random_best)
        advantage += (error(random_best) - error(best.formula)) / runs
        learned += weights(best.formula).get("pitch_rate", 0.0) < 0
    assert wins >= 13
    assert learned >= 13
    assert advantage > 0.05


def test_it_cannot_repair(make_brief: MakeBrief) -> None:
    """Valid by construction, it has no answer to a refusal."""
    brief = make_brief()
    finding = Finding("constant", "error", "the reward is constant")
    assert DESIGNER.repair(brief, DESIGNER.propose(brief), [finding], 1) is None


def test_nothing_to_measure_is_a_clear_error(
    make_brief: MakeBrief, hopper: EnvironmentFolder
) -> None:
    """An environment without primitives says what to do."""
    state = tuple(replace(field, primitive=False) for field in hopper.schema.state)
    bare = replace(hopper, schema=replace(hopper.schema, state=state))
    with pytest.raises(UsageError, match="primitive: true"):
        DESIGNER.propose(make_brief(folder=bare))


def test_a_field_named_like_a_formula_function(
    make_brief: MakeBrief, hopper: EnvironmentFolder
) -> None:
    """Component names that the formula language has taken are avoided."""
    state = tuple(
        replace(field, name="progress") if field.name == "forward_velocity" else field
        for field in hopper.schema.state
    )
    folder = replace(hopper, schema=replace(hopper.schema, state=state))
    draft = DESIGNER.propose(make_brief(folder=folder, relevance={"progress": 0.9}))
    assert review(draft.text, folder.schema).accepted
    assert weights(formula_of(draft))["progress_value"] == 1.0


def test_it_needs_no_torch() -> None:
    """The host imports designers and critic without torch."""
    code = (
        "import sys, autoreward.agents.builtin, autoreward.agents.critic, "
        "autoreward.agents.llm_designer; sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
