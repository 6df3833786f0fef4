"""What a design run is going to do, in words."""

from __future__ import annotations

from autoreward.config import Settings
from autoreward.report.format import count, plural
from autoreward.report.result import CONTROLS
from autoreward.search.rungs import rungs_of

_FRACTIONS = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}


def plan_words(settings: Settings) -> str:
    """Return how many candidates there are, how long they are trained, and what comes then."""
    search = settings.search
    finalists, seeds = (
        plural(search.finalists, "finalist"),
        plural(search.confirm_seeds, "fresh seed"),
    )
    return f"{_rounds(settings)}; then {finalists} and baselines on {seeds}"


def unusual(settings: Settings) -> dict[str, str]:
    """Return what is not as usual about the search."""
    search = settings.search
    facts = {}
    if search.strategy in CONTROLS:
        facts["strategy"] = CONTROLS[search.strategy]
    elif not search.operator_policy:
        facts["operators"] = "taken in turn, whatever they gained so far"
    if search.islands > 1:
        every = f"every {plural(search.migrate_every, 'generation')}"
        facts["islands"] = f"{search.islands}, which see their own candidates and migrants {every}"
    if search.warm_start is not None:
        facts["begins with"] = f"the formula policy of {search.warm_start}"
    return facts


def _rounds(settings: Settings) -> str:
    search, steps = settings.search, count(settings.training.steps)
    if settings.ordered:
        rounds = plural(search.generations, "generation")
        text = f"{rounds} of {plural(search.population, 'candidate')}"
    else:
        text = (
            f"{plural(search.generations * search.population, 'candidate')}, asked for one by one"
        )
    if search.inner == "population":
        share = count(settings.training.steps / search.generations)
        return f"{text}; policies go on from the best of the generation before, {share} steps each"
    rungs, best = rungs_of(settings), f"best {_FRACTIONS.get(search.eta, f'1 in {search.eta}')}"
    shares = [f"{rung.steps / rungs[-1].steps:.0%}" for rung in rungs if rung.seeds == 1][:-1]
    if shares:
        at = " and ".join(dict.fromkeys(shares))
        text += f"; at {at} of {steps} steps only the {best} goes on"
    else:
        text += f", {steps} steps each"
    if seeds := rungs[-1].seeds - 1:
        text += f"; the best of those trained whole again on {plural(seeds, 'further seed')}"
    return text
