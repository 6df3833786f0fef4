"""`clip`: a moving picture of what a policy does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.evaluation.clips import Format, Which
    from autoreward.store.journal import Journal


_RUN_UP = 25
"""Steps shown before those that a finding points at."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clip)


def clip(
    run: options.Run,
    candidate: Annotated[
        str,
        typer.Argument(
            metavar="CANDIDATE",
            help="Its id, the start of it, a training's id, `human`, `sparse`, `zero` or `random`.",
        ),
    ] = "winner",
    episode: Annotated[
        str,
        typer.Option(
            "--episode", metavar="median|best|worst|N", help="By the deciding fitness, or from 0."
        ),
    ] = "median",
    steps: Annotated[
        str | None,
        typer.Option(
            "--steps", metavar="A-B", help="From step A to step B. [default: the first 10 s]"
        ),
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            "--finding",
            metavar="CODE",
            help="What that finding of the analyzer points at, e.g. reward-hacking.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="gif|mp4|png", help="png: six pictures. [default: gif]"),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="[default: in the run's clips/]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: options.Json = False,
) -> None:
    """Film a validation episode of a trained policy.

    Headless, at true speed. Above the picture: training, episode, time, deciding fitness so far.
    """
    from autoreward.errors import UsageError
    from autoreward.evaluation.clips import clip as draw
    from autoreward.report.facts import find_candidate
    from autoreward.report.format import number, with_unit
    from autoreward.search.opening import reopen
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run
    from autoreward.training.messages import RANDOM, ZERO

    which, stretch, suffix = _episode(episode), _stretch(steps), _format(form, target)
    if target is not None and target.exists() and not force:
        raise UsageError(f"{target} exists; choose another with -o, or replace it with --force")
    with Journal.read(find_run(run)) as journal:
        setup = reopen(journal)
        given = candidate in ("human", "sparse", ZERO, RANDOM) or journal.job(candidate) is not None
        name = candidate if given else find_candidate(journal, candidate).id
        if finding is not None:
            if steps is not None or episode != "median":
                raise UsageError("--finding says which episode and steps: leave those out")
            name, which, stretch = _pointed_at(journal, name, finding)
        made = draw(
            journal,
            setup.folder,
            setup.task,
            name,
            episode=which,
            first=stretch[0],
            last=stretch[1],
            form=suffix,
            output=target,
        )
        result = {"run": journal.directory.name} | made.to_dict()
    dt, primary = setup.folder.schema.dt, setup.primary
    seconds = (made.last - made.first + 1) * dt
    text = (
        f"{made.source}, episode {made.episode}, steps {made.first}-{made.last} of {made.steps} "
        f"({seconds:.1f} s); the episode's {primary.name} is "
        f"{number(made.fitness)}{with_unit(primary.unit)}"
    )
    Output(as_json).result(result, f"wrote {made.file}", text)


def _pointed_at(journal: Journal, name: str, code: str) -> tuple[str, int, tuple[int, int | None]]:
    """Return training, episode, first and last step that a finding points at, with some run-up."""
    from autoreward.errors import RunError
    from autoreward.pointers import find_pointers

    found = [f for f in journal.findings(candidate=name) if f.finding.code == code and f.job]
    for entry in found:
        for pointer in find_pointers(entry.finding.evidence):
            if pointer.episode is not None:
                first = max(0, pointer.first - _RUN_UP)
                return str(entry.job), pointer.episode, (first, pointer.last)
    what = "points at no episode" if found else "was not made"
    raise RunError(
        f"the finding {code!r} {what} about {name}; see autoreward show "
        f"{journal.directory.name} {name}"
    )


def _episode(text: str) -> int | Which:
    from autoreward.errors import UsageError

    if text.isdecimal():
        return int(text)
    for which in ("median", "best", "worst"):
        if text == which:
            return which
    raise UsageError(f"--episode {text}: give a number from 0, or best, median or worst")


def _stretch(text: str | None) -> tuple[int, int | None]:
    """Return first and last step; the last is None where nothing was given."""
    from autoreward.errors import UsageError

    if text is None:
        return 0, None
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise UsageError(f"--steps {text}: give two numbers from 0, e.g. 118-140")
    return int(first), int(last)


def _format(text: str | None, target: Path | None) -> Format:
    """Return the format that was asked for, by name or by the file's."""
    from autoreward.errors import UsageError

    asked = target.suffix.removeprefix(".") if target is not None else text or "gif"
    if text not in (None, asked):
        raise UsageError(f"{target} is no {text}: leave --format out, or name the file .{text}")
    for known in ("gif", "mp4", "png"):
        if asked == known:
            return known
    raise UsageError(f"unknown format {asked!r}: gif and mp4 move, png is six pictures in a row")
