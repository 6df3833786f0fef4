"""The outcome of a run or of one reward, as tables; pure functions of the commands' JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.report.format import (
    arrow,
    count,
    dollars,
    duration,
    interval,
    number,
    numbers,
    plural,
    signed,
    with_unit,
)

Json = Mapping[str, Any]
_BASELINES = {
    "human": "reward written by people",
    "sparse": "reward for success alone",
    "zero": "never acts",
}
CONTROLS = {
    "best-of-n": "a control: independent drafts, all trained to the end",
    "greedy": "a control: changes of the best so far, all trained to the end",
    "random": "a control: formulas drawn evenly from the grammar, all trained to the end",
}
"""Strategies that a search is measured against, in words."""


def plain_table() -> Table:
    """Return an empty table in the style of all tables: no frame, a dim head."""
    return Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))


def titled(title: str, table: RenderableType) -> Group:
    """Return a table under its title (rich's own titles are wrapped to the table's width)."""
    return Group(Text(title, "bold"), table)


def run_result(summary: Json) -> RenderableType:
    """Return the result of a `design` run: winner against baselines, then the winner itself."""
    parts: list[RenderableType] = [_headline(summary), "", _deciding(summary), ""]
    if len(summary["measures"]) > 1:
        parts += [_others(summary), ""]
    parts.append(_facts(summary))
    return Group(*parts)


def _headline(summary: Json) -> Text:
    primary, winner = summary["primary"], summary["winner"]
    unit = with_unit(summary["measures"][primary]["unit"])
    text = Text.assemble(("winner ", "bold green"), (winner["id"], "bold"))
    if liked := summary["preference"]:
        made = plural(liked["comparisons"], "comparison")
        text.append(f": liked best, Elo {liked['elo']:.0f} from {made}")
    else:
        text.append(f": {primary} {interval(winner['fitness'][primary])}{unit}")
        text.append(" on test episodes that no choice ever saw", "dim")
    if summary.get("budget"):
        text.append(f"\nthe search ended early: {summary['budget']}", "yellow")
    return text


def _deciding(summary: Json) -> Group:
    """Return the fitness that decides: one row each for the winner and the baselines."""
    primary = summary["primary"]
    measure = summary["measures"][primary]
    better = "higher is better" if measure["direction"] == "max" else "lower is better"
    unit = "" if measure["unit"] == "1" else f" ({measure['unit']})"
    role = "for information, preferences decided" if summary["preference"] else "it decides"
    title = f"{primary}{unit}, {better}: {role}"
    table = plain_table()
    table.add_column("reward")
    table.add_column("mean", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("winner is better by", justify="right")
    table.add_row(Text("winner", "bold green"), *_cells(summary["winner"]["fitness"][primary]), "")
    for name, meaning in _BASELINES.items():
        label = Text.assemble(name, (f"  {meaning}", "dim"))
        fitness = summary["baselines"].get(name)
        if fitness is None:
            missing = "this task has none" if name == "human" else "could not be trained"
            table.add_row(label, Text(missing, "dim"))
            continue
        table.add_row(label, *_cells(fitness[primary], name), _lead(summary, name))
    return titled(title, table)


def _cells(form: Json, name: str = "") -> tuple[str, str, str]:
    mean, low, high = numbers(form["mean"], *form["interval"])
    return mean, f"[{low}, {high}]", "-" if name == "zero" else str(form["seeds"])


def _lead(summary: Json, name: str) -> Text:
    """Say by how much the winner leads, and whether the intervals are apart."""
    primary, comparison = summary["primary"], summary["comparison"][name]
    sign = 1 if summary["measures"][primary]["direction"] == "max" else -1
    mine = summary["winner"]["fitness"][primary]["mean"]
    gap = sign * (mine - summary["baselines"][name][primary]["mean"])
    style = "green" if comparison["better"] else "red"
    apart = "intervals apart" if comparison["intervals_disjoint"] else "intervals overlap"
    return Text.assemble((f"{gap:+.3g}" if gap else "0", style), (f"  {apart}", "dim"))


def _others(summary: Json) -> Group:
    """Return all other measurements: one row each, one column a reward."""
    columns = {"winner": summary["winner"]["fitness"]} | {
        name: fitness for name, fitness in summary["baselines"].items() if fitness
    }
    table = plain_table()
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=False)
    for name, measure in summary["measures"].items():
        if name != summary["primary"]:
            cells = (interval(fitness.get(name)) for fitness in columns.values())
            table.add_row(measure_label(name, measure), *cells)
    return titled("other measurements", table)


def measure_label(name: str, measure: Json) -> Text:
    """Return a measurement's name with direction and unit."""
    meaning = f" {arrow(measure['direction'])}{with_unit(measure['unit'])}"
    return Text.assemble(name, (meaning, "dim"))


def _facts(summary: Json) -> Table:
    winner = summary["winner"]
    tried = plural(summary["candidates"], "candidate")
    facts = {
        "formula": winner["formula"],
        "file": winner["file"],
        "clip": summary["clip"] or f"none: {summary['clip_problem']}",
        "chosen among": f"{tried}; the more are tried, the luckier the best of them looks",
        **_search(summary["search"]),
        "rewards ran in": _sandbox(summary),
        "took": _effort(summary),
    }
    if summary["comparisons"] > 1:
        facts["compared"] = f"{summary['comparisons']} times; these test seeds were new"
    if winner["fitness"][summary["primary"]]["seeds"] == 1:
        facts["mind"] = "with one training seed an interval is over its episodes alone: too narrow"
    return facts_table(facts)


def _search(search: Json) -> dict[str, str]:
    """Return what the search did: how, by whom, at what cost."""
    facts = {}
    if search["strategy"] in CONTROLS:
        facts["searched by"] = CONTROLS[search["strategy"]]
    if search["raced"]:
        share = search["env_steps"] / search["whole_steps"]
        facts["raced"] = (
            f"{trained_to(search['rungs'])}: {count(search['env_steps'])} steps, "
            f"{share:.0%} of training all to the end"
        )
    facts["made by"] = made_by(search["operators"])
    if search["occupancy"] is not None:
        facts["slots"] = (
            f"{search['occupancy']:.0%} busy while there was anything to train; "
            f"{search['waiting']:.0%} of their time passed waiting for the language model"
        )
    return facts


def trained_to(rungs: Sequence[Json]) -> str:
    """Return how far how many candidates were trained: `8 candidates to 10%, 2 on 2 seeds`."""
    words: list[str] = []
    for rung in rungs:
        how_many = rung["candidates"] if words else plural(rung["candidates"], "candidate")
        words.append(f"{how_many} {on_seeds(rung['seeds']) or _to(rung['share'])}")
    return ", ".join(words)


def _to(share: float) -> str:
    return f"to {share:.0%}"


def on_seeds(count: int) -> str:
    """Return `on 2 seeds`, nothing for one."""
    return f"on {count} seeds" if count > 1 else ""


def made_by(operators: Json) -> str:
    """Return how many candidates each operator made, and how many of those were successes."""
    words, meaning = [], " better than their parents"
    for name, made in operators.items():
        success = f" ({made['better']}{meaning})" if made["changes"] else ""
        meaning = "" if success else meaning  # once is enough
        words.append(f"{name} {made['candidates']}{success}")
    return ", ".join(words)


def _effort(summary: Json) -> str:
    steps = f"{count(summary['env_steps'])} environment steps"
    each = f"({count(summary['training_steps'])} a training)"
    return f"{steps} {each}, {duration(summary['seconds'])}, {_calls(summary)}"


def _calls(summary: Json) -> str:
    """Return what language models cost, and how many of their answers never came."""
    cost, calls = dollars(summary["usd"]), summary.get("calls", {})
    if not any(calls.values()):
        return cost
    bad = ", ".join(f"{calls[kind]} {kind}" for kind in ("failed", "lost") if calls[kind])
    asked = plural(sum(calls.values()), "model call") + (f" ({bad})" if bad else "")
    return f"{cost} for {asked}, {count(summary['tokens'])} tokens"


def facts_table(facts: Mapping[str, RenderableType]) -> Table:
    """Return `name  value` lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(value) if isinstance(value, str) else value)
    return table


def evaluation_result(result: Json) -> RenderableType:
    """Return the result of `evaluate`: fitness on test seeds, and what the components did."""
    seeds = plural(result["seeds"], "training seed")
    title = f"fitness over {seeds}, {count(result['training_steps'])} steps each, on test episodes"
    parts: list[RenderableType] = [
        fitness_table(result["fitness"], result["measures"], result["primary"], title),
        "",
        components_table(result["components"], result["formula_components"]),
    ]
    if result["findings"]:
        parts += ["", analysis_list(result["findings"])]
    parts += [Text.assemble((str(f), "yellow")) for f in result["failures"]]
    parts += ["", facts_table(_evaluation_facts(result))]
    return Group(*parts)


def analysis_list(findings: Sequence[Json]) -> Group:
    """Return what the analyzer found in trainings: one line a kind, with one of its pointers."""
    lines: dict[str, Text] = {}
    jobs: dict[str, set[str]] = {}
    for finding in findings:
        code = finding["code"]
        jobs.setdefault(code, set()).add(finding["job"])
        style = "yellow" if finding["severity"] == "warning" else "dim"
        evidence = finding["evidence"].split("; ")[0]
        lines.setdefault(
            code, Text.assemble((code, style), f": {finding['message']} ", (f"({evidence})", "dim"))
        )
    for code, line in lines.items():
        line.append(f"  in {plural(len(jobs[code]), 'training')}", "dim")
    return Group(Text("what the policies show", "bold"), *lines.values())


def _evaluation_facts(result: Json) -> dict[str, RenderableType]:
    return {
        "formula": result["formula"],
        "rewards ran in": _sandbox(result),
        "took": _effort(result),
    }


def _sandbox(summary: Json) -> str:
    return f"{summary['sandbox']}: {summary['sandbox_summary']}"


def fitness_table(fitness: Json, measures: Json, primary: str, title: str) -> Group:
    """Return one row a measurement: mean, interval, seeds; the one that decides comes first."""
    table = plain_table()
    table.add_column("")
    for column in ("mean", "95 % interval", "seeds"):
        table.add_column(column, justify="right")
    for name in sorted(fitness, key=lambda n: n != primary):
        label = measure_label(name, measures[name]) if name in measures else Text(name)
        if name == primary:
            label.stylize("bold")
        table.add_row(label, *_cells(fitness[name]))
    return titled(title, table)


def components_table(components: Json, used: list[str]) -> RenderableType:
    """Return what each component did at the start and at the end of training."""
    if not components:
        return Text("no component statistics: nothing was trained to the end", "dim")
    title = "components over training, start → end (share: of the reward's variance)"
    table = plain_table()
    table.add_column("component")
    for column in ("mean", "spread", "least", "most", "share"):
        table.add_column(column, justify="right")
    for name, points in components.items():
        style = "" if name in used else "dim"
        table.add_row(Text(name, style), *_changes(points["first"], points["last"]))
    return titled(title, table)


def _changes(first: Json, last: Json) -> Iterator[Text]:
    for key in ("mean", "std", "min", "max"):
        yield Text.assemble((f"{number(first[key])} → ", "dim"), number(last[key]))
    yield Text.assemble((f"{first['share']:.0%} → ", "dim"), f"{last['share']:.0%}")


def distance_result(distance: Json | None, why_none: str) -> Text:
    """Return the distance of two rewards with the controls beside it, or why there is none."""
    if distance is None:
        return Text(f"no distance: {why_none}", "dim")
    control = (
        f"\n  controls: A with potential shaping {distance['shaped_copy']:.2f} (has to be 0), "
        f"A and noise {distance['unrelated']:.2f}"
    )
    return Text.assemble(
        ("STARC distance ", "bold"),
        f"{distance['value']:.2f}",
        ("  0 is the same aim, 0.71 nothing in common, 1 the opposite", "dim"),
        (control, "dim"),
    )


def comparison_result(facts: Json) -> RenderableType:
    """Return two candidates' fitness on validation seeds and their paired difference."""
    primary, measures = facts["primary"], facts["measures"]
    first, second = facts["fitness"]
    if not first or not second:
        return Text("fitness cannot be compared: one of them was not trained to the end", "dim")
    paired, (one, other) = facts["paired_seeds"], facts["shares"]
    how = f"paired over {plural(paired, 'training seed')}" if paired else "no seed in common"
    if one != other:
        how = f"A after {one:.0%} of a training, B after {other:.0%}: not to be compared"
    elif one is not None and one < 1:
        how += f", both after {one:.0%} of a training"
    title = f"fitness on validation episodes, {how}"
    table = plain_table()
    for heading in ("", "A", "B", "B - A", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for name in sorted(first, key=lambda n: n != primary):
        label = measure_label(name, measures[name])
        if name == primary:
            label.stylize("bold")
        difference = facts["difference"].get(name)
        cells = (interval(first[name]), interval(second[name]))
        if difference is None:
            table.add_row(label, *cells)
        else:
            verdict = Text(_verdict(difference, measures[name]), "dim")
            table.add_row(label, *cells, signed(difference), verdict)
    return titled(title, table)


def _verdict(difference: Json, measure: Json) -> str:
    low, high = difference["interval"]
    if low <= 0 <= high:
        return "no clear difference"
    sign = 1 if measure["direction"] == "max" else -1
    return "B is better" if sign * difference["mean"] > 0 else "A is better"
