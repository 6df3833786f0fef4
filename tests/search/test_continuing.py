"""Searching on after the end, and people's word on what is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoreward.config import load_settings
from autoreward.errors import RunError
from autoreward.search.continuing import comparison_round, comparison_split, extend
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
