"""Runs and candidates as pages for people; pure functions of `facts`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autoreward.findings import Finding
from autoreward.report.format import count, dollars, duration, interval, number, with_unit
from autoreward.report.moment import moment_words
from autoreward.report.result import (
    components_table,
    facts_table,
    fitness_table,
    measure_label,
    on_seeds,
    plain_table,
    titled,
    trained_to,
)

Json = Mapping[str, Any]
_STATES = {"running": "green", "finished": "", "stopped": "yellow", "damaged": "red"}
_CHECK_WIDTH = 16
_SEVERITIES = {"error": "red", "warning": "yellow", "note": "dim"}


def runs_table(runs: Sequence[Json]) -> Table:
    """Return one row a run, the one written to last first."""
    table = plain_table()
    table.add_column("run", overflow="fold")
    for column in ("state", "task"):
        table.add_column(column, no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("best so far", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for run in runs:
        state = Text(run["state"], _STATES.get(run["state"], ""))
        if run["state"] == "damaged":
            table.add_row(run["run"], state, Text(run["error"], "dim"))
            continue
        table.add_row(
            run["run"],
            state,
            f"{run['environment'] or '-'} {run['task'] or '-'}",
            count(run["env_steps"]),
            _best_score(run),
            duration(run["seconds"]),
        )
    return table


def _best_score(run: Json) -> Text:
    if run["best"] is None:
        return Text("-", "dim")
    unit = with_unit(run["measures"][run["primary"]]["unit"])
    return Text.assemble((f"{run['primary']} ", "dim"), f"{number(run['best']['mean'])}{unit}")


def _best(run: Json) -> Text:
    """Return score and id of the best candidate of the search."""
    score = _best_score(run)
    if run["best"]:
        share = run["best"]["share"]
        part = f" after {share:.0%} of a training" if share is not None and share < 1 else ""
        score.append(f"  {run['best']['id']}, on validation episodes{part}", "dim")
    return score


def bench_table(measured: Sequence[Json], slots: int) -> Table:
    """Return how fast a machine trains, by the number of learners."""
    bare = next((entry["rate"] for entry in measured if not entry["learners"]), None)
    table = plain_table()
    for column in ("learners at once", "env steps/s", "of bare physics", "simulator's share"):
        table.add_column(column, justify="right", no_wrap=True)
    for entry in measured:
        chosen = entry["learners"] == slots
        table.add_row(
            f"{entry['learners']:.0f}" if entry["learners"] else "bare physics",
            f"{entry['rate']:,.0f}",
            f"{entry['rate'] / bare:.0%}" if bare else "-",
            f"{entry['physics']:.0%}",
            style="bold green" if chosen else "",
        )
    return table


def status_page(
    run: Json, moment: Json | None, candidates: Sequence[Json], events: Sequence[Json]
) -> RenderableType:
    """Return how far a run is: facts, what goes on, its best candidates, its last events."""
    parts: list[RenderableType] = [run_card(run)]
    if moment:
        parts += ["", facts_table(moment_words(moment))]
    if candidates:
        parts += ["", candidates_table(run, candidates[:5], "best candidates")]
    if events:
        parts += ["", Text("last events", "bold"), events_table(events)]
    return Group(*parts)


def run_page(run: Json, candidates: Sequence[Json], refused: Sequence[Json]) -> RenderableType:
    """Return a run with all its candidates and the proposals that became none."""
    parts: list[RenderableType] = [run_card(run), ""]
    if candidates:
        parts.append(candidates_table(run, candidates, _CANDIDATES[len(run["race"]) > 1]))
    else:
        parts.append(Text("no candidates yet", "dim"))
    if refused:
        lines = (f"proposal {r['proposal']}, {r['state']}: {r['reason']}" for r in refused)
        parts += ["", Text("proposals that became no candidate", "bold"), *map(Text, lines)]
    return Group(*parts)


_CANDIDATES = (
    "candidates, best first",
    "candidates, those trained longest first, then best first",
)


def run_card(run: Json) -> Table:
    """Return what a run is and how far it has come."""
    state = Text(run["state"], _STATES.get(run["state"], ""))
    if run["pid"]:
        state.append(f" (process {run['pid']})", "dim")
    designer = run["designer"] or "-"
    facts: dict[str, RenderableType] = {
        "run": Text(run["run"], "bold"),
        "state": state,
        "asked for": run["description"] or "-",
        "environment": f"{run['environment'] or '-'}, task {run['task'] or '-'}",
        "designer": f"{designer} ({run['model']})" if run["model"] else designer,
        "sandbox": run["sandbox"] or "-",
        "proposals": _states(run["proposals"]) or "none",
        "trainings": _states(run["trainings"]) or "none",
        "trained": trained_to(run["race"]) or "none",
        "best": _best(run),
        "winner": run["winner"] or "not chosen yet",
        "took": ", ".join(
            (
                f"{count(run['env_steps'])} environment steps",
                duration(run["seconds"]),
                dollars(run["usd"]) + (f" for {run['calls']} model calls" if run["calls"] else ""),
            )
        ),
    }
    if run["kind"] == "evaluate":
        for name in ("designer", "proposals", "trained", "winner"):
            del facts[name]
    return facts_table(facts)


def _states(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{amount} {state}" for state, amount in counts.items())


def candidates_table(run: Json, candidates: Sequence[Json], title: str) -> Group:
    """Return one row a candidate; intervals are over its longest search trainings.

    Where some were trained longer than others, a column says so: these scores are not compared.
    Another one gives the training seeds where they differ: the order trusts a single one less.
    """
    raced = len({entry["share"] for entry in candidates} - {None}) > 1
    seeds = len({entry["seeds"] for entry in candidates} - {None}) > 1
    table = plain_table()
    table.add_column("candidate", no_wrap=True)
    table.add_column("gen.", justify="right")
    if raced:
        table.add_column("trained", justify="right")
    if seeds:
        table.add_column("seeds", justify="right")
    table.add_column(_primary_heading(run), justify="right")
    table.add_column("formula", overflow="fold")
    for entry in candidates:
        won = entry["id"] == run["winner"]
        score: RenderableType = Text(entry["state"], "dim")
        if entry["mean"] is not None:
            score = interval(entry)
        elif entry["error"]:
            score = Text(entry["error"], "red")
        generation = "" if entry["generation"] is None else str(entry["generation"] + 1)
        name = Text(entry["id"], "bold green" if won else "")
        share = "" if entry["share"] is None else f"{entry['share']:.0%}"
        how = [share] if raced else []
        how += [str(entry["seeds"] or "")] if seeds else []
        table.add_row(name, generation, *how, score, entry["formula"])
    return titled(title, table)


def _primary_heading(run: Json) -> str:
    primary = run["primary"]
    if primary is None:
        return "fitness"
    return measure_label(primary, run["measures"][primary]).plain


def events_table(events: Sequence[Json]) -> Table:
    """Return events with their time, oldest first."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for event in events:
        at = time.strftime("%H:%M:%S", time.localtime(event["at"]))
        said = {k: v for k, v in event["data"].items() if v not in (None, "", [])}
        data = "  ".join(f"{k} {number(v) if isinstance(v, float) else v}" for k, v in said.items())
        table.add_row(Text(f"  {at}", "dim"), event["kind"], Text(data, "dim"))
    return table


def candidate_page(facts: Json, used: list[str]) -> RenderableType:
    """Return everything about one candidate.

    Args:
        facts: `candidate_facts`.
        used: Components in its formula.
    """
    head: dict[str, RenderableType] = {
        "candidate": Text.assemble(
            (facts["id"], "bold"), (f" of {facts['run']}", "dim"), *_won(facts)
        ),
        "state": facts["state"],
        "formula": Text(facts["formula"], "bold"),
    }
    if facts["idea"]:
        head["idea"] = facts["idea"]
    if facts["changes"]:
        head["changes"] = facts["changes"]
    if facts["proposal"]:
        head["origin"] = _origin(facts["proposal"])
    if facts["children"]:
        head["children"] = ", ".join(f"{c['id']} ({c['operator']})" for c in facts["children"])
    if facts["distances"]:
        head["distance"] = _distances(facts["distances"])
    if len(facts["rungs"]) > 1:
        head["rungs"] = _rungs(facts)
    if facts["predicted_quality"] is not None:
        share = f"{facts['predicted_quality']:.0%}"
        head["predicted"] = f"{share} of the pairs of recorded episodes in the right order"
    head["file"] = facts["file"]
    parts: list[RenderableType] = [facts_table(head)]
    for purpose, splits in facts["fitness"].items():
        for split, fitness in splits.items():
            title = f"{_PURPOSES[purpose]}, {split} episodes"
            if purpose == "search":
                title += stopped_at(facts)
            parts += ["", fitness_table(fitness, facts["measures"], facts["primary"], title)]
    if facts["components"]:
        parts += ["", components_table(facts["components"], used)]
    if facts["analysis"]:
        parts += ["", Text("what its policy does", "bold"), Text(facts["analysis"])]
    if facts["findings"]:
        parts += ["", Text("findings", "bold"), findings_list(facts["findings"])]
    code = Syntax(facts["code"].rstrip(), "python", background_color="default", word_wrap=True)
    return Group(*parts, "", Text("code", "bold"), code)


_PURPOSES = {"search": "fitness in the search", "confirm": "fitness on fresh training seeds"}


def stopped_at(facts: Json) -> str:
    """Return ` (stopped at 10% of a training)`, nothing for a candidate that was trained whole."""
    share = facts["rungs"][-1]["share"] if facts["rungs"] else None
    return "" if share is None or share >= 1 else f" (stopped at {share:.0%} of a training)"


def _rungs(facts: Json) -> str:
    """Return the primary fitness at each rung that a candidate has reached."""
    unit = with_unit(facts["measures"][facts["primary"]]["unit"])
    scores = (
        f"{number(r['mean'])}{unit} {on_seeds(r['seeds']) or 'at ' + format(r['share'], '.0%')}"
        for r in facts["rungs"]
    )
    return f"{facts['primary']} {', '.join(scores)}"


def _distances(distances: Json) -> str:
    """Return how far a reward was from its parents as an aim, with the control beside it."""
    values = (f"{distance['value']:.2f} to {parent}" for parent, distance in distances.items())
    control = max(distance["shaped_copy"] for distance in distances.values())
    return f"STARC {', '.join(values)} (to a shaped copy of itself {control:.2f})"


def _won(facts: Json) -> list[tuple[str, str]]:
    return [("  the winner", "green")] if facts["winner"] else []


def _origin(proposal: Json) -> str:
    made = f"proposal {proposal['number']}, generation {proposal['generation'] + 1}"
    made += f", by {proposal['operator']}"
    if proposal["parents"]:
        made += f" from {', '.join(proposal['parents'])}"
    return made + (f", model {proposal['model']}" if proposal["model"] else "")


def findings_list(findings: Sequence[Json]) -> Text:
    """Return one line a finding."""
    text = Text()
    for data in findings:
        entry = {k: v for k, v in data.items() if k != "source"}
        style = _SEVERITIES.get(entry["severity"], "")
        text.append(f"{Finding.from_dict(entry)}\n", style)
    text.rstrip()
    return text


def environments_table(environments: Sequence[Json]) -> Table:
    """Return one row an environment."""
    table = plain_table()
    for column in ("environment", "tasks", "Gymnasium", "what it is"):
        table.add_column(column, overflow="fold")
    for entry in environments:
        tasks = ", ".join(entry["tasks"])
        gymnasium = entry["gymnasium_id"] or "-"
        table.add_row(
            Text(entry["name"], "bold"), tasks, gymnasium, _first_sentence(entry["summary"])
        )
    return table


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].split(":")[0].rstrip(".")


def checks_table(checks: Sequence[Json]) -> Table:
    """Return the findings of `doctor`: what works, what does not, what to do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=6)
    table.add_column(min_width=_CHECK_WIDTH)
    marks = {"ok": ("ok", "green"), "missing": ("-", "dim"), "failed": ("FAILED", "bold red")}
    for check in checks:
        table.add_row(Text(*marks[check["state"]]), check["name"], Text(check["text"], "dim"))
    return table


def trial_table(components: Mapping[str, Json]) -> Group:
    """Return what the components did on recorded random behaviour."""
    table = plain_table()
    table.add_column("component")
    for column in ("mean", "spread", "least", "most"):
        table.add_column(column, justify="right")
    for name, values in components.items():
        cells = (number(values[key]) for key in ("mean", "std", "min", "max"))
        table.add_row(name, *cells)
    return titled("components under random behaviour", table)
