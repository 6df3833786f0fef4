"""How far candidates were trained in a race, and what came of whom; JSON-ready."""

from __future__ import annotations

from typing import Any

from autoreward.evaluation.statistics import estimate
from autoreward.store.queries import Queries
from autoreward.store.records import Job

Facts = dict[str, Any]


def whole_steps(journal: Queries) -> int | None:
    """Return the environment steps of a whole training, None where the journal has no settings."""
    config = journal.meta("config", {})
    training = config.get("training", {}) if isinstance(config, dict) else {}
    steps = training.get("steps")
    return int(steps) if isinstance(steps, int) else None


def share_of(journal: Queries, steps: int) -> float | None:
    """Return the share of a whole training that so many environment steps are."""
    whole = whole_steps(journal)
    return round(steps / whole, 4) if whole else None


def search_trainings(journal: Queries, candidate: str) -> list[Job]:
    """Return the finished trainings of a candidate in the search, the longest first."""
    jobs = journal.jobs(candidate=candidate, purpose="search", state="done")
    return sorted(jobs, key=lambda job: -job.steps)


def telling_jobs(journal: Queries, candidate: str) -> list[Job]:
    """Return the trainings that say most: the longest one of the search, and all on fresh seeds."""
    fresh = journal.jobs(candidate=candidate, purpose="confirm", state="done")
    return [*search_trainings(journal, candidate)[:1], *fresh]


def rung_facts(journal: Queries, candidate: str, primary: str) -> list[Facts]:
    """Return what a candidate was worth at each rung that it has reached, lowest first.

    Each entry has `steps`, `share` (of a whole training), and `mean` and `interval` of the primary
    fitness on validation episodes.
    """
    rungs = {}  # by steps: two rungs of a very short training may be one
    for job in reversed(search_trainings(journal, candidate)):
        values = journal.scores(job.id, "validation").get(primary)
        if values:
            value = estimate([values]).to_dict()
            rungs[job.steps] = {
                "steps": job.steps,
                "share": share_of(journal, job.steps),
                **value,
            }
    return list(rungs.values())


def children_of(journal: Queries, candidate: str) -> list[Facts]:
    """Return the candidates that were made from one, with the operator that made them."""
    return [
        {"id": proposal.candidate, "operator": proposal.operator}
        for proposal in journal.proposals(state="accepted")
        if candidate in proposal.parents and proposal.candidate not in (None, candidate)
    ]
