"""The plan that people read before a run begins."""

from __future__ import annotations

import pytest

from autoreward.config import load_settings
from autoreward.report.outline import plan_words, unusual


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            (),
            "4 generations of 8 candidates; at 25% and 50% of 163,840 steps only the best half "
            "goes on; the best of those trained whole again on 1 further seed; "
            "then 2 finalists and baselines on 3 fresh seeds",
        ),
        (("search.eta=7",), "only the best 1 in 7 goes on"),
        (("search.seeds=3",), "the best of those trained whole again on 2 further seeds; then"),
        (("search.seeds=1",), "only the best half goes on; then"),
        (
            ("search.ordered=false", "designer.kind=llm", "llm.model=openai/m"),
            "32 candidates, asked for one by one; at 25% and",
        ),
        (
            ("search.rungs=[1.0]",),
            "4 generations of 8 candidates, 163,840 steps each; the best of those trained whole",
        ),
        (
            ("search.rungs=[1.0]", "search.seeds=1"),
            "4 generations of 8 candidates, 163,840 steps each; then",
        ),
        (("search.strategy=greedy",), "8 candidates, 163,840 steps each; then"),
        (
            ("search.inner=population",),
            "go on from the best of the generation before, 40,960 steps each; then",
        ),
        (("training.steps=2048",), "at 50% of 2,048 steps only"),
    ],
)
def test_the_plan_says_who_is_trained_how_long(changes: tuple[str, ...], words: str) -> None:
    """One line for every way to search; a rung is never shorter than one iteration."""
    assert words in plan_words(load_settings(overrides=changes))


def test_what_is_unusual_is_named() -> None:
    """Nothing for the defaults, a line for each choice."""
    assert unusual(load_settings()) == {}
    changes = ("search.islands=2", "search.operator_policy=false", "search.warm_start=old-run")
    found = unusual(load_settings(overrides=changes))
    assert found["islands"] == "2, which see their own candidates and migrants every 2 generations"
    assert "in turn" in found["operators"]
    assert found["begins with"] == "the formula policy of old-run"
    control = unusual(load_settings(overrides=["search.strategy=random"]))
    assert control == {
        "strategy": "a control: formulas drawn evenly from the grammar, all trained to the end"
    }
