"""`sandbox`: build the docker sandbox's image, and check what holds on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command with its two parts."""
    group = typer.Typer(
        help="The jails that rewards run in: build the docker image, check what holds here.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command()(build)
    group.command()(check)
    app.add_typer(group, name="sandbox")


def build(
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="IMAGE", help="Start from this image. [default: python:3.11-slim]"
        ),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option("--wheels", metavar="DIR", help="Install from these wheels; uses no network."),
    ] = None,
    config: options.Config = None,
    overrides: options.Set = None,
    as_json: options.Json = False,
) -> None:
    """Build the image for --sandbox docker: torch and the reward server, nothing else.

    Needed once for each version of autoreward and torch.
    """
    from autoreward.config import load_settings
    from autoreward.sandbox.engine import connect
    from autoreward.sandbox.image import build as build_image
    from autoreward.sandbox.image import image_name

    output = Output(as_json)
    settings = load_settings("quick", config, overrides or ())
    client = connect(settings.sandbox.docker.host)
    for line in build_image(client, base, wheels):
        output.show(line)
    output.result({"image": image_name()}, f"built {image_name()}: try `autoreward sandbox check`")


def check(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this sandbox. [default: all]")
    ] = None,
    config: options.Config = None,
    overrides: options.Set = None,
    as_json: options.Json = False,
) -> None:
    """Try to break the sandboxes of this machine: half a minute each.

    Exits with 1 if the one that would be used does not hold.
    """
    from rich.text import Text

    from autoreward.config import load_settings
    from autoreward.sandbox.registry import require_sandbox, sandboxes
    from autoreward.testing.sandboxes import SandboxReport, check_sandbox

    output = Output(as_json)
    settings = load_settings("quick", config, overrides or (), sandbox={"kind": name}).sandbox
    require_sandbox(settings)
    names = list(sandboxes(settings)) if settings.kind == "auto" else [settings.kind]
    reports: list[SandboxReport] = []
    for each in names:
        reports.append(check_sandbox(settings.model_copy(update={"kind": each})))
        output.lines(Text(str(reports[-1])))
    good = [report.name for report in reports if report.ok]
    result = {
        "ok": bool(good),
        "use": good[0] if good else None,
        "sandboxes": {report.name: report.to_dict() for report in reports},
    }
    verdict = f"--sandbox auto takes {good[0]}" if good else "none of them holds here"
    if name and good:
        verdict = f"{good[0]} holds here"
    output.result(result, verdict)
    if not good:
        raise typer.Exit(1)
