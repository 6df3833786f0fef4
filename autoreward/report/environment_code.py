"""What an environment adds to an export: how the state is read from a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.environments.source import Source, parse_source
from autoreward.environments.yaml_files import SensorSpec
from autoreward.report.lifting import CannotLift, Lifted, SourceFile
from autoreward.schema import Field

_GIVEN = frozenset({"sensor", "terminate", "dt"})
"""Attributes of an environment that the exported stand-in has."""
_KNOWN_IMPORTS = frozenset({"torch", "math", "Tensor"})


@dataclass(frozen=True)
class EnvironmentCode:
    """Pieces of the wrapper for one environment, task and reward."""

    fields: dict[str, str]
    """State field → expression over `physics`, the sensors and `derived`."""
    statements: str
    """Constants and functions of env.py that its methods use."""
    methods: dict[str, str]
    """Methods of env.py that are used: derived, terminated, and what they call."""
    sensors: Mapping[str, SensorSpec]
    """Sensors to add to the model; empty where none is read."""
    contact: bool
    """Whether one of them counts contacts."""
    derives: bool
    """Whether a field is computed by `derived`."""
    terminates: bool
    """Whether the task ends episodes in its own way."""


def environment_code(
    folder: EnvironmentFolder, task: Task, names: frozenset[str]
) -> EnvironmentCode:
    """Return how to read the state fields `names` of an environment.

    Raises:
        CannotLift: env.py computes them from something that cannot stand in a file of its own.
    """
    fields = [field for field in folder.schema.state if field.name in names]
    sources = {field.name: parse_source(field.source) for field in fields}
    derives = any(source.kind == "derived" for source in sources.values())
    terminates = task.terminate != next(iter(folder.termination))
    wanted = ["derived"] * derives + ["terminated"] * terminates
    lifted = Lifted("")
    if wanted:
        lifted = SourceFile(folder.read("env.py"), f"{folder.path}/env.py").methods(
            "fitness_steps", wanted, _GIVEN
        )
        if unknown := sorted(lifted.imports - _KNOWN_IMPORTS):
            raise CannotLift(
                f"cannot export: {folder.path}/env.py computes the state with {', '.join(unknown)}"
            )
    sensing = derives or terminates or any(s.kind == "sensor" for s in sources.values())
    sensors = folder.sensors if sensing else {}
    return EnvironmentCode(
        fields={field.name: _expression(field, sources[field.name]) for field in fields},
        statements=lifted.statements,
        methods=lifted.methods,
        sensors=sensors,
        contact=any(sensor.type == "contact" for sensor in sensors.values()),
        derives=derives,
        terminates=terminates,
    )


def _expression(field: Field, source: Source) -> str:
    """Return the expression of one field, as `Environment.state` computes it."""
    if source.kind == "derived":
        text = f'derived["{source.name}"]'
    elif source.kind == "sensor":
        text = f'self.sensor(physics, "{source.name}")'
    else:
        text = f"physics.{source.kind}"
    if source.stop is not None:
        text += f"[..., {source.start}:{source.stop}]"
    elif source.start is not None:
        text += f"[..., {source.start}]"
    elif source.kind == "sensor" and not field.shape:
        text += ".squeeze(-1)"
    if source.offset:
        text += f" + {source.offset!r}" if source.offset > 0 else f" - {-source.offset!r}"
    return text
