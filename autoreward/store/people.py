"""What people write into a run's journal: reviews, edits, feedback, preferences.

Rows are added only. As in journal.py every method is one transaction, with its event.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Literal, Self

from autoreward.store.database import Database, log_event, must
from autoreward.store.queries import Queries
from autoreward.store.records import Outcome
from autoreward.store.rundir import write_atomic


@dataclass(frozen=True)
class Edit:
    """A reward as a person rewrote it."""

    id: str
    """Hash of its normal form."""
    text: str
    formula: str
    skeleton: str


class People(Queries):
    """A run's journal as people may write to it; made by `Journal.beside`, a context manager."""

    def __init__(self, directory: Path, database: Database) -> None:
        super().__init__(directory, database)

    def close(self) -> None:
        """Close the journal; what was written is on disk already."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def review(
        self,
        candidate: str,
        action: Literal["approve", "reject", "comment", "pin", "unpin"],
        text: str = "",
        *,
        reviewer: str,
    ) -> None:
        """Keep what a person decided or said about a candidate.

        Args:
            candidate: The whole id.
            action: The last of approve, reject and edit is what holds.
            text: Reason or comment.
            reviewer: Who.
        """
        with self._db.transaction() as db:
            _review(db, candidate, action, text, None, reviewer)

    def edit(self, candidate: str, edit: Edit, text: str = "", *, reviewer: str) -> None:
        """Keep a person's version of a candidate, and that it takes the candidate's place.

        The version is a candidate of the same proposal, or one that is known already.

        Args:
            candidate: The whole id of what was edited.
            edit: What it became.
            text: What was changed, or why.
            reviewer: Who.
        """
        # Before the journal knows of it: a file too many harms nobody, a missing one does.
        file = self.files.candidate(edit.id)
        if not file.exists():
            write_atomic(file, edit.text)
        with self._db.transaction() as db:
            row = db.execute("SELECT * FROM candidates WHERE id = ?", (candidate,)).fetchone()
            must(row, f"candidate {candidate}")
            changes = f"{candidate} edited by {reviewer}" + (f": {text}" if text else "")
            insert_candidate(
                db,
                edit.id,
                proposal=row["proposal"],
                text=edit.text,
                formula=edit.formula,
                skeleton=edit.skeleton,
                idea=row["idea"],
                changes=changes,
            )
            _review(db, candidate, "edit", text, edit.id, reviewer)

    def add_feedback(self, text: str, candidate: str | None = None) -> None:
        """Keep what a person says to the designer, about a candidate or the whole run."""
        with self._db.transaction() as db:
            if candidate is not None:
                _must_be_candidate(db, candidate)
            seq = log_event(db, "feedback", {"candidate": candidate})
            row = (seq, time.time(), candidate, text)
            db.execute("INSERT INTO feedback VALUES (?, ?, ?, ?)", row)

    def prefer(
        self,
        job_a: str,
        job_b: str,
        outcome: Outcome,
        episodes: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """Keep which of two trained policies a person likes better.

        Args:
            job_a: Training of the first policy.
            job_b: Training of the second.
            outcome: Which is better, or `tie`.
            episodes: The validation episodes whose clips were named.
        """
        with self._db.transaction() as db:
            names = []
            for job in (job_a, job_b):
                row = db.execute("SELECT candidate FROM jobs WHERE id = ?", (job,)).fetchone()
                must(row, f"job {job}")
                names.append(row["candidate"])
            seq = log_event(db, "preferred", {"a": names[0], "b": names[1], "outcome": outcome})
            db.execute(
                "INSERT INTO preferences VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (seq, time.time(), job_a, job_b, *names, outcome, *episodes),
            )


def insert_candidate(
    db: Connection,
    candidate_id: str,
    *,
    proposal: int | None,
    text: str,
    formula: str,
    skeleton: str,
    idea: str,
    changes: str,
) -> bool:
    """Keep a new reward inside a transaction; return False if it is known already."""
    new = db.execute(
        "INSERT OR IGNORE INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, 'proposed', ?)",
        (candidate_id, proposal, text, formula, skeleton, idea, changes, time.time()),
    ).rowcount
    if new:
        data = {"candidate": candidate_id, "proposal": proposal, "formula": formula}
        log_event(db, "candidate-proposed", data)
    return bool(new)


def _review(
    db: Connection, candidate: str, action: str, text: str, edited: str | None, reviewer: str
) -> None:
    _must_be_candidate(db, candidate)
    data = {"candidate": candidate, "action": action, "edited": edited}
    seq = log_event(db, "candidate-reviewed", data)
    db.execute(
        "INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, time.time(), candidate, action, text, edited, reviewer),
    )


def _must_be_candidate(db: Connection, candidate: str) -> None:
    row = db.execute("SELECT 1 FROM candidates WHERE id = ?", (candidate,)).fetchone()
    must(row, f"candidate {candidate}")
