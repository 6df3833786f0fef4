"""Replies of readers that saw the prompt alone: what comes of each in the code of today.

Recorded over four tasks with all operators. The first line of a file says environment, task and
operator, and whether the critic accepts the reward file in it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoreward.agents.critic import review
from autoreward.agents.llm_designer import _read_reply
from autoreward.environments.folder import open_environment
from autoreward.llm.request import Reply

FILES = sorted((Path(__file__).parent / "transcripts" / "designer").glob("*.md"))
HEAD = re.compile(r"<!-- (\w+) (\w+) (\w+) (accepted|refused) -->\n")


def read(path: Path) -> tuple[str, str, str, bool, str]:
    """Return environment, task, operator, whether it is accepted, and the reply."""
    text = path.read_text(encoding="utf-8")
    head = HEAD.match(text)
    assert head, f"{path} does not say what it is"
    return head[1], head[2], head[3], head[4] == "accepted", text[head.end() :]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_reply_is_read(path: Path) -> None:
    """The file is found in the reply, with its idea and change log, and judged as it was then."""
    environment, task, operator, accepted, reply = read(path)
    folder = open_environment(environment)
    draft = _read_reply(Reply(reply, "reader"), operator, ())  # type: ignore[arg-type]
    assert not draft.findings, "the reply holds a file"
    assert draft.idea
    if operator in ("mutate", "rewrite", "cross", "simplify"):
        assert "Kept:" in draft.changes
    reviewed = review(draft.text, folder.schema, folder.task_named(task).instruction)
    assert reviewed.accepted == accepted, [str(finding) for finding in reviewed.findings]


def test_all_operators_are_among_them() -> None:
    """At least twenty replies, over four tasks, by every operator."""
    known = [read(path) for path in FILES]
    assert len(known) >= 20
    assert len({(environment, task) for environment, task, *_ in known}) >= 4
    operators = {operator for _, _, operator, *_ in known}
    assert operators == {"draft", "mutate", "rewrite", "cross", "simplify", "repair"}
