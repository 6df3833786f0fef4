"""`doctor`: what works on this machine, and how fast it trains."""

from __future__ import annotations

from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    measure: Annotated[
        bool,
        typer.Option(
            "--bench",
            help="Measure how fast this machine trains, half a minute long; later runs train as "
            "many learners at once as suits it best.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Try what works on this machine.

    Exits with 1 if something necessary does not.
    """
    if measure:
        _bench(Output(as_json))
        return
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


def _bench(output: Output) -> None:
    from rich.progress import Progress

    from autoreward.config import TrainingSettings
    from autoreward.errors import AutorewardError
    from autoreward.machine import machine_file, remember
    from autoreward.report.machine import bench, best_slots
    from autoreward.report.pages import bench_table

    measured: list[dict[str, float]] = []
    with Progress(console=output.console, transient=True) as progress:
        task = progress.add_task("training half_cheetah with more and more learners", total=None)
        for entry in bench():
            measured.append(entry)
            learners, rate = int(entry["learners"]), entry["rate"]
            done = f"{learners} learners" if learners else "bare physics"
            progress.update(task, description=f"{done}: {rate:,.0f} environment steps/s")
    slots = best_slots(measured)
    try:
        remember(slots)
    except OSError as error:
        raise AutorewardError(f"cannot write {machine_file()}: {error.strerror}") from None
    envs = TrainingSettings().envs
    words = (
        f"{slots} slots × {envs} environments suit this machine; later runs take them as if you "
        f"said --set training.slots={slots} (kept in {machine_file()})"
    )
    result = {"measured": measured, "slots": slots, "envs": envs, "file": str(machine_file())}
    output.result(result, bench_table(measured, slots), words)
