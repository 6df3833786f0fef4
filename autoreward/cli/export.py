"""`export`: one reward as a file that needs no autoreward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    run: options.Run,
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="Its id, or the start of it.")
    ] = "winner",
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="[default: ENV_CANDIDATE.py here]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write a reward as a stand-alone file.

    It needs torch and Gymnasium only: provenance, plain torch code, and a Gymnasium wrapper.
    """
    from autoreward.errors import UsageError
    from autoreward.report.export import export_candidate
    from autoreward.search.opening import reopen
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run, write_atomic

    with Journal.read(find_run(run)) as journal:
        setup = reopen(journal)
        identity, text = export_candidate(journal, setup, candidate)
        name = journal.directory.name
    path = target or Path(f"{setup.folder.name}_{identity}.py")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; choose another with -o, or replace it with --force")
    try:
        write_atomic(path, text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    gymnasium_id = setup.folder.gymnasium_id
    use = f"env = {path.stem}.make()  # {gymnasium_id} paid by this reward"
    if gymnasium_id is None:
        use = f"{path.stem}.compute(state, action, next_state)"
    result = {"run": name, "candidate": identity, "file": str(path), "gymnasium_id": gymnasium_id}
    Output(as_json).result(result, f"wrote {path}", f"use it: import {path.stem}; {use}")
