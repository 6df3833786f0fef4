"""What the designer makes of a reply, and whom it takes as parents."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scripted_llm import FILE, ScriptedLLM, ask, designer

from autoreward.agents.critic import review
from autoreward.agents.designer import Attempt, Brief, Draft
from autoreward.errors import LLMError
from autoreward.llm.request import Reply, Request

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]


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
