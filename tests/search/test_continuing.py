"""Searching on after the end, and people's word on what is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoreward.config import load_settings
from autoreward.errors import RunError, UsageError
from autoreward.search.continuing import (
    change_limits,
    comparison_round,
    comparison_split,
    extend,
)
from autoreward.store.journal import Journal


def journal_of(tmp_path: Path) -> Journal:
    """Return the journal of a new run."""
    settings = load_settings("quick", None, env="point_mass", description="go")
    return Journal.create(tmp_path / "run", settings.to_dict(), {})


def test_an_interrupted_run_gets_more_generations_and_keeps_its_comparison(tmp_path: Path) -> None:
    """Nothing was compared yet, so the test seeds are still unseen."""
    with journal_of(tmp_path) as journal:
        before = journal.meta("config")["search"]["generations"]
        extend(journal, 2)
        assert journal.meta("config")["search"]["generations"] == before + 2
        assert comparison_round(journal) == 0 and comparison_split(journal) == "test"
        assert "run-extended" in [event.kind for event in journal.events()]


def test_a_finished_run_is_compared_anew_on_other_test_seeds(tmp_path: Path) -> None:
    """Winner, summary and the zero policy's scores go; the scores of the next round have a name."""
    with journal_of(tmp_path) as journal:
        for key in ("summary", "winner", "zero"):
            journal.set_meta(key, {"old": 1})
        extend(journal, 1)
        assert [journal.meta(key) for key in ("summary", "winner", "zero")] == [None] * 3
        assert comparison_round(journal) == 1 and comparison_split(journal) == "test-2"


def test_an_evaluation_has_no_generations(tmp_path: Path) -> None:
    """It is one sentence, and nothing changes."""
    with journal_of(tmp_path) as journal:
        journal.set_meta("kind", "evaluate")
        with pytest.raises(RunError, match="is no search"):
            extend(journal, 1)


def test_limits_may_be_raised_and_lowered(tmp_path: Path) -> None:
    """Journal and config.yaml have the new limit; saying it again changes nothing."""
    with journal_of(tmp_path) as journal:
        assert change_limits(journal, ["budget.usd=20", "budget.hours=3"]) == {
            "budget.usd": 20,
            "budget.hours": 3,
        }
        assert journal.meta("config")["budget"]["usd"] == 20
        assert "usd: 20" in journal.files.config.read_text()
        events = len(journal.events())
        assert change_limits(journal, ["budget.usd=20"]) == {}
        assert len(journal.events()) == events
        assert change_limits(journal, ["budget.usd=null"]) == {"budget.usd": None}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("search.population=99", r"search\.population \(it is \d+\) cannot be changed"),
        ("llm.temperature=1", r"llm\.temperature \(it is null\)"),
        ("budget.usd=much", r"budget\.usd"),
        ("budget.dollars=3", r"budget\.dollars"),
    ],
)
def test_nothing_else_may_be_changed(tmp_path: Path, setting: str, words: str) -> None:
    """One sentence names what differs, and nothing is written."""
    with journal_of(tmp_path) as journal:
        before = journal.meta("config")
        with pytest.raises(UsageError, match=words) as caught:
            change_limits(journal, ["budget.usd=20", setting])
        assert "\n" not in str(caught.value)
        assert journal.meta("config") == before


def test_a_run_that_a_limit_ended_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    """It is compared anew, as after more generations; one that ended by itself stays finished."""
    with journal_of(tmp_path) as journal:
        journal.set_meta("summary", {"budget": None})
        change_limits(journal, ["budget.candidates=5"])
        assert journal.meta("summary") is not None and comparison_round(journal) == 0
        journal.set_meta("summary", {"budget": "5 candidates (budget.candidates)"})
        change_limits(journal, ["budget.candidates=6"])
        assert journal.meta("summary") is None and comparison_round(journal) == 1
