"""Generation by generation: a search that repeats exactly, whatever the clock does.

A generation is proposed when the one before it has been decided at all rungs below a whole
training; whole trainings take long, so theirs count one generation later, and run beside the next
generations, as do those on further seeds. Who goes on at a rung is decided when all of a generation
have reached it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from autoreward.agents.designer import Brief
from autoreward.search.banking import worth_training
from autoreward.search.preferring import wait_for_preferences
from autoreward.search.racing import going_on
from autoreward.search.reviewing import approved
from autoreward.search.stage import Stage
from autoreward.search.view import View, view_now

UseBank = Callable[[View], None]
"""Lets the critic judge by the episodes of these trainings."""
Entered = list[list[str]]
"""Rung → the candidates of a generation that entered it, or of any while it was raced."""
_LATER = 1
"""Generations after which whole trainings count, beyond the next one."""


def search_by_generation(stage: Stage, use_bank: UseBank) -> None:
    """Search as many generations as the settings say, or until a limit is reached."""
    search = stage.setup.settings.search
    begun: list[Entered] = []
    for generation in range(search.generations):
        if stage.stopped_by and not _opened(stage, generation):
            break
        known = begun[: max(0, len(begun) - _lag(stage))]
        stage.wait(_whole(stage, known))
        further = _on_further_seeds(stage, generation, known, begun)
        view = _view(stage, begun)
        use_bank(view)
        candidates = _proposed(stage, generation, view)
        if search.review:
            candidates = approved(stage.journal, candidates, stage.observe, stage.budget)
        candidates = worth_training(stage.journal, candidates, stage.setup.settings, stage.observe)
        begun.append([*_raced(stage, generation, candidates, begun), *further])
        stage.explain(candidates)
        if search.fitness == "preference":
            wait_for_preferences(stage.journal, stage.setup, stage.observe, stage.budget)
    stage.wait(_whole(stage, begun))
    _on_further_seeds(stage, len(begun), begun, begun, wait=True)


def _lag(stage: Stage) -> int:
    return _LATER if stage.race.whole else 0


def _opened(stage: Stage, generation: int) -> bool:
    """Return whether a generation was begun before the run was interrupted."""
    return bool(stage.journal.proposals(generation=generation))


def _whole(stage: Stage, begun: list[Entered]) -> list[str]:
    """Return the trainings of some generations that no rung below waits for."""
    whole = stage.race.whole
    return [
        _job(stage, name, rung)
        for rungs in begun
        for rung, names in enumerate(rungs[whole:], whole)
        for name in names
    ]


def _job(stage: Stage, candidate: str, rung: int) -> str:
    return stage.race.job_id(candidate, rung)


def _view(stage: Stage, begun: list[Entered]) -> View:
    """Return what the next generation may see: what is decided, not what happens to be ready."""
    whole, known = stage.race.whole, max(0, len(begun) - _lag(stage))
    jobs = {
        _job(stage, name, rung)
        for number, rungs in enumerate(begun)
        for rung, names in enumerate(rungs)
        for name in names
        if rung < whole or number < known
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


def _raced(stage: Stage, generation: int, candidates: list[str], begun: list[Entered]) -> Entered:
    """Race a generation to whole trainings and return who entered each rung.

    Those that entered the last of these are still in training, where they were not the only rung.

    What was decided before an interruption stands.
    """
    if stage.setup.settings.search.inner == "population":
        return [_continued(stage, generation, candidates, begun)]
    race, key = stage.race, f"race/{generation}"
    decided: Entered = stage.journal.meta(key, [])
    for rung in range(race.whole + 1):
        if rung == len(decided):
            now = [*begun, decided]
            chosen = _best(stage, rung, now, now) if rung else candidates
            decided = [*decided, _taken(stage, rung, chosen)]
            stage.journal.set_meta(key, decided)
        names = [race.enter(name, rung) for name in decided[rung]]
        stage.observe("training", jobs=names)
        if rung < race.whole or not race.whole:
            stage.wait(names)
    return decided


def _on_further_seeds(
    stage: Stage, generation: int, known: list[Entered], begun: list[Entered], *, wait: bool = False
) -> Entered:
    """Train the best of the whole trainings on further seeds; return who entered each such rung.

    Args:
        stage: The search.
        generation: Beside which they are trained; the number after the last one is the end.
        known: Generations whose whole trainings have ended.
        begun: All generations so far.
        wait: Whether to wait for each rung before the next one is decided.
    """
    race, key = stage.race, f"seeds/{generation}"
    decided: Entered = stage.journal.meta(key, [])
    before: Entered = [[] for _ in range(race.whole + 1)]
    for number, rung in enumerate(range(race.whole + 1, race.last + 1)):
        if number == len(decided):
            mine = [*before, *decided]
            below = [*known, mine] if wait else known
            decided = [*decided, _taken(stage, rung, _best(stage, rung, below, [*begun, mine]))]
            stage.journal.set_meta(key, decided)
        names = [race.enter(name, rung) for name in decided[number]]
        if names:
            stage.observe("training", jobs=names)
        if wait:
            stage.wait(names)
    return decided


def _best(stage: Stage, rung: int, known: list[Entered], begun: list[Entered]) -> list[str]:
    """Return who goes on to a rung of those that are known to have reached the one before."""
    below = [name for rungs in known for names in rungs[rung - 1 : rung] for name in names]
    gone = [name for rungs in begun for names in rungs[rung : rung + 1] for name in names]
    scores = stage.race.scores(rung - 1, below)
    count = stage.race.places(rung, len(scores), at_least_one=True)
    return going_on(scores, gone, count)


def _taken(stage: Stage, rung: int, chosen: list[str]) -> list[str]:
    """Train who goes on to a rung, as far as the budget reaches; return them."""
    race = stage.race
    begun_before = set(race.entered(rung))  # by a process that was killed before it said so
    taken: list[str] = []
    for name in chosen:
        reason = "" if name in begun_before else stage.budget.may_train(race.cost(rung), rung=rung)
        if reason:
            if rung <= race.whole:  # another seed is for what is left
                stage.end_search(reason)
            break
        race.enter(name, rung)  # at once, so that the budget counts it
        taken.append(name)
    return taken


def _continued(
    stage: Stage, generation: int, candidates: list[str], begun: list[Entered]
) -> list[str]:
    """Train a generation on from the best policy of the one before (population mode)."""
    race = stage.race
    before = [_job(stage, name, race.last) for name in begun[-1][-1]] if begun else []
    names = [race.enter_from(name, generation, race.best_job(before)) for name in candidates]
    stage.observe("training", jobs=names)
    stage.wait(names)
    return candidates
