from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from autoreward.agents.builtin import BuiltinDesigner
from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.agents.formulas.grammar import read
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
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
    """Run a search by formula policy alone against a cheap score; best first."""
    history: tuple[Attempt, ...] = ()
    outcomes: tuple[tuple[Outcome, ...], ...] = ()
    for generation in range(generations):
        made = []
        for index in range(brief.population):
            number = generation * brief.population + index
            asked = replace(
                brief,
                proposal=number,
                generation=generation,
                index=index,
                history=history,
                outcomes=outcomes,
            )
            draft = DESIGNER.propose(asked)
            formula = formula_of(draft)
            found = score(formula)
            made.append(Attempt(str(number), draft.text, formula, "", found, {}, parts=draft.parts))
        group = tuple(Outcome(a.formula, a.parts, (a.score,), (0.02,)) for a in made)
        outcomes = (*outcomes, group)
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
    """Whatever was learned, formulas are valid, in normal form and within four terms."""
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


def test_operators_that_need_no_model_are_carried_out(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """It changes the best as it is told to, says of whom, and knows the components."""
    first = DESIGNER.propose(make_brief(relevance={"forward_velocity": 0.9}))
    attempt = make_attempt("a", text=first.text, formula=formula_of(first), parts=first.parts)
    brief = make_brief(generation=1, proposal=6, history=(attempt,), pool=(attempt,))
    for operator in ("tune", "ablate"):
        draft = DESIGNER.propose(replace(brief, operator=operator))
        assert (draft.operator, draft.parents, draft.parts) == (operator, ("a",), first.parts)
        assert formula_of(draft) != formula_of(first)
        assert review(draft.text, brief.folder.schema).accepted


def test_what_does_not_fit_is_sampled(make_brief: MakeBrief) -> None:
    """Without parents there is nothing to tune, and a model's operators are not its business."""
    for operator in ("tune", "graft", "mutate", "sample", None):
        assert DESIGNER.propose(make_brief(operator=operator)).operator == "sample"


def test_components_of_the_best_reward_are_used(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """Where a language model wrote the best reward, formulas over its components are drawn."""
    parts = (Part("tall", 0.0, 1.0, correlation=0.2), Part("fast", -1.0, 1.0, correlation=0.9))
    best = make_attempt("best", 3.0, parts=parts)
    own = DESIGNER.propose(make_brief())
    second = make_attempt("own", 1.0, text=own.text, formula=formula_of(own), parts=own.parts)
    for index in range(20):
        brief = make_brief(
            generation=1, index=index, proposal=6 + index, history=(best, second), operator="sample"
        )
        draft = DESIGNER.propose(brief)
        assert draft.parts == parts
        assert draft.parents == ("best",)
        assert draft.changes == f"{best.formula} → {formula_of(draft)}"
        assert set(weights(formula_of(draft))) <= {"tall", "fast"}
        assert parse_reward(draft.text).components_text == parse_reward(best.text).components_text
    draft = DESIGNER.propose(replace(brief, history=(second, best)))
    assert (draft.parents, draft.parts) == ((), own.parts)


def test_even_draws_know_nothing(make_brief: MakeBrief) -> None:
    """The control prefers nothing: neither what correlates nor what did well."""
    brief = make_brief(relevance={"forward_velocity": 1.0}, uniform=True)
    found = [
        weights(formula_of(DESIGNER.propose(replace(brief, proposal=number))))
        for number in range(200)
    ]
    signs = [row["forward_velocity"] > 0 for row in found if "forward_velocity" in row]
    assert len(signs) < 100
    assert 0.3 < sum(signs) / len(signs) < 0.7


def test_known_formulas_are_not_proposed_again(
    make_brief: MakeBrief, make_attempt: Callable[..., Attempt]
) -> None:
    """What the run has trained already is drawn again."""
    known: dict[str, Attempt] = {}
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
    """It beats its own prior at equal budget and unlearns a misleading correlation."""
    folder = open_environment("half_cheetah")
    target = {"forward_velocity": 1.0, "pitch_rate": -0.6, "back_foot_height": 0.3, "effort": -0.1}
    relevance = {"forward_velocity": 0.6, "pitch_rate": 0.35, "vertical_velocity": -0.2}
    runs, learned, advantage = 8, 0, 0.0
    for seed in range(runs):
        noise = Random(seed)

        def error(formula: str) -> float:
            found = weights(formula)
            names = found.keys() | target.keys()
            return sum((found.get(name, 0.0) - target.get(name, 0.0)) ** 2 for name in names)

        def score(formula: str, noise: Random = noise) -> float:
            return -error(formula) + noise.gauss(0.0, 0.05)

        brief = make_brief(folder=folder, run_seed=seed, population=10, relevance=relevance)
        made = search(brief, score, generations=6)
        last = [attempt.formula for attempt in made if int(attempt.id) >= 50]
        drawn = [
            formula_of(DESIGNER.propose(replace(brief, proposal=i, index=i))) for i in range(60)
        ]
        advantage += (fmean(map(error, drawn)) - fmean(map(error, last))) / runs
        signs = [weights(formula).get("pitch_rate", 0.0) for formula in last]
        learned += sum(sign < 0 for sign in signs) >= sum(sign > 0 for sign in signs)
    assert learned >= 7
    assert advantage > 0.5


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


def test_what_was_taught_wrong_can_be_unlearned(
    make_brief: MakeBrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the samples are as if nothing had been trained: they still try what did badly."""
    brief = make_brief()
    parts = tuple(Part(name, 0.0, 1.0) for name in ("torso_height", "forward_velocity"))
    good = Outcome("-forward_velocity", parts, (1.0,), (0.01,))
    bad = Outcome("forward_velocity", parts, (-1.0,), (0.01,))
    relevance = {"forward_velocity": 0.9}
    brief = replace(brief, relevance=relevance, outcomes=((good, bad, good, bad),) * 12)

    def tried() -> int:
        drafts = (DESIGNER.propose(replace(brief, proposal=number)) for number in range(1, 61))
        return sum(weights(formula_of(draft)).get("forward_velocity", 0.0) > 0 for draft in drafts)

    now = tried()
    monkeypatch.setattr("autoreward.agents.builtin._UNTAUGHT", 0.0)
    before = tried()
    assert now >= before + 8
