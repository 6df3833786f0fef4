"""Starting a run's journal and finding its parts again later: what `resume` and `show` need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from autoreward.config import settings_from
from autoreward.errors import RunError
from autoreward.schema import Fitness
from autoreward.search.setup import Setup, prepare, versions
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.rundir import new_run_directory

Kind = Literal["design", "evaluate"]
_FACTS = "facts"


def create_run(
    setup: Setup,
    kind: Kind,
    env_paths: Sequence[Path] = (),
    *,
    name: str | None = None,
    slug: str = "",
    notes: Mapping[str, Any] | None = None,
) -> Journal:
    """Make a run's folder and journal.

    Args:
        setup: Its fixed parts.
        kind: What it does.
        env_paths: Where the user said environments are; kept, so that the run finds its own again.
        name: The run's name; None makes one from the date and `slug`.
        slug: A few words about the run.
        notes: Further facts to keep under their names.

    Raises:
        UsageError: The name cannot be used.
        RunError: It is taken.
        SandboxError: The sandbox does not work here.
    """
    facts = _facts(setup)
    directory = new_run_directory(name, slug)
    journal = Journal.create(directory, setup.settings.to_dict(), versions())
    paths = [str(Path(path).resolve()) for path in env_paths]
    kept = {"kind": kind, "env_paths": paths, _FACTS: facts, **(notes or {})}
    for key, value in kept.items():
        journal.set_meta(key, value)
    return journal


def reopen(journal: Queries) -> Setup:
    """Return the fixed parts of a run that exists.

    Raises:
        RunError: Its journal holds no settings.
        UsageError: Its settings or its environment cannot be read (any more).
    """
    config = journal.meta("config")
    if not isinstance(config, dict):
        raise RunError(f"{journal.files.database} holds no settings: the run cannot be continued")
    settings = settings_from(config, f"the settings in {journal.files.database}")
    paths = [Path(path) for path in journal.meta("env_paths", [])]
    return prepare(settings, [path for path in paths if path.exists()])


def kind_of(journal: Queries) -> Kind:
    """Return what a run does."""
    return "evaluate" if journal.meta("kind") == "evaluate" else "design"


def facts_of(journal: Queries) -> dict[str, Any]:
    """Return environment, task, reason, primary, fitness and measures as they were at the start.

    They are there even when the environment is not any more. Empty for a run that was killed
    before it wrote them.
    """
    return dict(journal.meta(_FACTS, {}))


def fitness_vector(facts: Mapping[str, Any]) -> tuple[Fitness, ...]:
    """Return the fitness vector of `facts_of`."""
    return tuple(Fitness(**entry) for entry in facts.get("fitness", ()))


def _facts(setup: Setup) -> dict[str, Any]:
    return {
        "environment": setup.folder.name,
        "task": setup.task.name,
        "reason": setup.reason,
        "primary": setup.primary.name,
        "fitness": [asdict(entry) for entry in setup.folder.fitness],
        "measures": setup.measures,
        "sandbox": setup.choice.described,
    }
