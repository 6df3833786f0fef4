from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.agents.llm_designer import LLMDesigner
from autoreward.agents.prompts import PromptLibrary
from autoreward.config import LLMSettings
from autoreward.environments.card import render_card
from autoreward.environments.folder import find_environments, open_environment
from autoreward.errors import LLMError
from autoreward.findings import Finding
from autoreward.llm.request import Reply, Request
from autoreward.rewards.functions import FUNCTIONS
from autoreward.rewards.vocabulary import HELPERS

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]
FILE = '''"""Stand tall,
then be fast.

Changed: margin 0.5 → 0.8, because `tall` was near zero.
Kept: the gate.
"""


def tall(state, action, next_state):
    """Torso height, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=1.2, upper=inf, margin=0.8)


FORMULA = "tall"
'''
SNAPSHOT = {
    "tall": {"mean": 0.25, "std": 0.1, "min": 0.0, "max": 0.5, "share": 0.9},
    "fast": {"mean": 0.0, "std": 0.001, "min": 0.0, "max": 0.01, "share": 0.0},
}


class ScriptedLLM:
    """Answers every request with the same text and keeps the requests."""

    def __init__(self, text: str = f"```python\n{FILE}```", finish: str = "stop") -> None:
        self.reply = Reply(text, "scripted", finish, output_tokens=99)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply

    @property
    def system(self) -> str:
        return self.requests[-1].messages[0].content

    @property
    def user(self) -> str:
        return self.requests[-1].messages[1].content


def designer(llm: Callable[[Request], Reply]) -> LLMDesigner:
    return LLMDesigner(llm, LLMSettings(model="openai/some-model"), PromptLibrary())


def ask(brief: Brief) -> tuple[ScriptedLLM, Draft]:
    llm = ScriptedLLM()
    return llm, designer(llm).propose(brief)


def test_draft_has_file_idea_and_changes(make_brief: MakeBrief) -> None:
    """The file comes out of the fence, idea and change log out of its docstring."""
    _, draft = ask(make_brief())
    assert draft.text == FILE
    assert draft.idea == "Stand tall, then be fast."
    assert draft.changes == (
        "Changed: margin 0.5 → 0.8, because `tall` was near zero.\nKept: the gate."
    )
    assert (draft.operator, draft.parents, draft.findings) == ("draft", (), ())
    assert review(draft.text, make_brief().folder.schema).accepted


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
        llm, _ = ask(make_brief(folder=folder, task=task))
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
    assert "| fast | 0 0 0 0 0 0 0 0 0 0 | 0.001, 0, 0.01 | 0.00 | near zero |" in llm.user
    assert "| 999 | 0.75 | 43 | 2 |" in llm.user
    assert "not finite at extreme states" in llm.user
    assert "the idea of worse" in llm.user
    assert "Kept: …" in llm.user


def test_parents_rotate_over_the_elites(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """Mutations take the elites in turn; nothing below them is mutated."""
    history = tuple(make_attempt(name) for name in "abcd")
    parents = [
        ask(make_brief(generation=1, proposal=6 + i, index=i, history=history, elites=2))[1].parents
        for i in (0, 2, 4)
    ]
    assert parents == [("a",), ("b",), ("a",)]


def test_odd_places_cross(make_brief: MakeBrief, make_attempt: MakeAttempt) -> None:
    """A cross shows two different parents; over many proposals others than the elites get in."""
    history = tuple(make_attempt(name, text=FILE + f"# {name}") for name in "abcd")
    seconds = set()
    for number in range(20):
        brief = make_brief(generation=1, index=1, proposal=number, history=history, elites=1)
        llm, draft = ask(brief)
        assert draft.operator == "cross"
        first, second = draft.parents
        assert first == "a"
        assert f"# {first}\n```" in llm.user
        assert f"# {second}\n```" in llm.user
        seconds.add(second)
    assert seconds == {"b", "c", "d"}


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_parents_a_cross_is_a_draft(
    count: int, make_brief: MakeBrief, make_attempt: MakeAttempt
) -> None:
    """Where nothing, or one candidate alone, could be trained, the next is drafted anew."""
    history = tuple(make_attempt(name) for name in "a"[:count])
    _, draft = ask(make_brief(generation=1, index=1, history=history))
    assert (draft.operator, draft.parents) == ("draft", ())


def test_repair_shows_file_line_and_error(make_brief: MakeBrief) -> None:
    """The model gets its own file and the exact error text with the line it points at."""
    bad = FILE.replace("torso_height", "torso_heigth")
    brief = make_brief()
    findings = review(bad, brief.folder.schema).findings
    llm = ScriptedLLM()
    draft = Draft(bad, "", "", "mutate", ("a",))
    repaired = designer(llm).repair(brief, draft, findings, 1)
    assert repaired is not None
    assert (repaired.operator, repaired.parents, repaired.text) == ("repair", ("a",), FILE)
    assert bad.strip() in llm.user
    assert findings[0].message in llm.user
    assert "\n    11: return tolerance(next_state.torso_heigth" in llm.user
    designer(llm).repair(brief, draft, findings, 2)
    assert llm.requests[0].key != llm.requests[1].key


@pytest.mark.parametrize(
    ("text", "finish", "code"),
    [
        ("I would reward speed.", "stop", "no-code"),
        ("", "stop", "no-code"),
        ("I cannot help.", "content_filter", "no-code"),
        (f"```python\n{FILE[:200]}", "length", "cut-off"),
    ],
)
def test_reply_without_a_file(text: str, finish: str, code: str, make_brief: MakeBrief) -> None:
    """Such a draft carries its own finding, and its repair shows what came instead."""
    llm = ScriptedLLM(text, finish)
    brief = make_brief()
    draft = designer(llm).propose(brief)
    assert [(finding.code, finding.severity) for finding in draft.findings] == [(code, "error")]
    assert not review(draft.text, brief.folder.schema).accepted
    llm.reply = Reply(f"```python\n{FILE}```", "scripted")
    repaired = designer(llm).repair(brief, draft, draft.findings, 1)
    assert repaired is not None
    assert repaired.findings == ()
    assert draft.findings[0].message in llm.user
    assert "without a complete file" in llm.user


@pytest.mark.parametrize(
    "reply",
    [
        FILE,
        f"<think>\n```python\nx = 1\n```\n</think>\n```py\n{FILE}```",
        f"Here it is:\n\n~~~python\n{FILE}~~~\nGood luck!",
        f"```\n{FILE}",
        f"First idea:\n```python\nx = 1\n```\nBetter:\n```python\n{FILE}```",
    ],
)
def test_sloppy_replies_are_read(reply: str, make_brief: MakeBrief) -> None:
    """Missing fences, other fences, thoughts and chatter do not cost a repair."""
    draft = designer(ScriptedLLM(reply)).propose(make_brief())
    assert draft.findings == ()
    assert draft.text.strip() == FILE.strip()


@pytest.mark.parametrize(
    ("docstring", "idea", "changes"),
    [
        ("One idea.", "One idea.", ""),
        ("One\nidea.\n\nMore about it.", "One idea.", ""),
        ("One idea.\n* **Dropped**: calm (flat).", "One idea.", "* **Dropped**: calm (flat)."),
        ("", "", ""),
    ],
)
def test_docstrings_of_all_kinds(
    docstring: str, idea: str, changes: str, make_brief: MakeBrief
) -> None:
    """Idea and change log are found however they are laid out, or are empty."""
    code = f'"""{docstring}"""\n' + FILE.partition('\n"""\n')[2]
    draft = designer(ScriptedLLM(f"```python\n{code}```")).propose(make_brief())
    assert (draft.idea, draft.changes) == (idea, changes)


def test_a_file_that_does_not_parse_is_for_the_critic(make_brief: MakeBrief) -> None:
    """A syntax error is no finding of the designer's: it reaches the critic as written."""
    draft = designer(ScriptedLLM("```python\ndef tall(:\n    return 1\n```")).propose(make_brief())
    assert draft.findings == ()
    assert draft.idea == ""
    assert draft.text == "def tall(:\n    return 1\n"


def test_errors_of_the_model_pass_through(make_brief: MakeBrief) -> None:
    """A model that cannot be asked is the run's matter, not a failed draft."""

    def broken(request: Request) -> Reply:
        raise LLMError("no connection", transient=True)

    with pytest.raises(LLMError, match="no connection"):
        designer(broken).propose(make_brief())


def test_every_template_variable_is_given(
    make_brief: MakeBrief, make_attempt: MakeAttempt, tmp_path: Path
) -> None:
    """All templates render from a snapshot too, with and without optional parts."""
    PromptLibrary().snapshot(tmp_path / "prompts")
    llm = ScriptedLLM()
    agent = LLMDesigner(llm, LLMSettings(model="m"), PromptLibrary(tmp_path / "prompts"))
    history = (make_attempt("a"), make_attempt("b", components=(SNAPSHOT,)))
    plain = make_brief()
    full = make_brief(retry=1, notes=("n",), generation=2, history=history)
    for brief in (plain, full, replace(full, index=1)):
        draft = agent.propose(brief)
        assert agent.repair(brief, draft, [Finding("x", "error", "y", "line 99")], 1) is not None
    for request in llm.requests:
        for message in request.messages:
            assert "{{" not in message.content
            assert "{%" not in message.content
            assert "\n\n\n\n" not in message.content
