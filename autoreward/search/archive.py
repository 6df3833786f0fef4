"""Trained candidates, ranked, in the form that a designer may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoreward.agents.designer import Attempt
from autoreward.evaluation.ratings import Rating
from autoreward.evaluation.statistics import lower_confidence
from autoreward.schema import Fitness
from autoreward.search.jobs import fitness_of
from autoreward.store.queries import Queries

Ratings = Mapping[str, Rating] | None
"""Candidate → what people think of it; None where the task's own measurement decides."""


def search_job(journal: Queries, candidate: str) -> str | None:
    """Return the finished search training of a candidate, None if there is none."""
    jobs = journal.jobs(candidate=candidate, purpose="search", state="done")
    return jobs[0].id if jobs else None


def attempts(journal: Queries, primary: Fitness, ratings: Ratings = None) -> list[Attempt]:
    """Return all trained candidates that no person has rejected, best first.

    They are ranked by the cautious score (mean - standard error of the primary fitness on
    validation seeds); all were trained with the same steps and the same training seed.

    Args:
        journal: Of the run.
        primary: The fitness that decides.
        ratings: People's preferences as a rating of each candidate, where those decide instead;
            who has none comes last.
    """
    pinned = journal.pinned()
    made_from = {p.number: p.parents for p in journal.proposals(state="accepted")}
    ranked = []
    for candidate in journal.candidates():
        job_id = search_job(journal, candidate.id)
        if job_id is None or journal.decision(candidate.id) == "rejected":
            continue
        job = journal.job(job_id)
        assert job is not None
        fitness = fitness_of(journal, [job_id], "validation")
        value = fitness[primary.name]
        points = job.result.get("snapshots", [])
        rating = None if ratings is None else ratings.get(candidate.id)
        analysis = journal.analysis(job_id) or {}
        attempt = Attempt(
            id=candidate.id,
            text=candidate.text,
            formula=candidate.formula,
            idea=candidate.idea,
            score=value.mean if primary.direction == "max" else -value.mean,
            fitness={name: (e.mean, e.low, e.high) for name, e in fitness.items()},
            components=tuple(point["components"] for point in points),
            curve=curve_of(points, primary),
            findings=tuple(f.finding for f in journal.findings(candidate=candidate.id)),
            seeds=value.seeds,
            episodes=value.episodes,
            paragraph=paragraph_of(analysis),
            notes=tuple(r.text for r in journal.reviews(candidate.id) if r.text),
            pinned=candidate.id in pinned,
            preference=None if rating is None else rating.elo,
            parents=() if candidate.proposal is None else made_from.get(candidate.proposal, ()),
        )
        cautious = lower_confidence(value, primary.direction)
        liked = 0.0 if ratings is None else (float("-inf") if rating is None else rating.elo)
        ranked.append(((-liked, -cautious, attempt.id), attempt))
    ranked.sort(key=lambda item: item[0])
    return [attempt for _, attempt in ranked]


def curve_of(
    points: Sequence[Mapping[str, Any]], primary: Fitness
) -> tuple[tuple[int, float, float, float], ...]:
    """Return (steps, primary fitness per step, episode length, reward) of the snapshots."""
    return tuple(
        (
            point["steps"],
            point["fitness_per_step"][primary.name],
            point["length"] or 0.0,
            point["reward"],
        )
        for point in points
    )


def paragraph_of(analysis: Mapping[str, Any]) -> str:
    """Return what is said to a designer about a training: measured, then explained."""
    explanation = analysis.get("explanation") or {}
    keep = explanation.get("keep")
    parts = [
        analysis.get("paragraph", ""),
        explanation.get("summary", ""),
        f"To keep: {keep}" if keep else "",
    ]
    return " ".join(filter(None, parts))


def said_about(journal: Queries, candidate: str) -> tuple[str, ...]:
    """Return what people said about a candidate, oldest first."""
    comments = [(r.id, r.text) for r in journal.reviews(candidate) if r.text]
    remarks = [(f.id, f.text) for f in journal.feedback() if f.candidate == candidate]
    return tuple(text for _, text in sorted(comments + remarks))
