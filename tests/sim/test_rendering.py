"""Pictures without a display."""

from __future__ import annotations

import sys
import types

import mujoco
import numpy as np
import pytest
import torch

from autoreward.errors import AutorewardError
from autoreward.sim.rendering import render

XML = """
<mujoco>
  <worldbody>
    <light pos="0 0 3" dir="0 0 -1"/>
    <geom type="plane" size="2 2 .1" rgba=".2 .2 .2 1"/>
    <camera name="side" pos="0 -3 1" xyaxes="1 0 0 0 .3 1"/>
    <body pos="0 0 1">
      <joint type="slide" axis="0 0 1"/>
      <geom type="sphere" size=".3" rgba="1 0 0 1"/>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(XML)


def red_row(picture: np.ndarray) -> float:
    """Return the mean row of the red pixels."""
    colours = picture.astype(int)
    red = (colours[..., 0] > 60) & (colours[..., 1] < 40)
    assert red.any()
    return float(np.nonzero(red)[0].mean())


@pytest.mark.parametrize("camera", ["side", "nowhere", None])
def test_pictures_show_the_states(model: mujoco.MjModel, camera: str | None) -> None:
    """One picture a state, upright: a higher ball is nearer to the top row."""
    width = model.vis.global_.offwidth
    try:
        pictures = render(model, torch.tensor([[0.0], [0.5]]), 64, 48, camera)
    except AutorewardError as error:
        pytest.skip(str(error))
    assert pictures.shape == (2, 48, 64, 3)
    assert pictures.dtype == np.uint8
    assert red_row(pictures[1]) < red_row(pictures[0]) - 3
    assert model.vis.global_.offwidth == width


def test_missing_egl_is_one_sentence(
    model: mujoco.MjModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without EGL the error says what is missing."""
    monkeypatch.setitem(sys.modules, "mujoco.egl", None)
    with pytest.raises(AutorewardError, match="EGL"):
        render(model, torch.zeros(1, 1))


MOVING = """
<mujoco>
  <worldbody>
    <geom type="plane" size="20 20 .1" rgba=".2 .2 .2 1"/>
    <body name="robot" pos="0 0 {height}">
      <joint type="slide" axis="1 0 0"/>
      <geom type="box" size=".1 .1 {half}" rgba="1 0 0 1"/>
    </body>
  </worldbody>
</mujoco>
"""


def pictures_of(height: float, half: float, places: list[list[float]]) -> np.ndarray:
    """Return pictures of a red box that slides along x, without a camera of its own."""
    model = mujoco.MjModel.from_xml_string(MOVING.format(height=height, half=half))
    try:
        return render(model, torch.tensor(places), 64, 48)
    except AutorewardError as error:
        pytest.skip(str(error))


def red_box(picture: np.ndarray) -> tuple[int, float]:
    """Return how many pixels are red and the mean column of these."""
    colours = picture.astype(int)
    red = (colours[..., 0] > 60) & (colours[..., 1] < 40)
    return int(red.sum()), float(np.nonzero(red)[1].mean())


def test_without_a_camera_the_view_holds_what_moves() -> None:
    """Near its place a robot is large, lit without a lamp, and seen to move within one view."""
    (size, left), (_, right) = map(red_box, pictures_of(0.5, 0.5, [[-0.3], [0.3]]))
    assert size > 100
    assert left < 26
    assert right > 38


def test_what_travels_is_followed() -> None:
    """A robot that runs far away stays large and in the middle of every picture."""
    for size, column in map(red_box, pictures_of(0.5, 0.5, [[0.0], [7.0], [15.0]])):
        assert size > 100
        assert abs(column - 31.5) < 2


def test_a_flat_robot_is_seen_from_above() -> None:
    """What moves in the plane of the floor shows its upper side: as high in the picture as wide."""
    colours = pictures_of(0.02, 0.02, [[-0.1], [0.1]])[0].astype(int)
    red = (colours[..., 0] > 60) & (colours[..., 1] < 40)
    rows, columns = (np.ptp(index) + 1 for index in np.nonzero(red))
    assert 0.75 < rows / columns < 1.35


def test_the_reason_is_short(model: mujoco.MjModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a driver's long complaint the first sentence is shown, then what to install."""

    def fail(*_: int) -> None:
        raise ImportError("Cannot initialize\n a display. This means a lot more.")

    driver = types.ModuleType("egl")
    driver.GLContext = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mujoco.egl", driver)
    with pytest.raises(AutorewardError, match=r"\(Cannot initialize a display\): install libegl1"):
        render(model, torch.zeros(1, 1))
