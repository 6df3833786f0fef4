"""Environments on a MuJoCo model: Gymnasium's MJCF plus the sensors of schema.yaml."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import mujoco
import torch
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.environments.folder import EnvironmentFolder
from autoreward.environments.yaml_files import SensorSpec
from autoreward.errors import UsageError, did_you_mean
from autoreward.sim.mujoco import MujocoSimulation
from autoreward.sim.simulation import DeviceSimulation
from autoreward.sim.warp import WarpSimulation

_SENSOR_TYPES = {
    name.removeprefix("mjSENS_").lower(): value
    for name, value in mujoco.mjtSensor.__members__.items()
}
_OBJECT_TYPES = {
    name.removeprefix("mjOBJ_").lower(): value for name, value in mujoco.mjtObj.__members__.items()
}


class MujocoEnvironment(Environment):
    """An environment whose physics is a MuJoCo model.

    The model is `folder.xml`, looked up in the folder itself and then among the files that come
    with Gymnasium. Adding sensors does not change its dynamics.
    """

    def __init__(self, folder: EnvironmentFolder, terminate: str | None = None) -> None:
        super().__init__(folder, terminate)
        self.model = _compile(folder)
        self.dt = folder.schema.dt
        step = self.model.opt.timestep * folder.frame_skip
        if abs(step - self.dt) > 1e-9:
            raise UsageError(f"{folder.path}/schema.yaml: dt is {self.dt}, the model's is {step}")
        if self.model.nu != self.action_dim:
            raise UsageError(
                f"{folder.path}/schema.yaml: action has {self.action_dim} entries, "
                f"the model {self.model.nu} actuators"
            )
        self._sensor_slices = {
            name: slice(
                int(self.model.sensor(name).adr[0]),
                int(self.model.sensor(name).adr[0] + self.model.sensor(name).dim[0]),
            )
            for name in folder.sensors
        }
        self.qpos0 = torch.from_numpy(self.model.qpos0.copy())
        low, high = torch.from_numpy(self.model.actuator_ctrlrange.copy()).float().unbind(dim=1)
        # Centre and half width of each actuator's range, on every device where they were needed.
        self._ctrl_scale = {torch.device("cpu"): ((low + high) / 2, (high - low) / 2)}
        self._ctrl_is_action = bool((low == -1).all() and (high == 1).all())

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Widths of qpos, qvel and sensordata."""
        return int(self.model.nq), int(self.model.nv), int(self.model.nsensordata)

    @property
    def sensor_slices(self) -> Mapping[str, slice]:
        """Where each sensor stands in sensordata."""
        return self._sensor_slices

    def make_simulation(self, threads: int = 0) -> MujocoSimulation:
        """Return a simulation with no rows; `threads` 0 steps on the calling thread."""
        return MujocoSimulation(self.model, self.folder.frame_skip, threads)

    def make_device_simulation(self, device: torch.device) -> DeviceSimulation:
        """Return a simulation with no rows on a device, by MuJoCo Warp.

        Raises:
            UsageError: mujoco_warp is not installed, or lacks something the model has.
        """
        return WarpSimulation(self.model, self.folder.frame_skip, device)

    def ctrl(self, action: Tensor) -> Tensor:
        """Return the action scaled to each actuator's control range. Shape: (..., nu)."""
        if self._ctrl_is_action:
            return action
        if action.device not in self._ctrl_scale:
            centre, half = self._ctrl_scale[torch.device("cpu")]
            self._ctrl_scale[action.device] = centre.to(action.device), half.to(action.device)
        centre, half = self._ctrl_scale[action.device]
        return centre + half * action

    def uniform(self, count: int, width: int, scale: float, generator: torch.Generator) -> Tensor:
        """Draw from the uniform distribution on [-scale, scale). Shape: (count, width)."""
        draw = torch.rand(count, width, generator=generator, dtype=torch.float64)
        return (2 * draw - 1) * scale

    def normal(self, count: int, width: int, scale: float, generator: torch.Generator) -> Tensor:
        """Draw from the normal distribution of that scale. Shape: (count, width)."""
        return torch.randn(count, width, generator=generator, dtype=torch.float64) * scale


def _compile(folder: EnvironmentFolder) -> mujoco.MjModel:
    if folder.xml is None:
        raise UsageError(f"{folder.path}/schema.yaml: a MuJoCo environment needs xml")
    spec = mujoco.MjSpec.from_file(str(_model_file(folder.path, folder.xml)))
    for name, sensor in folder.sensors.items():
        try:
            _add_sensor(spec, name, sensor)
        except ValueError as error:
            raise UsageError(f"{folder.path}/schema.yaml: sensors.{name}: {error}") from None
    try:
        return spec.compile()
    except ValueError as error:
        raise UsageError(f"{folder.path}: the model does not compile: {error}") from None


def _model_file(folder: Path, name: str) -> Path:
    # Found without importing gymnasium, which takes a third of a second.
    package = importlib.util.find_spec("gymnasium")
    roots = [folder]
    if package is not None and package.submodule_search_locations:
        roots.append(Path(package.submodule_search_locations[0]) / "envs" / "mujoco" / "assets")
    for root in roots:
        if (root / name).is_file():
            return root / name
    raise UsageError(f"{folder}/schema.yaml: no model file {name!r} here or in Gymnasium")


def _add_sensor(spec: mujoco.MjSpec, name: str, sensor: SensorSpec) -> None:
    if sensor.type not in _SENSOR_TYPES:
        raise ValueError(f"unknown type {sensor.type!r}{did_you_mean(sensor.type, _SENSOR_TYPES)}")
    added = spec.add_sensor(name=name, type=_SENSOR_TYPES[sensor.type])
    added.objtype, added.objname = _object(sensor.of)
    if sensor.against is not None:
        added.reftype, added.refname = _object(sensor.against)
    if sensor.type == "contact":
        # One value: how many contacts match (bit 0 of the data mask is "found").
        added.intprm[:3] = [1 << mujoco.mjtConDataField.mjCONDATA_FOUND.value, 0, 1]


def _object(text: str) -> tuple[mujoco.mjtObj, str]:
    kind, separator, name = text.partition(":")
    if not separator or kind not in _OBJECT_TYPES:
        near = did_you_mean(kind, _OBJECT_TYPES)
        raise ValueError(f"{text!r} is not KIND:NAME with a known kind{near}")
    return _OBJECT_TYPES[kind], name
