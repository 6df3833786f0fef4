"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")
]
Env = Annotated[
    str | None,
    typer.Option(
        "--env", metavar="NAME", help="Environment, see `autoreward envs`. [default: half_cheetah]"
    ),
]
Task = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="A task of the environment.")
]
Preset = Annotated[
    str, typer.Option("--preset", metavar="quick|standard|thorough", help="How much work to do.")
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings as YAML.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="A.B=C", help="One setting, e.g. training.steps=2e6. Repeatable."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="All random choices follow from it. [default: 0]"),
]
SandboxKind = Annotated[
    str | None,
    typer.Option("--sandbox", metavar="auto|NAME", help="Where reward code runs. [default: auto]"),
]
EnvPath = Annotated[
    list[Path] | None,
    typer.Option("--env-path", metavar="DIR", help="A folder of environments, or one. Repeatable."),
]
Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of a run, the start of it, or its folder.")
]
RewardFile = Annotated[Path, typer.Argument(metavar="FILE", help="A reward file.")]
