"""The run's trajectory bank: what it is made of, what it begins with, what is skipped by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_run import execute, settings

from autoreward.errors import UsageError
from autoreward.evaluation.bank import Bank
from autoreward.search.archive import search_job
from autoreward.search.banking import open_bank, recent_bank, worth_training
from autoreward.store.journal import Journal
from autoreward.store.rundir import RunFiles


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one finished run, `first`."""
    folder = tmp_path_factory.mktemp("banks")
    execute(folder / "first", settings("search.skip_below=0"))
    return folder


@pytest.fixture(autouse=True)
def here(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make that folder the one where runs live."""
    monkeypatch.setenv("AUTOREWARD_RUNS", str(runs))


def test_a_run_leaves_a_bank_of_all_its_policies(runs: Path) -> None:
    """Zero, random, and every candidate's longest training, with what validation says of them."""
    bank = open_bank("first")
    assert (bank.environment, bank.task) == ("point_mass", "reach")
    with Journal.read(runs / "first") as journal:
        longest = {search_job(journal, c.id) for c in journal.candidates()}
        jobs = {job.id for job in journal.jobs(state="done") if job.purpose != "search"}
        jobs |= {job for job in longest if job is not None}
        for job in jobs:
            mine = sorted(-entry.fitness for entry in bank.entries if entry.source == job)
            scores = sorted(journal.scores(job, "validation")["goal_distance"])
            assert mine == pytest.approx(scores, rel=1e-4)
    assert {entry.source for entry in bank.entries} == jobs | {"zero", "random"}


def test_the_latest_bank_of_a_task_is_found_by_itself() -> None:
    """It says which run it is of; another task has none."""
    found = recent_bank("point_mass", "reach")
    assert found is not None and found[0] == "first"
    assert recent_bank("hopper", "run") is None


def test_a_run_may_begin_with_a_bank_and_keeps_its_copy(runs: Path) -> None:
    """From the first generation on quality is predicted; the run does not need the other one."""
    execute(runs / "second", settings("search.banks=[first]", "search.generations=1"))
    with Journal.read(runs / "second") as journal:
        names = [c.id for c in journal.candidates()]
        known = [journal.meta(f"predicted/{name}") for name in names]
        notes = [f.finding.code for f in journal.findings()]
    assert all(quality is not None and 0.0 <= quality <= 1.0 for quality in known)
    assert "bank" not in notes
    kept = Bank.load(runs / "second" / "bank-start.safetensors")
    assert kept.policies == open_bank("first").policies


def test_unknown_banks_are_one_sentence(runs: Path, tmp_path: Path) -> None:
    """No such run, a run without a bank, a file of something else."""
    with pytest.raises(UsageError, match="--bank nothing"):
        open_bank("nothing")
    Journal.create(runs / "empty", {}, {}).close()
    with pytest.raises(UsageError, match="has no trajectory bank yet"):
        open_bank("empty")
    other = tmp_path / "x.safetensors"
    other.write_bytes(b"no")
    with pytest.raises(UsageError, match="is no trajectory bank"):
        open_bank(str(other))


def test_only_what_ranks_badly_is_skipped(tmp_path: Path) -> None:
    """The best predicted comes first, people's word outranks the bank, one is always trained."""
    directory, seen = tmp_path / "run", []
    chosen = settings("search.skip_below=0.5")

    def observe(kind: str, **data: Any) -> None:
        seen.append((kind, data.get("candidate")))

    with Journal.create(directory, chosen.to_dict(), {}) as journal:
        for name, quality in {"bad": 0.2, "good": 0.9, "liked": 0.1, "unknown": None}.items():
            text = f'def {name}(state, action, next_state):\n    return next_state.x\nFORMULA = "x"'
            journal.add_candidate(name, proposal=None, text=text, formula="x", skeleton="x")
            if quality is not None:
                journal.set_meta(f"predicted/{name}", quality)
        journal.review("liked", "approve", reviewer="me")
        names = ["bad", "good", "liked", "unknown"]
        kept = worth_training(journal, names, chosen, observe)
        assert kept == ["unknown", "good", "liked"]
        assert journal.candidate("bad").state == "rejected"
        assert seen == [("skipped", "bad")]
        assert worth_training(journal, ["bad"], chosen, observe) == ["bad"], "the last one is tried"
    assert RunFiles(directory).bank.name == "bank.safetensors"
