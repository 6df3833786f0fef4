"""What the designer's prompts say, and what they never may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_llm import SNAPSHOT, ScriptedLLM, ask, designer

from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.llm_designer import LLMDesigner
from autoreward.agents.prompts import PromptLibrary
from autoreward.config import LLMSettings
from autoreward.environments.card import render_card
from autoreward.environments.folder import find_environments, open_environment
from autoreward.evaluation.analysis.taxonomy import TAXONOMY
from autoreward.findings import Finding
from autoreward.rewards.functions import FUNCTIONS
from autoreward.rewards.vocabulary import HELPERS

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]


def test_prompt_holds_all_that_is_needed(make_brief: MakeBrief) -> None:
    """Card, task, contract, helpers, formula functions and the people's notes are in the prompt."""
    failure = ("text", (Finding("unknown-name", "error", "there is no field 'torso_heigth'"),))
    brief = make_brief(notes=("it leans back",), failures=(failure, failure))
    llm, _ = ask(brief)
    assert render_card(brief.folder, brief.task).strip() in llm.user
    assert brief.description in llm.user
    assert brief.task.success in llm.user
    assert "`forward_speed` (higher is better)" in llm.user
    assert "it leans back" in llm.user
    assert llm.user.count("there is no field 'torso_heigth'") == 1
    assert "def NAME(state, action, next_state):" in llm.system
    assert 'FORMULA = "' in llm.system
    assert all(f"`{helper.signature}`" in llm.system for helper in HELPERS.values())
    assert all(f"`{function.signature}`" in llm.system for function in FUNCTIONS.values())
    assert [message.role for message in llm.requests[0].messages] == ["system", "user"]
    assert llm.requests[0].role == "designer"


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_answers_are_not_in_the_prompt(name: str, make_brief: MakeBrief) -> None:
    """Neither fitness code nor the environment's own rewards reach the model."""
    folder = open_environment(name)
    for task in folder.tasks.values():
        llm, _ = ask(make_brief(folder=folder, task=task), examples=99)
        prompt = llm.system + llm.user
        assert "fitness_steps" not in prompt
        for filename in filter(None, ("env.py", task.human, task.sparse)):
            lines = [line.strip() for line in folder.read(filename).splitlines()]
            code = [line for line in lines if line.startswith(("return ", "FORMULA", "self."))]
            leaked = [line for line in code if len(line) > 30 and line in prompt]
            assert not leaked


def test_system_message_is_stable(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """It is the same for drafts, children and repairs, so that providers can cache it."""
    llm = ScriptedLLM()
    first = designer(llm)
    draft = first.propose(make_brief())
    first.propose(make_brief(generation=1, proposal=9, history=(make_attempt("a"),)))
    first.repair(make_brief(), draft, [Finding("syntax", "error", "bad")], 1)
    assert len({request.messages[0].content for request in llm.requests}) == 1


def test_drafts_of_a_generation_differ(make_brief: MakeBrief) -> None:
    """Siblings get different emphases, and no two proposals share an answer in the cache."""
    llm = ScriptedLLM()
    for index in range(12):
        designer(llm).propose(make_brief(proposal=index, index=index))
    assert len({request.messages[1].content for request in llm.requests[:6]}) == 6
    assert len({request.key for request in llm.requests}) == 12


def test_retry_asks_for_something_else(make_brief: MakeBrief) -> None:
    """A duplicate is asked for again in other words, each time anew."""
    llm = ScriptedLLM()
    for retry in range(3):
        designer(llm).propose(make_brief(retry=retry))
    assert len({request.key for request in llm.requests}) == 3
    assert "already has" in llm.user
    assert "already has" not in llm.requests[0].messages[1].content


def test_even_places_mutate(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """A mutation shows the parent's code, scores with intervals, statistics and findings."""
    finding = Finding("overflow", "warning", "not finite at extreme states")
    best = make_attempt(
        "best", 2.0, components=(SNAPSHOT,) * 10,
        curve=((0, 0.5, 21.0, 1.0), (999, 0.75, 43.0, 2.0)),
        findings=(finding,), seeds=3,
    )  # fmt: skip
    llm, draft = ask(make_brief(generation=1, proposal=6, history=(best, make_attempt("worse"))))
    assert (draft.operator, draft.parents) == ("mutate", ("best",))
    assert best.text.strip() in llm.user
    assert "forward_speed: 2 [1.88, 2.12]  ← decides" in llm.user
    assert "17 episodes" in llm.user
    assert "3 training seeds" in llm.user
    zeros = " | ".join("0" * 10)
    assert f"| fast | {zeros} | 0.001, 0.001, 0.001 | 0, 0.01 | 0.00, 0.00, 0.00 | near" in llm.user
    assert "| environment steps | 0 | 999 |" in llm.user
    assert "| episode length | 21 | 43 |" in llm.user
    assert "not finite at extreme states" in llm.user
    assert "the idea of worse" in llm.user
    assert "Kept: …" in llm.user


def test_the_analysis_of_a_parent_is_shown(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """What the analyzer says about the parent's policy stands beside its numbers."""
    parent = make_attempt("a", paragraph="It leans forward until it falls.")
    llm, _ = ask(make_brief(generation=1, history=(parent,)))
    assert "What its policy does: It leans forward until it falls." in llm.user


def test_people_come_before_numbers(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """All that people said stands in one section, before the statistics, each remark once."""
    other = make_attempt("b", notes=("too stiff",))
    brief = make_brief(
        generation=1,
        history=(make_attempt("a", components=(SNAPSHOT,)), other),
        notes=("mind the knee", "mind the knee"),
        feedback=("b is the nicest",),
    )
    llm, _ = ask(brief)
    start = llm.user.index("# What people say")
    section = llm.user[start : llm.user.index("\n# ", start)]
    assert "follow the people" in section
    for remark in ("* mind the knee\n", "* b is the nicest\n", "* about reward b: too stiff\n"):
        assert section.count(remark) == 1
    assert start < llm.user.index("# Parent")
    assert "# What people say" not in ask(replace(brief, notes=(), feedback=(), history=()))[0].user


def test_a_remark_of_people_is_the_thing_to_correct(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """It comes before a machine's finding, and only the latter may be called a false alarm."""
    found = make_attempt("a", findings=(Finding("falls", "warning", "it falls over"),))
    job = ask(make_brief(generation=1, history=(found,)))[0].user.partition("# Your job")[2]
    assert "> warning: falls: it falls over" in job
    assert "false alarm" in job
    told = replace(found, notes=("it shuffles",))
    job = ask(make_brief(generation=1, history=(told,)))[0].user.partition("# Your job")[2]
    assert '> people say about it: "it shuffles"' in job
    assert "false alarm" not in job


def test_preferences_decide_where_they_are_the_fitness(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Judged by people, the mark stands at their rating and at no measurement."""
    history = (make_attempt("a", preference=1043.2), make_attempt("b", preference=950.0))
    brief = make_brief(generation=1, history=history, judged_by="preference")
    llm, _ = ask(brief)
    assert "* people's rating (Elo): 1043  ← decides" in llm.user
    assert llm.user.count("← decides") == 1
    assert "It is decided by people" in llm.user
    assert "Elo 950" in llm.user
    assert "It is decided by the measurement" not in llm.user


def test_best_others_are_shown_by_their_measures(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Formula names mean something: of the best 3 whose code is not shown, each is described."""
    history = tuple(make_attempt(name) for name in "abcde")
    llm, draft = ask(make_brief(generation=1, history=history))
    assert draft.parents == ("a",)
    overview = llm.user[llm.user.index("# Rewards trained") : llm.user.index("# Parent")]
    assert overview.count("Formula: `gate(tall, 0.5) * fast`") == 3
    assert overview.count("- `tall`: Torso height, in [0, 1].") == 3
    assert overview.count("Its file is shown below") == 1
    last = overview[overview.index("5. `e`") :]
    assert "the idea of e" in last
    assert "gate" not in last


def test_every_prompt_with_parents_demands_a_log(
    make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Changes and what must be kept are asked for, and numbers of the formula are left alone."""
    ballast = make_attempt("a", components=(SNAPSHOT,))
    hacked = make_attempt("a", findings=(Finding("reward-hacking", "warning", "it rocks"),))
    seen = set()
    for first, index in ((ballast, 0), (ballast, 1), (ballast, 3), (hacked, 0)):
        history = (first, make_attempt("b"))
        llm, draft = ask(make_brief(generation=1, index=index, history=history))
        seen.add(draft.operator)
        assert "`Kept: …`" in llm.user
        assert "`Dropped: …`" in llm.user
        assert "only in the numbers of FORMULA counts as the same reward" in llm.user
        assert "the shares of a reward do not sum to 1" in llm.user
    assert seen == {"mutate", "cross", "simplify", "rewrite"}


def test_the_taxonomy_is_in_the_prompt(make_brief: MakeBrief) -> None:
    """Each name that the analyzer may use is explained to the designer."""
    llm, _ = ask(make_brief())
    missing = [code for code in TAXONOMY if f"`{code}`" not in llm.system]
    assert not missing


def test_examples_are_shown_only_where_asked_for(make_brief: MakeBrief) -> None:
    """Proven rewards of other tasks are in the stable part, as many as the settings say."""
    none, two = ask(make_brief())[0], ask(make_brief(), examples=2)[0]
    assert "# Rewards that worked" not in none.system
    assert two.system.count("\nResult: ") == 2
    assert two.user == none.user


def test_every_template_variable_is_given(
    make_brief: MakeBrief, make_attempt: MakeAttempt, tmp_path: Path
) -> None:
    """All templates render from a snapshot too, with and without optional parts."""
    PromptLibrary().snapshot(tmp_path / "prompts")
    llm = ScriptedLLM()
    agent = LLMDesigner(llm, LLMSettings(model="m"), PromptLibrary(tmp_path / "prompts"))
    history = (make_attempt("a"), make_attempt("b", components=(SNAPSHOT,)))
    plain = make_brief()
    full = make_brief(retry=1, notes=("n",), generation=2, history=history, feedback=("f",))
    told = make_attempt(
        "c", paragraph="It hops.", notes=("it leans",), pinned=True, preference=1032.4
    )
    by_people = replace(full, history=(told, *history), judged_by="preference")
    for brief in (plain, full, replace(full, index=1), replace(full, index=3), by_people):
        draft = agent.propose(brief)
        assert agent.repair(brief, draft, [Finding("x", "error", "y", "line 99")], 1) is not None
    for request in llm.requests:
        for message in request.messages:
            assert "{{" not in message.content
            assert "{%" not in message.content
            assert "None" not in message.content
            assert "\n\n\n\n" not in message.content
