"""Draws a stretch of a recorded episode; a process of its own: the host never loads a simulator.

Started by the host as `python -m autoreward.training.filming` (see `autoreward.evaluation.clips`).
It reads one `Film` as a JSON object from stdin, writes the picture and ends with 0; a mistake that
the user can mend is answered by one line of JSON on stdout and exit code 1.
"""

from __future__ import annotations

import ctypes
import importlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from autoreward.errors import AutorewardError, UsageError
from autoreward.store.rundir import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from autoreward.environments.folder import Task
    from autoreward.environments.mujoco import MujocoEnvironment
    from autoreward.training.episodes import Episodes

WIDTH, HEIGHT = 320, 240
_STRIP = 34
"""Height of the caption above the picture, pixels."""
_FONT = 12
_MARGIN = 5
_FRAMES_PER_SECOND = 25.0
_HOLD_SECONDS = 1.0
"""The last picture of a GIF stays so long before it begins anew."""
_COLOURS = 32
"""8 s of a robot on a chequered floor are 1.4 MB; twice as many colours make it 1.7 MB."""
_PALETTE_FROM = 12
"""Frames that the palette of a GIF is made from."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Film:
    """What to draw and where to."""

    environment: str
    """Path of the environment folder."""
    task: str
    episodes: str
    """File of recorded episodes."""
    episode: int
    first: int
    """First step, from 0."""
    last: int | None
    """Last step, included; None or a later one than there is for the episode's last."""
    output: str
    """File; `.gif` and `.mp4` move, `.png` is a strip of pictures side by side."""
    caption: str
    pictures: int = 6
    """Pictures of a strip, at least 2."""


def draw(film: Film) -> None:
    """Draw the film and write it, whole or not at all.

    Raises:
        UsageError: There is no such episode or stretch, or the file cannot be written.
        AutorewardError: There is no EGL on this machine.
    """
    from autoreward.environments.environment import load_environment
    from autoreward.environments.folder import read_folder
    from autoreward.environments.mujoco import MujocoEnvironment
    from autoreward.training.episodes import Episodes

    folder = read_folder(Path(film.environment))
    task = folder.task_named(film.task)
    environment = load_environment(folder, task)
    assert isinstance(environment, MujocoEnvironment), "the host asks for no other"
    episodes = Episodes.load(Path(film.episodes))
    if not 0 <= film.episode < episodes.count:
        raise UsageError(
            f"there is no episode {film.episode}: 0 to {episodes.count - 1} are recorded"
        )
    episodes = episodes.take([film.episode])
    first, steps = film.first, episodes.steps
    end = steps if film.last is None else min(film.last + 1, steps)
    if not 0 <= first < end:
        raise UsageError(
            f"episode {film.episode} has the steps 0 to {steps - 1}: there is no stretch from "
            f"{first} to {film.last}"
        )
    output = Path(film.output)
    try:
        _write(film, output, environment, task, episodes, first, end)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None


def _write(
    film: Film,
    output: Path,
    environment: MujocoEnvironment,
    task: Task,
    episodes: Episodes,
    first: int,
    end: int,
) -> None:
    """Write the states `first` to `end` of the one episode in the format of `output`."""
    if output.suffix == ".png":
        gap = (end - first) / (film.pictures - 1)
        states = [first + round(i * gap) for i in range(film.pictures)]
        strip = _side_by_side(_frames(film, environment, task, episodes, states))
        write_atomic(output, _png(strip))
        return
    stride = max(1, round(1 / _FRAMES_PER_SECOND / environment.dt))
    states = [*range(first, end, stride), end]
    frames = _frames(film, environment, task, episodes, states)
    if output.suffix == ".mp4":
        _write_mp4(output, frames, 1 / (stride * environment.dt))
    else:
        write_atomic(output, _gif(list(frames), [state * environment.dt for state in states]))


def _frames(
    film: Film, environment: MujocoEnvironment, task: Task, episodes: Episodes, states: list[int]
) -> Iterator[Image]:
    """Yield one captioned picture of each of those states of the one episode."""
    import torch
    from PIL import Image, ImageDraw, ImageFont

    from autoreward.sim.rendering import render

    qpos = torch.from_numpy(episodes.qpos[states, 0])
    pictures = render(environment.model, qpos, WIDTH, HEIGHT)
    worth = _fitness_so_far(environment, task, episodes, states)
    font = ImageFont.load_default(_FONT)
    title = film.caption
    while font.getlength(title) > WIDTH - 2 * _MARGIN:
        title = title.rstrip("…")[:-1] + "…"
    for state, picture, value in zip(states, pictures, worth, strict=True):
        frame = Image.new("RGB", (WIDTH, _STRIP + HEIGHT), "black")
        frame.paste(Image.fromarray(picture), (0, _STRIP))
        pen = ImageDraw.Draw(frame)
        pen.text((_MARGIN, 2), title, "white", font)
        pen.text((_MARGIN, 17), f"{state * environment.dt:.2f} s", "white", font)
        pen.text((WIDTH - _MARGIN, 17), value, "white", font, anchor="ra")
        yield frame


def _fitness_so_far(
    environment: MujocoEnvironment, task: Task, episodes: Episodes, states: list[int]
) -> list[str]:
    """Return what the episode would be worth had it ended at each state; at its end: its score."""
    import torch

    from autoreward.environments.environment import reduce_fitness

    spec = environment.folder.fitness_named(task.fitness)
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    values = torch.from_numpy(episodes.fitness[spec.name]).expand(-1, len(states))
    alive = torch.arange(episodes.steps).unsqueeze(1) < torch.tensor(states)
    worth = reduce_fitness(spec, values, alive, task.horizon)
    return [
        f"{spec.name} {value:z.2f}{unit}" if state else ""
        for state, value in zip(states, worth.tolist(), strict=True)
    ]


def _gif(frames: list[Image], seconds: list[float]) -> bytes:
    """Return a GIF that shows each frame at its time, in one palette and without dithering.

    Both keep what stands still the same from frame to frame, which makes the file small.
    """
    from PIL import Image

    sample = frames[:: max(1, len(frames) // _PALETTE_FROM)]
    # The octree keeps the colours of a small robot, which a median cut gives to the large sky.
    palette = _side_by_side(iter(sample)).quantize(_COLOURS, Image.Quantize.FASTOCTREE)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    # GIF counts hundredths of a second; rounding the times keeps the whole at its true length.
    ticks = [round(100 * (at - seconds[0])) for at in seconds]
    lengths = [10 * (b - a) for a, b in itertools.pairwise(ticks)]
    file = BytesIO()
    small[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=small[1:],
        duration=[*lengths, round(1000 * _HOLD_SECONDS)],
        loop=0,
    )
    return file.getvalue()


def _write_mp4(output: Path, frames: Iterator[Image], rate: float) -> None:
    """Write H.264 that any browser plays."""
    ffmpeg = importlib.import_module("imageio_ffmpeg")  # there if the user installed it
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f".{output.stem}.part.mp4")
    size = (WIDTH, _STRIP + HEIGHT)
    writer = ffmpeg.write_frames(str(part), size, fps=rate, macro_block_size=2)
    try:
        writer.send(None)
        for frame in frames:
            writer.send(frame.tobytes())
        writer.close()
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _side_by_side(frames: Iterator[Image]) -> Image:
    import numpy as np
    from PIL import Image

    columns: list[NDArray[np.uint8]] = [np.asarray(frame) for frame in frames]
    return Image.fromarray(np.concatenate(columns, axis=1))


def _png(picture: Image) -> bytes:
    file = BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()


def main() -> int:
    """Draw what stdin asks for; dies with its host."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a stray print must not look like an answer
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        draw(Film(**json.load(sys.stdin)))
    except AutorewardError as error:
        usage = isinstance(error, UsageError)
        print(json.dumps({"usage": usage, "text": str(error)}), file=answers, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
