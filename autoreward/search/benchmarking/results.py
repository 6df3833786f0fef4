"""What came of a benchmark: every run's numbers from its journal, and their aggregates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from autoreward.evaluation.aggregates import (
    Aggregate,
    Strata,
    interquartile_mean,
    probability_of_improvement,
)
from autoreward.evaluation.statistics import bootstrap_interval
from autoreward.search.benchmarking.plan import Planned
from autoreward.search.benchmarking.running import summary_of
from autoreward.search.benchmarking.suite import BASELINES
from autoreward.store.journal import Journal
from autoreward.store.records import Job

Json = dict[str, Any]
Scores = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Method or baseline → task → run seed → fitness."""

_LEAST_GAP = 1e-9
"""Human and sparse nearer than this give no scale."""


def results(
    directory: Path, runs: Sequence[Planned], problems: Mapping[str, str], facts: Mapping[str, Any]
) -> Json:
    """Return all that the table, the plot and `benchmark.json` show.

    Fitness is on test seeds, which no choice ever saw. A task's scores are normalised as (fitness −
    sparse) / |human − sparse|, signed so that more is better; human and sparse are means over all
    run seeds of the task. Baselines count once per run seed: each run of that seed has the same.
    An interval is null where a task has a single run.

    Args:
        directory: The benchmark's folder.
        runs: All runs of the suite; those that have not finished are counted as missing.
        problems: Why runs failed just now.
        facts: What else to keep: name, suite, command ...
    """
    done = [entry for run in runs if (entry := _run_facts(directory, run)) is not None]
    methods = list(dict.fromkeys(run.method for run in runs))
    measures = {run.task: _measure(run) for run in runs}
    found = _scores(done)
    scales = {task: _scale(found, task) for task in measures}
    tasks = {task: measure | scales[task] for task, measure in measures.items()}
    better = {task: 1.0 if measures[task]["direction"] == "max" else -1.0 for task in tasks}
    rows = {}
    for name in (*methods, *BASELINES):
        rows[name] = _row(found.get(name, {}), tasks, better) | {
            "baseline": name in BASELINES,
            "first_is_better": _lead(found, methods[0], name, better),
            "cost": _cost([entry for entry in done if entry["method"] == name]),
            "runs": sum(entry["method"] == name for entry in done),
            "planned": sum(run.method == name for run in runs),
        }
    return {
        **facts,
        "first": methods[0],
        "tasks": tasks,
        "rows": rows,
        "runs": done,
        "problems": dict(problems),
    }


def _run_facts(directory: Path, run: Planned) -> Json | None:
    summary = summary_of(directory / run.name)
    if summary is None:
        return None
    primary = summary["primary"]
    with Journal.read(directory / run.name) as journal:
        jobs = journal.jobs(purpose="search")
        calls = journal.spent().calls
    baselines = {
        name: fitness[primary]["mean"]
        for name, fitness in summary["baselines"].items()
        if fitness is not None
    }
    return {
        "run": run.name,
        "task": run.task,
        "method": run.method,
        "seed": run.seed,
        "fitness": summary["winner"]["fitness"][primary]["mean"],
        "baselines": baselines,
        "formula": summary["winner"]["formula"],
        "candidates": summary["candidates"],
        "search_steps": sum(job.env_steps for job in jobs),
        "search_seconds": round(_covered(jobs), 1),
        "env_steps": summary["env_steps"],
        "seconds": summary["seconds"],
        "calls": calls,
        "usd": summary["usd"],
    }


def _covered(jobs: Sequence[Job]) -> float:
    """Return the seconds in which at least one of the trainings was under way."""
    total, until = 0.0, float("-inf")
    spans = [(j.started, j.finished) for j in jobs if j.started and j.finished]
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _measure(run: Planned) -> Json:
    primary = run.setup.primary
    return {"primary": primary.name, "unit": primary.unit, "direction": primary.direction}


def _scores(done: Sequence[Json]) -> dict[str, dict[str, dict[int, float]]]:
    """Return one value per method or baseline, task and run seed."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    shared: dict[tuple[str, str, int], list[float]] = {}
    for entry in done:
        task, seed = entry["task"], entry["seed"]
        found.setdefault(entry["method"], {}).setdefault(task, {})[seed] = entry["fitness"]
        for name, value in entry["baselines"].items():
            shared.setdefault((name, task, seed), []).append(value)
    for (name, task, seed), values in shared.items():
        found.setdefault(name, {}).setdefault(task, {})[seed] = fmean(values)
    return found


def _scale(found: Scores, task: str) -> Json:
    """Return a task's mean human and sparse fitness, and whether they make a scale."""
    means: dict[str, float | None] = {}
    for name in ("human", "sparse"):
        values = list(found.get(name, {}).get(task, {}).values())
        means[name] = fmean(values) if values else None
    human, sparse = means["human"], means["sparse"]
    normal = human is not None and sparse is not None and abs(human - sparse) > _LEAST_GAP
    return means | {"normalised": normal}


def _row(
    scores: Mapping[str, Mapping[int, float]], tasks: Json, better: Mapping[str, float]
) -> Json:
    """Return fitness per task, and the interquartile mean of the normalised scores."""
    per_task, strata = {}, []
    for task, by_seed in scores.items():
        values = [by_seed[seed] for seed in sorted(by_seed)]
        interval = list(bootstrap_interval(values)) if len(values) > 1 else None
        form: Json = {"mean": fmean(values), "interval": interval, "runs": len(values)}
        facts = tasks[task]
        if facts["normalised"]:
            gap = abs(facts["human"] - facts["sparse"])
            normal = [better[task] * (value - facts["sparse"]) / gap for value in values]
            form["normalised"] = fmean(normal)
            strata.append(normal)
        per_task[task] = form
    score = _form(interquartile_mean(strata), strata) if strata else None
    return {"tasks": per_task, "score": score}


def _lead(found: Scores, first: str, other: str, better: Mapping[str, float]) -> Json | None:
    """Return how likely a run of the first method is better than one of `other`."""
    ours, theirs = found.get(first, {}), found.get(other, {})
    both = sorted(ours.keys() & theirs.keys())
    if other == first or not both:
        return None
    sides = [[[better[t] * v for v in side[t].values()] for t in both] for side in (ours, theirs)]
    return _form(probability_of_improvement(*sides), *sides)


def _form(found: Aggregate, *sides: Strata) -> Json:
    """Return an aggregate's JSON; without interval where a task has a single run."""
    single = any(len(values) < 2 for side in sides for values in side)
    return found.to_dict() | ({"interval": None} if single else {})


def _cost(entries: Sequence[Json]) -> Json | None:
    """Return what a run of a method took, mean over its runs."""
    if not entries:
        return None
    names = ("candidates", "search_steps", "search_seconds", "env_steps", "calls", "usd")
    return {name: fmean(entry[name] for entry in entries) for name in names}
