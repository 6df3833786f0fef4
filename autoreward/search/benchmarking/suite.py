"""A suite: which tasks, which methods, how many run seeds, how much each run may cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from autoreward.assets import asset_root
from autoreward.environments.yaml_files import Strict, read_yaml
from autoreward.errors import UsageError, did_you_mean

_METHOD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
BASELINES = ("human", "sparse", "zero")
"""What every run trains or measures beside its winner: methods without a search."""


def _whole(value: object) -> object:
    """Let 5e5 stand for 500000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]


class SuiteTask(Strict):
    """One task of a suite."""

    env: str
    """Environment: the name of a folder in `envs/`."""
    task: str | None = None
    """A task of the environment; null chooses the one that the description names."""
    description: str
    """What the agent shall do, in words."""
    set: list[str] = Field(default_factory=list)
    """Settings for this task, each `a.b=c` as for `--set`."""


class Suite(Strict):
    """All of a suite's file."""

    summary: str
    """What it is for, in a sentence."""
    tasks: Annotated[list[SuiteTask], Field(min_length=1)]
    methods: Annotated[dict[str, list[str]], Field(min_length=1)]
    """Name → settings that make the method, each `a.b=c`. The first one is compared with each of
    the others."""
    run_seeds: Count = 3
    """Runs of each method on each task; their seeds are 0, 1, ..."""
    env_steps: Count
    """Environment steps that the search of a run may take, the same for all methods. What the
    final comparison takes comes on top."""
    calls: Count | None = None
    """Language model calls that a run may make, the same for all methods; null is no limit."""
    set: list[str] = Field(default_factory=list)
    """Settings for all runs, each `a.b=c`."""

    @field_validator("methods")
    @classmethod
    def _named_well(cls, methods: dict[str, list[str]]) -> dict[str, list[str]]:
        for name in methods:
            if not _METHOD.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a method's name: use small letters, digits and dashes"
                )
            if name in BASELINES:
                raise ValueError(f"{name!r} comes with every run, so no method can have that name")
        return methods

    @model_validator(mode="after")
    def _different_tasks(self) -> Suite:
        seen = [(task.env, task.task, task.description) for task in self.tasks]
        if len(set(seen)) < len(seen):
            raise ValueError("tasks: one of them is there twice")
        return self


def suites() -> dict[str, Path]:
    """Return the files of the suites that came with this installation, by name."""
    return {path.stem: path for path in sorted(asset_root("benchmarks/suites").glob("*.yaml"))}


def open_suite(name: str) -> tuple[Path, Suite]:
    """Read a suite, by its name or by the path of its file.

    Raises:
        UsageError: There is none, or its file breaks the format: one sentence.
    """
    known = suites()
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in known:
            raise UsageError(
                f"no suite called {name!r}{did_you_mean(name, known)} (or the path of a YAML file)"
            )
        path = known[name]
    return path, read_yaml(path, Suite)
