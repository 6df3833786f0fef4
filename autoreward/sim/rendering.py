"""Pictures of MuJoCo states without a display, drawn by EGL.

Shadows and reflections are off: in software they cost ten times all the rest.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autoreward.errors import AutorewardError

_MAX_GEOMS = 2000
_FLAGS_OFF = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION)


def render(
    model: mujoco.MjModel,
    qpos: Tensor,
    width: int = 320,
    height: int = 240,
    camera: str | None = "track",
) -> NDArray[np.uint8]:
    """Draw one picture per state.

    Args:
        model: The compiled model; it is not changed.
        qpos: Generalised positions. Shape: (T, nq).
        width: Pixels.
        height: Pixels.
        camera: A camera of the model; where it has none of that name, a free camera that sees all.

    Returns:
        Pictures from top to bottom. Shape: (T, height, width, 3).

    Raises:
        AutorewardError: There is no EGL on this machine.
    """
    model = copy.copy(model)
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    data, options = mujoco.MjData(model), mujoco.MjvOption()
    pictures = np.empty((len(qpos), height, width, 3), dtype=np.uint8)
    with _context(width, height):
        scene = mujoco.MjvScene(model, _MAX_GEOMS)
        for flag in _FLAGS_OFF:
            scene.flags[flag] = 0
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        view, eye = mujoco.MjrRect(0, 0, width, height), _camera(model, camera)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        for picture, row in zip(pictures, qpos.double().numpy(), strict=True):
            data.qpos[:] = row
            # Tracking cameras follow the centre of mass, which kinematics alone does not give.
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_camlight(model, data)
            mujoco.mjv_updateScene(model, data, options, None, eye, everything, scene)
            mujoco.mjr_render(view, scene, context)
            mujoco.mjr_readPixels(picture, None, view, context)
        context.free()
    return np.ascontiguousarray(pictures[:, ::-1])


@contextmanager
def _context(width: int, height: int) -> Iterator[None]:
    """Make an off-screen OpenGL context current."""
    try:
        # Imported here: it picks PyOpenGL's platform and needs the system's EGL library.
        from mujoco.egl import GLContext

        context = GLContext(width, height)
        context.make_current()
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        raise AutorewardError(f"pictures need EGL, which is missing here: {error}") from error
    try:
        yield
    finally:
        context.free()


def _camera(model: mujoco.MjModel, name: str | None) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    number = -1
    if name is not None:
        number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name)
    if number >= 0:
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, number
        return camera
    mujoco.mjv_defaultFreeCamera(model, camera)
    return camera
