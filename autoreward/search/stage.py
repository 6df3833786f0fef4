"""What the two ways to search share: proposals are opened, carried out, admitted and raced here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from autoreward.agents.designer import Brief
from autoreward.errors import BudgetExceeded, LLMError
from autoreward.search.analyzing import Analyst
from autoreward.search.archive import Ratings
from autoreward.search.briefing import brief_of
from autoreward.search.budget import Budget
from autoreward.search.jobs import Jobs
from autoreward.search.observer import Observer
from autoreward.search.operator_policy import Arm
from autoreward.search.planning import plan
from autoreward.search.preferring import by_preference
from autoreward.search.proposing import Proposer
from autoreward.search.racing import Race
from autoreward.search.setup import Setup
from autoreward.search.view import View, keep_view, view_of
from autoreward.store.journal import Journal
from autoreward.store.records import CandidateState

POLL_SECONDS = 0.5
Choose = Callable[[Brief], Arm]
"""How a proposal is made, given what it may know."""
_TRIES = 2
"""Of a proposal whose model cannot be asked; each request is tried `llm.attempts` times itself."""


@dataclass
class Stage:
    """The parts of a search, and what every way to search does with them."""

    journal: Journal
    setup: Setup
    jobs: Jobs
    race: Race
    proposer: Proposer
    analyst: Analyst
    budget: Budget
    models: tuple[str, ...]
    """Language models that design; empty for the built-in designer."""
    relevance: Mapping[str, float]
    observe: Observer
    stop: threading.Event
    """Ends waits of the language models."""
    stopped_by: str = ""
    """The limit that ended the search early."""

    @property
    def proposals(self) -> int:
        """How many proposals the run may make."""
        search = self.setup.settings.search
        return search.generations * search.population

    def ratings(self) -> Ratings:
        """Return people's ratings where those decide, else None."""
        chosen = self.setup.settings.search.fitness == "preference"
        return by_preference(self.journal) if chosen else None

    def open(self, number: int, view: View, choose: Choose | None = None) -> Brief | None:
        """Open a proposal, or take up an open one, and return its brief.

        The decision how to make it is written down before anything is spent on it; a proposal that
        was opened before the run was interrupted is made as it was decided then. None for one that
        is closed, or where a limit is reached.

        Args:
            number: Of the proposal.
            view: What it may see, if it is opened now.
            choose: Decides how it is made; None for the operator policy.
        """
        known = next((p for p in self.journal.proposals() if p.number == number), None)
        if known is not None and known.state != "open":
            return None
        if known is None:
            if reason := self.budget.may_propose(asks_model=bool(self.models)):
                self.end_search(reason)
                return None
            keep_view(self.journal, number, view)
        else:
            view = view_of(self.journal, number) or view
        brief = brief_of(self.journal, self.setup, number, view, self.relevance, self.ratings())
        if known is None:
            chosen = (
                plan(self.journal, self.setup, brief, view, self.models)
                if choose is None
                else choose(brief)
            )
            known = self.journal.open_proposal(
                number,
                generation=brief.generation,
                operator=chosen.operator,
                model=chosen.model,
            )
        operator = known.operator
        self.observe("asking", proposal=number, operator=operator, model=known.model)
        return replace(brief, operator=operator, model=known.model)  # type: ignore[arg-type]

    def carry_out(self, brief: Brief) -> str | None:
        """Carry an open proposal out and return the accepted candidate, if one came of it.

        Raises:
            LLMError: The language model cannot be asked; the proposal stays open.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                return self._propose(brief)
            except LLMError as error:
                if not error.transient or attempt == _TRIES or self.stop.is_set():
                    raise
        raise AssertionError("unreachable")

    def _propose(self, brief: Brief) -> str | None:
        try:
            return self.proposer.propose(brief)
        except BudgetExceeded as error:
            self.end_search(str(error))
            return None

    def accepted(self, numbers: Iterable[int]) -> list[str]:
        """Return the candidates that came of some proposals, in their order, each once."""
        wanted = set(numbers)
        found = [
            p.candidate for p in self.journal.proposals(state="accepted") if p.number in wanted
        ]
        return list(dict.fromkeys(name for name in found if name is not None))

    def wait(self, names: Iterable[str]) -> None:
        """Wait for trainings of the search, and note what became of them."""
        wanted = list(names)
        self.finish(wanted)
        self.settle(wanted)

    def finish(self, names: list[str]) -> None:
        """Wait for some trainings to end, taking in whatever ends."""
        while self.jobs.unfinished(names):
            self.jobs.pump(POLL_SECONDS)
            self.budget.keep_time()

    def settle(self, names: Iterable[str]) -> None:
        """Note what became of the candidates of trainings that have ended, and look at them."""
        for name in names:
            job = self.journal.job(name)
            if job is None or job.state not in ("done", "failed"):
                continue
            fails = job.state == "failed" and not job.training_seed
            state: CandidateState = "failed" if fails else "trained"
            if self.journal.candidate(job.candidate).state != state:
                self.journal.set_candidate_state(job.candidate, state)
            if job.state == "done" and self._looked_at(job.steps):
                early = self.race.whole > 0 and job.steps < self.race.rungs[-1].steps
                self.analyst.by_machine([name], early=early)

    def end_search(self, reason: str) -> None:
        """Propose no more; what is in training goes on."""
        if not self.stopped_by:
            self.stopped_by = reason
            self.journal.event("budget-reached", reason=reason)
            self.observe("budget", reason=reason)

    def finish_race(self) -> None:
        """Train as many candidates to the end as there are to be finalists."""
        wanted = self.setup.settings.search.finalists
        while entrants := self.race.short_of(wanted):
            names = []
            for name, rung in entrants:
                if reason := self.budget.may_train(self.race.cost(rung), rung=rung):
                    self.end_search(reason)
                    break
                names.append(self.race.enter(name, rung))
            if not names:
                return
            self.observe("training", jobs=names)
            self.wait(names)

    def explain(self, candidates: Iterable[str]) -> None:
        """Have a language model explain the best of some candidates, where one is asked to."""
        try:
            self.analyst.by_model(list(candidates), self.ratings())
        except BudgetExceeded as error:
            self.end_search(str(error))

    def _looked_at(self, steps: int) -> bool:
        """Return whether a training of that length is worth an analysis.

        The built-in designer reads none: there the whole trainings are enough.
        """
        return bool(self.models) or steps >= self.race.rungs[-1].steps or not self.race.whole
