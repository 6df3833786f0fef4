"""Clips of recorded episodes as the host sees them: what to show; a process of its own draws it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from autoreward.environments.folder import EnvironmentFolder, Task, read_folder
from autoreward.errors import AutorewardError, RunError, UsageError
from autoreward.evaluation.bank import fitness_of_episodes
from autoreward.schema import Fitness
from autoreward.store.queries import Queries
from autoreward.store.records import Purpose
from autoreward.training.episodes import Episodes
from autoreward.training.filming import Film
from autoreward.training.messages import EPISODES_FILE, RANDOM, ZERO

Format = Literal["gif", "mp4", "png"]
Which = Literal["best", "median", "worst"]

LONGEST_SECONDS = 10.0
"""Where nobody says which steps, a clip shows the first so many seconds."""
_TIMEOUT_SECONDS = 300.0
_PURPOSES: tuple[Purpose, ...] = ("confirm", "baseline", "search")
"""Kinds of trainings, those whose policy tells most of a reward first."""
_KEPT_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("MUJOCO_EGL_DEVICE_ID", "EGL_PLATFORM", "__EGL_VENDOR_LIBRARY_FILENAMES"),
    *("__EGL_VENDOR_LIBRARY_DIRS", "LIBGL_ALWAYS_SOFTWARE", "LIBGL_DRIVERS_PATH"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
)
"""What the drawing process may know; not MUJOCO_GL, for it draws by EGL whatever that says."""


@dataclass(frozen=True)
class Clip:
    """A picture that was drawn, and of what."""

    file: Path
    source: str
    """The training, or `zero` or `random`."""
    episode: int
    fitness: float
    """Primary fitness of the whole episode."""
    first: int
    last: int
    """Steps that it shows, the last one included."""
    steps: int
    """Steps of the whole episode."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {**asdict(self), "file": str(self.file)}


def film(
    folder: Path,
    task: str,
    episodes: Path,
    episode: int,
    first: int,
    last: int | None,
    output: Path,
    caption: str,
) -> Path:
    """Draw a stretch of a recorded episode at its true speed.

    Above the picture stand caption, time and the primary fitness so far: what the episode would be
    worth had it ended there.

    Args:
        folder: The environment's folder.
        task: Its task, for the fitness.
        episodes: File of recorded episodes.
        episode: Which one, from 0.
        first: First step, from 0.
        last: Last step, included; None for all the episode has.
        output: `.gif` (about 1.4 MB for 8 s) or `.mp4`; replaced if it exists.
        caption: One line; what does not fit is cut at its end.

    Returns:
        `output`.

    Raises:
        UsageError: There is no such episode or stretch, the environment has no MuJoCo model, or the
            format is unknown or needs a package that is not installed.
        AutorewardError: This machine cannot draw.
    """
    if output.suffix not in (".gif", ".mp4"):
        raise UsageError(f"{output}: a clip is a .gif or an .mp4")
    if output.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise UsageError("an mp4 needs a package that is missing: pip install imageio-ffmpeg")
    return _draw(Film(str(folder), task, str(episodes), episode, first, last, str(output), caption))


def filmstrip(
    folder: Path,
    task: str,
    episodes: Path,
    episode: int,
    first: int,
    last: int | None,
    output: Path,
    caption: str,
    pictures: int = 6,
) -> Path:
    """Draw evenly spaced pictures of a stretch side by side, 320 x 274 each, as one PNG.

    Args and errors are those of `film`; `output` ends in `.png`, and `pictures` is at least 2.
    """
    if output.suffix != ".png":
        raise UsageError(f"{output}: a film strip is a .png")
    return _draw(
        Film(str(folder), task, str(episodes), episode, first, last, str(output), caption, pictures)
    )


def clip(
    journal: Queries,
    folder: EnvironmentFolder,
    task: Task,
    name: str,
    *,
    episode: int | Which = "median",
    first: int = 0,
    last: int | None = None,
    form: Format = "gif",
    output: Path | None = None,
) -> Clip:
    """Draw an episode of a run.

    Args:
        journal: The run's journal.
        folder: The run's environment.
        task: The run's task.
        name: A candidate's id, `human` or `sparse`, a training's id, or `zero` or `random`. Of the
            trainings of a reward the first confirmation is shown, else its search training.
        episode: Its number from 0, or which by primary fitness.
        first: First step, from 0.
        last: Last step, included; None for the first ten seconds from `first`.
        form: Of the default file; `png` is a film strip.
        output: File; None for one in the run's folder, named after what it shows.

    Raises:
        RunError: There are no recorded episodes of it.
        UsageError: As in `film`.
        AutorewardError: This machine cannot draw.
    """
    _must_have_model(folder)
    source, path = recording(journal, name)
    episodes = _read(path)
    primary = folder.fitness_named(task.fitness)
    number = choose_episode(episodes, primary, task.horizon, episode)
    steps = int(episodes.length[number])
    end = first + round(LONGEST_SECONDS / folder.schema.dt) - 1 if last is None else last
    stretch = "" if last is None and not first else f"-{first}-{min(end, steps - 1)}"
    file = output or journal.files.clips / f"{source}-e{number}{stretch}.{form}"
    caption = f"{source}, episode {number} · {journal.directory.name}"
    draw = filmstrip if file.suffix == ".png" else film
    draw(folder.path, task.name, path, number, first, end, file, caption)
    worth = float(_fitness(episodes, primary, task.horizon)[number])
    return Clip(file, source, number, worth, first, min(end, steps - 1), steps)


def recording(journal: Queries, name: str) -> tuple[str, Path]:
    """Return what was recorded under a name that `clip` takes: training (or policy), and file.

    Raises:
        RunError: There are no recorded episodes of it.
    """
    files = journal.files
    if name in (ZERO, RANDOM):
        found = [(name, files.behaviour(name))]
    elif (job := journal.job(name)) is not None:
        found = [(job.id, files.job(job.id) / EPISODES_FILE)]
    else:
        trainings = [
            training
            for purpose in _PURPOSES
            for training in sorted(
                journal.jobs(candidate=name, purpose=purpose, state="done"),
                key=lambda job: (job.training_seed, -job.steps),
            )
        ]
        found = [(job.id, files.job(job.id) / EPISODES_FILE) for job in trainings]
    for source, path in found:
        if path.is_file():
            return source, path
    raise RunError(f"no episodes of {name} are recorded in {journal.directory.name}")


def choose_episode(episodes: Episodes, primary: Fitness, horizon: int, which: int | Which) -> int:
    """Return the number of an episode, by itself or by primary fitness.

    The median of an even number is the better of the two in the middle.

    Raises:
        UsageError: There is no episode of that number.
    """
    if isinstance(which, int):
        if not 0 <= which < episodes.count:
            raise UsageError(f"there is no episode {which}: 0 to {episodes.count - 1} are recorded")
        return which
    order = np.argsort(fitness_of_episodes(episodes, primary, horizon), kind="stable")
    place = {"worst": 0, "median": len(order) // 2, "best": len(order) - 1}[which]
    return int(order[place])


def _fitness(episodes: Episodes, primary: Fitness, horizon: int) -> NDArray[np.float64]:
    """Return the primary fitness of each episode in its own direction, [E]."""
    higher_is_better = fitness_of_episodes(episodes, primary, horizon)
    return higher_is_better if primary.direction == "max" else -higher_is_better


def _read(path: Path) -> Episodes:
    try:
        return Episodes.load(path)
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(f"cannot read the recorded episodes in {path}: {error}") from None


def _must_have_model(folder: EnvironmentFolder) -> None:
    if folder.xml is None:
        raise UsageError(f"{folder.name} has no MuJoCo model, so there are no pictures of it")


def _draw(order: Film) -> Path:
    """Have the drawing process carry out an order."""
    _must_have_model(read_folder(Path(order.environment)))
    environment = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "autoreward.training.filming"],
            input=json.dumps(asdict(order)),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            env=environment | {"OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise AutorewardError(
            f"the clip was not drawn within {_TIMEOUT_SECONDS:g} s: ask for fewer --steps"
        ) from None
    if done.returncode == 0:
        return Path(order.output)
    if done.stdout:
        answer = json.loads(done.stdout)
        raise (UsageError if answer["usage"] else AutorewardError)(answer["text"])
    words = done.stderr.strip().splitlines()
    last = words[-1][:300] if words else "it printed nothing"
    raise AutorewardError(f"the process that draws ended with {done.returncode}: {last}")
