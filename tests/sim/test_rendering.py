"""Pictures without a display."""

from __future__ import annotations

import sys

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
