"""Whole runs on point_mass: end, kill and resume, determinism, budgets, nothing trainable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autoreward.config import Settings, load_settings
from autoreward.errors import AutorewardError, UsageError
from autoreward.search.observer import silent
from autoreward.search.run import Run
from autoreward.search.setup import prepare, versions
from autoreward.store.journal import Journal

SMALL = [
    "training.steps=1024", "training.envs=4", "training.rollout=32", "training.minibatches=2",
    "training.epochs=2", "training.checkpoint_every=2", "search.population=3", "search.elites=1",
    "search.generations=2", "search.confirm_seeds=2", "search.finalists=1", "validation.episodes=3",
    "validation.rung_episodes=3", "validation.test_episodes=3", "sandbox.kind=process",
    "search.rungs=[0.1, 0.3, 1.0]",
]  # fmt: skip


def settings(*more: str) -> Settings:
    """Return the settings of a run that takes seconds."""
    return load_settings(
        "quick", None, [*SMALL, *more], env="point_mass", description="move to the goal"
    )


def execute(directory: Path, chosen: Settings) -> dict[str, Any]:
    """Start the run in `directory`, or resume it, and return its summary."""
    exists = (directory / "run.db").exists()
    opened = (
        Journal.open(directory)
        if exists
        else Journal.create(directory, chosen.to_dict(), versions())
    )
    with opened as journal:
        return Run(journal, prepare(chosen), silent).execute()


def facts(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the clock or on the run's name."""
    kept = {k: v for k, v in summary.items() if k not in ("seconds", "run", "clip")}
    return kept | {"winner": {k: v for k, v in summary["winner"].items() if k != "file"}}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a run that nobody disturbed, and its summary."""
    directory = tmp_path_factory.mktemp("runs") / "unbroken"
    return directory, execute(directory, settings())


def test_a_run_ends_with_a_winner_and_honest_numbers(
    unbroken: tuple[Path, dict[str, Any]],
) -> None:
    """The summary has the winner, all baselines, intervals and seed counts."""
    directory, summary = unbroken
    assert Path(summary["winner"]["file"]).exists()
    for entry in (summary["winner"]["fitness"], *summary["baselines"].values()):
        for value in entry.values():
            assert value["interval"][0] <= value["mean"] <= value["interval"][1]
    assert summary["winner"]["fitness"][summary["primary"]]["seeds"] == 2
    assert set(summary["baselines"]) == {"human", "sparse", "zero"}
    assert summary["candidates"] == 6
    final = 3 * 2 * 1024  # the winner and two baselines on two fresh seeds each
    assert 6 * 128 < summary["env_steps"] - final < 6 * 1024, "losers leave early"
    with Journal.read(directory) as journal:
        seeds = {job.purpose: set() for job in journal.jobs()}
        for job in journal.jobs():
            seeds[job.purpose].add(job.training_seed)
        assert seeds["search"].isdisjoint(seeds["confirm"])
        assert seeds["baseline"] == seeds["confirm"], "the comparison is paired by seed"


def test_same_seed_same_run(unbroken: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """A second run with the same settings ends with the same candidates and numbers."""
    assert facts(execute(tmp_path / "again", settings())) == facts(unbroken[1])


def test_kill_and_resume_repeats_nothing(
    unbroken: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """After kill -9 during training, resume ends with the very table of the unbroken run."""
    directory = tmp_path / "killed"
    program = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\n"
        "from test_run import execute, settings\nexecute(Path(sys.argv[1]), settings())\n"
    )
    for wanted in (1, 4):  # once in the first generation, once in the second
        host = subprocess.Popen(
            [sys.executable, "-c", program, str(directory), str(Path(__file__).parent)]
        )
        end = time.monotonic() + 90
        while finished(directory) < wanted:
            assert time.monotonic() < end and host.poll() is None
            time.sleep(0.02)
        os.kill(host.pid, signal.SIGKILL)
        host.wait()
    with Journal.read(directory) as journal:
        before = {job.id: job.finished for job in journal.jobs(state="done")}
    summary = execute(directory, settings())
    assert facts(summary) == facts(unbroken[1])
    with Journal.read(directory) as journal:
        after = {job.id: job.finished for job in journal.jobs(state="done")}
        events = [e.data["job"] for e in journal.events() if e.kind == "job-done"]
    assert before.items() <= after.items(), "a finished training was touched again"
    assert len(events) == len(set(events)), "a training was finished twice"


def finished(directory: Path) -> int:
    """Return how many trainings a run has finished, 0 while there is no journal."""
    if not (directory / "run.db").exists():
        return 0
    try:
        with Journal.read(directory) as journal:
            return len(journal.jobs(state="done"))
    except AutorewardError:  # the journal is being made
        return 0


def test_resuming_a_finished_run_does_nothing(unbroken: tuple[Path, dict[str, Any]]) -> None:
    """The summary is read from the journal; no process is started."""
    started = time.monotonic()
    assert execute(unbroken[0], settings()) == unbroken[1]
    assert time.monotonic() - started < 1.0


def test_a_candidate_limit_stops_the_search_but_not_the_comparison(tmp_path: Path) -> None:
    """With two candidates allowed the run still confirms, tests and says what stopped it."""
    summary = execute(tmp_path / "short", settings("budget.candidates=2"))
    assert summary["candidates"] == 2
    assert "budget.candidates" in summary["budget"]
    assert summary["winner"]["fitness"][summary["primary"]]["seeds"] == 2


def test_environment_steps_are_never_exceeded(tmp_path: Path) -> None:
    """The limit holds for everything, the final comparison included."""
    limit = (3 * 2 + 1) * 1024 + 256
    summary = execute(tmp_path / "steps", settings(f"budget.env_steps={limit}"))
    assert 1 < summary["candidates"] < 6
    assert "budget.env_steps" in summary["budget"]
    assert summary["env_steps"] <= limit


def test_too_small_a_step_limit_is_refused_at_once(tmp_path: Path) -> None:
    """A limit that cannot pay for one candidate and the comparison is one clear sentence."""
    with pytest.raises(UsageError, match=r"budget.env_steps is 1,000, but .* take 7,168"):
        execute(tmp_path / "tiny", settings("budget.env_steps=1000"))


def test_a_second_host_is_refused(tmp_path: Path) -> None:
    """A run that somebody works on cannot be opened for work again."""
    chosen = settings()
    with (
        Journal.create(tmp_path / "run", chosen.to_dict(), versions()),
        pytest.raises(AutorewardError, match=str(os.getpid())),
    ):
        Journal.open(tmp_path / "run")


def test_empty_description_is_refused() -> None:
    """A run needs words."""
    chosen = load_settings("quick", None, [], env="point_mass", description="  ")
    with pytest.raises(UsageError, match="description is empty"):
        prepare(chosen)
