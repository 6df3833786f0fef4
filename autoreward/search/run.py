"""The main job: generations of rewards, trained as a population, the winner confirmed and tested.

Everything a run knows is in its journal; `Run.execute` looks there before every step, so starting
and resuming are the same thing.
"""

from __future__ import annotations

import threading
from typing import Any

from autoreward.evaluation.trainer import Trainer
from autoreward.search.analyzing import Analyst
from autoreward.search.banking import start_bank, update_bank
from autoreward.search.budget import Budget
from autoreward.search.checking import Checker, recorded_behaviour, recorded_transitions
from autoreward.search.comparison import Comparison
from autoreward.search.filming import film
from autoreward.search.generations import search_by_generation
from autoreward.search.jobs import Jobs
from autoreward.search.judging import judging, try_critic
from autoreward.search.learning import keep_policy, keep_warm_start
from autoreward.search.novelty import Novelty
from autoreward.search.observer import Observer
from autoreward.search.proposing import Proposer
from autoreward.search.racing import Race
from autoreward.search.setup import Setup
from autoreward.search.stage import Stage
from autoreward.search.steady import search_steadily
from autoreward.search.summary import final_jobs, summarize
from autoreward.search.team import Team, assemble
from autoreward.search.view import View
from autoreward.store.journal import Journal


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
        budget = Budget(self._settings, self._journal, len(self._setup.baselines), self._observe)
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
        keep_warm_start(journal, settings)
        jobs = Jobs(journal, trainer, settings, setup.primary, self._observe)
        data = recorded_transitions(trainer, journal.files, settings.seed)
        behaviour = recorded_behaviour(trainer, journal.files, settings.seed)
        by_task = settings.search.fitness == "task"
        analyst = Analyst(journal, setup, team.analyzer, self._observe)
        start = start_bank(journal, setup)
        reserve = setup.reserve(journal.directory.name, spare=1)
        asked = settings.description
        if by_task:
            asked += f" {setup.task.instruction}"
        with Checker(setup, data, behaviour, reserve, asked) as checker:
            judge = judging(team.critic, setup) if team.critic is not None else None
            novelty = Novelty(journal, setup)
            proposer = Proposer(journal, team, checker, judge, novelty, settings, self._observe)
            stage = Stage(
                journal=journal,
                setup=setup,
                jobs=jobs,
                race=Race(journal, jobs, settings, setup.primary),
                proposer=proposer,
                analyst=analyst,
                budget=budget,
                models=tuple(team.models),
                relevance=data.relevance(setup.folder.schema, setup.primary) if by_task else {},
                observe=self._observe,
                stop=self._stop,
            )

            def use_bank(view: View) -> None:
                checker.use(update_bank(journal, setup, behaviour, start, view))

            search = search_by_generation if settings.ordered else search_steadily
            search(stage, use_bank)
            stage.finish_race()
        keep_policy(journal, setup)
        summary = self._compared(stage, trainer, team)
        update_bank(journal, setup, behaviour, start)
        return summary

    def _compared(self, stage: Stage, trainer: Trainer, team: Team) -> dict[str, Any]:
        """Confirm, choose and test; return the summary."""
        journal = self._journal
        comparison = Comparison(journal, self._setup, self._observe)
        finalists = comparison.confirm(
            stage.jobs, stage.ratings(), stage.finish, self._why_none(stage.stopped_by)
        )
        finals = [job for name in finalists for job in final_jobs(journal, name)]
        stage.analyst.by_machine(finals)
        comparison.choose(finalists, stage.ratings())
        comparison.test(trainer)
        summary = summarize(journal, self._setup, team.name, stage.budget.elapsed)
        file, problem = film(journal, self._setup, final_jobs(journal, summary["winner"]["id"])[0])
        liked = (stage.ratings() or {}).get(summary["winner"]["id"])
        shown: dict[str, Any] = {
            "clip": str(file) if file else None,
            "clip_problem": problem or None,
            "preference": liked.to_dict() if liked else None,
        }
        return summary | shown | {"budget": stage.stopped_by or None}

    def _why_none(self, limit: str) -> str:
        rejected = [p.reason for p in self._journal.proposals() if p.state == "rejected"]
        failed = [str(f.finding) for f in self._journal.findings() if f.finding.severity == "error"]
        refused = [e.data["reason"] for e in self._journal.events() if e.kind == _REJECTED]
        reason = (rejected or failed or refused or [limit or _NOTHING])[-1]
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
            designer=team.name,
            model=next(iter(team.models), None),
            sandbox=setup.sandbox.name,
            device=trainer.ready["device"],
            threads=trainer.ready["threads"],
        )


_REJECTED = "candidate-rejected"
_NOTHING = "no reward was proposed"
