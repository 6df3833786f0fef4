"""More generations for a run that is finished: what people said about its winner is then read."""

from __future__ import annotations

from typing import Any

from autoreward.config import settings_from
from autoreward.errors import RunError
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries

ZERO = "zero"
"""The policy that never acts: a baseline without training."""
_ROUND = "round"


def extend(journal: Journal, generations: int) -> None:
    """Let a finished or interrupted run search `generations` more.

    The final comparison is made anew, on test seeds that nobody has seen yet: after a look at the
    first ones they are test seeds no more.

    Raises:
        RunError: The run is no search.
    """
    config = journal.meta("config")
    if journal.meta("kind") == "evaluate" or not isinstance(config, dict):
        raise RunError(f"{journal.directory.name} is no search: there are no generations to add")
    search = dict(config["search"])
    search["generations"] = int(search["generations"]) + generations
    changed = {**config, "search": search}
    settings_from(changed, str(journal.files.database))  # so that what is kept can be read
    notes: dict[str, Any] = {}
    if journal.meta("summary") is not None:
        notes = {_ROUND: comparison_round(journal) + 1}
        notes |= dict.fromkeys(("winner", ZERO, "summary"))
    journal.extend(changed, generations, notes)


def comparison_round(journal: Queries) -> int:
    """Return how many final comparisons were made before the one that is next, or is there."""
    return int(journal.meta(_ROUND, 0))


def comparison_split(journal: Queries) -> str:
    """Return the name of the scores of the final comparison: `test`, `test-2`, ..."""
    number = comparison_round(journal)
    return "test" if number == 0 else f"test-{number + 1}"
