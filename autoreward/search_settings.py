"""The settings of the search, a part of those of a run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from autoreward.layering import Section
from autoreward.quantities import Count, Fraction, Whole, whole


class SearchSettings(Section):
    """How many rewards are proposed, and how the best are found among them."""

    strategy: Literal["full", "best-of-n", "greedy", "random"] = "full"
    """`full` is all that autoreward has. The others are controls at the same cost, whose candidates
    are all trained to the end: independent drafts, changes of the best so far (as in Eureka), and
    formulas drawn evenly from the grammar."""
    operator_policy: bool = True
    """Whether operators and models are chosen by what they gained at what cost so far (Thompson
    sampling); false takes them in turn."""
    generations: Count = 4
    """Groups of candidates; later ones learn from the ones before. A language model is asked for
    `generations × population` rewards."""
    population: Count = 8
    """Candidates of a generation; where a language model is asked, candidates in training."""
    rungs: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(strict=False, min_length=1)
    ] = (0.25, 0.5, 1.0)
    """Shares of `training.steps` after which candidates are validated and only the best go on
    (ASHA, Li et al. 2020); `[1.0]` trains all to the end. Two rungs' scores are never compared."""
    eta: Annotated[int, BeforeValidator(whole), Field(ge=2)] = 2
    """One in `eta` candidates of a rung goes on."""
    seeds: Count = 2
    """Training seeds of the race: of those that were trained to the end one in `eta`, but no more
    than `elites` at a time, are trained again on the next seed, and ranked by the mean; up to so
    many. 1 ranks single trainings."""
    ordered: bool | None = None
    """True decides generation by generation and repeats exactly; false as results come in and keeps
    slots busy; null is true unless a language model is asked."""
    inner: Literal["standard", "population"] = "standard"
    """Whether policies are trained from scratch, or go on from the best policy of the generation
    before for `training.steps / generations` each (DERL-pop, Cheng et al. 2025)."""
    warm_start: str | None = None
    """A run, or a file, whose formula policy this run begins with."""
    islands: Count = 1
    """Sub-populations that only see their own candidates, and migrants."""
    migrate_every: Count = 2
    """Generations between two migrations: each island's best not yet migrated goes to the next."""
    elites: Whole = 3
    """Parents; of three or more, one is there for other fitness entries, one for its behaviour."""
    repairs: Whole = 2
    """Times a refused reward goes back to its designer with the error text."""
    finalists: Count = 2
    """Best candidates that are trained again on fresh seeds before one is called the winner."""
    confirm_seeds: Count = 3
    """Fresh training seeds for each finalist and each baseline."""
    review: bool = False
    """Whether every reward waits for a person's approval (`autoreward review`) before it runs."""
    fitness: Literal["task", "preference"] = "task"
    """What candidates are ranked by: the task's own measurement, or people's preferences between
    clips of the policies (`autoreward prefer`), where a task has no measurement."""
    comparisons: Count = 2
    """Preferences that each candidate must be part of before a generation is ranked by them."""
    skip_below: Fraction = 0.4
    """Rewards whose predicted quality on the trajectory bank is lower are not trained; 0 trains
    all. What the default saves and loses is measured in benchmarks/results/bank.md."""
    banks: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Trajectory banks to begin with: runs, or files."""

    @model_validator(mode="after")
    def _consistent(self) -> SearchSettings:
        if self.elites >= self.population:
            raise ValueError("search.elites must be smaller than search.population")
        if list(self.rungs) != sorted(set(self.rungs)) or self.rungs[-1] != 1.0:
            raise ValueError("search.rungs must rise and end with 1.0")
        if self.islands > self.population:
            raise ValueError("search.islands must not be larger than search.population")
        return self

    @property
    def racing(self) -> tuple[float, ...]:
        """The rungs in use: only those whose scores can be measured and compared."""
        return self.rungs if self._raced else (1.0,)

    @property
    def racing_seeds(self) -> int:
        """The training seeds in use."""
        return self.seeds if self._raced else 1

    @property
    def _raced(self) -> bool:
        return self.strategy == "full" and self.inner == "standard" and self.fitness == "task"
