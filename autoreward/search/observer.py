"""What a run tells the person who watches it."""

from __future__ import annotations

from typing import Any, Protocol


class Observer(Protocol):
    """Called with a kind and its data as things happen; must return quickly.

    Kinds: `started` (what is in use), `phase` (text), `proposing` (generation, count), `asking`
    (proposal, operator, model), `rejected` (proposal, findings), `duplicate` (proposal, candidate),
    `accepted` (proposal, candidate, formula), `training` (jobs), `progress` (as the trainer
    reports), `trained` (job, candidate, purpose, score, interval), `failed` (job,
    candidate, finding), `restarted`, `checked` (findings), `reviewing` (waiting), `skipped`
    (candidate, reason), `analyzed` (job, findings), `explained` (candidate, findings, problem),
    `audited` (said), `preferring` (missing, candidates), `budget` (reason),
    `budget-warning` (text), `finished` (summary).
    """

    def __call__(self, kind: str, **data: Any) -> None:
        """Take note."""
        ...


def silent(kind: str, **data: Any) -> None:
    """Observe nothing."""
    del kind, data
