"""`clip`: film an episode of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoreward.config import load_settings
from autoreward.findings import Finding
from autoreward.search.evaluating import prepare_file
from autoreward.search.opening import create_run
from autoreward.store.journal import Journal
from autoreward.store.records import Job
from autoreward.store.rundir import find_run
from autoreward.training.episodes import Episodes

CODE = '''"""Stand."""


def height(state, action, next_state):
    """Height of the torso, m."""
    return next_state.torso_height


FORMULA = "height"
'''


def recorded(folder: Path, lengths: list[int]) -> Job:
    """Make a run called `filmed` with one confirmed candidate `c1` and its recorded episodes."""
    reward = folder / "reward.py"
    reward.write_text(CODE)
    setup = prepare_file(load_settings(overrides=["sandbox.kind=process"], env="hopper"), reward)
    steps, count = max(lengths), len(lengths)
    speed = np.zeros((steps, count), dtype=np.float32)
    for row, length in enumerate(lengths):
        speed[:length, row] = 1.0 + row
    qpos = np.zeros((steps + 1, count, 6), dtype=np.float32)
    qpos[..., 1] = 1.25
    episodes = Episodes(
        {},
        np.zeros((steps, count, 3), dtype=np.float32),
        {fitness.name: speed for fitness in setup.folder.fitness},
        np.array(lengths),
        np.ones(count, dtype=np.bool_),
        qpos,
    )
    with create_run(setup, "evaluate", name="filmed") as journal:
        journal.add_candidate("c1", proposal=None, text=CODE, formula="height", skeleton="h")
        job = journal.queue_job(
            "c1-confirm-s1000", candidate="c1", purpose="confirm", training_seed=1000, steps=1
        )
        journal.start_job(job.id)
        journal.finish_job(job.id, "done")
        journal.set_meta("winner", "c1")
        episodes.save(journal.files.job(job.id) / "episodes.safetensors")
    return job


def film(cli: Any, *arguments: Any) -> Any:
    """Run the command; skips where the machine cannot draw."""
    done = cli("clip", "filmed", *arguments)
    if done.code == 1 and "EGL" in done.err:
        pytest.skip(done.sentence)
    return done


def test_the_winner_is_filmed(cli: Any, tmp_path: Path) -> None:
    """By default the median episode, into the run's folder, under a name that is the same again."""
    recorded(tmp_path, [20, 30, 40])
    done = film(cli, "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    wanted = tmp_path / "runs" / "filmed" / "clips" / "c1-confirm-s1000-e1.gif"
    assert Path(data["file"]) == wanted
    assert Path(data["file"]).read_bytes().startswith(b"GIF89a")
    assert (data["episode"], data["first"], data["last"], data["steps"]) == (1, 0, 29, 30)
    assert data["fitness"] == pytest.approx(2.0 * 30 / 1000)


def test_a_stretch_goes_where_it_is_asked_to(cli: Any, tmp_path: Path) -> None:
    """Episode, steps, format and file as given; a file that exists is kept unless told."""
    recorded(tmp_path, [20, 30, 40])
    ask = ("c1", "--episode", "best", "--steps", "10-90", "-o", tmp_path / "seen.png")
    done = film(cli, *ask)
    assert done.code == 0, done.err
    assert f"wrote {tmp_path / 'seen.png'}" in done.out
    assert "episode 2, steps 10-39 of 40 (0.2 s); the episode's forward_speed is 0.120" in done.out
    assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")
    again = film(cli, *ask)
    assert again.code == 2
    assert "--force" in again.sentence
    assert film(cli, *ask, "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--episode", "nice"), 2, "--episode nice: give a number"),
        (("--episode", "7"), 2, "there is no episode 7"),
        (("--steps", "9-5"), 2, "--steps 9-5: give two numbers"),
        (("--format", "avi"), 2, "unknown format 'avi'"),
        (("--format", "png", "-o", "a.gif"), 2, "a.gif is no png"),
        (("c2",), 1, "no candidate 'c2'"),
        (("zero",), 1, "no episodes of zero are recorded in filmed"),
    ],
)
def test_a_mistake_is_one_sentence(
    cli: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    """What was typed wrong, or is not there, is named before anything is drawn."""
    recorded(tmp_path, [20])
    done = cli("clip", "filmed", *arguments)
    assert done.code == code
    assert text in done.sentence


def test_a_damaged_recording_is_one_sentence(cli: Any, tmp_path: Path) -> None:
    """A file of episodes that cannot be read is named."""
    job = recorded(tmp_path, [20])
    path = tmp_path / "runs" / "filmed" / "jobs" / job.id / "episodes.safetensors"
    path.write_bytes(b"nothing")
    done = cli("clip", "filmed")
    assert done.code == 1
    assert "cannot read the recorded episodes in" in done.sentence


def test_a_finding_is_filmed_where_it_points(cli: Any, tmp_path: Path) -> None:
    """The episode and the steps of its evidence are shown, with a run-up of 25 steps."""
    job = recorded(tmp_path, [60, 80])
    evidence = "training, snapshots 1-3, last reward = 1; episode 1, steps 50-60, mean reward = 2"
    hack = Finding("reward-hacking", "warning", "the reward is farmed", evidence)
    with Journal.open(find_run("filmed")) as journal:
        journal.add_analysis(job.id, {}, [hack])
    done = cli("clip", "filmed", "c1", "--finding", "reward-hacking", "--format", "png", "--json")
    assert done.code == 0, done.err
    made = done.json
    assert (made["episode"], made["first"], made["last"]) == (1, 25, 60)
    assert cli("clip", "filmed", "c1", "--finding", "falls").err.startswith(
        "error: the finding 'falls' was not made about c1"
    )
