"""What a run will take: foreseen from its settings, corrected by what happens."""

from __future__ import annotations

import pytest

from autoreward.config import load_settings
from autoreward.report.forecast import Forecast, Plan, job_label
from autoreward.search.rungs import Rung

RUNGS = (Rung(100), Rung(300), Rung(1000))


def plan(generations: int = 2, population: int = 9, *, ordered: bool = True) -> Plan:
    """Return a plan with rungs at 10 and 30 % of 1000 steps, and 4 final trainings."""
    return Plan(generations, population, 1000, 4, RUNGS, finalists=2, ordered=ordered)


def jobs(names: str, rung: int) -> list[str]:
    """Return the ids of trainings of one-letter candidates to a rung."""
    return [f"{name}-search-s0" + ("" if rung == 2 else f"-r{rung + 1}") for name in names]


GENERATION = 9 * 100 + 3 * 200 + 1 * 700
"""Steps of a generation of nine."""


def test_plan_of_a_run() -> None:
    """Finalists and baselines on every fresh seed; rungs in whole iterations of the trainer."""
    settings = load_settings(
        overrides=[
            "search.finalists=2",
            "search.confirm_seeds=3",
            "training.steps=20480",
            "search.rungs=[0.1, 0.3, 1.0]",
        ]
    )
    made = Plan.of_run(settings, baselines=2)
    assert made.final == (2 + 2) * 3
    assert made.rungs == (Rung(2048), Rung(6144), Rung(20480), Rung(20480, 2))
    assert Plan.of_evaluation(settings, 5).final == 5
    odd = load_settings(overrides=["training.steps=3000", "search.rungs=[0.1, 0.3, 1.0]"])
    assert Plan.of_run(odd, 0).rungs == (Rung(1024), Rung(1024), Rung(3072), Rung(3072, 2))


def test_policies_that_go_on_are_one_training_over_all_generations() -> None:
    """In population mode a candidate takes its generation's share."""
    settings = load_settings(overrides=["search.inner=population", "training.steps=16384"])
    made = Plan.of_run(settings, 2)
    assert made.rungs == (Rung(4096),)
    assert Forecast(made).total == 32 * 4096 + made.final * 16384


def test_what_a_training_takes() -> None:
    """A later rung goes on where the one before it ended; fresh seeds are trained whole."""
    made = plan()
    assert [made.cost(job) for job in ("a-search-s0-r1", "a-search-s0-r2", "a-search-s0")] == [
        *(100, 200, 700)
    ]
    assert made.cost("a-confirm-s1000") == made.target("human-baseline-s1001") == 1000
    assert made.taken("a-search-s0-r2", 150) == 50
    assert made.taken("a-search-s0-r2", 310) == 200


def test_a_further_seed_is_a_whole_training_more() -> None:
    """It goes on from nothing; one in eta of the whole trainings is expected to have it."""
    made = Plan(2, 9, 1000, 4, (*RUNGS, Rung(1000, 2)), finalists=2)
    assert [made.rung_of(f"a-search-s{tag}") for tag in ("0-r1", "0-r2", "0", "1")] == [0, 1, 2, 3]
    assert (made.cost("a-search-s0"), made.cost("a-search-s1")) == (700, 1000)
    assert made.target("a-search-s1") == 1000 and made.taken("a-search-s1", 150) == 150
    forecast = Forecast(made)
    assert forecast.total == 2 * (GENERATION + 1000) + 4000
    forecast.train(["a-search-s1"])
    assert forecast.taken({"a-search-s1": 400}) == 400
    forecast.end("a-search-s1")
    assert forecast.taken({}) == 1000
    forecast.train(["a-confirm-s1000"])
    assert forecast.total == 1000 + 1000, "what has begun is counted, nothing else is expected"


def test_a_race_is_foreseen_and_then_counted() -> None:
    """Who has gone on is counted, and only of those that are undecided a third is expected."""
    forecast = Forecast(plan())
    assert forecast.total == 2 * GENERATION + 4000
    forecast.begin_generation(0)
    for rung, names in enumerate(("abcdefghi", "abc", "a")):
        forecast.train(jobs(names, rung))
        assert forecast.total == 2 * GENERATION + 4000
        for job in jobs(names, rung):
            forecast.end(job)
    assert forecast.taken({}) == GENERATION
    forecast.begin_generation(1)
    assert forecast.total == 2 * GENERATION + 4000
    forecast.train(jobs("jklmnopqr", 0))
    for job in jobs("jklmnopqr", 0):
        forecast.end(job)
    forecast.train(jobs("jklm", 1))  # one more than expected
    assert forecast.total == pytest.approx(2 * GENERATION + 200 + 700 / 3 + 4000, abs=1)


def test_what_never_trains_is_not_waited_for() -> None:
    """Refused, skipped, or over a limit; and at least the finalists are trained whole."""
    forecast = Forecast(plan(1))
    forecast.lost |= {"proposal 1", "proposal 2", "abc"}
    assert forecast.total == 6 * 100 + 2 * 200 + 2 * 700 + 4000
    few = plan(1)
    forecast = Forecast(Plan(**{**vars(few), "most_candidates": 3}))
    assert forecast.total == 3 * 100 + 2 * 200 + 2 * 700 + 4000
    forecast = Forecast(Plan(**{**vars(few), "most_steps": 1234}))
    assert forecast.total == 1234


def test_the_end_is_known() -> None:
    """When the final comparison is under way, nothing is expected but it."""
    forecast = Forecast(plan())
    forecast.train(jobs("abc", 0))
    forecast.train(["a-confirm-s1000", "human-baseline-s1000"])
    assert forecast.total == 3 * 100 + 2000


def test_a_resumed_run_counts_what_is_finished() -> None:
    """Finished trainings are neither waited for nor counted twice; more may be searched."""
    finished = {*jobs("abcdefghi", 0), *jobs("abc", 1), "x-confirm-s1000"}
    forecast = Forecast(plan(), finished)
    assert forecast.taken({"a-search-s0": 400}) == 9 * 100 + 3 * 200 + 1000 + 100
    assert forecast.total == 2 * GENERATION + 4000
    forecast.train(jobs("abcdefghi", 0))
    assert forecast.total == 2 * GENERATION + 4000


def test_job_labels() -> None:
    """Search trainings go by their candidate, others also by their seed."""
    assert job_label("3c79117b3288-search-s0") == "3c79117b3288"
    assert job_label("3c79117b3288-search-s0-r2") == "3c79117b3288"
    assert job_label("human-baseline-s1001") == "human (seed 1001)"
