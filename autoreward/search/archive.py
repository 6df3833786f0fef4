"""Trained candidates, ranked, in the form that a designer may see."""

from __future__ import annotations

from autoreward.agents.designer import Attempt
from autoreward.evaluation.statistics import lower_confidence
from autoreward.schema import Fitness
from autoreward.search.jobs import fitness_of
from autoreward.store.queries import Queries


def search_job(journal: Queries, candidate: str) -> str | None:
    """Return the finished search training of a candidate, None if there is none."""
    jobs = journal.jobs(candidate=candidate, purpose="search", state="done")
    return jobs[0].id if jobs else None


def attempts(journal: Queries, primary: Fitness) -> list[Attempt]:
    """Return all trained candidates, best first.

    They are ranked by the cautious score (mean - standard error of the primary fitness on
    validation seeds); all were trained with the same steps and the same training seed.
    """
    ranked = []
    for candidate in journal.candidates():
        job_id = search_job(journal, candidate.id)
        if job_id is None:
            continue
        job = journal.job(job_id)
        assert job is not None
        fitness = fitness_of(journal, [job_id], "validation")
        value = fitness[primary.name]
        points = job.result.get("snapshots", [])
        attempt = Attempt(
            id=candidate.id,
            text=candidate.text,
            formula=candidate.formula,
            idea=candidate.idea,
            score=value.mean if primary.direction == "max" else -value.mean,
            fitness={name: (e.mean, e.low, e.high) for name, e in fitness.items()},
            components=tuple(point["components"] for point in points),
            curve=tuple(
                (
                    point["steps"],
                    point["fitness_per_step"][primary.name],
                    point["length"] or 0.0,
                    point["reward"],
                )
                for point in points
            ),
            findings=tuple(f.finding for f in journal.findings(candidate=candidate.id)),
            seeds=value.seeds,
            episodes=value.episodes,
        )
        ranked.append((lower_confidence(value, primary.direction), attempt))
    ranked.sort(key=lambda item: (-item[0], item[1].id))
    return [attempt for _, attempt in ranked]
