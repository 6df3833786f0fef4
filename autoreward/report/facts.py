"""What a journal knows, as JSON-ready dicts: the same for `--json` and for the tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from autoreward.errors import RunError
from autoreward.evaluation.statistics import estimate, paired_difference
from autoreward.report.race import (
    children_of,
    longest_trainings,
    rung_facts,
    search_trainings,
    share_of,
    telling_jobs,
    whole_steps,
)
from autoreward.schema import Fitness
from autoreward.search.archive import paragraph_of, standings
from autoreward.search.budget import ELAPSED
from autoreward.search.jobs import as_json, component_changes, fitness_of
from autoreward.search.opening import facts_of, fitness_vector, kind_of
from autoreward.search.summary import reached
from autoreward.store.database import lock_owner
from autoreward.store.journal import Journal
from autoreward.store.records import Candidate, Job

Facts = dict[str, Any]
State = Literal["running", "finished", "stopped"]
_Seeds = dict[int, dict[str, list[float]]]
"""Training seed → fitness name → validation episodes."""


def run_facts(journal: Journal) -> Facts:
    """Return what a run is and how far it has come."""
    facts, config = facts_of(journal), journal.meta("config", {})
    jobs = journal.jobs()
    spent = journal.spent()
    pid = lock_owner(journal.files.lock)
    ranked = ranking(journal)
    winner = journal.meta("winner")
    llm = config.get("llm", {}) if isinstance(config, dict) else {}
    designer = config.get("designer", {}) if isinstance(config, dict) else {}
    return {
        "run": journal.directory.name,
        "kind": kind_of(journal),
        "state": _state(journal, pid),
        "pid": pid,
        "created": journal.meta("created"),
        "environment": facts.get("environment"),
        "task": facts.get("task"),
        "description": config.get("description", "") if isinstance(config, dict) else "",
        "seed": config.get("seed") if isinstance(config, dict) else None,
        "designer": designer.get("kind"),
        "model": llm.get("model"),
        "sandbox": facts.get("sandbox"),
        "primary": facts.get("primary"),
        "measures": facts.get("measures", {}),
        "proposals": _counts(p.state for p in journal.proposals()),
        "candidates": len(journal.candidates()),
        "trainings": _counts(job.state for job in jobs),
        "race": reached(journal, whole_steps(journal)),
        "best": ranked[0] if ranked else None,
        "winner": winner,
        "env_steps": journal.env_steps(),
        "calls": spent.calls,
        "usd": spent.usd,
        "seconds": round(float(journal.meta(ELAPSED, 0.0)), 1),
    }


def ranking(journal: Journal) -> list[Facts]:
    """Return the trained candidates, best first, with their primary fitness on validation seeds.

    The order is that of the search: those of the longest search trainings come first, for scores of
    different budgets say nothing about each other, and equally long ones go by `standings`. An
    evaluation has no search: there all trainings count. `steps` and `share` of each entry say how
    long its training was, in environment steps and of a whole training.
    """
    primary = _primary(journal)
    if primary is None:
        return []
    ranked, standing = [], standings(journal, primary)
    for candidate in journal.candidates():
        chosen = longest_trainings(journal, candidate.id) or telling_jobs(journal, candidate.id)
        groups = [journal.scores(job.id, "validation").get(primary.name, []) for job in chosen]
        if groups and all(groups):
            value, steps = estimate(groups), chosen[0].steps
            entry = {
                "id": candidate.id,
                "formula": candidate.formula,
                "steps": steps,
                "share": share_of(journal, steps),
                **value.to_dict(),
            }
            _, score = standing.get(candidate.id, (steps, 0.0))
            ranked.append(((-steps, -score, candidate.id), entry))
    ranked.sort(key=lambda item: item[0])
    return [entry for _, entry in ranked]


def candidates_facts(journal: Journal) -> list[Facts]:
    """Return one short entry a candidate: the trained ones best first, then the others."""
    scores = {entry["id"]: entry for entry in ranking(journal)}
    entries = []
    for candidate in journal.candidates():
        score = scores.get(candidate.id)
        found = [f.finding for f in journal.findings(candidate.id)]
        error = next((str(f) for f in found if f.severity == "error"), None)
        entries.append(
            {
                "id": candidate.id,
                "generation": _generation(journal, candidate),
                "state": candidate.state,
                "formula": candidate.formula,
                "mean": score["mean"] if score else None,
                "interval": score["interval"] if score else None,
                "seeds": score["seeds"] if score else None,
                "steps": score["steps"] if score else None,
                "share": score["share"] if score else None,
                "error": error,
            }
        )
    place = {name: index for index, name in enumerate(scores)}
    return sorted(entries, key=lambda entry: place.get(entry["id"], len(place)))


def refused_facts(journal: Journal) -> list[Facts]:
    """Return the proposals that became no candidate, and why."""
    return [
        {"proposal": proposal.number, "state": proposal.state, "reason": proposal.reason}
        for proposal in journal.proposals()
        if proposal.state in ("rejected", "duplicate")
    ]


def candidate_facts(journal: Journal, candidate_id: str) -> Facts:
    """Return everything about one candidate.

    Raises:
        RunError: There is none of that id, or several.
    """
    candidate = find_candidate(journal, candidate_id)
    proposal = next((p for p in journal.proposals() if p.number == candidate.proposal), None)
    jobs = journal.jobs(candidate=candidate.id)
    telling = telling_jobs(journal, candidate.id)
    searched = search_trainings(journal, candidate.id)
    facts = facts_of(journal)
    primary = facts.get("primary")
    return {
        "run": journal.directory.name,
        "id": candidate.id,
        "winner": candidate.id == journal.meta("winner"),
        "state": candidate.state,
        "created": candidate.created,
        "formula": candidate.formula,
        "idea": candidate.idea,
        "changes": candidate.changes,
        "proposal": _proposal_facts(proposal) if proposal else None,
        "children": children_of(journal, candidate.id),
        "distances": journal.meta(f"distance/{candidate.id}", {}),
        "primary": primary,
        "measures": facts.get("measures", {}),
        "rungs": rung_facts(journal, candidate.id, primary) if primary else [],
        "fitness": _fitness_by_use(journal, telling),
        "components": component_changes(journal, (job.id for job in telling)),
        "findings": _findings(
            journal, candidate.id, {job.id for job in searched if job not in telling}
        ),
        "analysis": _analysis(journal, [*telling, *searched]),
        "predicted_quality": journal.meta(f"predicted/{candidate.id}"),
        "trainings": [_job_facts(job) for job in jobs],
        "file": str(journal.files.candidate(candidate.id)),
        "code": candidate.text,
    }


def _findings(journal: Journal, candidate: str, outgrown: set[str]) -> list[Facts]:
    """Return the findings about a candidate, but those of trainings that were continued."""
    return [
        {"source": entry.source, **entry.finding.to_dict()}
        for entry in journal.findings(candidate)
        if entry.job not in outgrown
    ]


def _analysis(journal: Journal, jobs: list[Job]) -> str:
    """Return what is known of the policy of the first of some trainings that was looked at."""
    found = (journal.analysis(job.id) for job in jobs)
    return next((paragraph_of(analysis) for analysis in found if analysis), "")


def find_candidate(journal: Journal, name: str) -> Candidate:
    """Return a candidate by id, by the unique start of it, or the run's `winner`.

    Raises:
        RunError: There is none, or several.
    """
    if name == "winner":
        winner = journal.meta("winner")
        if winner is None:
            ranked = ranking(journal)
            if not ranked:
                raise RunError(f"{journal.directory.name} has no trained candidate yet")
            winner = ranked[0]["id"]
        return journal.candidate(winner)
    return journal.candidate(name)


def comparison_facts(journal: Journal, first: Candidate, second: Candidate) -> Facts:
    """Compare the fitness of two candidates of one run on validation seeds, paired where possible.

    Only trainings of one length are compared: the longest that both have had. Where some of those
    share their seeds, all numbers are over these seeds alone. `shares` says how much of a whole
    training each one's are.
    """
    found = [_validation(journal, candidate.id) for candidate in (first, second)]
    common = max(found[0].keys() & found[1].keys(), default=None)
    lengths = [max(scores, default=None) if common is None else common for scores in found]
    both = [{} if n is None else scores[n] for scores, n in zip(found, lengths, strict=True)]
    shared = [] if common is None else sorted(both[0].keys() & both[1].keys())
    differences = {}
    for name in _names(both[0], shared):
        mine, other = ([scores[seed][name] for seed in shared] for scores in both)
        differences[name] = paired_difference(other, mine).to_dict()
    if shared:
        both = [{seed: scores[seed] for seed in shared} for scores in both]
    facts = facts_of(journal)
    return {
        "run": journal.directory.name,
        "primary": facts.get("primary"),
        "measures": facts.get("measures", {}),
        "fitness": [
            as_json({name: estimate([s[name] for s in scores.values()]) for name in _names(scores)})
            for scores in both
        ],
        "difference": differences,
        "paired_seeds": len(shared),
        "shares": [None if steps is None else share_of(journal, steps) for steps in lengths],
    }


def list_facts(paths: Iterable[Path]) -> list[Facts]:
    """Return `run_facts` of many runs; a damaged one says so instead."""
    entries = []
    for path in paths:
        try:
            with Journal.read(path) as journal:
                entries.append(run_facts(journal))
        except RunError as error:
            entries.append({"run": path.name, "state": "damaged", "error": str(error)})
    return entries


def _state(journal: Journal, pid: int | None) -> State:
    if journal.meta("summary") is not None:
        return "finished"
    return "stopped" if pid is None else "running"


def _primary(journal: Journal) -> Fitness | None:
    facts = facts_of(journal)
    named = (f for f in fitness_vector(facts) if f.name == facts.get("primary"))
    return next(named, None)


def _counts(states: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return counts


def _generation(journal: Journal, candidate: Candidate) -> int | None:
    for proposal in journal.proposals():
        if proposal.number == candidate.proposal:
            return proposal.generation
    return None


def _proposal_facts(proposal: Any) -> Facts:
    return {
        "number": proposal.number,
        "generation": proposal.generation,
        "operator": proposal.operator,
        "parents": list(proposal.parents),
        "model": proposal.model,
    }


def _job_facts(job: Job) -> Facts:
    return {
        "id": job.id,
        "purpose": job.purpose,
        "seed": job.training_seed,
        "state": job.state,
        "steps": job.steps,
        "env_steps": job.env_steps,
        "seconds": job.result.get("seconds"),
    }


def _fitness_by_use(journal: Journal, jobs: list[Job]) -> dict[str, Any]:
    """Return purpose → split → fitness of some finished trainings."""
    result: dict[str, dict[str, Any]] = {}
    for purpose in ("search", "confirm"):
        names = [job.id for job in jobs if job.purpose == purpose]
        for split in ("validation", "test"):
            if fitness := fitness_of(journal, names, split):
                result.setdefault(purpose, {})[split] = as_json(fitness)
    return result


def _validation(journal: Journal, candidate: str) -> dict[int, _Seeds]:
    """Return steps of the training → training seed → fitness name → validation episodes."""
    found: dict[int, _Seeds] = {}
    for job in journal.jobs(candidate=candidate, state="done"):
        if vector := journal.scores(job.id, "validation"):
            found.setdefault(job.steps, {})[job.training_seed] = vector
    return found


def _names(scores: _Seeds, seeds: list[int] | None = None) -> list[str]:
    if not scores or seeds == []:
        return []
    return list(next(iter(scores.values())))
