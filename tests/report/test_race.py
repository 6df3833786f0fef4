"""Candidates of a race: the longest training speaks for each, and lengths are never mixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from test_tables import row, text_of

from autoreward.config import load_settings
from autoreward.evaluation.clips import recording
from autoreward.findings import Finding
from autoreward.report.facts import (
    candidate_facts,
    candidates_facts,
    comparison_facts,
    ranking,
    run_facts,
)
from autoreward.report.pages import candidate_page, run_page
from autoreward.report.review_page import review_facts
from autoreward.schema import Fitness
from autoreward.search.summary import search_facts
from autoreward.store.journal import Journal
from autoreward.training.messages import EPISODES_FILE

SPEED = Fitness("speed", "max", "m/s", "forward speed", "mean")
FACTS = {
    "primary": "speed",
    "measures": {"speed": {"direction": "max", "unit": "m/s"}},
    "fitness": [asdict(SPEED)],
}
RUNGS = {1: 100, 2: 300, 3: 1000}
"""Those beyond are whole trainings on further seeds."""


def train(journal: Journal, name: str, *scores: float) -> None:
    """Take a candidate through the rungs, with a score at each."""
    for rung, score in enumerate(scores, 1):
        seed, steps = max(0, rung - 3), RUNGS.get(rung, 1000)
        job = f"{name}-search-s{seed}" + ("" if rung >= 3 else f"-r{rung}")
        journal.queue_job(job, candidate=name, purpose="search", training_seed=seed, steps=steps)
        journal.start_job(job)
        component = {"mean": score, "std": 0.0, "min": 0.0, "max": 0.0, "share": 1.0}
        point = {"steps": steps, "components": {"x": component}}
        journal.finish_job(
            job,
            "done",
            result={"snapshots": [point]},
            scores={"validation": {"speed": [score - 0.01, score + 0.01]}},
            findings=[Finding(f"seen-at-{rung}", "note", "something")],
            env_steps=steps - (0 if seed else RUNGS.get(rung - 1, 0)),
        )


def add(journal: Journal, number: int, name: str) -> None:
    """Let a proposal draw a candidate anew."""
    journal.open_proposal(number, generation=0, operator="sample")
    journal.add_candidate(name, proposal=number, text="x", formula="x", skeleton="x")
    journal.close_proposal(number, "accepted", candidate=name)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Yield the journal of a race of four: slow learners, and one that only began well."""
    settings = load_settings(overrides=["training.steps=1000"]).to_dict()
    with Journal.create(tmp_path / "race", settings, {}, {"facts": FACTS}) as made:
        parents: tuple[str, ...] = ()
        for number, name in enumerate(("early", "slow", "best", "poor")):
            made.open_proposal(number, generation=0, operator="tune" if parents else "sample")
            made.add_candidate(name, proposal=number, text="x", formula="x", skeleton="x")
            made.close_proposal(number, "accepted", candidate=name, parents=parents)
            parents = ("early",)
        train(made, "early", 9.0)
        train(made, "slow", 1.0, 2.0)
        train(made, "best", 1.5, 3.0, 4.0)
        train(made, "poor", 0.5, 1.0, 2.0)
        yield made


def test_longer_trainings_come_first(journal: Journal) -> None:
    """A high score of a short training is not above one of a whole training."""
    ranked = ranking(journal)
    assert [entry["id"] for entry in ranked] == ["best", "poor", "slow", "early"]
    assert [entry["share"] for entry in ranked] == [1.0, 1.0, 0.3, 0.1]
    assert [entry["steps"] for entry in candidates_facts(journal)] == [1000, 1000, 300, 100]


def test_a_run_says_how_far_its_candidates_came(journal: Journal) -> None:
    """Each is counted at every rung that it has reached."""
    race = run_facts(journal)["race"]
    assert [(rung["share"], rung["candidates"]) for rung in race] == [(0.1, 4), (0.3, 3), (1.0, 2)]


def test_the_longest_training_speaks_for_a_candidate(journal: Journal) -> None:
    """Fitness, components and findings are its own; the others are there as rungs."""
    facts = candidate_facts(journal, "best")
    assert facts["fitness"]["search"]["validation"]["speed"]["mean"] == pytest.approx(4.0)
    assert facts["components"]["x"]["last"]["mean"] == 4.0
    assert [finding["code"] for finding in facts["findings"]] == ["seen-at-3"]
    assert [rung["mean"] for rung in facts["rungs"]] == pytest.approx([1.5, 3.0, 4.0])
    assert facts["proposal"]["parents"] == ["early"]
    assert review_facts(journal, "best")["snapshots"][-1]["steps"] == 1000


def test_two_seeds_speak_for_a_candidate_together(journal: Journal) -> None:
    """Fitness is the mean over both, findings are of both, and the page says of how many."""
    add(journal, 4, "twice")
    train(journal, "twice", 1.5, 3.0, 4.5, 3.5)
    facts = candidate_facts(journal, "twice")
    value = facts["fitness"]["search"]["validation"]["speed"]
    assert (value["mean"], value["seeds"]) == (pytest.approx(4.0), 2)
    assert facts["components"]["x"]["last"]["mean"] == pytest.approx(4.0)
    assert [finding["code"] for finding in facts["findings"]] == ["seen-at-3", "seen-at-4"]
    assert [rung["seeds"] for rung in facts["rungs"]] == [1, 1, 1, 2]
    assert [rung["mean"] for rung in facts["rungs"]] == pytest.approx([1.5, 3.0, 4.5, 4.0])
    page = text_of(candidate_page(facts, ["x"]))
    assert row(page, "rungs").endswith("4.50 m/s at 100%, 4.00 m/s on 2 seeds")
    page = text_of(run_page(run_facts(journal), candidates_facts(journal), []))
    assert row(page, "trained").endswith("5 candidates to 10%, 4 to 30%, 3 to 100%, 1 on 2 seeds")


def test_a_lucky_training_is_below_one_that_was_repeated(journal: Journal) -> None:
    """Equal means: that of two seeds counts for more. The entry has the mean as it is."""
    add(journal, 4, "twice")
    train(journal, "twice", 1.5, 3.0, 4.5, 3.5)
    add(journal, 5, "worse")
    train(journal, "worse", 1.5, 3.0, 0.0)
    ranked = ranking(journal)
    assert [entry["id"] for entry in ranked] == ["twice", "best", "poor", "worse", "slow", "early"]
    assert [entry["seeds"] for entry in ranked] == [2, 1, 1, 1, 1, 1]
    assert ranked[0]["mean"] == pytest.approx(ranked[1]["mean"]) == pytest.approx(4.0)


def test_rungs_of_the_same_steps_are_one_training(journal: Journal) -> None:
    """In a very short training two rungs may end where it does: that is no second seed."""
    add(journal, 4, "short")
    for tag, score in (("-r1", 9.0), ("-r2", 9.0), ("", 4.0)):
        job = f"short-search-s0{tag}"
        journal.queue_job(job, candidate="short", purpose="search", training_seed=0, steps=1000)
        journal.start_job(job)
        journal.finish_job(job, "done", scores={"validation": {"speed": [score, score]}})
    entry = next(entry for entry in ranking(journal) if entry["id"] == "short")
    assert (entry["mean"], entry["seeds"]) == (4.0, 1)


def test_pages_show_rungs_and_lineage(journal: Journal) -> None:
    """Who was stopped, where, and what was made of it."""
    page = text_of(candidate_page(candidate_facts(journal, "best"), ["x"]))
    assert row(page, "rungs") == "rungs speed 1.50 m/s at 10%, 3.00 m/s at 30%, 4.00 m/s at 100%"
    assert row(page, "origin").endswith("by tune from early")
    page = text_of(candidate_page(candidate_facts(journal, "early"), ["x"]))
    assert row(page, "children") == "children slow (tune), best (tune), poor (tune)"
    assert "fitness in the search, validation episodes (stopped at 10% of a training)" in page
    page = text_of(run_page(run_facts(journal), candidates_facts(journal), []))
    assert "those trained longest first" in page
    assert row(page, "trained").endswith("4 candidates to 10%, 3 to 30%, 2 to 100%")


@pytest.mark.parametrize(
    ("other", "share", "gap"), [("poor", 1.0, -2.0), ("slow", 0.3, -1.0), ("early", 0.1, 7.5)]
)
def test_two_candidates_are_compared_where_both_have_been(
    journal: Journal, other: str, share: float, gap: float
) -> None:
    """The longest training that both have had is the one that counts."""
    facts = comparison_facts(journal, journal.candidate("best"), journal.candidate(other))
    assert facts["shares"] == [share, share]
    assert facts["paired_seeds"] == 1
    assert facts["difference"]["speed"]["mean"] == pytest.approx(gap)


def test_clips_show_the_longest_training(journal: Journal) -> None:
    """Not the first one that was recorded; of two seeds the first, as everywhere."""
    train(journal, "again", 1.5, 3.0, 4.0, 5.0)
    for name, seeds in (("best", (0,)), ("again", (0, 1))):
        for tag in ("0-r1", "0-r2", *map(str, seeds)):
            folder = journal.files.job(f"{name}-search-s{tag}")
            folder.mkdir(parents=True)
            (folder / EPISODES_FILE).touch()
        assert recording(journal, name)[0] == f"{name}-search-s0"


def test_the_search_says_who_made_what_at_which_cost(journal: Journal) -> None:
    """A success is better than its parent where both were trained as long: the parent led there."""
    journal.open_proposal(4, generation=1, operator="ablate")
    journal.add_candidate("child", proposal=4, text="x", formula="x", skeleton="x")
    journal.close_proposal(4, "accepted", candidate="child", parents=("slow", "poor"))
    train(journal, "child", 0.1, 2.5)
    journal.open_proposal(5, generation=1, operator="ablate")
    journal.close_proposal(5, "rejected", reason="no Python")
    settings = load_settings(overrides=["training.steps=1000"])
    facts = search_facts(journal, settings, SPEED)
    assert facts["operators"] == {
        "tune": {"candidates": 3, "changes": 3, "better": 0},
        "sample": {"candidates": 1, "changes": 0, "better": 0},
        "ablate": {"candidates": 1, "changes": 1, "better": 1},
    }
    assert facts["raced"] is True
    assert facts["proposals"] == {"accepted": 5, "rejected": 1}
    assert [rung["candidates"] for rung in facts["rungs"]] == [5, 4, 2]
    assert (facts["env_steps"], facts["whole_steps"]) == (100 + 2 * 300 + 2 * 1000, 5000)
    assert facts["occupancy"] is None
    journal.set_meta("occupancy", {"busy": 9.0, "waiting": 10.0, "all": 20.0})
    facts = search_facts(journal, settings, SPEED)
    assert (facts["occupancy"], facts["waiting"]) == (0.9, 0.5)
