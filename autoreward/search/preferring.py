"""People's preferences as the fitness of a search, for tasks that no number measures.

As in REvolve (Hazra et al., arXiv 2406.01309) and in Text2Reward's novel behaviours: people see two
clips and say which policy does what was asked. The Elo rating ranks the candidates.
"""

from __future__ import annotations

import time

from autoreward.evaluation.ratings import Rating, ratings
from autoreward.search.budget import Budget
from autoreward.search.filming import film
from autoreward.search.observer import Observer
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries

_POLL_SECONDS = 0.5


def by_preference(journal: Queries) -> dict[str, Rating]:
    """Return what people think of each trained candidate, best first."""
    jobs = journal.jobs(purpose="search", state="done")
    found = ratings([job.candidate for job in jobs], journal.preferences())
    return {rating.candidate: rating for rating in found}


def wait_for_preferences(journal: Journal, setup: Setup, observe: Observer, budget: Budget) -> None:
    """Wait until every trained candidate was compared often enough.

    Preferences are written by `autoreward prefer` in another process; a run that is killed while it
    waits loses none. With one candidate there is nothing to compare.
    """
    _film_all(journal, setup, observe)
    wanted = setup.settings.search.comparisons
    missing = -1
    while True:
        found = by_preference(journal)
        short = sum(max(0, wanted - rating.comparisons) for rating in found.values())
        if short != missing:
            missing = short
            observe("preferring", missing=missing, candidates=len(found))
        if not short or len(found) < 2:
            return
        time.sleep(_POLL_SECONDS)
        budget.keep_time()


def _film_all(journal: Journal, setup: Setup, observe: Observer) -> None:
    """Film every trained policy, so that there is something to compare."""
    observe("phase", text="filming the policies")
    problems = {
        film(journal, setup, job.id)[1] for job in journal.jobs(purpose="search", state="done")
    }
    for problem in problems - {""}:
        observe("phase", text=f"no clips: {problem}")
