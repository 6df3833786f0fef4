"""The trajectory bank: whole discounted returns, ranking, thinning, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autoreward.environments.folder import open_environment
from autoreward.errors import UsageError
from autoreward.evaluation.bank import (
    Bank,
    Entry,
    build,
    concordance,
    discounted_returns,
    fitness_of_episodes,
    predict,
)
from autoreward.schema import Fitness
from autoreward.training.episodes import Episodes

FOLDER = open_environment("hopper")
TASK = FOLDER.task_named("run")
PRIMARY = FOLDER.fitness_named("forward_speed")


def episodes(lengths: list[int], speed: list[float], terminated: list[bool]) -> Episodes:
    """Return made-up episodes that move at a steady speed until they end."""
    steps, count = max(lengths), len(lengths)
    alive = np.arange(steps)[:, None] < np.array(lengths)[None, :]
    per_step = (alive * np.array(speed)).astype(np.float32)
    return Episodes(
        state={"torso_height": np.ones((steps + 1, count), dtype=np.float32)},
        action=np.zeros((steps, count, 3), dtype=np.float32),
        fitness={"forward_speed": per_step},
        length=np.array(lengths),
        terminated=np.array(terminated),
        qpos=np.zeros((steps + 1, count, 6), dtype=np.float32),
    )


def bank(fitness: list[float], sources: list[str] | None = None) -> Bank:
    """Return a bank of episodes of those fitness values (speed over the horizon)."""
    count = len(fitness)
    names = sources or [f"policy-{i}" for i in range(count)]
    recorded = episodes([10] * count, fitness, [False] * count)
    entries = tuple(Entry(n, f) for n, f in zip(names, fitness, strict=True))
    return Bank("hopper", "run", recorded, entries)


def test_returns_of_whole_episodes_by_hand() -> None:
    """An ended episode earns nothing more; one that is cut off goes on as in its last tenth."""
    recorded = episodes([3, 2], [1.0, 1.0], [False, True])
    reward = np.array([[1, 1], [1, 1], [2, 9]], dtype=np.float32)
    expected_cut_off = 1 + 0.5 + 0.25 * 2 + 0.125 * 2 / (1 - 0.5)
    assert discounted_returns(recorded, reward, 0.5) == pytest.approx([expected_cut_off, 1.5])


def test_a_long_life_is_not_taken_for_a_bad_one() -> None:
    """A dive that earns more per step for three steps loses to a walk of a hundred steps."""
    recorded = episodes([3, 100], [2.0, 1.0], [True, False])
    reward = np.where(recorded.alive, np.array([2.0, 1.0]), 0.0).astype(np.float32)
    dive, walk = discounted_returns(recorded, reward, 0.99)
    mean_per_step = reward.sum(axis=0) / recorded.length
    assert mean_per_step[0] > mean_per_step[1], "the check per step prefers the dive"
    assert walk > dive


def test_concordance_counts_clear_pairs_only() -> None:
    """Right, wrong and tied pairs count 1, 0 and a half; pairs of like fitness do not count."""
    fitness = np.array([0.0, 0.001, 1.0, 2.0])
    share, pairs = concordance(np.array([0.0, 5.0, 1.0, 1.0]), fitness)
    # (2, 0) right, (2, 1) wrong, (3, 0) right, (3, 1) wrong, (3, 2) tied
    assert pairs == 5
    assert share == pytest.approx((1 + 0 + 1 + 0 + 0.5) / 5)
    share, pairs = concordance(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert np.isnan(share) and pairs == 0


def test_prediction_needs_policies() -> None:
    """With random and zero behaviour alone nothing is predicted; with policies it is."""
    poor = bank([0.0, 0.1, 1.0], ["zero", "random", "a"])
    reward = poor.episodes.fitness["forward_speed"]
    assert predict(poor, reward, 0.99) is None
    rich = bank([0.0, 0.5, 1.0, 2.0], ["zero", "a", "b", "c"])
    good = predict(rich, rich.episodes.fitness["forward_speed"], 0.99)
    bad = predict(rich, -rich.episodes.fitness["forward_speed"], 0.99)
    assert good is not None and good.quality == 1.0 and good.policies == 3
    assert bad is not None and bad.quality == 0.0


def test_thinning_keeps_the_range() -> None:
    """The worst and the best stay, and crowded places lose first."""
    crowded = bank([0.0, 1.0, 1.001, 1.002, 1.003, 2.0, 3.0])
    kept = sorted(crowded.thinned(4).fitness)
    assert kept[0] == 0.0 and kept[-1] == 3.0
    assert sum(0.9 < value < 1.1 for value in kept) == 1


def test_build_takes_worst_median_best(tmp_path: Path) -> None:
    """Of each recording three episodes are kept, and a file gives back what was saved."""
    recording = episodes([10] * 5, [5.0, 1.0, 2.0, 3.0, 4.0], [False] * 5)
    built = build("hopper", TASK, PRIMARY, {"a": recording})
    assert sorted(built.fitness * TASK.horizon / 10) == pytest.approx([1.0, 3.0, 5.0])
    built.save(tmp_path / "bank.safetensors")
    again = Bank.load(tmp_path / "bank.safetensors")
    assert again.entries == built.entries
    assert (again.episodes.qpos == built.episodes.qpos).all()
    more = build("hopper", TASK, PRIMARY, {"b": recording}, [again])
    assert {entry.source for entry in more.entries} == {"a", "b"}
    assert more.policies == 2


def test_foreign_banks_are_refused(tmp_path: Path) -> None:
    """A bank of another task, a missing file and a file of something else are one sentence."""
    other = FOLDER.task_named("hop_high")
    with pytest.raises(UsageError, match="not of hopper hop_high"):
        build("hopper", other, PRIMARY, {}, [bank([0.0, 1.0])])
    with pytest.raises(UsageError, match="there is no trajectory bank"):
        Bank.load(tmp_path / "nothing.safetensors")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UsageError, match="is no trajectory bank"):
        Bank.load(tmp_path / "text")


@pytest.mark.parametrize(
    ("reduce", "direction", "expected"),
    [
        ("rate", "max", [0.3, 0.2]),
        ("mean", "max", [1.0, 1.0]),
        ("sum", "min", [-3.0, -2.0]),
        ("last", "max", [1.0, 1.0]),
        ("max", "max", [1.0, 1.0]),
        ("any", "max", [1.0, 1.0]),
        ("min", "min", [-1.0, -1.0]),
    ],
)
def test_fitness_of_an_episode(reduce: str, direction: str, expected: list[float]) -> None:
    """It is reduced as validation does, with the sign turned where lower is better."""
    spec = Fitness("forward_speed", direction, "m/s", "", reduce)  # type: ignore[arg-type]
    recorded = episodes([3, 2], [1.0, 1.0], [False, True])
    assert fitness_of_episodes(recorded, spec, 10) == pytest.approx(expected)
