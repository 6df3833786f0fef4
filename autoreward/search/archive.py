"""Trained candidates, ranked, in the form that a designer may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autoreward.agents.designer import Attempt
from autoreward.agents.formulas.parts import Part
from autoreward.evaluation.ratings import Rating
from autoreward.evaluation.statistics import shrunken
from autoreward.schema import Fitness
from autoreward.search.jobs import fitness_of
from autoreward.search.opening import facts_of, fitness_vector
from autoreward.search.racing import score_of
from autoreward.search.rungs import Rung, trainings_by_rung
from autoreward.search.selection.pareto import Directions, pareto_front
from autoreward.search.view import View
from autoreward.store.queries import Queries
from autoreward.store.records import Candidate, Proposal, Review, ReviewAction

Ratings = Mapping[str, Rating] | None
"""Candidate → what people think of it; None where the task's own measurement decides."""


def search_job(journal: Queries, candidate: str, view: View | None = None) -> str | None:
    """Return the longest finished search training of a candidate, None if there is none.

    Of several equally long ones it is that on the first training seed.

    Args:
        journal: Of the run.
        candidate: Its id.
        view: Only trainings of this view count; None for all.
    """
    reached = rungs_reached(journal, candidate, view)
    return reached[max(reached)][0] if reached else None


def rungs_reached(
    journal: Queries, candidate: str, view: View | None = None
) -> dict[Rung, tuple[str, ...]]:
    """Return the rungs that a candidate has reached, lowest first, and the trainings of each.

    Args:
        journal: Of the run.
        candidate: Its id.
        view: Only trainings of this view count; None for all.
    """
    jobs = journal.jobs(candidate=candidate, purpose="search", state="done")
    return trainings_by_rung(job for job in jobs if view is None or view.shows(job))


def standings(
    journal: Queries, primary: Fitness, view: View | None = None
) -> dict[str, tuple[int, float]]:
    """Return where the trained candidates stand: how long they were trained, and how good they are.

    Longer trainings come before shorter ones. Among equally long ones the score is the cautious one
    (mean - standard error of the primary fitness on validation seeds), mean over training seeds,
    and drawn towards that of all the more, the fewer seeds it is of: the best of many single
    trainings is a lucky one.

    Args:
        journal: Of the run.
        primary: The fitness that decides.
        view: Only trainings of this view count; None for all.
    """
    groups: dict[int, dict[str, tuple[float, int]]] = {}
    for candidate in journal.candidates():
        reached = rungs_reached(journal, candidate.id, view)
        if reached:
            rung = max(reached)
            score = score_of(journal, reached[rung], primary)
            groups.setdefault(rung.steps, {})[candidate.id] = score, rung.seeds
    return {
        name: (steps, score)
        for steps, group in groups.items()
        for name, score in zip(group, shrunken(list(group.values())), strict=True)
    }


def attempts(
    journal: Queries, primary: Fitness, ratings: Ratings = None, view: View | None = None
) -> list[Attempt]:
    """Return all trained candidates that no person has rejected, best first.

    Those of the longest trainings come first; of equally long ones they are ranked as in
    `standings`.

    Args:
        journal: Of the run.
        primary: The fitness that decides.
        ratings: People's preferences as a rating of each candidate, where those decide instead;
            who has none comes last.
        view: What is known; None for everything.
    """
    made = {p.number: p for p in journal.proposals(state="accepted")}
    standing = standings(journal, primary, view)
    ranked = []
    for candidate in journal.candidates():
        reached = rungs_reached(journal, candidate.id, view)
        reviews = [r for r in journal.reviews(candidate.id) if view is None or r.id <= view.seen]
        if not reached or _last(reviews, "approve", "reject", "edit") == "reject":
            continue
        trainings = reached[max(reached)]
        job_id = trainings[0]
        job = journal.job(job_id)
        assert job is not None
        fitness = fitness_of(journal, trainings, "validation")
        value = fitness[primary.name]
        points = job.result.get("snapshots", [])
        rating = None if ratings is None else ratings.get(candidate.id)
        proposal = None if candidate.proposal is None else made.get(candidate.proposal)
        attempt = Attempt(
            id=candidate.id,
            text=candidate.text,
            formula=candidate.formula,
            idea=candidate.idea,
            score=value.mean if primary.direction == "max" else -value.mean,
            fitness={name: (e.mean, e.low, e.high) for name, e in fitness.items()},
            components=tuple(point["components"] for point in points),
            curve=curve_of(points, primary),
            findings=tuple(
                f.finding
                for f in journal.findings(candidate=candidate.id)
                if (view is None or f.id <= view.finding)
                and (f.job in (None, *trainings) or f.finding.severity == "error")
            ),
            seeds=value.seeds,
            episodes=value.episodes,
            paragraph=paragraph_of(_analysis(journal, job_id, view)),
            notes=tuple(r.text for r in reviews if r.text),
            pinned=_last(reviews, "pin", "unpin") == "pin",
            preference=None if rating is None else rating.elo,
            parents=() if proposal is None else proposal.parents,
            operator=_operator(candidate, proposal),
            skeleton=candidate.skeleton,
            parts=tuple(Part(**part) for part in journal.meta(f"parts/{candidate.id}", ())),
            steps=job.steps,
        )
        liked = 0.0 if ratings is None else (float("-inf") if rating is None else rating.elo)
        steps, score = standing[candidate.id]
        ranked.append(((-steps, -liked, -score, attempt.id), attempt))
    ranked.sort(key=lambda item: item[0])
    return _related([attempt for _, attempt in ranked], _directions(journal, primary))


def _related(found: Sequence[Attempt], directions: Directions) -> list[Attempt]:
    """Return the attempts with what follows from each other: their children, and who is ahead."""
    children = Counter(parent for attempt in found for parent in set(attempt.parents))
    front: set[str] = set()
    for steps in {attempt.steps for attempt in found}:
        peers = [attempt for attempt in found if attempt.steps == steps]
        vectors = [{name: value[0] for name, value in a.fitness.items()} for a in peers]
        front |= {peers[number].id for number in pareto_front(vectors, directions)}
    return [replace(a, children=children[a.id], front=a.id in front) for a in found]


def _directions(journal: Queries, primary: Fitness) -> Directions:
    """Return which way is better in each entry of the run's fitness vector."""
    vector = fitness_vector(facts_of(journal)) or (primary,)
    return {entry.name: entry.direction for entry in vector}


def _last(reviews: Sequence[Review], *actions: ReviewAction) -> ReviewAction | None:
    """Return the last of some decisions, None if there is none."""
    taken = [review.action for review in reviews if review.action in actions]
    return taken[-1] if taken else None


def _analysis(journal: Queries, job_id: str, view: View | None) -> dict[str, Any]:
    analysis = journal.analysis(job_id) or {}
    if view is not None and job_id not in view.explained:
        analysis.pop("explanation", None)
    return analysis


def _operator(candidate: Candidate, proposal: Proposal | None) -> str:
    """Return how a candidate was made: one that is not its proposal's answer is an edit of that."""
    if proposal is None:
        return ""
    return proposal.operator if proposal.candidate == candidate.id else "edit"


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
