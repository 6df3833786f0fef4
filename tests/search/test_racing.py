"""Who goes on at a rung, and that the race of a whole run keeps to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from test_run import execute, settings

from autoreward.errors import UsageError
from autoreward.search.jobs import Jobs
from autoreward.search.racing import Race, going_on, score_of
from autoreward.search.setup import prepare
from autoreward.store.journal import Journal


def test_the_best_go_on_and_places_once_taken_stay_taken() -> None:
    """Who went on earlier keeps a place even where others are better now."""
    scores = {"a": 1.0, "b": 3.0, "c": 2.0, "d": 2.0}
    assert going_on(scores, (), 2) == ["b", "c"]
    assert going_on(scores, ("b",), 2) == ["c"]
    assert going_on(scores, ("a",), 1) == ["b"]
    assert going_on({}, (), 3) == []


def race(*more: str) -> Race:
    """Return a race of which nothing but its settings is known."""
    chosen = settings(*more)
    return Race(cast(Journal, None), cast(Jobs, None), chosen, prepare(chosen).primary)


@pytest.mark.parametrize(
    ("reached", "waited", "wanted"),
    [(1, True, 1), (8, True, 3), (9, True, 3), (0, True, 0), (2, False, 0), (3, False, 1)],
)
def test_one_in_eta_goes_on(reached: int, waited: bool, wanted: int) -> None:
    """Of a few that were all waited for one goes on; those that come one by one wait for others."""
    assert race("search.eta=3").places(1, reached, at_least_one=waited) == wanted


@pytest.mark.parametrize(
    ("elites", "reached", "wanted"), [(2, 2, 1), (2, 3, 2), (2, 99, 2), (0, 99, 1), (2, 0, 0)]
)
def test_no_more_than_become_parents_are_repeated(elites: int, reached: int, wanted: int) -> None:
    """One in eta of the whole trainings goes on to a further seed, up to the number of elites."""
    chosen = race(f"search.elites={elites}", "search.seeds=3")
    for rung in (3, 4):
        assert chosen.places(rung, reached, at_least_one=True) == wanted
    assert chosen.places(2, 99, at_least_one=True) == 50


def test_a_race_goes_from_shares_to_seeds() -> None:
    """Trainings of one seed are named by their rung, the whole ones by their seed alone."""
    chosen = race("search.seeds=3")
    assert (chosen.whole, chosen.last) == (2, 4)
    assert [chosen.job_id("c", rung) for rung in range(5)] == [
        *("c-search-s0-r1", "c-search-s0-r2", "c-search-s0", "c-search-s1", "c-search-s2")
    ]
    assert [chosen.cost(rung) for rung in range(5)] == [128, 256, 640, 1024, 1024]
    assert (race("search.strategy=greedy").whole, race("search.strategy=greedy").last) == (0, 0)


@pytest.mark.parametrize("rungs", ["[0.3, 0.1, 1.0]", "[0.1, 0.5]", "[0.1, 0.1, 1.0]"])
def test_rungs_rise_and_end_with_all(rungs: str) -> None:
    """Anything else is one sentence."""
    with pytest.raises(UsageError, match="rungs must rise and end with 1"):
        settings(f"search.rungs={rungs}")


@pytest.mark.parametrize(
    "more", [(), ("designer.kind=llm", "llm.model=openai/m", "search.review=true")]
)
def test_a_search_that_cannot_be_steady_is_refused_as_one(more: tuple[str, ...]) -> None:
    """Without a model nothing is waited for, and people decide in groups: one sentence."""
    with pytest.raises(UsageError, match="ordered=false needs designer"):
        settings("search.ordered=false", *more)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a finished run of two generations of four."""
    directory = tmp_path_factory.mktemp("races") / "run"
    return directory, execute(directory, settings("search.population=4"))


def test_only_the_best_third_of_each_rung_goes_on(raced: tuple[Path, dict[str, Any]]) -> None:
    """Decided generation by generation, on the scores of one rung, over all that reached it."""
    primary = prepare(settings()).primary
    with Journal.read(raced[0]) as journal:
        decided = [journal.meta(f"race/{generation}") for generation in range(2)]
        assert [len(names) for names in decided[0]] == [4, 2, 1]
        jobs = {job.id: job for job in journal.jobs(purpose="search")}
        first = {
            name: score_of(journal, [f"{name}-search-s0-r1"], primary) for name in decided[0][0]
        }
        best = sorted(first, key=lambda name: (-first[name], name))[:2]
        assert decided[0][1] == best
        assert all(jobs[f"{name}-search-s0"].steps == 1024 for name in decided[0][2])
        losers = set(decided[0][0]) - set(best) - set(decided[1][1])
        assert all(f"{name}-search-s0-r2" not in jobs for name in losers)
        steps = {job.env_steps for job in jobs.values() if job.id.endswith("-s0")}
        assert steps == {1024 - 384}, "a later rung goes on where the one before ended"


def test_finalists_have_been_trained_to_the_end(raced: tuple[Path, dict[str, Any]]) -> None:
    """The winner is one of them; a score of a lower rung never wins."""
    with Journal.read(raced[0]) as journal:
        winner = raced[1]["winner"]["id"]
        job = journal.job(f"{winner}-search-s0")
        assert job is not None and job.state == "done"


def test_population_mode_goes_on_from_the_best_policy(tmp_path: Path) -> None:
    """Each generation has its share of the steps, and begins where the best one ended."""
    summary = execute(tmp_path / "run", settings("search.inner=population"))
    with Journal.read(tmp_path / "run") as journal:
        jobs = journal.jobs(purpose="search")
        assert sorted({job.steps for job in jobs}) == [512, 1024]
        assert {job.env_steps for job in jobs} == {512}
        made = {c.id: c.proposal for c in journal.candidates()}
    assert made[summary["winner"]["id"]] >= 3, "finalists are of the last generation"


@pytest.mark.parametrize("strategy", ["best-of-n", "greedy", "random"])
def test_controls_train_all_to_the_end(strategy: str, tmp_path: Path) -> None:
    """No candidate leaves early, and independent drafts have no parents."""
    execute(tmp_path / "run", settings(f"search.strategy={strategy}"))
    with Journal.read(tmp_path / "run") as journal:
        assert {job.steps for job in journal.jobs(purpose="search")} == {1024}
        made = {p.operator for p in journal.proposals()}
        parents = [p.parents for p in journal.proposals() if p.parents]
    if strategy == "greedy":
        assert made > {"sample"} and parents
    else:
        assert made == {"sample"} and not parents
