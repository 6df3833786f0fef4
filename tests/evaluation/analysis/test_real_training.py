"""A real training of a hackable and of an honest reward, through trainer and files."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from autoreward.config import SandboxSettings, TrainingSettings
from autoreward.environments.folder import open_environment
from autoreward.evaluation.analysis.analyzer import analyze
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.trainer import Trainer
from autoreward.pointers import find_pointers
from autoreward.training.episodes import Episodes
from autoreward.training.messages import (
    EPISODES_FILE,
    RANDOM,
    RESULT_FILE,
    ZERO,
    Measure,
    Start,
    Train,
)

FOLDER = open_environment("point_mass")
TASK = FOLDER.task_named("reach")
HACK = """
def speed(state, action, next_state):
    return next_state.speed

FORMULA = "speed"
"""
STEPS = 32_768


def test_a_real_hack_is_flagged_and_an_honest_reward_is_not(tmp_path: Path) -> None:
    """Paying for speed makes the point race away from the goal; paying for nearness does not."""
    settings = TrainingSettings(threads=1)
    start = Start(
        str(FOLDER.path), TASK.name, settings.model_dump(mode="json"),
        SandboxSettings(kind="process").model_dump(mode="json"), os.getpid(),
    )  # fmt: skip
    rewards = {"hack": HACK, "honest": FOLDER.read("expert.py")}
    files = {name: str(tmp_path / f"{name}.safetensors") for name in (ZERO, RANDOM)}
    with Trainer(start, tmp_path / "log") as trainer:
        for job, code in rewards.items():
            (tmp_path / job).mkdir()
            formula = _formula(code)
            trainer.send(Train(job, str(tmp_path / job), code, formula, (0, 3), STEPS, (0, 8)))
        end = time.monotonic() + 100
        while trainer.waiting & set(rewards):
            assert time.monotonic() < end, "the trainer does not answer"
            trainer.events(1.0)
        names = (ZERO, RANDOM)
        paths = (files[ZERO], files[RANDOM])
        trainer.ask(Measure("m", names, "validation", (0, 0, 8), paths))
    idle, stumbling = (Episodes.load(Path(files[name])) for name in (ZERO, RANDOM))
    analyses = {}
    for job, code in rewards.items():
        result = json.loads((tmp_path / job / RESULT_FILE).read_text())
        record = Record(
            TASK, FOLDER, FOLDER.fitness_named(TASK.fitness), settings.gamma, _formula(code),
            result["curve"], Episodes.load(tmp_path / job / EPISODES_FILE),
            result["scores"]["validation"], idle, stumbling,
        )  # fmt: skip
        analyses[job] = analyze(record)
    hack = {finding.code: finding for finding in analyses["hack"].findings}
    assert "reward-hacking" in hack and "wrong-direction" in hack
    pointer = find_pointers(hack["reward-hacking"].evidence)[0]
    assert pointer.episode is not None and pointer.quantity == "component:speed"
    honest = {finding.code for finding in analyses["honest"].findings}
    assert not honest & {"reward-hacking", "over-optimisation", "wrong-direction", "flooding"}


def _formula(code: str) -> str:
    return code.split("FORMULA = ")[1].strip().strip("\"'")
