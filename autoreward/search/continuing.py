"""What may change about a run that exists: more generations, other limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autoreward.config import settings_from
from autoreward.errors import RunError, UsageError
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries

ZERO = "zero"
"""The policy that never acts: a baseline without training."""
_ROUND = "round"
_LIMITS = "budget."


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
    finished = journal.meta("summary") is not None
    journal.change(
        changed,
        _reopened(journal) if finished else {},
        "run-extended",
        generations=generations,
    )


def change_limits(journal: Journal, overrides: Sequence[str]) -> dict[str, Any]:
    """Raise or lower the limits of a run; nothing else about it can be changed.

    A finished run whose search was ended by a limit goes on, with a final comparison of its own as
    after `extend`.

    Args:
        journal: Open for writing.
        overrides: `budget.usd=20`, ..., as given to `--set`.

    Returns:
        The limits that are different now, by name.

    Raises:
        RunError: The journal holds no settings.
        UsageError: A bad value, or a setting that is no limit; names it.
    """
    config = journal.meta("config")
    if not isinstance(config, dict):
        raise RunError(f"{journal.files.database} holds no settings: the run cannot be continued")
    new = settings_from(config, str(journal.files.database), overrides).to_dict()
    old = settings_from(config, str(journal.files.database)).to_dict()
    before = dict(_leaves(old))
    changed = {name: value for name, value in _leaves(new) if value != before.get(name)}
    fixed = [name for name in changed if not name.startswith(_LIMITS)]
    if fixed:
        differs = ", ".join(f"{name} (it is {_yaml(before.get(name))})" for name in fixed)
        raise UsageError(
            f"a run that has begun keeps its settings, so {differs} cannot be changed by --set: "
            f"only limits can, e.g. budget.usd; start a new run for the rest"
        )
    if changed:
        summary = journal.meta("summary")
        ended = isinstance(summary, dict) and bool(summary.get("budget"))
        notes = _reopened(journal) if ended else {}
        journal.change(new, notes, "limits-changed", limits=changed)
    return changed


def comparison_round(journal: Queries) -> int:
    """Return how many final comparisons were made before the one that is next, or is there."""
    return int(journal.meta(_ROUND, 0))


def comparison_split(journal: Queries) -> str:
    """Return the name of the scores of the final comparison: `test`, `test-2`, ..."""
    number = comparison_round(journal)
    return "test" if number == 0 else f"test-{number + 1}"


def _reopened(journal: Queries) -> dict[str, Any]:
    """Return what to note so that a finished run goes on."""
    return {
        _ROUND: comparison_round(journal) + 1,
        **dict.fromkeys(("winner", ZERO, "summary")),
    }


def _leaves(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Return every setting by its dotted name."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield before + key, value


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value)
