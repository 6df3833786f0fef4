"""The rungs of a race: shares of a training, then further seeds; which trainings stand for each."""

from __future__ import annotations

import pytest
from test_run import settings

from autoreward.search.rungs import Rung, costs_of, rungs_of, trainings_by_rung
from autoreward.store.records import Job


def trained(tag: str, steps: int) -> Job:
    """Return a finished training of `c`: `0-r1` is the first rung on the first seed."""
    seed = int(tag.partition("-")[0])
    return Job(f"c-search-s{tag}", "c", "search", seed, steps, "done", 1, steps, {}, 0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "rungs"),
    [
        ((), (Rung(128), Rung(384), Rung(1024), Rung(1024, 2))),
        (("search.seeds=1",), (Rung(128), Rung(384), Rung(1024))),
        (
            ("search.seeds=3", "search.rungs=[0.5, 1.0]"),
            (Rung(512), Rung(1024), Rung(1024, 2), Rung(1024, 3)),
        ),
        (("search.rungs=[1.0]",), (Rung(1024), Rung(1024, 2))),
        (("training.steps=1000",), (Rung(128), Rung(384), Rung(1000), Rung(1000, 2))),
        (("training.steps=300",), (Rung(128), Rung(128), Rung(300), Rung(300, 2))),
        (("training.steps=100",), (Rung(100), Rung(100), Rung(100), Rung(100, 2))),
    ],
)
def test_shares_of_a_training_come_before_further_seeds(
    changes: tuple[str, ...], rungs: tuple[Rung, ...]
) -> None:
    """The shares are whole iterations, so that two of a very short training may be one."""
    assert rungs_of(settings(*changes)) == rungs


@pytest.mark.parametrize(
    "option",
    [
        *("strategy=best-of-n", "strategy=greedy", "strategy=random"),
        *("fitness=preference", "inner=population"),
    ],
)
def test_only_what_can_be_ranked_is_raced(option: str) -> None:
    """Controls, preferences and population mode train everything to the end, once."""
    assert rungs_of(settings(f"search.{option}", "search.seeds=3")) == (Rung(1024),)


def test_a_further_seed_costs_a_whole_training() -> None:
    """A later share goes on where the one before ended; another seed begins from nothing."""
    rungs = (Rung(128), Rung(384), Rung(1024), Rung(1024, 2), Rung(1024, 3))
    assert costs_of(rungs) == (128, 256, 640, 1024, 1024)
    assert costs_of((Rung(128), Rung(128), Rung(300), Rung(300, 2))) == (128, 0, 172, 300)
    assert costs_of((Rung(1024),)) == (1024,)
    assert costs_of(()) == ()


def test_longer_is_higher_and_then_more_seeds() -> None:
    """Rungs are in the order of the race."""
    assert sorted([Rung(10, 2), Rung(10), Rung(3)]) == [Rung(3), Rung(10), Rung(10, 2)]


def test_a_rung_of_seeds_stands_on_all_of_them() -> None:
    """Lowest first; each seed beyond a whole training adds to those before it."""
    jobs = [trained("0-r1", 128), trained("0-r2", 384), trained("0", 1024), trained("1", 1024)]
    found = trainings_by_rung([*jobs, trained("2", 1024)])
    assert list(found.items()) == [
        (Rung(128), ("c-search-s0-r1",)),
        (Rung(384), ("c-search-s0-r2",)),
        (Rung(1024), ("c-search-s0",)),
        (Rung(1024, 2), ("c-search-s0", "c-search-s1")),
        (Rung(1024, 3), ("c-search-s0", "c-search-s1", "c-search-s2")),
    ]
    assert list(trainings_by_rung(jobs[:3])) == [Rung(128), Rung(384), Rung(1024)]
    assert trainings_by_rung([]) == {}


def test_seeds_count_in_their_order_whenever_they_ended() -> None:
    """The second seed may be known before a shorter training is looked at."""
    found = trainings_by_rung([trained("1", 1024), trained("0", 1024), trained("0-r1", 128)])
    assert found[Rung(1024)] == ("c-search-s0",)
    assert list(found) == [Rung(128), Rung(1024), Rung(1024, 2)]


def test_two_rungs_of_the_same_steps_are_one() -> None:
    """The later training counts, which went on from the other; it is no second seed."""
    jobs = [trained("0-r1", 128), trained("0-r2", 128), trained("0", 300), trained("1", 300)]
    assert trainings_by_rung(jobs) == {
        Rung(128): ("c-search-s0-r2",),
        Rung(300): ("c-search-s0",),
        Rung(300, 2): ("c-search-s0", "c-search-s1"),
    }
