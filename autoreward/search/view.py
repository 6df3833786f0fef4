"""What a proposal may see of its run: fixed when it is opened, so that a resumed run decides alike.

A model's answer is found again under the very prompt that asked for it. A prompt that is rendered
anew after a kill must therefore not show what came in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Job


@dataclass(frozen=True)
class View:
    """A part of a run's journal."""

    jobs: frozenset[str]
    """Finished trainings."""
    proposals: frozenset[int]
    """Proposals of which it is known what became of them."""
    explained: frozenset[str] = frozenset()
    """Trainings that a language model has explained."""
    finding: int = 0
    """The last finding."""
    seen: int = 0
    """The last event: what people wrote later does not count."""

    def shows(self, job: Job) -> bool:
        """Return whether a training counts."""
        return job.id in self.jobs

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> View:
        """Rebuild a view from its dict."""
        made: dict[str, Any] = {
            k: frozenset(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return cls(**made)


def view_now(
    journal: Queries, jobs: Iterable[str] | None = None, proposals: Iterable[int] | None = None
) -> View:
    """Return the view of this moment.

    Args:
        journal: Of the run.
        jobs: Only these trainings count; None for all that are finished.
        proposals: Only these count; None for all that are closed.
    """
    done = {job.id for job in journal.jobs(state="done")}
    closed = {p.number for p in journal.proposals() if p.state != "open"}
    if jobs is not None:
        done &= set(jobs)
    if proposals is not None:
        closed &= set(proposals)
    explained = {job for job in done if "explanation" in (journal.analysis(job) or {})}
    findings = [f.id for f in journal.findings()]
    events = journal.events()
    return View(
        jobs=frozenset(done),
        proposals=frozenset(closed),
        explained=frozenset(explained),
        finding=max(findings, default=0),
        seen=events[-1].seq if events else 0,
    )


def view_of(journal: Queries, proposal: int) -> View | None:
    """Return the view that a proposal was opened with, None where it is not opened yet."""
    kept = journal.meta(_key(proposal))
    return None if kept is None else View.from_dict(kept)


def keep_view(journal: Journal, proposal: int, view: View) -> None:
    """Write down what a proposal may see, before it is opened."""
    journal.set_meta(_key(proposal), view.to_dict())


def _key(proposal: int) -> str:
    return f"view/{proposal}"
