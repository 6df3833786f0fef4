"""What the search does with an analysis before a designer hears of it."""

from __future__ import annotations

from autoreward.agents.llm_analyzer import Explanation
from autoreward.findings import Finding
from autoreward.search.analyzing import _doubted
from autoreward.search.archive import paragraph_of


def test_a_model_alone_cannot_call_a_reward_cheated() -> None:
    """Where the machine saw no farming the claim is a note; other claims stand as they are."""
    claims = (
        Finding("reward-hacking", "warning", "it hovers", "episode 1, step 3, mean reward = 1"),
        Finding("weak-shaping", "warning", "too narrow", "training, snapshot 1, mean reward = 1"),
    )
    said = Explanation(findings=claims)
    assert [f.severity for f in _doubted(said, {}).findings] == ["note", "warning"]
    seen = {"findings": [{"code": "reward-hacking"}]}
    assert [f.severity for f in _doubted(said, seen).findings] == ["warning", "warning"]


def test_the_next_designer_hears_machine_and_model() -> None:
    """Measured sentences first, then the confirmed summary, then what to keep."""
    analysis = {
        "paragraph": "It falls.",
        "explanation": {"summary": "It leans.", "keep": "the hop"},
    }
    assert paragraph_of(analysis) == "It falls. It leans. To keep: the hop"
    assert paragraph_of({"paragraph": "It falls."}) == "It falls."
    assert paragraph_of({}) == ""
