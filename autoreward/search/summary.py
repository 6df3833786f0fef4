"""The result of a run, from its journal: the winner against the baselines, with honest numbers."""

from __future__ import annotations

from typing import Any

from autoreward.evaluation.statistics import Estimate, disjoint, estimate, paired_difference
from autoreward.schema import Fitness
from autoreward.search.continuing import ZERO, comparison_round, comparison_split
from autoreward.search.jobs import as_json, fitness_of
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal
from autoreward.store.records import Purpose


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
        "seconds": round(elapsed, 1),
    }


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
