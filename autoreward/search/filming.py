"""Clips of a run's policies: a picture helps people, and its lack never ends a run."""

from __future__ import annotations

from pathlib import Path

from autoreward.errors import AutorewardError
from autoreward.evaluation.clips import clip
from autoreward.search.setup import Setup
from autoreward.store.queries import Queries


def film(journal: Queries, setup: Setup, name: str) -> tuple[Path | None, str]:
    """Film the median validation episode of a policy, unless that was done before.

    Args:
        journal: Of the run.
        setup: The run's fixed parts.
        name: A candidate, or one of its trainings.

    Returns:
        The file; or None, and why there is none.
    """
    done = sorted(journal.files.clips.glob(f"{name}-e*.gif"))
    if done:
        return done[0], ""
    try:
        return clip(journal, setup.folder, setup.task, name).file, ""
    except AutorewardError as error:
        return None, " ".join(str(error).split())
