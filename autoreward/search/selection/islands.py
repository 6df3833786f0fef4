"""Islands: sub-populations in a ring, each of which sees its own candidates and the migrants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoreward.agents.designer import Attempt
from autoreward.search_settings import SearchSettings


def island_of(proposal: int, population: int, islands: int) -> int:
    """Return the island of a proposal: the places of a generation are dealt out in turn."""
    return proposal % population % islands


def visible_on(
    history: Sequence[Attempt], numbers: Mapping[str, int], proposal: int, search: SearchSettings
) -> tuple[Attempt, ...]:
    """Return the attempts that a proposal may see, in the order of the history.

    They are those of its own island, what belongs to no proposal, and migrants. At every
    `migrate_every`-th generation the best attempt of each island that has not moved yet becomes
    visible on the next island, too; there is never a copy of it. All that decides is in the
    arguments, so a resumed run comes to the same answer.

    Args:
        history: Best first.
        numbers: Candidate → number of the proposal that made it.
        proposal: Number of the proposal that looks.
        search: Has population, islands and migrate_every.
    """
    if search.islands == 1:
        return tuple(history)
    here = island_of(proposal, search.population, search.islands)
    guests = _guests(history, numbers, proposal // search.population, search)

    def visible(attempt: Attempt) -> bool:
        number = numbers.get(attempt.id)
        home = None if number is None else island_of(number, search.population, search.islands)
        return home in (None, here) or guests.get(attempt.id) == here

    return tuple(attempt for attempt in history if visible(attempt))


def _guests(
    history: Sequence[Attempt], numbers: Mapping[str, int], generation: int, search: SearchSettings
) -> dict[str, int]:
    """Return the migrants up to a generation: candidate → the island it is a guest of."""
    guests: dict[str, int] = {}
    for time in range(search.migrate_every, generation + 1, search.migrate_every):
        leaving: dict[int, str] = {}
        for attempt in history:  # best first
            number = numbers.get(attempt.id)
            if number is None or attempt.id in guests or number // search.population >= time:
                continue
            leaving.setdefault(island_of(number, search.population, search.islands), attempt.id)
        guests |= {name: (island + 1) % search.islands for island, name in leaving.items()}
    return guests
