"""The main job: generations of rewards, trained as a population, the winner confirmed and tested.

Everything a run knows is in its journal; `Run.execute` looks there before every step, so starting
and resuming are the same thing.
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import threading
from typing import Any

from autoreward.agents.builtin import BuiltinDesigner
from autoreward.agents.designer import Brief, Designer
from autoreward.errors import AutorewardError, BudgetExceeded
from autoreward.evaluation.statistics import lower_confidence
from autoreward.evaluation.trainer import Trainer
from autoreward.findings import Finding
from autoreward.search.archive import attempts
from autoreward.search.budget import Budget
from autoreward.search.checking import Checker, recorded_transitions
from autoreward.search.jobs import CONFIRM_SEEDS_FROM, Jobs, fitness_of, policy_path
from autoreward.search.observer import Observer
from autoreward.search.proposing import JournaledCalls, Proposer
from autoreward.search.setup import Setup, formula_of
from autoreward.search.summary import ZERO, final_jobs, summarize
from autoreward.store.journal import Journal
from autoreward.store.records import CandidateState
from autoreward.training.messages import Measure

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
        designer = self._designer()
        try:
            files = self._journal.files
            with self._setup.trainer(files.directory.name, files.trainer_log) as trainer:
                self._announce(trainer, designer)
                summary = self._work(trainer, designer, budget)
        finally:
            self._stop.set()
            budget.keep_time(now=True)
        self._journal.set_meta("summary", summary)
        self._journal.event("run-finished")
        self._observe("finished", summary=summary)
        return summary

    def _work(self, trainer: Trainer, designer: Designer, budget: Budget) -> dict[str, Any]:
        setup, settings = self._setup, self._settings
        jobs = Jobs(self._journal, trainer, settings, setup.primary, self._observe)
        data = recorded_transitions(trainer, self._journal.files, settings.seed)
        reserve = setup.reserve(self._journal.directory.name, spare=1)
        repairs = settings.search.repairs
        relevance = data.relevance(setup.folder.schema, setup.primary)
        with Checker(setup.folder.schema, data, reserve) as checker:
            proposer = Proposer(self._journal, designer, checker, repairs, self._observe)
            for generation in range(settings.search.generations):
                candidates = self._generation(proposer, generation, relevance, budget)
                self._train(jobs, candidates, budget)
                if self._stopped_by:
                    break
        finalists = self._confirm(jobs, budget)
        self._choose(finalists)
        self._test(trainer)
        summary = summarize(self._journal, setup, designer.name, budget.elapsed)
        return summary | {"budget": self._stopped_by or None}

    def _generation(
        self,
        proposer: Proposer,
        generation: int,
        relevance: dict[str, float],
        budget: Budget,
    ) -> list[str]:
        """Propose a generation and return its accepted candidates."""
        settings, setup = self._settings, self._setup
        population = settings.search.population
        history = tuple(attempts(self._journal, setup.primary))
        failures = self._failures()
        briefs = [
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
                relevance=relevance,
            )
            for index in range(population)
        ]
        self._observe("proposing", generation=generation, count=population)
        return [c for c in self._propose_all(proposer, briefs, budget) if c is not None]

    def _propose_all(
        self, proposer: Proposer, briefs: list[Brief], budget: Budget
    ) -> list[str | None]:
        """Carry proposals out: a language model's side by side, the built-in's one by one."""
        opening = threading.Lock()

        def one(brief: Brief) -> str | None:
            with opening:  # so that proposals side by side cannot overshoot a limit
                if self._stopped_by:
                    return None
                known = any(p.number == brief.proposal for p in self._journal.proposals())
                if not known and (reason := budget.exhausted()):
                    self._stop_search(reason)
                    return None
                proposer.open(brief)
            try:
                return proposer.propose(brief)
            except BudgetExceeded as error:
                self._stop_search(str(error))
                return None

        asks_model = self._settings.designer.kind == "llm"
        width = self._settings.llm.concurrency if asks_model else 1
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            futures = [pool.submit(contextvars.copy_context().run, one, brief) for brief in briefs]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _stop_search(self, reason: str) -> None:
        if not self._stopped_by:
            self._stopped_by = reason
            self._journal.event("budget-reached", reason=reason)
            self._observe("budget", reason=reason)

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

    def _confirm(self, jobs: Jobs, budget: Budget) -> list[str]:
        """Train the best candidates again on fresh seeds, and the baselines beside them."""
        setup = self._setup
        ranked = attempts(self._journal, setup.primary)
        if not ranked:
            raise AutorewardError(self._why_none())
        finalists = [attempt.id for attempt in ranked[: self._settings.search.finalists]]
        self._observe("phase", text="confirming on fresh training seeds")
        texts = {name: self._journal.candidate(name).text for name in finalists} | setup.baselines
        count = self._settings.search.confirm_seeds
        names = [
            jobs.request(
                name,
                "baseline" if name in setup.baselines else "confirm",
                text,
                formula_of(text),
                CONFIRM_SEEDS_FROM + index,
            )
            for name, text in texts.items()
            for index in range(count)
        ]
        self._observe("training", jobs=names)
        self._wait(jobs, names, budget)
        confirmed = [name for name in finalists if final_jobs(self._journal, name)]
        if not confirmed:
            raise AutorewardError(
                "no finalist could be trained on fresh seeds: see `autoreward show` for why"
            )
        return confirmed

    def _choose(self, finalists: list[str]) -> None:
        """Name the finalist with the best cautious score on validation seeds the winner."""
        primary = self._setup.primary

        def score(candidate: str) -> float:
            jobs = final_jobs(self._journal, candidate)
            fitness = fitness_of(self._journal, jobs, "validation")
            return lower_confidence(fitness[primary.name], primary.direction)

        self._journal.set_meta("winner", max(finalists, key=score))

    def _test(self, trainer: Trainer) -> None:
        """Measure winner and baselines on test seeds, once."""
        self._observe("phase", text="measuring on test seeds")
        names = [self._journal.meta("winner"), *self._setup.baselines]
        wanted = [job for name in names for job in final_jobs(self._journal, name)]
        missing = [job for job in wanted if not self._journal.scores(job, "test")]
        zero_known = self._journal.meta(ZERO) is not None
        if not missing and zero_known:
            return
        paths: list[str | None] = [str(policy_path(self._journal, job)) for job in missing]
        seeds = (self._settings.seed, self._settings.validation.test_episodes)
        order = Measure("test", (*paths, None), "test", seeds)
        scores = trainer.ask(order)["scores"]
        for job, vector in zip(missing, scores[:-1], strict=True):
            self._journal.add_scores(job, {"test": vector})
        self._journal.set_meta(ZERO, scores[-1])

    def _wait(self, jobs: Jobs, names: list[str], budget: Budget) -> None:
        while jobs.unfinished(names):
            jobs.pump(_POLL_SECONDS)
            budget.keep_time()

    def _failures(self) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
        """Return the rewards of this run that were refused or failed in training, and why."""
        result = []
        for candidate in self._journal.candidates():
            if candidate.state == "failed":
                found = self._journal.findings(candidate=candidate.id)
                result.append((candidate.text, tuple(f.finding for f in found)))
        for proposal in self._journal.proposals():
            if proposal.state == "rejected":
                found = self._journal.findings(proposal=proposal.number)
                text = self._journal.meta(f"rejected/{proposal.number}", "")
                result.append((text, tuple(f.finding for f in found)))
        return tuple(result)

    def _why_none(self) -> str:
        rejected = [p.reason for p in self._journal.proposals() if p.state == "rejected"]
        failed = [str(f.finding) for f in self._journal.findings() if f.finding.severity == "error"]
        reason = (rejected or failed or [self._stopped_by or "no reward was proposed"])[-1]
        return f"no candidate could be trained; the last reason: {reason}"

    def _announce(self, trainer: Trainer, designer: Designer) -> None:
        setup = self._setup
        self._observe(
            "started",
            run=self._journal.directory.name,
            environment=setup.folder.name,
            task=setup.task.name,
            reason=setup.reason,
            primary=setup.primary.name,
            designer=designer.name,
            model=designer.model,
            sandbox=setup.sandbox.name,
            device=trainer.ready["device"],
            threads=trainer.ready["threads"],
        )

    def _designer(self) -> Designer:
        if self._settings.designer.kind == "builtin":
            return BuiltinDesigner()
        from autoreward.agents.llm_designer import LLMDesigner
        from autoreward.agents.prompts import PromptLibrary
        from autoreward.llm.factory import make_llm
        from autoreward.llm.ledger import Ledger, Spent

        files, limits = self._journal.files, self._settings.budget
        if not files.prompts.exists():
            PromptLibrary().snapshot(files.prompts)
        totals = self._journal.spent()
        spent = Spent(totals.usd, totals.tokens, totals.calls)
        ledger = Ledger(limits.usd, limits.tokens, spent, JournaledCalls(self._journal))
        llm = make_llm(self._settings.llm, files.llm, ledger, stop=self._stop)
        return LLMDesigner(llm, self._settings.llm, PromptLibrary(files.prompts))
