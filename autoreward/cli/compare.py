"""`compare`: two rewards side by side, their code, formulas and fitness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


@dataclass(frozen=True)
class _Reward:
    """One side of a comparison."""

    name: str
    text: str
    run: Path | None = None
    """The run it is a candidate of; None for a file."""


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A reward file or a candidate's id.")],
    second: Annotated[str, typer.Argument(metavar="B", help="A reward file or a candidate's id.")],
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Where candidates are. [default: any run]"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare two rewards.

    Shows what differs in code and formula, and, of two candidates of one run, in fitness.
    """
    from autoreward.report.diff import code_diff, coloured
    from autoreward.report.facts import comparison_facts
    from autoreward.report.result import comparison_result, facts_table
    from autoreward.store.journal import Journal

    sides = (_find(first, run), _find(second, run))
    formulas = [_formula(side) for side in sides]
    diff = code_diff(sides[0].text, sides[1].text, sides[0].name, sides[1].name)
    fitness = None
    if sides[0].run is not None and sides[0].run == sides[1].run:
        with Journal.read(sides[0].run) as journal:
            pair = [journal.candidate(side.name) for side in sides]
            fitness = comparison_facts(journal, *pair)
    output = Output(as_json)
    result = {
        "a": {"name": sides[0].name, "formula": formulas[0]},
        "b": {"name": sides[1].name, "formula": formulas[1]},
        "same_code": not diff,
        "diff": diff,
        "comparison": fitness,
    }
    if as_json:
        output.result(result)
        return
    output.show(coloured(diff) if diff else "the code is the same", "")
    names = (f"{letter}  {side.name}" for letter, side in zip("AB", sides, strict=True))
    output.show(facts_table(dict(zip(names, formulas, strict=True))))
    if fitness:
        output.show("", comparison_result(fitness))


def _formula(side: _Reward) -> str:
    from autoreward.errors import RewardFileError, UsageError
    from autoreward.rewards.source import parse_reward

    try:
        return str(parse_reward(side.text, side.name).formula or "none")
    except RewardFileError as error:
        raise UsageError(f"{side.name} is no reward file: {error}") from None


def _find(name: str, run: str | None) -> _Reward:
    from autoreward.errors import RunError, UsageError
    from autoreward.report.facts import find_candidate
    from autoreward.search.evaluating import read_reward
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run, list_runs

    path = Path(name)
    if path.is_file() or path.suffix == ".py":
        return _Reward(name, read_reward(path))
    if run is not None:
        directory = find_run(run)
        with Journal.read(directory) as journal:
            candidate = find_candidate(journal, name)
        return _Reward(candidate.id, candidate.text, directory)
    for directory in list_runs():
        try:
            with Journal.read(directory) as journal:
                candidate = journal.candidate(name)
        except RunError:
            continue
        return _Reward(candidate.id, candidate.text, directory)
    raise UsageError(f"{name!r} is neither a reward file nor a candidate of any run here")
