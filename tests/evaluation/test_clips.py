"""Clips: an episode as a moving picture, drawn by a process of its own."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from autoreward.assets import asset_root
from autoreward.environments.environment import load_environment, reduce_fitness
from autoreward.errors import AutorewardError, RunError, UsageError
from autoreward.evaluation import clips
from autoreward.schema import Fitness
from autoreward.store.journal import Journal
from autoreward.training.episodes import Episodes
from autoreward.training.filming import _fitness_so_far, _gif

HOPPER = asset_root("envs") / "hopper"
STEPS, EPISODES = 120, 3


def roll_out(name: str) -> Episodes:
    """Return episodes of random actions; episode n ends after 40 (n + 1) steps."""
    environment = load_environment(name)
    generator = torch.Generator().manual_seed(0)
    simulation = environment.make_simulation()
    simulation.add(EPISODES)
    simulation.reset(torch.arange(EPISODES), *environment.initial(EPISODES, generator))
    physics = simulation.physics()
    qpos, actions = [physics.qpos.numpy()], []
    fitness: dict[str, list[np.ndarray]] = {}
    length = np.array([40, 80, 120])
    for t in range(STEPS):
        action = torch.rand(EPISODES, environment.action_dim, generator=generator) * 2 - 1
        simulation.step(environment.ctrl(action))
        before, physics = physics, simulation.physics()
        qpos.append(physics.qpos.numpy())
        actions.append(action.numpy())
        for key, value in environment.fitness_steps(before, action, physics).items():
            fitness.setdefault(key, []).append(np.where(t < length, value.numpy(), 0.0))
    simulation.close()
    return Episodes(
        {},
        np.stack(actions),
        {k: np.stack(v).astype(np.float32) for k, v in fitness.items()},
        length,
        np.array([True, True, False]),
        np.stack(qpos),
    )


@pytest.fixture(scope="module")
def hopper() -> Episodes:
    return roll_out("hopper")


@pytest.fixture(scope="module")
def recorded(hopper: Episodes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("episodes") / "episodes.safetensors"
    hopper.save(path)
    return path


def draw(function: Any, *arguments: Any) -> Path:
    """Call a drawing function; skips where the machine cannot draw."""
    try:
        path: Path = function(*arguments)
    except UsageError:
        raise
    except AutorewardError as error:
        if "EGL" in str(error):
            pytest.skip(str(error))
        raise
    return path


def shows_a_robot(picture: Image.Image) -> bool:
    """Return whether there is anything orange: the hopper's colour."""
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), -1, 0)
    return bool(((red > 1.5 * blue + 20) & (red > green + 15)).sum() > 200)


def test_a_gif_shows_the_episode_at_true_speed(recorded: Path, tmp_path: Path) -> None:
    """The robot is in every frame, they differ, and together they last as long as the steps."""
    target = tmp_path / "new" / "clip.gif"
    out = draw(clips.film, HOPPER, "run", recorded, 1, 10, 59, target, "a clip")
    assert out == target
    frames, lengths = [], []
    with Image.open(out) as file:
        for frame in ImageSequence.Iterator(file):
            frames.append(frame.convert("RGB"))
            lengths.append(frame.info["duration"])
    # 50 steps of 8 ms; the last picture is held for a second.
    assert sum(lengths[:-1]) == 400
    assert lengths[-1] == 1000
    assert len(frames) == 11
    assert frames[0].size == (320, 274)
    assert all(shows_a_robot(frame) for frame in frames)
    assert len({frame.tobytes() for frame in frames}) == len(frames)
    caption = np.asarray(frames[0])[:34]
    assert caption.max() > 200
    assert np.median(caption) == 0


def test_a_film_strip_is_one_row_of_pictures(recorded: Path, tmp_path: Path) -> None:
    """Six pictures from the first state of the stretch to the last."""
    out = draw(clips.filmstrip, HOPPER, "run", recorded, 0, 0, None, tmp_path / "s.png", "x")
    with Image.open(out) as strip:
        assert strip.size == (6 * 320, 274)
        assert all(shows_a_robot(strip.crop((320 * i, 34, 320 * i + 320, 274))) for i in range(6))


def test_an_mp4_needs_a_package(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the error says how to install it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install imageio-ffmpeg"):
        clips.film(HOPPER, "run", recorded, 0, 0, 9, tmp_path / "a.mp4", "x")


def test_an_mp4_is_written(recorded: Path, tmp_path: Path) -> None:
    """Where the package is installed, a file in that format comes out and nothing beside it."""
    pytest.importorskip("imageio_ffmpeg")
    out = draw(clips.film, HOPPER, "run", recorded, 0, 0, 9, tmp_path / "a.mp4", "x")
    assert out.read_bytes()[4:8] == b"ftyp"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("episode", "first", "last", "output", "text"),
    [
        (7, 0, 9, "a.gif", "no episode 7: 0 to 2"),
        (0, 300, 400, "a.gif", "episode 0 has the steps 0 to 39"),
        (0, 0, 9, "a.bmp", r"a clip is a \.gif"),
        (0, 0, 9, "file/a.gif", "cannot write"),
    ],
)
def test_a_mistake_is_one_sentence(
    recorded: Path, tmp_path: Path, episode: int, first: int, last: int, output: str, text: str
) -> None:
    """No such episode, no such step, a foreign format, a place where nothing can be written."""
    (tmp_path / "file").write_text("not a folder")
    target = tmp_path / output
    with pytest.raises(UsageError, match=text):
        draw(clips.film, HOPPER, "run", recorded, episode, first, last, target, "x")


def test_there_are_no_pictures_of_a_closed_form(recorded: Path, tmp_path: Path) -> None:
    """An environment without a MuJoCo model is refused in one sentence."""
    folder = asset_root("envs") / "point_mass"
    with pytest.raises(UsageError, match="point_mass has no MuJoCo model"):
        clips.film(folder, "reach", recorded, 0, 0, 9, tmp_path / "a.gif", "x")


def test_a_machine_without_egl_is_one_sentence(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no driver is found, the error says what to install, and no file is left."""
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", str(tmp_path / "nothing.json"))
    with pytest.raises(AutorewardError, match="install libegl1") as caught:
        clips.film(HOPPER, "run", recorded, 0, 0, 9, tmp_path / "a.gif", "x")
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_drawing_process_that_dies_or_hangs_is_one_sentence(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words are named; one that takes too long is ended."""
    arguments = (HOPPER, "run", recorded, 0, 0, 9, tmp_path / "a.gif", "x")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no more memory' >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(AutorewardError, match="ended with 3: no more memory"):
        clips.film(*arguments)
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(clips, "_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(AutorewardError, match="was not drawn within"):
        clips.film(*arguments)


def test_the_caption_ends_with_the_score(hopper: Episodes) -> None:
    """The fitness so far at the last state is that of the whole episode, nothing at the start."""
    environment = load_environment("hopper")
    task = environment.folder.task_named("run")
    spec = environment.folder.fitness_named(task.fitness)
    episode = hopper.take([1])
    values = torch.from_numpy(episode.fitness[spec.name])
    score = reduce_fitness(spec, values, torch.ones(80, 1, dtype=torch.bool), task.horizon)
    start, middle, end = _fitness_so_far(environment, task, episode, [0, 40, 80])
    assert start == ""
    assert end == f"{spec.name} {score.item():z.2f} m/s"
    assert middle.startswith(spec.name)


def test_odd_time_steps_keep_the_whole_length() -> None:
    """GIF counts hundredths of a second; what is rounded away comes back with the next frames."""
    frames = [Image.new("RGB", (32, 8)) for _ in range(30)]
    for i, frame in enumerate(frames):
        frame.putpixel((i, 4), (255, 255, 255))
    blob = _gif(frames, [i * 0.0333 for i in range(30)])
    with Image.open(BytesIO(blob)) as file:
        lengths = [frame.info["duration"] for frame in ImageSequence.Iterator(file)]
    assert abs(sum(lengths[:-1]) - 29 * 33.3) <= 5


@pytest.mark.parametrize(("direction", "order"), [("max", [2, 0, 1]), ("min", [1, 0, 2])])
def test_an_episode_is_chosen_by_fitness(direction: Any, order: list[int]) -> None:
    """Best, median and worst follow the direction of the fitness; a number is itself."""
    values = np.array([[2.0, 1.0, 3.0]], dtype=np.float32)
    ones = np.ones(3, dtype=np.int64)
    episodes = Episodes({}, np.zeros((1, 3, 1)), {"f": values}, ones, ones > 0, np.zeros((2, 3, 1)))
    primary = Fitness("f", direction, "1", "a fitness", "mean")
    found = [clips.choose_episode(episodes, primary, 1, w) for w in ("best", "median", "worst")]
    assert found == order
    assert clips.choose_episode(episodes, primary, 1, 2) == 2
    with pytest.raises(UsageError, match="no episode 3: 0 to 2"):
        clips.choose_episode(episodes, primary, 1, 3)


def test_the_first_confirmation_is_shown(tmp_path: Path) -> None:
    """Of a reward's finished trainings: confirmation by seed, then search; only recorded ones."""
    with Journal.create(tmp_path / "run", {}, {}) as journal:
        for purpose, seed in (("search", 0), ("confirm", 1001), ("confirm", 1000)):
            job = journal.queue_job(
                f"c-{purpose}-s{seed}", candidate="c", purpose=purpose, training_seed=seed, steps=1
            )
            journal.start_job(job.id)
            journal.finish_job(job.id, "done")
        with pytest.raises(RunError, match="no episodes of c are recorded in run"):
            clips.recording(journal, "c")
        for name, path in (
            ("c-search-s0", journal.files.job("c-search-s0") / "episodes.safetensors"),
            ("c-confirm-s1001", journal.files.job("c-confirm-s1001") / "episodes.safetensors"),
            ("c-confirm-s1000", journal.files.job("c-confirm-s1000") / "episodes.safetensors"),
        ):
            path.parent.mkdir(parents=True)
            path.write_bytes(b"")
            assert clips.recording(journal, "c") == (name, path)
        assert clips.recording(journal, "c-search-s0")[0] == "c-search-s0"
        journal.files.behaviour("zero").write_bytes(b"")
        assert clips.recording(journal, "zero") == ("zero", journal.files.behaviour("zero"))
        with pytest.raises(RunError, match="no episodes of random"):
            clips.recording(journal, "random")
