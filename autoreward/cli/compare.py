"""`compare`: two rewards side by side, their code, formulas and fitness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.rewards.distance import Distance


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
        typer.Option(
            "--run",
            metavar="RUN",
            help="Where candidates are, and whose behaviour both are tried on. [default: any run]",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare two rewards.

    Shows what differs in code and formula, how far apart the two are as aims (a distance that
    scale and potential shaping do not change), and, of two candidates of one run, their fitness.
    """
    from autoreward.report.diff import code_diff, coloured
    from autoreward.report.facts import comparison_facts
    from autoreward.report.result import comparison_result, distance_result, facts_table
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
    found = _distance(sides, run)
    result: dict[str, Any] = {
        "a": {"name": sides[0].name, "formula": formulas[0]},
        "b": {"name": sides[1].name, "formula": formulas[1]},
        "same_code": not diff,
        "diff": diff,
        "distance": None if isinstance(found, str) else found.to_dict(),
        "no_distance": found if isinstance(found, str) else "",
        "comparison": fitness,
    }
    if as_json:
        output.result(result)
        return
    output.show(coloured(diff) if diff else "the code is the same", "")
    names = (f"{letter}  {side.name}" for letter, side in zip("AB", sides, strict=True))
    output.show(facts_table(dict(zip(names, formulas, strict=True))))
    output.show("", distance_result(result["distance"], result["no_distance"]))
    if fitness:
        output.show("", comparison_result(fitness))


def _distance(sides: tuple[_Reward, _Reward], run: str | None) -> Distance | str:
    """Return the distance on the behaviour of the named run, or of a side's; or why there is none.

    What stands in the way of it must not keep the rest of the comparison back.
    """
    from autoreward.errors import AutorewardError
    from autoreward.search.distances import distance_of
    from autoreward.search.opening import reopen
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    try:
        named = None if run is None else find_run(run)
        directory = named or sides[0].run or sides[1].run
        if directory is None:
            return "name a run with --run, on whose behaviour they are tried"
        with Journal.read(directory) as journal:
            rewards = [(side.name, side.text) for side in sides]
            return distance_of(journal.files, reopen(journal), rewards)
    except AutorewardError as error:
        return str(error)


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
