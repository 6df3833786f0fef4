"""Trainings that go on from one another, as the host drives them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.folder import open_environment
from autoreward.errors import TrainerError
from autoreward.evaluation.trainer import Trainer
from autoreward.training.messages import (
    CHECKPOINT_FILE,
    EPISODES_FILE,
    POLICY_FILE,
    RESULT_FILE,
    Start,
    Train,
)

FOLDER = open_environment("point_mass")
CODE = FOLDER.read("expert.py")
FORMULA = CODE.split("FORMULA = ")[1].strip().strip("\"'")
ITERATION = 128
RUNGS = (ITERATION, 3 * ITERATION, 10 * ITERATION)
LONG = 400 * ITERATION


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """Return a running trainer with three slots, shared by the tests of this file."""
    log = tmp_path_factory.mktemp("trainer") / "trainer.log"
    with Trainer(first_message(), log) as running:
        yield running


def first_message() -> Start:
    """Return a small trainer's first message."""
    settings = TrainingSettings(
        envs=4, rollout=32, minibatches=2, epochs=2, slots=3, checkpoint_every=2
    )
    return Start(
        str(FOLDER.path), next(iter(FOLDER.tasks)), settings.model_dump(mode="json"),
        SandboxSettings(kind="process").model_dump(mode="json"), os.getpid(),
    )  # fmt: skip


def order(directory: Path, steps: int, **more: Any) -> Train:
    """Return a training in a folder that is made for it."""
    directory.mkdir()
    return Train(
        directory.name, str(directory), CODE, FORMULA, (0, more.pop("seed", 0)), steps, (0, 2),
        **more,
    )  # fmt: skip


def events_until(trainer: Trainer, done: set[str]) -> list[dict[str, Any]]:
    """Return the events until all jobs are answered."""
    seen: list[dict[str, Any]] = []
    end = time.monotonic() + 60
    while trainer.waiting & done:
        assert time.monotonic() < end, "the trainer does not answer"
        seen += trainer.events(1.0)
    return seen


def train(trainer: Trainer, *orders: Train) -> list[dict[str, Any]]:
    """Carry orders out together and return their results."""
    for item in orders:
        trainer.send(item)
    events_until(trainer, {item.job for item in orders})
    return [json.loads((Path(item.directory) / RESULT_FILE).read_text()) for item in orders]


def await_checkpoint(trainer: Trainer, directory: Path) -> None:
    """Read events until a training has left its first checkpoint."""
    end = time.monotonic() + 30
    while not (directory / CHECKPOINT_FILE).exists():
        assert time.monotonic() < end, "no checkpoint"
        trainer.events(0.01)


def assert_same_training(one: Path, other: Path) -> None:
    """Check that two trainings left the same policy, episodes, curve and scores, to the bit."""
    for name in (POLICY_FILE, EPISODES_FILE):
        mine, theirs = load_file(one / name), load_file(other / name)
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            assert value.tobytes() == theirs[key].tobytes(), f"{name}: {key}"
    results = [json.loads((path / RESULT_FILE).read_text()) for path in (one, other)]
    for key in ("ok", "scores", "curve", "total"):
        assert results[0][key] == results[1][key], key


def test_three_rungs_are_one_training(trainer: Trainer, tmp_path: Path) -> None:
    """Each goes on where the one before ended, in changing company; the steps add up."""
    whole = order(tmp_path / "whole", RUNGS[-1])
    first = order(tmp_path / "r1", RUNGS[0], keep=True)
    results = train(trainer, whole, first)[1:]
    middle = order(tmp_path / "r2", RUNGS[1], start=first.directory, keep=True)
    beside = order(tmp_path / "beside", RUNGS[1] - RUNGS[0], seed=1, keep=True)
    results += train(trainer, beside, middle)[1:]
    last = order(tmp_path / "r3", RUNGS[2], start=middle.directory)
    more = order(tmp_path / "more", 2 * RUNGS[1], seed=1, start=beside.directory)
    results += train(trainer, more, last)[1:]
    assert_same_training(tmp_path / "whole", tmp_path / "r3")
    assert [result["total"] for result in results] == list(RUNGS)
    assert [result["steps"] for result in results] == [128, 256, 896]
    assert [len(result["curve"]) for result in results] == [1, 3, 10]
    kept = [(tmp_path / name / CHECKPOINT_FILE).exists() for name in ("r1", "r2", "r3", "whole")]
    assert kept == [True, True, False, False]


def kill(trainer: Trainer) -> None:
    """Kill the process, and wait until the one that follows trains."""
    assert trainer._process is not None
    os.kill(trainer._process.pid, signal.SIGKILL)
    while not any(event["event"] == "progress" for event in trainer.events(1.0)):
        pass


def test_a_rung_goes_on_after_a_kill(trainer: Trainer, tmp_path: Path) -> None:
    """Killed twice: still the very training, steps counted once."""
    steps = LONG // 4
    train(trainer, order(tmp_path / "whole", steps), order(tmp_path / "r1", RUNGS[1], keep=True))
    rung = order(tmp_path / "r2", steps, start=str(tmp_path / "r1"))
    trainer.send(rung)
    await_checkpoint(trainer, tmp_path / "r2")
    kill(trainer)
    kill(trainer)
    events_until(trainer, {"r2"})
    result = json.loads((tmp_path / "r2" / RESULT_FILE).read_text())
    assert result["steps"] == steps - RUNGS[1]
    assert_same_training(tmp_path / "whole", tmp_path / "r2")


def test_a_kill_before_the_result_costs_no_step(trainer: Trainer, tmp_path: Path) -> None:
    """With the last checkpoint there, nothing is trained again, nor beyond the end."""
    done = order(tmp_path / "done", RUNGS[1], keep=True)
    (before,) = train(trainer, done)
    (tmp_path / "copy").mkdir()
    for name in (POLICY_FILE, EPISODES_FILE, RESULT_FILE):
        (tmp_path / "done" / name).rename(tmp_path / "copy" / name)
    (again,) = train(trainer, done)
    assert again["steps"] == before["steps"] == RUNGS[1]
    assert_same_training(tmp_path / "done", tmp_path / "copy")


def test_without_its_start_a_rung_begins_from_scratch(trainer: Trainer, tmp_path: Path) -> None:
    """It comes to the same end, and its steps say what it cost."""
    train(trainer, order(tmp_path / "whole", RUNGS[1]))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / CHECKPOINT_FILE).write_bytes(b"half a checkpo")
    (result,) = train(trainer, order(tmp_path / "r2", RUNGS[1], start=str(tmp_path / "torn")))
    assert result["steps"] == result["total"] == RUNGS[1]
    assert_same_training(tmp_path / "whole", tmp_path / "r2")


def test_a_new_learner_begins_with_a_policy(trainer: Trainer, tmp_path: Path) -> None:
    """It has a seed and all its steps of its own, and goes on from its own checkpoint."""
    parent = order(tmp_path / "parent", RUNGS[1], keep=True)
    train(trainer, parent)
    more: dict[str, Any] = {"seed": 5, "start": parent.directory, "inherit": "policy"}
    whole, child = (order(tmp_path / name, LONG // 4, **more) for name in ("whole", "child"))
    (result,) = train(trainer, whole)
    assert result["steps"] == result["total"] == LONG // 4
    assert result["curve"][0]["steps"] == ITERATION
    trainer.send(child)
    await_checkpoint(trainer, tmp_path / "child")
    kill(trainer)
    events_until(trainer, {"child"})
    assert_same_training(tmp_path / "whole", tmp_path / "child")
    train(trainer, order(tmp_path / "fresh", ITERATION, seed=5))
    fresh = json.loads((tmp_path / "fresh" / RESULT_FILE).read_text())
    assert fresh["curve"][0] != result["curve"][0]


def test_a_policy_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    """No other training can take its place: one sentence names both."""
    missing = str(tmp_path / "nowhere")
    child = order(tmp_path / "child", RUNGS[0], start=missing, inherit="policy")
    with (
        Trainer(first_message(), tmp_path / "trainer.log") as trainer,
        pytest.raises(TrainerError, match=r"child cannot begin with the policy of .*nowhere"),
    ):
        train(trainer, child)


def test_the_time_slots_were_used_is_counted(tmp_path: Path) -> None:
    """Two of three slots in use: two seconds in a second, from the start of each to its result."""
    with Trainer(first_message(), tmp_path / "trainer.log") as trainer:
        orders = [order(tmp_path / name, LONG // 10, seed=i) for i, name in enumerate("ab")]
        for item in orders:
            trainer.send(item)
        seen = events_until(trainer, {"a", "b"})
        trainer.send(replace(order(tmp_path / "c", ITERATION), keep=True))
        seen += events_until(trainer, {"c"})
    last = [e for e in seen if e["event"] == "progress"][-1]
    spent = [json.loads((tmp_path / n / RESULT_FILE).read_text())["seconds"] for n in "ab"]
    assert last["slot_seconds"] == pytest.approx(sum(spent), rel=0.2)
    assert last["busy_seconds"] <= max(spent) * 1.1
