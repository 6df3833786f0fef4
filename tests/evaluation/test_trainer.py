"""The trainer process as the host drives it: orders, answers, deaths."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.folder import open_environment
from autoreward.errors import TrainerError, UsageError
from autoreward.evaluation.trainer import Trainer
from autoreward.evaluation.transitions import Transitions
from autoreward.training.episodes import Episodes
from autoreward.training.messages import (
    EPISODES_FILE,
    POLICY_FILE,
    RANDOM,
    RESULT_FILE,
    ZERO,
    Measure,
    Record,
    Start,
    Train,
)

FOLDER = open_environment("point_mass")
GOOD = FOLDER.read("expert.py")
HANG = """
def slow(state, action, next_state):
    x = torch.eye(4000)
    for i in range(200):
        for j in range(200):
            x = x @ x
    return next_state.distance * x[0, 0]

FORMULA = "slow"
"""


def start(**training: int | str) -> Start:
    """Return a small trainer's first message."""
    settings = TrainingSettings(envs=4, rollout=32, minibatches=2, epochs=2, **training)
    sandbox = SandboxSettings(kind="process", call_timeout_s=2.0)
    return Start(
        str(FOLDER.path), next(iter(FOLDER.tasks)), settings.model_dump(mode="json"),
        sandbox.model_dump(mode="json"), os.getpid(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """Return a running trainer for point_mass, shared by the tests of this file."""
    log = tmp_path_factory.mktemp("trainer") / "trainer.log"
    with Trainer(start(checkpoint_every=2), log) as running:
        yield running


def order(directory: Path, job: str, code: str = GOOD, steps: int = 512) -> Train:
    """Return a short training."""
    (directory / job).mkdir()
    formula = code.split("FORMULA = ")[1].strip().strip("\"'")
    return Train(job, str(directory / job), code, formula, (0, 0), steps, (0, 3))


def wait_for(trainer: Trainer, jobs: set[str]) -> None:
    """Read events until all jobs are trained."""
    end = time.monotonic() + 60
    while trainer.waiting & jobs:
        assert time.monotonic() < end, "the trainer does not answer"
        trainer.events(1.0)


def result_of(directory: Path, job: str) -> dict:
    """Return a finished job's result."""
    return json.loads((directory / job / RESULT_FILE).read_text())


def test_trains_validates_and_leaves_a_policy(trainer: Trainer, tmp_path: Path) -> None:
    """A training ends with result, curve, policy file and one score per validation seed."""
    trainer.send(order(tmp_path, "a"))
    wait_for(trainer, {"a"})
    result = result_of(tmp_path, "a")
    assert result["ok"] and result["finding"] is None
    assert result["steps"] == 512
    assert len(result["curve"]) == 4
    primary = next(iter(FOLDER.tasks.values())).fitness
    assert len(result["scores"]["validation"][primary]) == 3
    assert (tmp_path / "a" / POLICY_FILE).stat().st_size > 1000
    answer = trainer.ask(
        Measure("m", (str(tmp_path / "a" / POLICY_FILE), ZERO), "validation", (0, 0, 3))
    )
    assert answer["scores"][0][primary] == result["scores"]["validation"][primary]
    assert answer["scores"][1] != answer["scores"][0]


def test_validation_episodes_are_recorded(trainer: Trainer, tmp_path: Path) -> None:
    """The file holds the very episodes of the scores, with what the reward made of them."""
    trainer.send(order(tmp_path, "film"))
    wait_for(trainer, {"film"})
    scores = result_of(tmp_path, "film")["scores"]["validation"]
    episodes = Episodes.load(tmp_path / "film" / EPISODES_FILE)
    assert episodes.count == 3
    task = next(iter(FOLDER.tasks.values()))
    for spec in FOLDER.fitness:
        if spec.reduce == "rate":
            mine = episodes.fitness[spec.name].sum(axis=0) / task.horizon
            assert mine == pytest.approx(scores[spec.name], rel=1e-5)
    assert set(episodes.state) == set(FOLDER.schema.names)
    assert all(len(value) == episodes.steps + 1 for value in episodes.state.values())
    assert episodes.components
    assert episodes.reward is not None and episodes.reward.shape == (episodes.steps, 3)
    assert episodes.reward.std() > 0
    assert not episodes.reward[~episodes.alive].any()


def test_nothing_and_chance_are_policies_too(trainer: Trainer, tmp_path: Path) -> None:
    """The zero policy never acts, the random one acts evenly, and the same way each time."""
    paths = [str(tmp_path / name) for name in ("zero", "random", "again")]
    orders = Measure("z", (ZERO, RANDOM), "validation", (0, 0, 2), (paths[0], paths[1]))
    trainer.ask(orders)
    trainer.ask(Measure("r", (RANDOM,), "validation", (0, 0, 2), (paths[2],)))
    zero, random, again = (Episodes.load(Path(path)) for path in paths)
    assert not zero.action.any()
    assert 0.4 < abs(random.action).mean() < 0.6
    assert (random.action == again.action).all()
    assert zero.count == random.count == 2 and not zero.components


def test_a_hung_reward_ends_alone(trainer: Trainer, tmp_path: Path) -> None:
    """A reward that hangs is finished with `timeout`; its neighbours are trained as ever."""
    orders = [order(tmp_path, "good"), order(tmp_path, "bad", HANG), order(tmp_path, "other")]
    for item in orders:
        trainer.send(item)
    wait_for(trainer, {item.job for item in orders})
    assert result_of(tmp_path, "bad")["finding"]["code"] == "timeout"
    assert not (tmp_path / "bad" / POLICY_FILE).exists()
    good, other = result_of(tmp_path, "good"), result_of(tmp_path, "other")
    assert good["ok"] and other["ok"]
    assert good["scores"] == other["scores"], "same reward, same seed, same policy"


def test_more_trainings_than_slots(tmp_path: Path) -> None:
    """Trainings wait for a free slot and are all done in the end."""
    with Trainer(start(slots=2), tmp_path / "trainer.log") as trainer:
        names = {f"j{i}" for i in range(5)}
        for name in sorted(names):
            trainer.send(order(tmp_path, name))
        wait_for(trainer, names)
    assert all(result_of(tmp_path, name)["ok"] for name in names)


def test_a_jail_that_somebody_kills_is_replaced(trainer: Trainer, tmp_path: Path) -> None:
    """The reward is not blamed: its training goes on from the checkpoint, to the same end."""
    trainer.send(order(tmp_path, "whole", steps=12800))
    wait_for(trainer, {"whole"})
    trainer.send(order(tmp_path, "robbed", steps=12800))
    end = time.monotonic() + 30
    while not (tmp_path / "robbed" / "checkpoint.safetensors").exists():
        assert time.monotonic() < end
        trainer.events(0.01)
    assert trainer._process is not None
    pid = trainer._process.pid
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    jails = [int(jail) for path in lists for jail in path.read_text().split()]
    assert jails
    for jail in jails:
        os.kill(jail, signal.SIGKILL)
    wait_for(trainer, {"robbed"})
    assert trainer._process.pid != pid
    whole, robbed = result_of(tmp_path, "whole"), result_of(tmp_path, "robbed")
    assert robbed["ok"] and robbed["finding"] is None
    assert robbed["scores"] == whole["scores"]


def test_killed_trainer_goes_on_from_its_checkpoint(trainer: Trainer, tmp_path: Path) -> None:
    """After kill -9 of the trainer the result is the one of an unbroken training."""
    trainer.send(order(tmp_path, "whole", steps=6400))
    wait_for(trainer, {"whole"})
    trainer.send(order(tmp_path, "broken", steps=6400))
    checkpoint = tmp_path / "broken" / "checkpoint.safetensors"
    end = time.monotonic() + 30
    while not checkpoint.exists():
        assert time.monotonic() < end
        trainer.events(0.01)
    assert trainer._process is not None
    os.kill(trainer._process.pid, signal.SIGKILL)
    wait_for(trainer, {"broken"})
    whole, broken = result_of(tmp_path, "whole"), result_of(tmp_path, "broken")
    assert broken["scores"] == whole["scores"]
    assert broken["curve"] == whole["curve"]
    assert not checkpoint.exists()


def test_records_transitions(trainer: Trainer, tmp_path: Path) -> None:
    """Random behaviour is recorded with all fields, in the shapes that a jail is given."""
    path = tmp_path / "transitions.safetensors"
    trainer.ask(Record("r", str(path), (0, 0), steps=10, rows=4))
    data = Transitions.load(path)
    assert set(data.state) == set(data.next_state) == set(FOLDER.schema.names)
    assert data.action.shape == (10, 4, len(FOLDER.schema.action))
    assert data.starts[0].tolist() == [1.0] * 4
    assert set(data.fitness) == {f.name for f in FOLDER.fitness}


def test_keys_do_not_reach_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer's environment holds none of the host's secrets."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    with Trainer(start(), tmp_path / "trainer.log") as trainer:
        assert trainer._process is not None
        text = Path(f"/proc/{trainer._process.pid}/environ").read_bytes()
    assert b"canary" not in text


def test_a_users_mistake_is_one_sentence(tmp_path: Path) -> None:
    """A task that does not exist comes back as a UsageError, not as a dead process."""
    wrong = Start(**{**vars(start()), "task": "fly"})
    with pytest.raises(UsageError, match="fly"), Trainer(wrong, tmp_path / "log"):
        pass


def test_the_device_is_told(trainer: Trainer, tmp_path: Path) -> None:
    """What is in use stands in the ready event; what cannot be used is refused, never replaced."""
    assert trainer.ready["device"] == "cpu"
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with (
        pytest.raises(UsageError, match=r"training\.device=cuda cannot be used on this machine"),
        Trainer(start(device="cuda", simulator="warp"), tmp_path / "trainer.log"),
    ):
        pass


def test_a_trainer_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A trainer that dies at once is an error with its last words."""
    wrong = Start(**{**vars(start()), "training": {"nonsense": 1}})
    with (
        pytest.raises(TrainerError, match=r"did not start: .*extra_forbidden"),
        Trainer(wrong, tmp_path / "log"),
    ):
        pass
