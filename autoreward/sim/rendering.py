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
_LOOKS = 50
"""States at which the camera looks beforehand to choose its place."""
_TRAVELS = 3.0
"""What needs more room than so many times its own size is followed."""
_FLAT = 0.25
"""Height to width of what moves in a plane that is seen best from above."""
_DOWN, _ASIDE = -80.0, -15.0
"""Elevation of the camera, degrees."""
_AMBIENT, _DIFFUSE = 0.4, 0.6
"""The camera's own light, where the model has none."""
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
        camera: A camera of the model; where it has none of that name, one that sees all that moves,
            and goes along with what leaves its place.

    Returns:
        Pictures from top to bottom. Shape: (T, height, width, 3).

    Raises:
        AutorewardError: There is no EGL on this machine.
    """
    model = copy.copy(model)
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    if not model.nlight:
        model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = _AMBIENT, _DIFFUSE
    data, options = mujoco.MjData(model), mujoco.MjvOption()
    rows = qpos.double().numpy()
    pictures = np.empty((len(qpos), height, width, 3), dtype=np.uint8)
    with _context(width, height):
        scene = mujoco.MjvScene(model, _MAX_GEOMS)
        for flag in _FLAGS_OFF:
            scene.flags[flag] = 0
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        view, eye = mujoco.MjrRect(0, 0, width, height), _named_camera(model, camera)
        follows = eye is None and _travels(model, data, rows)
        if eye is None:
            eye = _overview(model, data, rows[:1] if follows else rows)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        for picture, row in zip(pictures, rows, strict=True):
            data.qpos[:] = row
            # Tracking cameras follow the centre of mass, which kinematics alone does not give.
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_camlight(model, data)
            if follows:
                eye.lookat[:] = _moving_box(model, data).mean(axis=0)
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
        reason = " ".join(str(error).split()).partition(". ")[0]
        raise AutorewardError(
            f"pictures need EGL, which does not work here ({reason}): install libegl1, libgl1 and "
            "libgl1-mesa-dri (apt-get install; they draw without a GPU, too)"
        ) from error
    try:
        yield
    finally:
        context.free()


def _named_camera(model: mujoco.MjModel, name: str | None) -> mujoco.MjvCamera | None:
    """Return the model's camera of that name, None if it has none."""
    if name is None or mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name) < 0:
        return None
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
    camera.fixedcamid = model.camera(name).id
    return camera


def _overview(
    model: mujoco.MjModel, data: mujoco.MjData, rows: NDArray[np.float64]
) -> mujoco.MjvCamera:
    """Return a camera that sees all that moves, in all states of `rows` [T, nq]."""
    camera = mujoco.MjvCamera()
    mujoco.mjv_defaultFreeCamera(model, camera)
    boxes = _boxes(model, data, rows)
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    sides = high - low
    camera.lookat[:] = (low + high) / 2
    camera.distance = np.linalg.norm(sides) / 2 / np.sin(np.radians(model.vis.global_.fovy) / 2)
    flat = sides[2] < _FLAT * max(sides[0], sides[1])
    camera.azimuth, camera.elevation = 90.0, _DOWN if flat else _ASIDE
    return camera


def _travels(model: mujoco.MjModel, data: mujoco.MjData, rows: NDArray[np.float64]) -> bool:
    """Return whether what moves leaves its place, so that one view of all would show it small."""
    boxes = _boxes(model, data, rows)
    all_of_it = np.linalg.norm(boxes[:, 1].max(axis=0) - boxes[:, 0].min(axis=0))
    largest = np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1).max()
    return bool(all_of_it > _TRAVELS * largest)


def _boxes(
    model: mujoco.MjModel, data: mujoco.MjData, rows: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return lowest and highest corner of what moves, in some of the states. Shape: (n, 2, 3)."""
    boxes = []
    for row in rows[:: max(1, len(rows) // _LOOKS)]:
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        boxes.append(_moving_box(model, data))
    return np.stack(boxes)


def _moving_box(model: mujoco.MjModel, data: mujoco.MjData) -> NDArray[np.float64]:
    """Return lowest and highest corner of all geoms that are not fixed to the world. (2, 3)."""
    moving = model.body_weldid[model.geom_bodyid] != 0
    if not moving.any():
        moving[:] = True
    turned = data.geom_xmat[moving].reshape(-1, 3, 3)
    centre, half = model.geom_aabb[moving, :3], model.geom_aabb[moving, 3:]
    centre = data.geom_xpos[moving] + np.einsum("nij,nj->ni", turned, centre)
    half = np.einsum("nij,nj->ni", np.abs(turned), half)
    return np.stack([(centre - half).min(axis=0), (centre + half).max(axis=0)])
