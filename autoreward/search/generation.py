"""One generation of proposals: what each may know, and how they are carried out side by side."""

from __future__ import annotations

import concurrent.futures
import contextvars
import threading
from collections.abc import Callable, Mapping

from autoreward.agents.designer import Brief
from autoreward.errors import BudgetExceeded
from autoreward.findings import Finding
from autoreward.search.archive import Ratings, attempts
from autoreward.search.budget import Budget
from autoreward.search.observer import Observer
from autoreward.search.proposing import Proposer
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries


def briefs_of(
    journal: Queries,
    setup: Setup,
    generation: int,
    relevance: Mapping[str, float],
    ratings: Ratings,
) -> list[Brief]:
    """Return what the proposals of a generation may know."""
    settings = setup.settings
    population = settings.search.population
    history = tuple(attempts(journal, setup.primary, ratings))
    failures = refused(journal)
    feedback = tuple(
        f"about reward {entry.candidate}: {entry.text}" if entry.candidate else entry.text
        for entry in journal.feedback()
    )
    return [
        Brief(
            description=settings.description,
            task=setup.task,
            folder=setup.folder,
            run_seed=settings.seed,
            proposal=generation * population + index,
            generation=generation,
            index=index,
            population=population,
            steps=settings.training.steps,
            gamma=settings.training.gamma,
            elites=settings.search.elites,
            history=history,
            failures=failures,
            notes=settings.designer.notes,
            feedback=feedback,
            judged_by=settings.search.fitness,
            relevance=relevance,
        )
        for index in range(population)
    ]


def refused(journal: Queries) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
    """Return the rewards of a run that were refused or failed in training, and why."""
    result = []
    for candidate in journal.candidates():
        if candidate.state == "failed":
            found = journal.findings(candidate=candidate.id)
            result.append((candidate.text, tuple(f.finding for f in found)))
        elif candidate.state == "rejected" and journal.decision(candidate.id) == "rejected":
            reasons = [r.text for r in journal.reviews(candidate.id) if r.action == "reject"]
            words = f"a person rejected it: {reasons[-1] or 'no reason given'}"
            result.append((candidate.text, (Finding("rejected", "error", words),)))
    for proposal in journal.proposals(state="rejected"):
        found = journal.findings(proposal=proposal.number)
        text = journal.meta(f"rejected/{proposal.number}", "")
        result.append((text, tuple(f.finding for f in found)))
    return tuple(result)


def propose_all(
    journal: Journal,
    proposer: Proposer,
    briefs: list[Brief],
    budget: Budget,
    width: int,
    stop: threading.Event,
    observe: Observer,
) -> tuple[list[str], str]:
    """Carry proposals out and return the accepted candidates, and what ended it early.

    Args:
        journal: Open for writing.
        proposer: Carries one out.
        briefs: What to propose.
        budget: Says when to stop.
        width: Proposals side by side: a language model's are, the built-in's come one by one.
        stop: Set where one of them fails for good.
        observe: Told how many there are.
    """
    opening = threading.Lock()
    reasons: list[str] = []

    def one(brief: Brief) -> str | None:
        with opening:  # so that proposals side by side cannot overshoot a limit
            if reasons:
                return None
            known = any(p.number == brief.proposal for p in journal.proposals())
            if not known and (reason := budget.exhausted()):
                reasons.append(reason)
                return None
            proposer.open(brief)
        try:
            return proposer.propose(brief)
        except BudgetExceeded as error:
            reasons.append(str(error))
            return None

    observe("proposing", generation=briefs[0].generation, count=len(briefs))
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        run: list[Callable[..., str | None]] = [contextvars.copy_context().run for _ in briefs]
        futures = [pool.submit(start, one, brief) for start, brief in zip(run, briefs, strict=True)]
        try:
            found = [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [candidate for candidate in found if candidate is not None], "".join(reasons[:1])
