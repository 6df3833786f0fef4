"""What one proposal is told: history, failures, feedback, outcomes; as far as it may see them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
from autoreward.errors import RewardFileError
from autoreward.evaluation.bank import fitness_of_episodes
from autoreward.findings import Finding
from autoreward.rewards.source import parse_reward
from autoreward.schema import Fitness
from autoreward.search.archive import Ratings, attempts, rungs_reached
from autoreward.search.jobs import fitness_of
from autoreward.search.racing import score_of
from autoreward.search.selection.descriptors import descriptors
from autoreward.search.selection.islands import visible_on
from autoreward.search.selection.pool import VARIED_FROM, parent_pool
from autoreward.search.setup import Setup
from autoreward.search.view import View
from autoreward.seeds import rng
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Candidate, Proposal
from autoreward.training.episodes import Episodes
from autoreward.training.messages import ZERO

_START = "formula-policy-start.safetensors"


def brief_of(
    journal: Queries,
    setup: Setup,
    proposal: int,
    view: View,
    relevance: Mapping[str, float],
    ratings: Ratings,
) -> Brief:
    """Return what a proposal may know.

    Args:
        journal: Of the run.
        setup: Its fixed parts.
        proposal: Number of the proposal.
        view: What it may see.
        relevance: State field → correlation with the primary fitness.
        ratings: What candidates are ranked by, where it is not the task's own measurement.
    """
    settings, search = setup.settings, setup.settings.search
    generation, index = divmod(proposal, search.population)
    history = tuple(attempts(journal, setup.primary, ratings, view=view))
    history = visible_on(history, _numbers(journal), proposal, search)
    outcomes = outcomes_of(journal, setup, view)
    if search.strategy in ("best-of-n", "random"):  # every draft is as the first one
        history, outcomes = (), ()
    elites = 1 if search.strategy == "greedy" else search.elites
    start = start_file(journal)
    return Brief(
        description=settings.description,
        task=setup.task,
        folder=setup.folder,
        run_seed=settings.seed,
        proposal=proposal,
        generation=generation,
        index=index,
        population=search.population,
        steps=settings.training.steps,
        gamma=settings.training.gamma,
        elites=elites,
        history=history,
        pool=_pool(journal, setup, history, elites, proposal, view),
        outcomes=outcomes,
        failures=refused(journal, view),
        notes=settings.designer.notes,
        feedback=tuple(
            f"about reward {entry.candidate}: {entry.text}" if entry.candidate else entry.text
            for entry in journal.feedback()
            if entry.id <= view.seen
        ),
        judged_by=search.fitness,
        relevance=relevance,
        never_acts=_never_acts(journal, setup),
        warm_start=start if start.exists() else None,
        uniform=search.strategy == "random",
    )


def refused(journal: Queries, view: View) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
    """Return the rewards of a run that were refused or failed in training, and why."""
    result = []
    for candidate in journal.candidates():
        if candidate.proposal is not None and candidate.proposal not in view.proposals:
            continue
        if candidate.state == "failed":
            found = [f for f in journal.findings(candidate=candidate.id) if f.id <= view.finding]
            if any(f.job and f.finding.severity == "error" for f in found):
                result.append((candidate.text, tuple(f.finding for f in found)))
        elif candidate.state == "rejected" and journal.decision(candidate.id) == "rejected":
            reviews = [r for r in journal.reviews(candidate.id) if r.id <= view.seen]
            reasons = [r.text for r in reviews if r.action == "reject"]
            if reasons:
                words = f"a person rejected it: {reasons[-1] or 'no reason given'}"
                result.append((candidate.text, (Finding("rejected", "error", words),)))
    for proposal in journal.proposals(state="rejected"):
        if proposal.number not in view.proposals:
            continue
        found = journal.findings(proposal=proposal.number)
        text = journal.meta(f"rejected/{proposal.number}", "")
        result.append((text, tuple(f.finding for f in found)))
    return tuple(result)


def outcomes_of(journal: Queries, setup: Setup, view: View) -> tuple[tuple[Outcome, ...], ...]:
    """Return what became of the formulas of a run, generation by generation."""
    groups: dict[int, list[Outcome]] = {}
    candidates = {candidate.id: candidate for candidate in journal.candidates()}
    for proposal in journal.proposals():
        if proposal.number not in view.proposals:
            continue
        made = _outcome(journal, setup, view, proposal, candidates.get(proposal.candidate or ""))
        if made is not None:
            groups.setdefault(proposal.generation, []).append(made)
    return tuple(tuple(groups[generation]) for generation in sorted(groups))


def _outcome(
    journal: Queries, setup: Setup, view: View, proposal: Proposal, candidate: Candidate | None
) -> Outcome | None:
    if proposal.state == "rejected":
        return _refused_outcome(journal, proposal)
    if proposal.state != "accepted" or candidate is None:
        return None
    parts = parts_of(journal, candidate.id)
    scores, errors = _rungs(journal, candidate.id, setup, view)
    broken = candidate.state == "failed" and not scores
    if not scores and not broken:
        return None  # still in training, or never trained
    return Outcome(candidate.formula, parts, scores, errors, degenerate=broken)


def _refused_outcome(journal: Queries, proposal: Proposal) -> Outcome | None:
    text = journal.meta(f"rejected/{proposal.number}", "")
    try:
        source = parse_reward(text)
    except RewardFileError:  # nothing that a formula policy could have written
        return None
    if source.formula is None:
        return None
    parts = parts_of(journal, f"proposal-{proposal.number}")
    return Outcome(str(source.formula), parts, degenerate=True) if parts else None


def _rungs(
    journal: Queries, candidate: str, setup: Setup, view: View
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard error of each rung that a candidate has reached."""
    primary: Fitness = setup.primary
    sign = 1.0 if primary.direction == "max" else -1.0
    values = [
        fitness_of(journal, trainings, "validation")[primary.name]
        for trainings in rungs_reached(journal, candidate, view).values()
    ]
    return tuple(sign * v.mean for v in values), tuple(v.standard_error for v in values)


def success(parent: Attempt, child: Attempt, journal: Queries, setup: Setup, view: View) -> bool:
    """Return whether a child is better than its parent at the highest rung that both reached."""
    old, new = (rungs_reached(journal, name, view) for name in (parent.id, child.id))
    shared = old.keys() & new.keys()
    if not shared:
        return False
    before, after = (
        score_of(journal, reached[max(shared)], setup.primary) for reached in (old, new)
    )
    return after > before


def parts_of(journal: Queries, name: str) -> tuple[Part, ...]:
    """Return what is known of the components of a candidate, or of a refused proposal."""
    return tuple(Part(**entry) for entry in journal.meta(parts_key(name), []))


def keep_parts(journal: Journal, name: str, parts: tuple[Part, ...]) -> None:
    """Write down what is known of the components of a candidate, or of a refused proposal."""
    journal.set_meta(parts_key(name), [part.to_dict() for part in parts])


def parts_key(name: str) -> str:
    """Return where the parts of a candidate stand in the journal."""
    return f"parts/{name}"


def _numbers(journal: Queries) -> dict[str, int]:
    """Return each candidate's proposal number, as far as it has one."""
    return {c.id: c.proposal for c in journal.candidates() if c.proposal is not None}


def _pool(
    journal: Queries,
    setup: Setup,
    history: tuple[Attempt, ...],
    elites: int,
    proposal: int,
    view: View,
) -> tuple[Attempt, ...]:
    """Return who is a parent; behaviour is looked at only where there is a place for it."""
    points = {}
    if elites >= VARIED_FROM:
        names = [attempt.id for attempt in history]
        points = descriptors(journal, setup.folder.schema, names, view)
    random = rng(setup.settings.seed, "pool", proposal)
    others = {f.name: f.direction for f in setup.folder.fitness if f is not setup.primary}
    return tuple(parent_pool(history, points, elites, random, others))


def _never_acts(journal: Queries, setup: Setup) -> float | None:
    """Return the mean primary fitness of the recorded episodes in which nobody acts."""
    path = journal.files.behaviour(ZERO)
    if not path.exists():
        return None
    return _mean_fitness(path, setup.primary, setup.task.horizon)


@lru_cache(maxsize=8)  # recorded once, asked for with every proposal
def _mean_fitness(path: Path, primary: Fitness, horizon: int) -> float:
    sign = 1.0 if primary.direction == "max" else -1.0
    return sign * float(fitness_of_episodes(Episodes.load(path), primary, horizon).mean())


def start_file(journal: Queries) -> Path:
    """Return where the formula policy that a run begins with stands."""
    return journal.files.directory / _START
