"""The final comparison: finalists and baselines on fresh training seeds, then on test seeds."""

from __future__ import annotations

from collections.abc import Callable

from autoreward.errors import AutorewardError
from autoreward.evaluation.statistics import lower_confidence
from autoreward.evaluation.trainer import Trainer
from autoreward.search.archive import Ratings, attempts
from autoreward.search.continuing import ZERO, comparison_round, comparison_split
from autoreward.search.jobs import CONFIRM_SEEDS_FROM, Jobs, fitness_of, policy_path
from autoreward.search.observer import Observer
from autoreward.search.setup import Setup, formula_of
from autoreward.search.summary import final_jobs
from autoreward.store.journal import Journal
from autoreward.training.messages import ZERO as ZERO_POLICY
from autoreward.training.messages import Measure


class Comparison:
    """Confirms the best candidates, names the winner, and measures it beside the baselines.

    Args:
        journal: Open for writing.
        setup: The run's fixed parts.
        observer: Told of everything.
    """

    def __init__(self, journal: Journal, setup: Setup, observer: Observer) -> None:
        self._journal, self._setup, self._observe = journal, setup, observer

    def confirm(
        self, jobs: Jobs, ratings: Ratings, wait: Callable[[list[str]], None], why_none: str
    ) -> list[str]:
        """Train the best candidates again on fresh seeds, and the baselines beside them.

        Args:
            jobs: Carries trainings out.
            ratings: What candidates are ranked by.
            wait: Returns when these jobs have ended.
            why_none: What to say where there is no candidate.

        Returns:
            The finalists.

        Raises:
            AutorewardError: There is no candidate, or no finalist could be trained.
        """
        setup, journal, search = self._setup, self._journal, self._setup.settings.search
        ranked = attempts(journal, setup.primary, ratings)
        if not ranked:
            raise AutorewardError(why_none)
        finalists = [attempt.id for attempt in ranked[: search.finalists]]
        finalists += [a.id for a in ranked if a.pinned and a.id not in finalists]
        self._observe("phase", text="confirming on fresh training seeds")
        texts = {name: journal.candidate(name).text for name in finalists} | setup.baselines
        names = [
            jobs.request(
                name,
                "baseline" if name in setup.baselines else "confirm",
                text,
                formula_of(text),
                CONFIRM_SEEDS_FROM + index,
            )
            for name, text in texts.items()
            for index in range(search.confirm_seeds)
        ]
        self._observe("training", jobs=names)
        wait(names)
        confirmed = [name for name in finalists if final_jobs(journal, name)]
        if not confirmed:
            raise AutorewardError(
                "no finalist could be trained on fresh seeds: see `autoreward show` for why"
            )
        return confirmed

    def choose(self, finalists: list[str], ratings: Ratings) -> None:
        """Name the winner.

        It is the finalist with the best cautious score on validation seeds, or, where people's
        preferences decide, the one they like best.
        """
        primary = self._setup.primary

        def score(candidate: str) -> float:
            if ratings is not None:
                return ratings[candidate].elo if candidate in ratings else float("-inf")
            jobs = final_jobs(self._journal, candidate)
            fitness = fitness_of(self._journal, jobs, "validation")
            return lower_confidence(fitness[primary.name], primary.direction)

        self._journal.set_meta("winner", max(finalists, key=score))

    def test(self, trainer: Trainer) -> None:
        """Measure winner and baselines on test seeds that nobody has seen, once."""
        self._observe("phase", text="measuring on test seeds")
        journal, settings = self._journal, self._setup.settings
        split, count = comparison_split(journal), settings.validation.test_episodes
        names = [journal.meta("winner"), *self._setup.baselines]
        wanted = [job for name in names for job in final_jobs(journal, name)]
        missing = [job for job in wanted if not journal.scores(job, split)]
        if not missing and journal.meta(ZERO) is not None:
            return
        paths = [str(policy_path(journal, job)) for job in missing]
        seeds = (settings.seed, comparison_round(journal) * count, count)
        answer = trainer.ask(Measure("test", (*paths, ZERO_POLICY), "test", seeds))
        for job, vector in zip(missing, answer["scores"][:-1], strict=True):
            journal.add_scores(job, {split: vector})
        journal.set_meta(ZERO, answer["scores"][-1])
