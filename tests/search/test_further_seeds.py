"""The best whole trainings of a run are repeated on the next seed: who, when, and decided once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_run import execute, facts, settings

from autoreward.config import Settings
from autoreward.errors import AutorewardError
from autoreward.findings import Finding
from autoreward.search.archive import attempts
from autoreward.search.continuing import extend
from autoreward.search.racing import score_of
from autoreward.search.setup import prepare
from autoreward.search.stage import Stage
from autoreward.search.view import view_of
from autoreward.store.journal import Journal

GENERATIONS, POPULATION, ELITES = 3, 4, 3
Finished = tuple[Path, dict[str, Any]]


def chosen(generations: int = GENERATIONS) -> Settings:
    """Return the settings of a run of which half is trained whole."""
    return settings(
        f"search.generations={generations}", f"search.population={POPULATION}",
        f"search.elites={ELITES}", "search.rungs=[0.25, 1.0]", "search.finalists=2",
    )  # fmt: skip


def chosen_within(limit: int) -> Settings:
    """Return the same with a limit on environment steps."""
    changed = chosen()
    budget = changed.budget.model_copy(update={"env_steps": limit})
    return changed.model_copy(update={"budget": budget})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Return a run that nobody disturbed, and its summary."""
    directory = tmp_path_factory.mktemp("seeds") / "run"
    return directory, execute(directory, chosen())


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Path:
    """Return a copy of that run, to go on with."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


def ends(journal: Journal) -> dict[str, float | None]:
    """Return when each training ended."""
    return {job.id: job.finished for job in journal.jobs()}


def decided(journal: Journal, generations: int = GENERATIONS) -> list[list[str]]:
    """Return who was trained on the second seed beside each generation, and at the end."""
    return [journal.meta(f"seeds/{number}")[0] for number in range(generations + 1)]


def best_half(journal: Journal, names: Iterable[str]) -> list[str]:
    """Return the better half of some candidates by their first whole training, best first."""
    primary = prepare(chosen()).primary
    score = {name: score_of(journal, [f"{name}-search-s0"], primary) for name in names}
    ranked = sorted(score, key=lambda name: (-score[name], name))
    return ranked[: min(-(-len(ranked) // 2), ELITES)]


def on_second(journal: Journal) -> set[str]:
    """Return the candidates that have a training on the second seed."""
    return {job.candidate for job in journal.jobs(purpose="search") if job.training_seed == 1}


def test_the_best_of_the_whole_trainings_are_repeated(finished: Finished) -> None:
    """Beside a generation, of those that had ended when it began; at the end of all."""
    with Journal.read(finished[0]) as journal:
        whole = [journal.meta(f"race/{number}")[1] for number in range(GENERATIONS)]
        assert sum(map(len, whole)) == 6
        seeds = decided(journal)
        for number in range(GENERATIONS + 1):
            ended = whole if number == GENERATIONS else whole[: max(0, number - 1)]
            before = {name for names in seeds[:number] for name in names}
            best = best_half(journal, [name for names in ended for name in names])
            assert seeds[number] == [name for name in best if name not in before]
        assert seeds[0] == seeds[1] == [] and seeds[2] and seeds[3]
        assert on_second(journal) == {name for names in seeds for name in names}


def test_another_seed_is_a_whole_training_from_nothing(finished: Finished) -> None:
    """It has all steps of its own; no third seed is tried."""
    with Journal.read(finished[0]) as journal:
        jobs = [job for job in journal.jobs(purpose="search") if job.training_seed]
        assert {(job.training_seed, job.steps, job.env_steps) for job in jobs} == {(1, 1024, 1024)}
        assert {job.id for job in jobs} == {f"{job.candidate}-search-s1" for job in jobs}
        assert {job.state for job in jobs} == {"done"}


def test_finalists_are_the_first_of_the_ranking(finished: Finished) -> None:
    """Means over both seeds decide, drawn together by how many seeds they are of."""
    with Journal.read(finished[0]) as journal:
        ranked = attempts(journal, prepare(chosen()).primary)
        assert {entry.id for entry in ranked if entry.seeds == 2} == on_second(journal)
        confirmed = {job.candidate for job in journal.jobs(purpose="confirm")}
        assert confirmed == {entry.id for entry in ranked[:2]}
        assert finished[1]["winner"]["id"] in confirmed


def seen(journal: Journal, population: int) -> list[set[str]]:
    """Return whose second seeds the first proposal of each generation was shown."""
    again = [job for job in journal.jobs(purpose="search") if job.training_seed]
    found = []
    for proposal in journal.proposals()[::population]:
        view = view_of(journal, proposal.number)
        assert view is not None
        found.append({job.candidate for job in again if view.shows(job)})
    return found


def test_a_generation_sees_only_seeds_that_were_waited_for(
    finished: Finished, tmp_path: Path
) -> None:
    """What runs beside a generation is waited for as whole trainings are, and counts then."""
    with Journal.read(finished[0]) as journal:
        assert seen(journal, POPULATION) == [set(), set(), set()], "the first ones run beside 2"
    few = settings("search.generations=3", "search.population=2", "search.rungs=[1.0]")
    execute(tmp_path / "run", few)
    with Journal.read(tmp_path / "run") as journal:
        first = set(journal.meta("seeds/1")[0])
        assert len(first) == 1 and seen(journal, 2) == [set(), set(), first]


def test_the_summary_says_who_came_how_far(finished: Finished) -> None:
    """Second seeds are a rung of their own, and their steps are those of the search."""
    rungs = finished[1]["search"]["rungs"]
    assert [(rung["share"], rung["seeds"]) for rung in rungs] == [(0.25, 1), (1.0, 1), (1.0, 2)]
    with Journal.read(finished[0]) as journal:
        counts = [12, 6, len(on_second(journal))]
    assert [rung["candidates"] for rung in rungs] == counts
    steps = 12 * 256 + 6 * 768 + counts[2] * 1024
    assert finished[1]["search"]["env_steps"] == steps


def test_another_seed_is_for_what_is_left(finished: Finished, tmp_path: Path) -> None:
    """A budget that does not pay for the last one is no reason to say that the search was cut."""
    limit = finished[1]["env_steps"] - 1
    summary = execute(tmp_path / "run", chosen_within(limit))
    assert summary["env_steps"] == finished[1]["env_steps"] - 1024
    assert summary["candidates"] == finished[1]["candidates"] and not summary["budget"]


def test_a_second_seed_that_fails_takes_nothing_back(copied: Path) -> None:
    """The candidate keeps its first training, and its place in the ranking."""
    with Journal.open(copied) as journal:
        once = [job for job in journal.jobs(purpose="search") if job.steps == 1024]
        name = next(job.candidate for job in once if job.candidate not in on_second(journal))
        lost = f"{name}-search-s1"
        journal.queue_job(lost, candidate=name, purpose="search", training_seed=1, steps=1024)
        journal.start_job(lost)
        journal.finish_job(lost, "failed", findings=[Finding("timeout", "error", "too slow")])
        Stage.settle(SimpleNamespace(journal=journal), [lost])  # type: ignore[arg-type]
        assert journal.candidate(name).state == "trained"
        (found,) = (a for a in attempts(journal, prepare(chosen()).primary) if a.id == name)
        assert (found.seeds, found.steps) == (1, 1024)
        assert "timeout" in {finding.code for finding in found.findings}


def test_one_seed_is_a_race_without_repeats(tmp_path: Path) -> None:
    """`search.seeds=1` ranks single trainings."""
    summary = execute(tmp_path / "run", settings("search.seeds=1"))
    assert {rung["seeds"] for rung in summary["search"]["rungs"]} == {1}
    with Journal.read(tmp_path / "run") as journal:
        assert {job.training_seed for job in journal.jobs(purpose="search")} == {0}


# Interrupted, and continued -----------------------------------------------------------------------


def test_a_host_that_is_killed_in_a_second_seed_changes_nothing(
    finished: Finished, tmp_path: Path
) -> None:
    """The resumed run decides alike, and ends with the same table."""
    directory = tmp_path / "killed"
    program = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\n"
        "from test_further_seeds import chosen, execute\nexecute(Path(sys.argv[1]), chosen())\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", program, str(directory), str(Path(__file__).parent)]
    )
    end = time.monotonic() + 90
    while not begun(directory):
        assert time.monotonic() < end and host.poll() is None
        time.sleep(0.01)
    os.kill(host.pid, signal.SIGKILL)
    host.wait()
    assert facts(execute(directory, chosen())) == facts(finished[1])
    with Journal.read(directory) as journal, Journal.read(finished[0]) as other:
        assert decided(journal) == decided(other)
        ended = [e.data["job"] for e in journal.events() if e.kind == "job-done"]
    assert len(ended) == len(set(ended)), "a training was finished twice"


def begun(directory: Path) -> bool:
    """Return whether a training on the second seed is on its way in a run."""
    if not (directory / "run.db").exists():
        return False
    try:
        with Journal.read(directory) as journal:
            return bool(on_second(journal))
    except AutorewardError:  # the journal is being made
        return False


def test_what_was_begun_is_decided_alike_before_it_was_said(
    finished: Finished, copied: Path
) -> None:
    """A host may die between the first training of a decision and the word that it was taken."""
    with Journal.open(copied) as journal:
        before, wanted = ends(journal), decided(journal)
        with journal._db.transaction() as db:
            db.execute("DELETE FROM meta WHERE key IN ('seeds/2', 'seeds/3', 'summary', 'winner')")
    assert facts(execute(copied, chosen())) == facts(finished[1])
    with Journal.read(copied) as journal:
        assert decided(journal) == wanted and ends(journal) == before


def test_more_generations_keep_what_was_decided_at_the_end(copied: Path) -> None:
    """Nobody is repeated twice, and nothing that had ended is touched."""
    with Journal.open(copied) as journal:
        before, wanted = ends(journal), decided(journal)
        extend(journal, 1)
    summary = execute(copied, chosen(GENERATIONS + 1))
    assert summary["candidates"] == 16 and summary["comparisons"] == 2
    with Journal.read(copied) as journal:
        seeds = decided(journal, GENERATIONS + 1)
        assert seeds[:-1] == wanted
        names = [name for entry in seeds for name in entry]
        assert len(names) == len(set(names)) and on_second(journal) == set(names)
        assert before.items() <= ends(journal).items()
        whole = [name for number in range(4) for name in journal.meta(f"race/{number}")[1]]
        repeated = {name for entry in wanted for name in entry}
        assert seeds[-1] == [name for name in best_half(journal, whole) if name not in repeated]
