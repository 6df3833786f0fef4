"""Starting a run's journal and finding its parts again later: what `resume` and `show` need."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from autoreward.assets import asset_root
from autoreward.config import settings_from
from autoreward.errors import RunError, UsageError
from autoreward.schema import Fitness
from autoreward.search.setup import Setup, prepare, versions
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.rundir import new_run_directory

Kind = Literal["design", "evaluate"]
_FACTS, _PATHS = "facts", "env_paths"


def create_run(
    setup: Setup,
    kind: Kind,
    env_paths: Sequence[Path] = (),
    *,
    name: str | None = None,
    slug: str = "",
    notes: Mapping[str, Any] | None = None,
    root: Path | None = None,
) -> Journal:
    """Make a run's folder and journal.

    Args:
        setup: Its fixed parts.
        kind: What it does.
        env_paths: Where the user said environments are; kept, so that the run finds its own again.
        name: The run's name; None makes one from the date and `slug`.
        slug: A few words about the run.
        notes: Further facts to keep under their names.
        root: The folder to make it in; None is the folder of all runs.

    Raises:
        UsageError: The name cannot be used.
        RunError: It is taken.
        SandboxError: The sandbox does not work here.
    """
    facts = _facts(setup)
    directory = new_run_directory(name, slug, root)
    kept = {"kind": kind, _PATHS: _paths(setup, env_paths), _FACTS: facts, **(notes or {})}
    return Journal.create(directory, setup.settings.to_dict(), versions(), kept)


def reopen(journal: Queries, env_paths: Sequence[Path] = ()) -> Setup:
    """Return the fixed parts of a run that exists.

    Args:
        journal: Of the run.
        env_paths: Where its environment is now, if not where it was.

    Raises:
        RunError: Its journal holds no settings, or its environment is not there any more.
        UsageError: Its settings or its environment cannot be read.
    """
    config = journal.meta("config")
    if not isinstance(config, dict):
        raise RunError(f"{journal.files.database} holds no settings: the run cannot be continued")
    settings = settings_from(config, f"the settings in {journal.files.database}")
    kept = [Path(path) for path in journal.meta(_PATHS, [])]
    there = [path for path in (*env_paths, *kept) if path.exists()]
    gone = [str(path) for path in kept if not path.exists()]
    try:
        setup = prepare(settings, there)
    except UsageError as error:
        if not gone:
            raise
        raise RunError(_moved(journal, settings.env, gone, str(error))) from None
    if gone and not env_paths and _digest(setup) != facts_of(journal).get("digest"):
        here = f"the one in {setup.folder.path} is another"
        raise RunError(_moved(journal, settings.env, gone, here))
    return setup


def take_along(journal: Journal, setup: Setup, env_paths: Sequence[Path]) -> list[str]:
    """Note where a run's environment is now; return what may make its numbers differ, in words."""
    if env_paths:
        journal.set_meta(_PATHS, _paths(setup, env_paths))
    old, new = dict(journal.meta("versions", {})), versions()
    differ = [
        f"{name} {old[name]} then, {new.get(name)} now"
        for name in old
        if old[name] != new.get(name)
    ]
    words = []
    if differ:
        words.append(f"other versions than at the start: {'; '.join(differ)}")
    known = facts_of(journal).get("digest")
    if known is not None and known != _digest(setup):
        words.append(f"the files in {setup.folder.path} have changed since the start")
    return words


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
        "digest": _digest(setup),
    }


def _paths(setup: Setup, env_paths: Sequence[Path]) -> list[str]:
    """Return where the environment will be found again, wherever that is asked from."""
    if setup.folder.path.is_relative_to(asset_root("envs").resolve()):
        return [str(Path(path).resolve()) for path in env_paths]
    return [str(setup.folder.path)]


def _digest(setup: Setup) -> str:
    """Return a hash of the environment's folder."""
    root, found = setup.folder.path, hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{path.relative_to(root)} {content}\n".encode())
    return found.hexdigest()[:16]


def _moved(journal: Queries, name: str, gone: Sequence[str], why: str) -> str:
    where = " or ".join(gone)
    return (
        f"the run {journal.directory.name} needs the environment {name!r} from {where}, "
        f"which is not there any more ({why}): put it back, or `autoreward resume` with --env-path"
    )
