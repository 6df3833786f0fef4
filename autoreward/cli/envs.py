"""`envs`: the environments, and the very card that a language model gets of one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(envs)


def envs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print this environment's card.")
    ] = None,
    task: options.Task = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """List environments, or print one's card.

    The card is word for word what a language model gets.
    """
    from autoreward.environments.card import render_card
    from autoreward.environments.folder import find_environments, open_environment, read_folder
    from autoreward.errors import UsageError

    output = Output(as_json)
    if name is None:
        if task is not None:
            raise UsageError("--task needs the NAME of an environment")
        from autoreward.report.pages import environments_table

        entries = []
        for path in find_environments(env_path or ()).values():
            folder = read_folder(path)
            entries.append(
                {
                    "name": folder.name,
                    "title": folder.title,
                    "summary": folder.summary,
                    "tasks": list(folder.tasks),
                    "gymnasium_id": folder.gymnasium_id,
                    "path": str(folder.path),
                }
            )
        hint = "autoreward envs NAME prints what a designer is told of one"
        output.result({"environments": entries}, environments_table(entries), "", hint)
        return
    folder = open_environment(name, env_path or ())
    chosen = folder.task_named(task) if task else next(iter(folder.tasks.values()))
    card = render_card(folder, chosen)
    if as_json:
        output.result({"environment": folder.name, "task": chosen.name, "card": card})
        return
    print(card)  # word for word: no wrapping, no markup
    others = [other for other in folder.tasks if other != chosen.name]
    if others and task is None:
        print(f"other tasks: {', '.join(others)} (--task NAME)", file=sys.stderr)
