"""The strict shapes of schema.yaml and tasks.yaml: every mistake is one sentence with a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from autoreward.environments.source import parse_source
from autoreward.errors import UsageError, did_you_mean
from autoreward.schema import Actuator, Field, Fitness, Reduce, StateSchema
from autoreward.strict_yaml import read_mapping

M = TypeVar("M", bound="Strict")


class Strict(BaseModel):
    """A mapping in which an unknown key is an error that names near misses."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    near = did_you_mean(str(key), cls.model_fields)
                    raise ValueError(f"unknown key {key!r}{near}")
        return data


class SensorSpec(Strict):
    """A sensor added to the MuJoCo model."""

    type: str
    """MuJoCo's sensor type without its prefix, e.g. `framepos`, `subtreelinvel`, `contact`."""
    of: str
    """The object it is on, `KIND:NAME`, e.g. `geom:foot_geom`, `joint:slider`."""
    against: str | None = None
    """The second object, of sensors that have one (contact, distance, reference frame)."""


class _StateSpec(Strict):
    source: str
    unit: str
    doc: str
    range: list[float]
    frame: str = "world"
    index: list[str] = []
    primitive: bool = False


class _ActionSpec(Strict):
    unit: str
    doc: str


class _FitnessSpec(Strict):
    direction: Literal["max", "min"]
    unit: str
    doc: str
    reduce: Reduce


class SchemaFile(Strict):
    """All of schema.yaml."""

    title: str
    summary: str
    gymnasium_id: str | None = None
    xml: str | None = None
    frame_skip: int = 1
    dt: float
    horizon: int
    sensors: dict[str, SensorSpec] = {}
    state: dict[str, _StateSpec]
    action: dict[str, _ActionSpec]
    termination: dict[str, str]
    """Ways an episode may end early, each a sentence; the first is the default, a task may choose
    another. The name `never` is kept for the one in which nothing does."""
    fitness: dict[str, _FitnessSpec]

    @model_validator(mode="after")
    def _consistent(self) -> SchemaFile:
        for what in ("state", "action", "termination", "fitness"):
            names = getattr(self, what)
            if not names:
                raise ValueError(f"{what} is empty")
            for name in names:
                if not name.isidentifier() or name.startswith("_"):
                    raise ValueError(f"{what}: {name!r} is not a plain identifier")
        for name, spec in self.state.items():
            self._check_field(name, spec)
        for name in self.fitness:
            if name in self.state:
                raise ValueError(f"{name!r} is both a state field and a fitness: rename one")
        if self.dt <= 0 or self.horizon <= 0 or self.frame_skip <= 0:
            raise ValueError("dt, horizon and frame_skip must be above 0")
        return self

    def _check_field(self, name: str, spec: _StateSpec) -> None:
        where = f"state.{name}"
        source = parse_source(spec.source)
        if source.kind == "sensor" and source.name not in self.sensors:
            near = did_you_mean(source.name, self.sensors)
            raise ValueError(f"{where}: no sensor called {source.name!r}{near}")
        if source.length is not None and source.length != len(spec.index):
            raise ValueError(
                f"{where}: source {spec.source!r} has {source.length or 'no'} entries "
                f"but index names {len(spec.index)}"
            )
        if len(spec.range) != 2 or not spec.range[0] < spec.range[1]:
            raise ValueError(f"{where}: range must be [low, high] with low < high")
        if spec.primitive and spec.index:
            raise ValueError(f"{where}: only a scalar field can be a primitive")

    def state_schema(self) -> StateSchema:
        """Return what reward code may see."""
        fields = tuple(
            Field(
                name=name,
                source=spec.source,
                unit=spec.unit,
                doc=" ".join(spec.doc.split()),
                frame=spec.frame,
                shape=(len(spec.index),) if spec.index else (),
                low=spec.range[0],
                high=spec.range[1],
                index=tuple(spec.index),
                primitive=spec.primitive,
            )
            for name, spec in self.state.items()
        )
        actuators = tuple(Actuator(name, spec.unit, spec.doc) for name, spec in self.action.items())
        return StateSchema(fields, actuators, self.dt)

    def fitness_vector(self) -> tuple[Fitness, ...]:
        """Return the fitness vector's entries in order."""
        return tuple(
            Fitness(name, spec.direction, spec.unit, " ".join(spec.doc.split()), spec.reduce)
            for name, spec in self.fitness.items()
        )


class TaskSpec(Strict):
    """One entry of tasks.yaml."""

    instruction: str
    keywords: list[str]
    fitness: str
    success: str
    horizon: int | None = None
    terminate: str | None = None
    human: str | None = None
    sparse: str | None = None


class TasksFile(Strict):
    """All of tasks.yaml."""

    tasks: dict[str, TaskSpec]


def read_yaml(path: Path, model: type[M]) -> M:
    """Read a YAML file into `model`.

    Raises:
        UsageError: The file is missing, is not YAML, or breaks the model; names the file.
    """
    data = read_mapping(path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
