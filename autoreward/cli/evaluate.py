"""`evaluate`: train any reward file and measure what it teaches."""

from __future__ import annotations

from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    file: options.RewardFile,
    env: options.Env = None,
    task: options.Task = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, metavar="N", help="Training seeds.")] = 3,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, metavar="N", help="Environment steps of each training."),
    ] = None,
    preset: options.Preset = "quick",
    config: options.Config = None,
    overrides: options.Set = None,
    seed: options.Seed = None,
    sandbox: options.SandboxKind = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Train with reward FILE and measure it.

    The file is checked first; then a policy is trained on each of several fresh seeds and measured
    on test episodes, as the candidates of `design` are.
    """
    from autoreward.cli.running import conduct
    from autoreward.config import load_settings
    from autoreward.search.evaluating import create_evaluation, prepare_file, read_reward

    settings = load_settings(
        preset,
        config,
        overrides or (),
        env=env,
        task=task,
        seed=seed,
        training={"steps": steps},
        sandbox={"kind": sandbox},
    )
    paths = env_path or ()
    text = read_reward(file)
    setup = prepare_file(settings, file, paths)
    with create_evaluation(setup, file, text, seeds, paths) as journal:
        conduct(journal, setup, Output(as_json), new=True)
