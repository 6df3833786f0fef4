"""`doctor`: what works on this machine."""

from __future__ import annotations

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: options.Json = False) -> None:
    """Try what works on this machine.

    Exits with 1 if something necessary does not.
    """
    from autoreward.report.machine import Check, examine
    from autoreward.report.pages import checks_table

    output = Output(as_json)
    checks: list[Check] = []
    for check in examine():
        checks.append(check)
        if not as_json:  # one by one: some take seconds
            output.show(checks_table([check.to_dict()]))
    broken = [check.name for check in checks if check.state == "failed"]
    verdict = f"does not work: {', '.join(broken)}" if broken else "everything necessary works"
    result = {"ok": not broken, "checks": [check.to_dict() for check in checks]}
    output.result(result, "", verdict)
    if broken:
        raise typer.Exit(1)
