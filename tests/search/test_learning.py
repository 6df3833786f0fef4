"""The formula policy of a run: kept at its end, and what another run begins with."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_run import execute, settings

from autoreward.agents.formulas.policy import FormulaPolicy
from autoreward.errors import UsageError
from autoreward.search.briefing import outcomes_of, start_file
from autoreward.search.setup import prepare
from autoreward.search.view import view_now
from autoreward.store.journal import Journal


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder of its own the one where runs live."""
    monkeypatch.setenv("AUTOREWARD_RUNS", str(tmp_path))


def test_what_a_run_learned_is_where_another_begins(tmp_path: Path) -> None:
    """The policy follows from the run's outcomes; the next run keeps a copy of it."""
    first, second = tmp_path / "first", tmp_path / "second"
    execute(first, settings("search.islands=2", "search.migrate_every=1"))
    with Journal.read(first) as journal:
        outcomes = outcomes_of(journal, prepare(settings()), view_now(journal))
        kept = FormulaPolicy.load(journal.files.formula_policy)
    assert len(outcomes) == 2 and all(outcomes)
    parts = outcomes[0][0].parts
    fresh = FormulaPolicy()
    likeliest = kept.mode(parts)
    assert kept.log_prob(likeliest, parts) != fresh.log_prob(likeliest, parts)
    execute(second, settings("search.warm_start=first"))
    with Journal.read(second) as journal:
        copied = start_file(journal).read_bytes()
        formulas = [candidate.formula for candidate in journal.candidates()]
    assert copied == (first / "formula-policy.safetensors").read_bytes()
    assert formulas


def test_a_warm_start_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """An unknown run, a run that has learned nothing yet, a file of something else."""
    with pytest.raises(UsageError, match="--warm-start nothing"):
        execute(tmp_path / "a", settings("search.warm_start=nothing"))
    Journal.create(tmp_path / "empty", {}, {}).close()
    with pytest.raises(UsageError, match="has no formula policy yet"):
        execute(tmp_path / "b", settings("search.warm_start=empty"))
    other = tmp_path / "x.safetensors"
    other.write_bytes(b"no")
    with pytest.raises(UsageError, match="is no formula policy"):
        execute(tmp_path / "c", settings(f"search.warm_start={other}"))
