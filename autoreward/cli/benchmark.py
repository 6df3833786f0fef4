"""`benchmark`: several ways to search on several tasks, at equal cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from autoreward.search.benchmarking.plan import Planned
    from autoreward.search.benchmarking.suite import Suite
    from autoreward.search.observer import Observer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(benchmark)


def benchmark(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="quick, learning, or a suite's YAML file.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name of its folder. [default: the suite's]"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="METHOD", help="Run that method alone. Repeatable."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, metavar="N", help="Run the first N run seeds alone."),
    ] = None,
    overrides: options.Set = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Compare ways to search, at equal cost.

    Each run is an ordinary one, in a folder of the benchmark. The same command again goes on where
    it was: finished runs are not repeated. One that fails is reported, and the others go on.
    """
    from autoreward.cli.running import ended_politely
    from autoreward.search.benchmarking.plan import chosen, plan
    from autoreward.search.benchmarking.running import carry_out, working_on
    from autoreward.search.benchmarking.suite import open_suite
    from autoreward.store.rundir import check_name, runs_root

    output = Output(as_json)
    file, contents = open_suite(suite)
    title = name or file.stem
    check_name(title)
    paths = env_path or ()
    runs = plan(file, contents, overrides or (), paths)
    wanted = chosen(runs, contents, only or (), seeds)
    directory = runs_root() / title
    command = _command(suite, name, overrides or (), paths)
    with working_on(directory):
        output.show(f"benchmark {title}: {len(wanted)} runs in {directory}")
        with ended_politely(title, command), _Progress(output) as progress:
            problems = carry_out(directory, wanted, paths, progress)
        data = _report(directory, title, command, contents, runs, problems, output)
    if data["problems"]:
        raise typer.Exit(1)


def _command(suite: str, name: str | None, overrides: Sequence[str], paths: Sequence[Path]) -> str:
    import shlex

    words = ["autoreward", "benchmark", suite]
    words += ["--name", name] if name else []
    for text in overrides:
        words += ["--set", text]
    for path in paths:
        words += ["--env-path", str(path)]
    return shlex.join(words)


def _report(
    directory: Path,
    name: str,
    command: str,
    suite: Suite,
    runs: Sequence[Planned],
    problems: Mapping[str, str],
    output: Output,
) -> dict[str, Any]:
    """Write the files of a benchmark, print its tables, and return its numbers."""
    import json

    from autoreward.report.benchmark import benchmark_markdown, benchmark_result
    from autoreward.report.benchmark_picture import benchmark_picture
    from autoreward.report.result import facts_table
    from autoreward.search.benchmarking.results import results
    from autoreward.search.setup import versions
    from autoreward.store.rundir import write_atomic

    facts = {
        "name": name,
        "summary": " ".join(suite.summary.split()),
        "command": command,
        "run_seeds": suite.run_seeds,
        "search_budget": suite.env_steps,
        "calls_budget": suite.calls,
        "methods": suite.methods,
        "settings": suite.set,
        "versions": versions(),
    }
    data = results(directory, runs, problems, facts)
    files = {kind: directory / f"benchmark.{kind}" for kind in ("md", "json", "png")}
    write_atomic(files["json"], json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    if data["runs"]:
        benchmark_picture(data, files["png"])
        write_atomic(files["md"], benchmark_markdown(data, files["png"].name))
        shown = {"table": files["md"], "plot": files["png"], "numbers": files["json"]}
        where = facts_table({key: str(path) for key, path in shown.items()})
        output.show("")
        output.result(data, benchmark_result(data), "", where)
    else:
        output.result(data, "no run has finished: there is nothing to compare")
    return data


class _Progress:
    """Shows a benchmark at work: a live line on a terminal, one line per run elsewhere."""

    def __init__(self, output: Output) -> None:
        from rich.live import Live

        self._output = output
        self._started = self._began = time.monotonic()
        self._run: Planned | None = None
        self._number = self._of = self._candidates = self._trained = 0
        self._live: Live | None = None
        if output.console.is_terminal:
            self._live = Live(
                console=output.console,
                get_renderable=self._line,
                refresh_per_second=2,
                transient=True,
            )

    def __enter__(self) -> _Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def begins(self, run: Planned, number: int, of: int) -> Observer:
        """Take note of a run's beginning."""
        self._run, self._number, self._of = run, number, of
        self._candidates = self._trained = 0
        self._began = time.monotonic()
        return self._observe

    def ended(self, run: Planned, summary: dict[str, Any] | None, problem: str) -> None:
        """Print one line about the run."""
        from rich.text import Text

        from autoreward.report.format import duration, number, plural, with_unit

        took = duration(time.monotonic() - self._began)
        head = f"{self._number}/{self._of}  {run.task} by {run.method}, seed {run.seed}: "
        if summary is None:
            self._output.lines(Text.assemble(head, (problem, "red")))
            return
        primary = run.setup.primary
        mean = summary["winner"]["fitness"][primary.name]["mean"]
        found = f"{primary.name} {number(mean)}{with_unit(primary.unit)}"
        tried = plural(summary["candidates"], "candidate")
        self._output.lines(Text(f"{head}{found}, {tried}, {took}"))

    def _observe(self, kind: str, **data: Any) -> None:
        """Count what a run does."""
        del data
        self._candidates += kind == "accepted"
        self._trained += kind == "trained"

    def _line(self) -> RenderableType:
        from rich.text import Text

        from autoreward.report.format import duration, plural

        run = self._run
        if run is None:
            return Text("")
        now = time.monotonic()
        text = Text(f"{self._number}/{self._of}  {run.task} by {run.method}, seed {run.seed}: ")
        text.append(f"{plural(self._candidates, 'candidate')}, ")
        text.append(f"{plural(self._trained, 'training')}, {duration(now - self._began)}")
        if done := self._number - 1:
            left = (self._began - self._started) / done * (self._of - done) - (now - self._began)
            text.append(f"; about {duration(max(left, 0.0))} left", "dim")
        return text
