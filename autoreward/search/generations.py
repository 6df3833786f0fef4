"""Generation by generation: a search that repeats exactly, whatever the clock does.

A generation is proposed when the one before it has been decided at all rungs but the last; whole
trainings take long, so theirs count one generation later, and run beside the next generations. Who
goes on at a rung is decided when all of a generation have reached it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from autoreward.agents.designer import Brief
from autoreward.search.banking import worth_training
from autoreward.search.preferring import wait_for_preferences
from autoreward.search.racing import going_on, places
from autoreward.search.reviewing import approved
from autoreward.search.stage import Stage
from autoreward.search.view import View, view_now

UseBank = Callable[[View], None]
"""Lets the critic judge by the episodes of these trainings."""
_LATER = 1
"""Generations after which whole trainings count, beyond the next one."""


def search_by_generation(stage: Stage, use_bank: UseBank) -> None:
    """Search as many generations as the settings say, or until a limit is reached."""
    search = stage.setup.settings.search
    begun: list[list[list[str]]] = []
    for generation in range(search.generations):
        if stage.stopped_by and not _opened(stage, generation):
            break
        stage.wait(_whole(stage, begun[: max(0, len(begun) - _lag(stage))]))
        view = _view(stage, begun)
        use_bank(view)
        candidates = _proposed(stage, generation, view)
        if search.review:
            candidates = approved(stage.journal, candidates, stage.observe, stage.budget)
        candidates = worth_training(stage.journal, candidates, stage.setup.settings, stage.observe)
        begun.append(_raced(stage, generation, candidates, begun))
        stage.explain(candidates)
        if search.fitness == "preference":
            wait_for_preferences(stage.journal, stage.setup, stage.observe, stage.budget)
    stage.wait(_whole(stage, begun))


def _lag(stage: Stage) -> int:
    return _LATER if stage.race.last else 0


def _opened(stage: Stage, generation: int) -> bool:
    """Return whether a generation was begun before the run was interrupted."""
    return bool(stage.journal.proposals(generation=generation))


def _whole(stage: Stage, begun: list[list[list[str]]]) -> list[str]:
    """Return the trainings to the last rung of some generations."""
    return [_job(stage, name, stage.race.last) for rungs in begun for name in rungs[-1]]


def _job(stage: Stage, candidate: str, rung: int) -> str:
    return stage.race.job_id(candidate, rung)


def _view(stage: Stage, begun: list[list[list[str]]]) -> View:
    """Return what the next generation may see: what is decided, not what happens to be ready."""
    last, known = stage.race.last, max(0, len(begun) - _lag(stage))
    jobs = {
        _job(stage, name, rung)
        for number, rungs in enumerate(begun)
        for rung, names in enumerate(rungs)
        for name in names
        if rung < last or number < known
    }
    population = stage.setup.settings.search.population
    return view_now(stage.journal, jobs, range(len(begun) * population))


def _proposed(stage: Stage, generation: int, view: View) -> list[str]:
    """Carry a generation's proposals out and return the accepted candidates."""
    settings = stage.setup.settings
    population = settings.search.population
    numbers = range(generation * population, (generation + 1) * population)
    stage.observe("proposing", generation=generation, count=population)
    asks_model = bool(stage.models) or settings.critic.kind == "llm"
    briefs: list[Brief] = []
    if asks_model:
        for number in numbers:
            brief = stage.open(number, view)
            if brief is not None:
                briefs.append(brief)
        with ThreadPoolExecutor(settings.llm.concurrency) as pool:
            contexts = [copy_context() for _ in briefs]
            futures = [
                pool.submit(context.run, stage.carry_out, brief)
                for context, brief in zip(contexts, briefs, strict=True)
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                stage.stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    else:
        for number in numbers:
            brief = stage.open(number, view)
            if brief is not None:
                stage.carry_out(brief)
    return stage.accepted(numbers)


def _raced(
    stage: Stage, generation: int, candidates: list[str], begun: list[list[list[str]]]
) -> list[list[str]]:
    """Race a generation and return who entered each rung; the last rung's are still in training.

    What was decided before an interruption stands.
    """
    if stage.setup.settings.search.inner == "population":
        return [_continued(stage, generation, candidates, begun)]
    race, key = stage.race, f"race/{generation}"
    decided: list[list[str]] = stage.journal.meta(key, [])
    for rung in range(race.last + 1):
        if rung == len(decided):
            decided = [*decided, _entrants(stage, rung, candidates, [*begun, decided])]
            stage.journal.set_meta(key, decided)
        names = [race.enter(name, rung) for name in decided[rung]]
        stage.observe("training", jobs=names)
        if rung < race.last or not race.last:
            stage.wait(names)
    return decided


def _entrants(
    stage: Stage, rung: int, candidates: list[str], begun: list[list[list[str]]]
) -> list[str]:
    """Train who goes on to a rung, as far as the budget reaches; return them."""
    race = stage.race
    if rung == 0:
        chosen = candidates
    else:
        below = [name for rungs in begun for names in rungs[rung - 1 : rung] for name in names]
        gone = [name for rungs in begun for names in rungs[rung : rung + 1] for name in names]
        scores = race.scores(rung - 1, below)
        count = places(len(scores), stage.setup.settings.search.eta, at_least_one=True)
        chosen = going_on(scores, gone, count)
    begun_before = set(race.entered(rung))  # by a process that was killed before it said so
    taken: list[str] = []
    for name in chosen:
        reason = "" if name in begun_before else stage.budget.may_train(race.cost(rung), rung=rung)
        if reason:
            stage.end_search(reason)
            break
        race.enter(name, rung)  # at once, so that the budget counts it
        taken.append(name)
    return taken


def _continued(
    stage: Stage, generation: int, candidates: list[str], begun: list[list[list[str]]]
) -> list[str]:
    """Train a generation on from the best policy of the one before (population mode)."""
    race = stage.race
    before = [_job(stage, name, race.last) for name in begun[-1][-1]] if begun else []
    names = [race.enter_from(name, generation, race.best_job(before)) for name in candidates]
    stage.observe("training", jobs=names)
    stage.wait(names)
    return candidates
