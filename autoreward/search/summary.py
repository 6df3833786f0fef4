"""The result of a run, from its journal: the winner against the baselines, with honest numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from autoreward.config import Settings
from autoreward.evaluation.statistics import Estimate, disjoint, estimate, paired_difference
from autoreward.schema import Fitness
from autoreward.search.archive import rungs_reached
from autoreward.search.continuing import ZERO, comparison_round, comparison_split
from autoreward.search.jobs import as_json, fitness_of
from autoreward.search.racing import score_of
from autoreward.search.rungs import Rung
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Purpose

OCCUPANCY = "occupancy"
"""Name of the slots' seconds in the journal, while anything was left to propose: `busy`, `waiting`
for a language model with nothing to train, and `all`."""


def final_jobs(journal: Journal, name: str) -> list[str]:
    """Return the finished trainings on fresh seeds of a finalist or of a baseline."""
    purpose: Purpose = "baseline" if name in ("human", "sparse") else "confirm"
    return [job.id for job in journal.jobs(candidate=name, purpose=purpose, state="done")]


def summarize(journal: Journal, setup: Setup, designer: str, elapsed: float) -> dict[str, Any]:
    """Return the summary in the form that `design --json` prints.

    All fitness values are on test seeds, which no selection ever saw.
    """
    winner = journal.candidate(journal.meta("winner"))
    split = comparison_split(journal)
    fitness = fitness_of(journal, final_jobs(journal, winner.id), split)
    zero = {name: estimate([v]) for name, v in journal.meta("zero").items()}
    baselines: dict[str, dict[str, Estimate] | None] = {
        name: (fitness_of(journal, final_jobs(journal, name), split) or None)
        if name in setup.baselines
        else None
        for name in ("human", "sparse")
    }
    baselines[ZERO] = zero
    spent = journal.spent()
    primary = setup.primary
    return {
        "run": journal.directory.name,
        "environment": setup.folder.name,
        "task": setup.task.name,
        "primary": primary.name,
        "measures": setup.measures,
        "designer": designer,
        "sandbox": setup.sandbox.name,
        "sandbox_summary": setup.sandbox.summary,
        "seed": setup.settings.seed,
        "winner": {
            "id": winner.id,
            "formula": winner.formula,
            "file": str(journal.files.candidate(winner.id)),
            "fitness": as_json(fitness),
        },
        "baselines": {n: as_json(b) if b is not None else None for n, b in baselines.items()},
        "comparison": {
            name: _compare(journal, winner.id, name, fitness, baseline, primary)
            for name, baseline in baselines.items()
            if baseline
        },
        "comparisons": comparison_round(journal) + 1,
        "training_steps": setup.settings.training.steps,
        "candidates": len(journal.candidates()),
        "env_steps": journal.env_steps(),
        "usd": spent.usd,
        "tokens": spent.tokens,
        "calls": journal.call_counts(),
        "seconds": round(elapsed, 1),
        "search": search_facts(journal, setup.settings, setup.primary),
    }


def search_facts(journal: Queries, settings: Settings, primary: Fitness) -> dict[str, Any]:
    """Return what the search did, JSON-ready.

    `rungs` says how many candidates were trained how long and on how many seeds, and `raced`
    whether only the best of each rung went on. `operators` says of each how many `candidates` it
    made, how many of those are `changes` of others and how many of these are `better` than the best
    of their parents, at the highest rung that both reached. `env_steps` are those of the search
    alone, `whole_steps` what it takes to train all its candidates to the end. `occupancy` is the
    share of the slots' time that was used while there was anything to train, `waiting` the share
    that passed waiting for a language model with nothing to train; None where that was not
    measured.
    """
    jobs = journal.jobs(purpose="search")
    slots = journal.meta(OCCUPANCY) or {"busy": 0.0}
    states = [proposal.state for proposal in journal.proposals()]
    return {
        "strategy": settings.search.strategy,
        "raced": len(settings.search.racing) > 1,
        "proposals": {state: states.count(state) for state in dict.fromkeys(states)},
        "operators": _operators(journal, primary),
        "rungs": reached(journal, settings.training.steps),
        "env_steps": sum(job.env_steps for job in jobs),
        "whole_steps": len({job.candidate for job in jobs}) * settings.training.steps,
        "occupancy": slots["busy"] / (slots["all"] - slots["waiting"]) if slots["busy"] else None,
        "waiting": slots["waiting"] / slots["all"] if slots["busy"] else None,
    }


def reached(journal: Queries, whole: int | None) -> list[dict[str, Any]]:
    """Return how many `candidates` have reached each rung, the lowest first.

    A rung is how long (`steps`, `share`) and on how many `seeds` they were trained.

    Args:
        journal: Of the run.
        whole: Environment steps of a whole training; None where it is not known.
    """
    counts: Counter[Rung] = Counter()
    for candidate in journal.candidates():
        counts.update(rungs_reached(journal, candidate.id).keys())
    return [
        {
            "steps": rung.steps,
            "share": round(rung.steps / whole, 4) if whole else None,
            "seeds": rung.seeds,
            "candidates": counts[rung],
        }
        for rung in sorted(counts)
    ]


def _operators(journal: Queries, primary: Fitness) -> dict[str, dict[str, int]]:
    scores = {
        candidate.id: {
            rung: score_of(journal, jobs, primary)
            for rung, jobs in rungs_reached(journal, candidate.id).items()
        }
        for candidate in journal.candidates()
    }
    found: dict[str, dict[str, int]] = {}
    for proposal in journal.proposals(state="accepted"):
        counts = found.setdefault(proposal.operator, {"candidates": 0, "changes": 0, "better": 0})
        counts["candidates"] += 1
        child = scores.get(proposal.candidate or "", {})
        parents = [scores[name] for name in proposal.parents if name in scores]
        counts["changes"] += bool(proposal.parents)
        counts["better"] += _surpasses(child, parents)
    return dict(sorted(found.items(), key=lambda item: -item[1]["candidates"]))


def _surpasses(child: Mapping[Rung, float], parents: list[dict[Rung, float]]) -> bool:
    """Return whether a child beats its parents at the highest rung that it and one reached."""
    for rung in sorted(child, reverse=True):
        rivals = [scores[rung] for scores in parents if rung in scores]
        if rivals:
            return child[rung] > max(rivals)
    return False


def _compare(
    journal: Journal,
    winner: str,
    name: str,
    fitness: dict[str, Estimate],
    baseline: dict[str, Estimate],
    primary: Fitness,
) -> dict[str, Any]:
    """Compare the primary fitness of the winner with a baseline's, paired where seeds match."""
    mine, other = fitness[primary.name], baseline[primary.name]
    gap = mine.mean - other.mean
    better = gap > 0 if primary.direction == "max" else gap < 0
    result: dict[str, Any] = {"better": better, "intervals_disjoint": disjoint(mine, other)}
    ours = _groups(journal, final_jobs(journal, winner), primary.name)
    theirs = _groups(journal, final_jobs(journal, name), primary.name) if name != ZERO else []
    if len(ours) == len(theirs):
        difference = paired_difference(ours, theirs)
        result["paired_difference"] = difference.to_dict()
    return result


def _groups(journal: Journal, jobs: list[str], name: str) -> list[list[float]]:
    ordered = sorted(jobs, key=lambda job: int(job.rsplit("-s", 1)[1]))
    split = comparison_split(journal)
    return [journal.scores(job, split)[name] for job in ordered]
