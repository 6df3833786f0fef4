"""Attempts as a designer sees them: budgets kept apart, front, behaviour, parents, islands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from autoreward.agents.designer import Attempt
from autoreward.agents.formulas.parts import Part
from autoreward.findings import Finding
from autoreward.schema import Actuator, Field, Fitness, StateSchema
from autoreward.search.archive import attempts, rungs_reached, search_job, standings
from autoreward.search.rungs import Rung
from autoreward.search.selection.descriptors import behaviour_distance, descriptor, descriptors
from autoreward.search.selection.islands import island_of, visible_on
from autoreward.search.selection.pareto import pareto_front
from autoreward.search.selection.pool import parent_pool
from autoreward.search.view import view_now
from autoreward.search_settings import SearchSettings
from autoreward.store.journal import Journal
from autoreward.training.episodes import Episodes
from autoreward.training.messages import EPISODES_FILE

SPEED = Fitness("speed", "max", "m/s", "", "rate")
EFFORT = Fitness("effort", "min", "1", "", "mean")
FACTS = {"fitness": [vars(SPEED), vars(EFFORT)], "primary": "speed"}


def attempt(name: str, score: float = 0.0, **more: object) -> Attempt:
    """Return an attempt with as little as the choice of parents needs."""
    known = {"fitness": {"speed": (score, score, score), "effort": (1.0, 1.0, 1.0)}, **more}
    return Attempt(name, "", "a", "", score, **known)  # type: ignore[arg-type]


def names(found: list[Attempt] | tuple[Attempt, ...]) -> list[str]:
    return [entry.id for entry in found]


# What was trained ---------------------------------------------------------------------------------


def begin(directory: Path) -> Journal:
    journal = Journal.create(directory, {}, {})
    journal.set_meta("facts", FACTS)
    return journal


def make(journal: Journal, number: int, operator: str = "sample", parents: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    """Let a proposal make the candidate c0, c1, ... of its number."""
    name = f"c{number}"
    journal.open_proposal(number, generation=0, operator=operator)
    journal.add_candidate(
        name, proposal=number, text="", formula="a", skeleton=f"skeleton-{number % 2}"
    )
    journal.close_proposal(number, "accepted", candidate=name, parents=parents)
    return name


def train(
    journal: Journal,
    name: str,
    steps: int,
    speed: list[float],
    effort: float = 1.0,
    tag: str = "",
    seed: int = 0,
) -> str:
    """Finish a search training of a candidate and return its id."""
    job = f"{name}-search-s{seed}{tag}"
    journal.queue_job(job, candidate=name, purpose="search", training_seed=seed, steps=steps)
    journal.start_job(job)
    scores = {"validation": {"speed": speed, "effort": [effort] * len(speed)}}
    journal.finish_job(job, "done", scores=scores)
    return job


def test_scores_of_different_budgets_are_not_mixed(tmp_path: Path) -> None:
    """A candidate counts by its longest training, and long trainings come before short ones."""
    with begin(tmp_path / "run") as journal:
        first, second, third = (make(journal, number) for number in range(3))
        train(journal, first, 100, [9.0, 9.1], tag="-r1")
        train(journal, second, 100, [5.0, 5.1], tag="-r1")
        train(journal, third, 100, [6.0, 6.1], tag="-r1")
        long = train(journal, second, 300, [1.0, 1.1], tag="-r2")
        found = attempts(journal, SPEED)
        assert names(found) == [second, first, third]
        assert [entry.steps for entry in found] == [300, 100, 100]
        assert found[0].score == pytest.approx(1.05)
        assert search_job(journal, second) == long
        assert search_job(journal, "c9") is None


def test_the_cautious_score_ranks_within_a_budget(tmp_path: Path) -> None:
    """A higher mean with a wide spread comes after a lower one that is sure."""
    with begin(tmp_path / "run") as journal:
        lucky, sure = make(journal, 0), make(journal, 1)
        train(journal, lucky, 100, [0.0, 4.0])
        train(journal, sure, 100, [1.9, 1.9])
        assert names(attempts(journal, SPEED)) == [sure, lucky]


def test_a_training_that_was_repeated_counts_for_more(tmp_path: Path) -> None:
    """A lucky training is behind a lower mean over two seeds; a much better one is not."""
    with begin(tmp_path / "run") as journal:
        sure, lucky, poor, worse, short = (make(journal, number) for number in range(5))
        first = train(journal, sure, 300, [7.0, 7.0])
        second = train(journal, sure, 300, [5.0, 5.0], effort=3.0, seed=1)
        train(journal, lucky, 300, [6.5, 6.5])
        train(journal, poor, 300, [1.0, 1.0])
        train(journal, worse, 300, [-99.0, -99.0])
        train(journal, short, 100, [99.0, 99.0], tag="-r1")
        found = attempts(journal, SPEED)
        assert names(found) == [sure, lucky, poor, worse, short]
        assert [entry.seeds for entry in found] == [2, 1, 1, 1, 1]
        assert (found[0].score, found[0].episodes) == (6.0, 4), "the mean over both, as it is"
        assert found[0].fitness["effort"][0] == 2.0
        assert search_job(journal, sure) == first
        assert rungs_reached(journal, sure) == {Rung(300): (first,), Rung(300, 2): (first, second)}
        better = make(journal, 5)
        train(journal, better, 300, [30.0, 30.0])
        assert names(attempts(journal, SPEED))[0] == better


def test_standings_by_hand(tmp_path: Path) -> None:
    """Cautious, mean over seeds, drawn to the middle: n of n + 2 of the way out is left.

    How far apart a candidate's own seeds are is not held against it; less is more where it is.
    """
    with begin(tmp_path / "run") as journal:
        twice, once = make(journal, 0), make(journal, 1)
        train(journal, twice, 300, [2.0, 2.0], effort=2.0)
        train(journal, twice, 300, [4.0, 4.0], effort=4.0, seed=1)
        train(journal, once, 300, [0.0, 2.0], effort=5.0)
        found = standings(journal, SPEED)  # scores 3 and 1 - 1: a mean less its error
        assert found == {twice: (300, 1.5 + 1.5 / 2), once: (300, 1.5 - 1.5 / 3)}
        found = standings(journal, EFFORT)
        assert found[twice] == (300, pytest.approx(-4.0 + 1.0 / 2))
        assert found[once] == (300, pytest.approx(-4.0 - 1.0 / 3))
        train(journal, once, 900, [9.0, 9.0], tag="-long")
        assert standings(journal, SPEED) == {once: (900, 9.0), twice: (300, 3.0)}


def test_findings_of_all_seeds_are_shown(tmp_path: Path) -> None:
    """Those of shorter trainings are outgrown, but for errors."""
    with begin(tmp_path / "run") as journal:
        name = make(journal, 0)
        jobs = [
            train(journal, name, 100, [1.0], tag="-r1"),
            train(journal, name, 300, [1.0]),
            train(journal, name, 300, [1.0], seed=1),
        ]
        for number, job in enumerate(jobs):
            journal.add_analysis(job, {}, [Finding(f"seen-{number}", "note", "something")])
        (found,) = attempts(journal, SPEED)
    assert [finding.code for finding in found.findings] == ["seen-1", "seen-2"]


def test_a_view_may_hide_the_second_seed(tmp_path: Path) -> None:
    """Then the first one speaks for the candidate alone."""
    with begin(tmp_path / "run") as journal:
        name = make(journal, 0)
        train(journal, name, 300, [1.0])
        view = view_now(journal)
        before = attempts(journal, SPEED, view=view)
        train(journal, name, 300, [5.0], seed=1)
        assert attempts(journal, SPEED, view=view) == before
        assert (before[0].score, before[0].seeds) == (1.0, 1)
        assert attempts(journal, SPEED)[0].score == 3.0


def test_an_attempt_knows_where_it_comes_from(tmp_path: Path) -> None:
    """Operator, skeleton, parents, children, components; an edit of it is called so."""
    parts = [Part("a", 0.0, 1.0, "measure", 0.5)]
    with begin(tmp_path / "run") as journal:
        parent = make(journal, 0)
        child = make(journal, 1, "tune", (parent,))
        make(journal, 2, "graft", (parent, child))  # never trained: no child that counts
        journal.set_meta(f"parts/{child}", [part.to_dict() for part in parts])
        edit = "e1"
        journal.add_candidate(edit, proposal=1, text="", formula="b", skeleton="other")
        for name in (parent, child, edit):
            train(journal, name, 100, [1.0])
        found = {entry.id: entry for entry in attempts(journal, SPEED)}
    assert (found[child].operator, found[child].skeleton) == ("tune", "skeleton-1")
    assert found[child].parts == tuple(parts) and found[parent].parts == ()
    assert found[child].parents == (parent,)
    assert (found[parent].children, found[child].children) == (2, 0)
    assert found[edit].operator == "edit"


def test_the_front_is_of_equal_budgets_and_knows_directions(tmp_path: Path) -> None:
    """Less effort is better: the slow one that rests is ahead, the slow one that toils is not."""
    with begin(tmp_path / "run") as journal:
        fast, rests, toils, short = (make(journal, number) for number in range(4))
        train(journal, fast, 100, [3.0], effort=2.0)
        train(journal, rests, 100, [1.0], effort=0.5)
        train(journal, toils, 100, [1.0], effort=3.0)
        train(journal, short, 10, [0.1], effort=9.0)
        front = {entry.id for entry in attempts(journal, SPEED) if entry.front}
    assert front == {fast, rests, short}


def test_a_view_hides_what_came_later(tmp_path: Path) -> None:
    """Trainings, findings, words and decisions that a proposal could not know change nothing."""
    with begin(tmp_path / "run") as journal:
        first, second = make(journal, 0), make(journal, 1)
        short = train(journal, first, 100, [1.0], tag="-r1")
        journal.add_analysis(short, {"paragraph": "It walks."}, [])
        journal.review(first, "comment", "nice", reviewer="me")
        view = view_now(journal)
        before = attempts(journal, SPEED, view=view)
        train(journal, first, 300, [5.0])
        train(journal, second, 300, [6.0])
        explained = {"paragraph": "It walks.", "explanation": {"summary": "It hurries."}}
        journal.add_analysis(short, explained, [Finding("hurry", "note", "it hurries")])
        journal.review(first, "pin", reviewer="me")
        journal.review(first, "comment", "too fast", reviewer="me")
        journal.review(first, "reject", "unsafe", reviewer="me")
        assert attempts(journal, SPEED, view=view) == before
        assert names(attempts(journal, SPEED)) == [second]
        assert search_job(journal, first, view) == short
    assert (before[0].notes, before[0].paragraph) == (("nice",), "It walks.")


# The front ----------------------------------------------------------------------------------------


def test_the_front_by_hand() -> None:
    """Five points of which two are beaten; equal points do not beat each other."""
    points = [(4.0, 4.0), (3.0, 3.0), (1.0, 1.0), (1.0, 1.5), (3.0, 3.0)]
    vectors = [{"speed": speed, "effort": effort} for speed, effort in points]
    assert pareto_front(vectors, {"speed": "max", "effort": "min"}) == [0, 1, 2, 4]
    assert pareto_front(vectors, {"speed": "max"}) == [0]
    assert pareto_front([], {"speed": "max"}) == []


# Behaviour ----------------------------------------------------------------------------------------

SCHEMA = StateSchema(
    (
        Field("height", "qpos[0]", "m", "", low=0.0, high=2.0),
        Field("feet", "qpos[1:3]", "m", "", shape=(2,), low=-1.0, high=1.0),
    ),
    (Actuator("motor", "Nm", ""),),
    0.01,
)


def episodes(height: float, swing: float = 0.0, steps: int = 6, lived: int = 4) -> Episodes:
    """Return two episodes at a height, feet swinging; what stands after the end is far away."""
    count = steps + 1
    heights = np.full((count, 2), height, dtype=np.float32)
    heights[lived + 1 :] = 99.0
    feet = np.zeros((count, 2, 2), dtype=np.float32)
    feet[:, :, 0] = swing * (-1.0) ** np.arange(count)[:, None]
    return Episodes(
        {"height": heights, "feet": feet},
        np.zeros((steps, 2, 1), dtype=np.float32),
        {},
        np.array([lived, lived]),
        np.array([True, True]),
        np.zeros((count, 2, 1), dtype=np.float32),
    )


def test_descriptors_by_hand() -> None:
    """Means from the middle and spreads, in usual ranges, over the steps that were lived."""
    assert descriptor(episodes(1.5), SCHEMA) == pytest.approx([0.25, 0, 0, 0, 0, 0])
    assert descriptor(episodes(1.0, swing=1.0), SCHEMA) == pytest.approx([0, 0, 0, 0, 0.5, 0])
    still, high = descriptor(episodes(1.0), SCHEMA), descriptor(episodes(2.0), SCHEMA)
    assert behaviour_distance(still, high) == pytest.approx(0.5 / np.sqrt(6))
    assert behaviour_distance(still, still) == 0.0


def test_descriptors_of_a_run(tmp_path: Path) -> None:
    """They come from the recording of the longest training; who has none is left out."""
    with begin(tmp_path / "run") as journal:
        first, second = make(journal, 0), make(journal, 1)
        jobs = train(journal, first, 10, [1.0], tag="-r1"), train(journal, first, 20, [1.0])
        train(journal, second, 10, [1.0])
        for job, height in zip(jobs, (0.5, 1.5), strict=True):
            episodes(height).save(journal.files.job(job) / EPISODES_FILE)
        found = descriptors(journal, SCHEMA, [first, second, "c9"])
    assert list(found) == [first]
    assert found[first][0] == pytest.approx(0.25)


# Parents ------------------------------------------------------------------------------------------


def test_the_pool_is_the_pinned_and_the_best() -> None:
    """With two elites there is no place for others; a pinned one takes no elite's place."""
    ranked = [attempt(f"c{n}", 9.0 - n, steps=5) for n in range(6)]
    ranked[4] = replace(ranked[4], pinned=True)
    assert names(parent_pool(ranked, {}, 2, Random(0))) == ["c4", "c0", "c1"]
    assert names(parent_pool(ranked, {}, 0, Random(0))) == ["c4", "c0"]
    assert names(parent_pool(ranked[:1], {}, 4, Random(0))) == ["c0"]
    assert parent_pool([], {}, 3, Random(0)) == []


def test_the_pool_keeps_a_place_for_the_front_and_one_for_the_different() -> None:
    """Both are of the better half, and only from three elites on."""
    ranked = [attempt(f"c{n}", 9.0 - n, steps=5) for n in range(8)]
    effort = {1: 0.5, 3: 0.2, 7: 0.0}
    for n, value in effort.items():
        fitness = {**ranked[n].fitness, "effort": (value, value, value)}
        ranked[n] = replace(ranked[n], fitness=fitness, front=True)
    points = {f"c{n}": np.array([0.1 * n]) for n in range(8)} | {"c2": np.array([5.0])}
    directions = {"effort": "min"}
    pool = parent_pool(ranked, points, 3, Random(0), directions)  # type: ignore[arg-type]
    assert names(pool) == ["c0", "c3", "c2"]
    pool = parent_pool(ranked, points, 2, Random(0), directions)  # type: ignore[arg-type]
    assert names(pool) == ["c0", "c1"]
    assert names(parent_pool(ranked, {}, 3, Random(0))) == ["c0", "c1", "c2"]


def test_short_trainings_fill_up_and_take_no_special_place() -> None:
    """Their scores are not compared with those of the long ones."""
    long = [attempt("long", 1.0, steps=10)]
    short = [attempt(f"s{n}", 9.0 - n, steps=5, front=True) for n in range(3)]
    points = {name: np.array([float(n)]) for n, name in enumerate(["long", "s0", "s1", "s2"])}
    pool = parent_pool([*long, *short], points, 3, Random(0), {"effort": "min"})
    assert names(pool) == ["long", "s0", "s1"]


def test_ties_go_to_the_childless() -> None:
    """Equal scores only; what is still equal is drawn, the same way for the same generator."""
    ranked = [attempt("a", 5.0, children=4), attempt("b", 5.0), attempt("c", 4.0)]
    assert names(parent_pool(ranked, {}, 2, Random(0))) == ["b", "a"]
    equals = [attempt(f"c{n}", 1.0) for n in range(9)]
    draws = [names(parent_pool(equals, {}, 2, Random(seed))) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


# Islands ------------------------------------------------------------------------------------------


def settings(islands: int, every: int = 2) -> SearchSettings:
    return SearchSettings(population=4, islands=islands, migrate_every=every)


def test_places_are_dealt_out_over_the_islands() -> None:
    """In every generation alike, so that no island is empty."""
    assert [island_of(k, 4, 3) for k in range(8)] == [0, 1, 2, 0, 0, 1, 2, 0]


def test_nothing_leaks_before_migration_and_one_moves_at_it() -> None:
    """Each island's best becomes visible on the next one, too, and stays at home as well."""
    history = [attempt(f"c{k}", 100.0 - k) for k in range(16)]
    numbers = {f"c{k}": k for k in range(16)}
    search = settings(2)

    def seen(proposal: int) -> set[str]:
        known = [a for a in history if numbers[a.id] // 4 < proposal // 4]
        return set(names(visible_on(known, numbers, proposal, search)))

    assert seen(4) == {"c0", "c2"} and seen(5) == {"c1", "c3"}
    assert seen(8) == {"c0", "c2", "c4", "c6", "c1"}
    assert seen(9) == {"c1", "c3", "c5", "c7", "c0"}
    assert seen(12) == {"c0", "c2", "c4", "c6", "c8", "c10", "c1"}, "no second one before its time"
    assert {"c1", "c3"} <= seen(16) and "c5" not in seen(16)


def test_migration_goes_round_the_ring_once() -> None:
    """To the next island alone; a guest does not travel on; the order is kept."""
    history = [attempt(f"c{k}", 100.0 - k) for k in range(8)]
    numbers = {f"c{k}": k for k in range(8)}
    search = settings(4, every=1)
    assert names(visible_on(history[:4], numbers, 4, search)) == ["c0", "c3"]
    assert names(visible_on(history[:4], numbers, 5, search)) == ["c0", "c1"]
    assert names(visible_on(history, numbers, 9, search)) == ["c0", "c1", "c4", "c5"]


def test_one_island_and_strangers_are_seen_by_all() -> None:
    """What no proposal made belongs to no island."""
    history = [attempt("by-hand"), attempt("c0"), attempt("c1")]
    numbers = {"c0": 0, "c1": 1}
    assert names(visible_on(history, numbers, 2, settings(1))) == ["by-hand", "c0", "c1"]
    assert names(visible_on(history, numbers, 2, settings(2))) == ["by-hand", "c0"]
