"""What came of a benchmark, for the terminal and as Markdown; pure functions of its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from autoreward.report.format import (
    arrow,
    count,
    dollars,
    duration,
    interval,
    number,
    plural,
    with_unit,
)
from autoreward.report.result import plain_table, titled

Json = Mapping[str, Any]
_MEANINGS = {
    "human": "reward written by people",
    "sparse": "reward for success alone",
    "zero": "never acts",
}
_FEW = 5
"""Runs below which a bootstrap interval covers clearly less often than its level says."""
_TASKS_ABREAST = 3
"""Tasks beside each other in one table: more do not fit into a terminal."""


def benchmark_result(data: Json) -> RenderableType:
    """Return the tables of a benchmark: all tasks together, each task, what went wrong."""
    parts: list[RenderableType] = [Text(headline(data), "bold"), Text(data["summary"], "dim"), ""]
    head, *rows = overall_rows(data)
    parts += [titled(_OVERALL, _rich(data, head, rows)), ""]
    for tasks in task_blocks(data):
        head, *rows = task_rows(data, tasks)
        parts += [titled(_BY_TASK, _rich(data, head, rows)), ""]
    parts += [Text(note, "dim") for note in notes(data)]
    parts += [Text(f"{run}: {why}", "red") for run, why in data["problems"].items()]
    return Group(*parts)


def benchmark_markdown(data: Json, picture: str) -> str:
    """Return the same as a page, with the command that made it and a link to its plot."""
    head, *rows = overall_rows(data)
    lines = [f"# {headline(data)}", "", data["summary"], "", f"`{data['command']}`", ""]
    lines += [f"## {_OVERALL[0].upper()}{_OVERALL[1:]}", "", *_markdown(head, rows), ""]
    for tasks in task_blocks(data):
        head, *rows = task_rows(data, tasks)
        lines += [f"## {_BY_TASK[0].upper()}{_BY_TASK[1:]}", "", *_markdown(head, rows), ""]
    lines += [f"![{headline(data)}]({picture})", ""]
    lines += [f"* {note}" for note in notes(data)]
    lines += [f"* **{run} failed:** {why}" for run, why in data["problems"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    lines += [f"* Versions: {versions}."]
    return "\n".join(lines) + "\n"


_OVERALL = "all tasks together"
_BY_TASK = "fitness on test episodes, mean and 95 % interval over run seeds"


def headline(data: Json) -> str:
    """Return what was compared, in one line."""
    methods = sum(not row["baseline"] for row in data["rows"].values())
    sizes = (
        plural(methods, "method"),
        plural(len(data["tasks"]), "task"),
        plural(data["run_seeds"], "run seed"),
    )
    text = f"benchmark {data['name']}: {', '.join(sizes)}"
    return f"{text}, {count(data['search_budget'])} environment steps of search each"


def overall_rows(data: Json) -> Iterator[tuple[str, ...]]:
    """Yield the head of the table over all tasks, then one row per method and baseline."""
    first = data["first"]
    asked = any((row["cost"] or {}).get("calls") for row in data["rows"].values())
    money = ("calls", "cost") if asked else ()
    head = ("", "normalised score", f"{first} is better", "runs", "candidates", "steps", "time")
    yield (*head, *money)
    for name, row in data["rows"].items():
        lead, score, cost = row["first_is_better"], row["score"], row["cost"]
        cells = [_value(score), _chance(lead)]
        if row["baseline"]:
            spent: tuple[str, ...] = ("",) * (4 + len(money))
        elif cost is None:
            spent = (f"0/{row['planned']}", *("-",) * (3 + len(money)))
        else:
            spent = (
                f"{row['runs']}/{row['planned']}",
                f"{cost['candidates']:.0f}",
                count(cost["search_steps"]),
                duration(cost["search_seconds"]),
            )
            spent += (f"{cost['calls']:.0f}", dollars(cost["usd"])) if asked else ()
        yield (name, *cells, *spent)


def task_rows(data: Json, tasks: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the head of the table of some tasks, then one row per method and baseline."""
    yield ("", *(_task_head(name, data["tasks"][name]) for name in tasks))
    for name, row in data["rows"].items():
        label = f"{name}: {_MEANINGS[name]}" if name in _MEANINGS else name
        yield (label, *(_value(row["tasks"].get(task)) for task in tasks))


def task_blocks(data: Json) -> list[list[str]]:
    """Return the tasks in groups that fit beside each other."""
    names = list(data["tasks"])
    return [names[i : i + _TASKS_ABREAST] for i in range(0, len(names), _TASKS_ABREAST)]


def notes(data: Json) -> list[str]:
    """Return how the numbers came about: one sentence each."""
    first = data["first"]
    said = [
        "normalised score: (fitness - sparse) / |human - sparse| per task, sparse = 0 and human = "
        "1; interquartile mean over all runs, 95 % stratified bootstrap interval over run seeds",
        f"{first} is better: how likely a run of {first} is better than one of the other, mean "
        "over tasks; 0.5 is even",
        "candidates, steps and time are of a run's search, mean over runs; the final comparison "
        "on fresh training seeds comes on top and is the same for all",
    ]
    for name, task in data["tasks"].items():
        if not task["normalised"]:
            missing = [b for b in ("human", "sparse") if task[b] is None]
            why = f"no {' and no '.join(missing)} reward" if missing else "human equals sparse"
            said.append(f"{name} has no normalised score: {why}")
        elif not _human_leads(task):
            said.append(f"on {name} the human-written reward does worse than the sparse one here")
        elif not _apart(data, name):
            said.append(f"on {name} human and sparse are not clearly apart: its scores are noise")
    forms = [form for row in data["rows"].values() for form in row["tasks"].values()]
    least = min(form["runs"] for form in forms)
    if least == 1:
        said.append("of a single run per task and method nothing is known but its own number")
    elif least < _FEW:
        said.append(f"with {least} runs per task and method the intervals are too narrow")
    if any(row["runs"] < row["planned"] for row in data["rows"].values()):
        said.append("some runs are missing: what they would change is not known")
    return said


def _human_leads(task: Json) -> bool:
    sign = 1 if task["direction"] == "max" else -1
    return bool(sign * (task["human"] - task["sparse"]) > 0)


def _apart(data: Json, task: str) -> bool:
    """Return whether the intervals of human and sparse do not touch, as far as there are any."""
    spans = [data["rows"][name]["tasks"][task]["interval"] for name in ("human", "sparse")]
    if None in spans:
        return True
    return bool(max(low for low, _ in spans) > min(high for _, high in spans))


def _task_head(name: str, task: Json) -> str:
    return f"{name}: {task['primary']} {arrow(task['direction'])}{with_unit(task['unit'])}"


def _value(form: Json | None) -> str:
    if form is None:
        return "-"
    value = form["value"] if "value" in form else form["mean"]
    if form["interval"] is None:
        return number(value)
    return interval({"mean": value, "interval": form["interval"]})


def _chance(form: Json | None) -> str:
    if form is None:
        return "-"
    low, high = form["interval"] or (None, None)
    return f"{form['value']:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low is not None else "")


def _rich(data: Json, head: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = plain_table()
    table.add_column("", no_wrap=True)
    for column in head[1:]:
        table.add_column(column.replace(": ", "\n"), justify="right")
    for row in rows:
        name, _, meaning = row[0].partition(": ")
        style = "bold green" if name == data["first"] else ""
        label = Text.assemble((name, style), (f"  {meaning}" if meaning else "", "dim"))
        table.add_row(label, *row[1:])
    return table


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]
