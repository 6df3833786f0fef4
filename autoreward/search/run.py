"""The main job: generations of rewards, trained as a population, the winner confirmed and tested.

Everything a run knows is in its journal; `Run.execute` looks there before every step, so starting
and resuming are the same thing.
"""

from __future__ import annotations

import threading
from typing import Any

from autoreward.errors import BudgetExceeded
from autoreward.evaluation.trainer import Trainer
from autoreward.search.analyzing import Analyst
from autoreward.search.archive import Ratings, search_job
from autoreward.search.banking import start_bank, update_bank, worth_training
from autoreward.search.budget import Budget
from autoreward.search.checking import Checker, recorded_behaviour, recorded_transitions
from autoreward.search.comparison import Comparison
from autoreward.search.filming import film
from autoreward.search.generation import briefs_of, propose_all
from autoreward.search.jobs import Jobs
from autoreward.search.judging import judging, try_critic
from autoreward.search.observer import Observer
from autoreward.search.preferring import by_preference, wait_for_preferences
from autoreward.search.proposing import Proposer
from autoreward.search.reviewing import approved
from autoreward.search.setup import Setup
from autoreward.search.summary import final_jobs, summarize
from autoreward.search.team import Team, assemble
from autoreward.store.journal import Journal
from autoreward.store.records import CandidateState

_POLL_SECONDS = 0.5


class Run:
    """One run, started or resumed.

    Args:
        journal: Open for writing.
        setup: The run's fixed parts.
        observer: Told of everything that happens.
    """

    def __init__(self, journal: Journal, setup: Setup, observer: Observer) -> None:
        self._journal, self._setup, self._observe = journal, setup, observer
        self._settings = setup.settings
        self._stop = threading.Event()
        self._stopped_by = ""

    def execute(self) -> dict[str, Any]:
        """Do what is left to do and return the summary.

        `budget` in the summary says which limit ended the search early, if one did.

        Raises:
            AutorewardError: Nothing could be trained, or a part that is needed failed for good.
                The journal keeps everything; the run can be resumed.
        """
        done = self._journal.meta("summary")
        if done is not None:
            self._observe("finished", summary=done)
            return dict(done)
        self._journal.lose_calls()
        budget = Budget(self._settings, self._journal, len(self._setup.baselines))
        team = assemble(self._settings, self._journal, self._stop)
        try:
            files = self._journal.files
            with self._setup.trainer(files.directory.name, files.trainer_log) as trainer:
                self._announce(trainer, team)
                summary = self._work(trainer, team, budget)
        finally:
            self._stop.set()
            budget.keep_time(now=True)
        self._journal.set_meta("summary", summary)
        self._journal.event("run-finished")
        self._observe("finished", summary=summary)
        return summary

    def _work(self, trainer: Trainer, team: Team, budget: Budget) -> dict[str, Any]:
        journal, setup, settings = self._journal, self._setup, self._settings
        if team.critic is not None:
            try_critic(journal, team.critic, settings, self._observe)
        jobs = Jobs(journal, trainer, settings, setup.primary, self._observe)
        data = recorded_transitions(trainer, journal.files, settings.seed)
        behaviour = recorded_behaviour(trainer, journal.files, settings.seed)
        by_task = settings.search.fitness == "task"
        relevance = data.relevance(setup.folder.schema, setup.primary) if by_task else {}
        analyst = Analyst(journal, setup, team.analyzer, self._observe)
        start = start_bank(journal, setup)
        reserve = setup.reserve(journal.directory.name, spare=1)
        asked = settings.description
        if by_task:
            asked += f" {setup.task.instruction}"
        with Checker(setup, data, behaviour, reserve, asked) as checker:
            judge = judging(team.critic, setup) if team.critic is not None else None
            proposer = Proposer(journal, team.designer, checker, judge, settings, self._observe)
            for generation in range(settings.search.generations):
                checker.use(update_bank(journal, setup, behaviour, start, generation))
                briefs = briefs_of(journal, setup, generation, relevance, self._ratings())
                candidates = self._proposed(proposer, briefs, budget)
                if settings.search.review:
                    candidates = approved(journal, candidates, self._observe, budget)
                candidates = worth_training(journal, candidates, settings, self._observe)
                self._train(jobs, candidates, budget)
                self._look_at(analyst, candidates)
                if settings.search.fitness == "preference":
                    wait_for_preferences(journal, setup, self._observe, budget)
                if self._stopped_by:
                    break
        summary = self._compared(jobs, trainer, team, analyst, budget)
        update_bank(journal, setup, behaviour, start)
        return summary

    def _proposed(self, proposer: Proposer, briefs: list[Any], budget: Budget) -> list[str]:
        """Carry a generation's proposals out and return the accepted candidates."""
        asks_model = self._settings.designer.kind == "llm" or self._settings.critic.kind == "llm"
        width = self._settings.llm.concurrency if asks_model else 1
        candidates, reason = propose_all(
            self._journal, proposer, briefs, budget, width, self._stop, self._observe
        )
        if reason:
            self._stop_search(reason)
        return candidates

    def _train(self, jobs: Jobs, candidates: list[str], budget: Budget) -> None:
        names = []
        for candidate in candidates:
            record = self._journal.candidate(candidate)
            names.append(jobs.request(candidate, "search", record.text, record.formula, 0))
        self._observe("training", jobs=names)
        self._wait(jobs, names, budget)
        for candidate, name in zip(candidates, names, strict=True):
            job = self._journal.job(name)
            assert job is not None
            state: CandidateState = "trained" if job.state == "done" else "failed"
            if self._journal.candidate(candidate).state != state:
                self._journal.set_candidate_state(candidate, state)

    def _look_at(self, analyst: Analyst, candidates: list[str]) -> None:
        """Analyse what was trained, before the next generation is asked for."""
        found = (search_job(self._journal, candidate) for candidate in candidates)
        analyst.by_machine(job for job in found if job is not None)
        try:
            analyst.by_model(candidates, self._ratings())
        except BudgetExceeded as error:
            self._stop_search(str(error))

    def _compared(
        self, jobs: Jobs, trainer: Trainer, team: Team, analyst: Analyst, budget: Budget
    ) -> dict[str, Any]:
        """Confirm, choose and test; return the summary."""
        journal = self._journal
        comparison = Comparison(journal, self._setup, self._observe)

        def wait(names: list[str]) -> None:
            self._wait(jobs, names, budget)

        finalists = comparison.confirm(jobs, self._ratings(), wait, self._why_none())
        analyst.by_machine(job for name in finalists for job in final_jobs(journal, name))
        comparison.choose(finalists, self._ratings())
        comparison.test(trainer)
        summary = summarize(journal, self._setup, team.designer.name, budget.elapsed)
        file, problem = film(journal, self._setup, final_jobs(journal, summary["winner"]["id"])[0])
        liked = (self._ratings() or {}).get(summary["winner"]["id"])
        shown: dict[str, Any] = {
            "clip": str(file) if file else None,
            "clip_problem": problem or None,
            "preference": liked.to_dict() if liked else None,
        }
        return summary | shown | {"budget": self._stopped_by or None}

    def _ratings(self) -> Ratings:
        """Return people's ratings where those decide, else None."""
        chosen = self._settings.search.fitness == "preference"
        return by_preference(self._journal) if chosen else None

    def _wait(self, jobs: Jobs, names: list[str], budget: Budget) -> None:
        while jobs.unfinished(names):
            jobs.pump(_POLL_SECONDS)
            budget.keep_time()

    def _stop_search(self, reason: str) -> None:
        if not self._stopped_by:
            self._stopped_by = reason
            self._journal.event("budget-reached", reason=reason)
            self._observe("budget", reason=reason)

    def _why_none(self) -> str:
        rejected = [p.reason for p in self._journal.proposals() if p.state == "rejected"]
        failed = [str(f.finding) for f in self._journal.findings() if f.finding.severity == "error"]
        refused = [e.data["reason"] for e in self._journal.events() if e.kind == _REJECTED]
        reason = (rejected or failed or refused or [self._stopped_by or _NOTHING])[-1]
        return f"no candidate could be trained; the last reason: {reason}"

    def _announce(self, trainer: Trainer, team: Team) -> None:
        setup = self._setup
        self._observe(
            "started",
            run=self._journal.directory.name,
            environment=setup.folder.name,
            task=setup.task.name,
            reason=setup.reason,
            primary=setup.primary.name,
            designer=team.designer.name,
            model=team.designer.model,
            sandbox=setup.sandbox.name,
            device=trainer.ready["device"],
            threads=trainer.ready["threads"],
        )


_REJECTED = "candidate-rejected"
_NOTHING = "no reward was proposed"
