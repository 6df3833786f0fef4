"""How far candidates were trained in a race, and what came of whom; JSON-ready."""

from __future__ import annotations

from typing import Any

from autoreward.search.archive import rungs_reached
from autoreward.search.jobs import fitness_of
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
    return sorted(jobs, key=lambda job: (-job.steps, job.training_seed))


def longest_trainings(journal: Queries, candidate: str) -> list[Job]:
    """Return those of a candidate's trainings in the search that its score is the mean of."""
    reached = rungs_reached(journal, candidate)
    counting = reached[max(reached)] if reached else ()
    return [job for job in search_trainings(journal, candidate) if job.id in counting]


def telling_jobs(journal: Queries, candidate: str) -> list[Job]:
    """Return the trainings that say most: the longest of the search, and all on fresh seeds."""
    fresh = journal.jobs(candidate=candidate, purpose="confirm", state="done")
    return [*longest_trainings(journal, candidate), *fresh]


def rung_facts(journal: Queries, candidate: str, primary: str) -> list[Facts]:
    """Return what a candidate was worth at each rung that it has reached, lowest first.

    Each entry has `steps`, `share` (of a whole training), and `mean`, `interval` and `seeds` of the
    primary fitness on validation episodes.
    """
    return [
        {
            "steps": rung.steps,
            "share": share_of(journal, rung.steps),
            **fitness_of(journal, trainings, "validation")[primary].to_dict(),
        }
        for rung, trainings in rungs_reached(journal, candidate).items()
    ]


def children_of(journal: Queries, candidate: str) -> list[Facts]:
    """Return the candidates that were made from one, with the operator that made them."""
    return [
        {"id": proposal.candidate, "operator": proposal.operator}
        for proposal in journal.proposals(state="accepted")
        if candidate in proposal.parents and proposal.candidate not in (None, candidate)
    ]
