"""What can be asked of a run's journal; the same for the writer and for readers beside it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from sqlite3 import Row
from typing import Any

from autoreward.errors import RunError, did_you_mean
from autoreward.findings import Finding
from autoreward.store.database import Database, must
from autoreward.store.records import (
    Call,
    CallState,
    Candidate,
    Decision,
    Event,
    Feedback,
    Job,
    JobState,
    Preference,
    Proposal,
    ProposalState,
    Purpose,
    RecordedFinding,
    Review,
    Spent,
)
from autoreward.store.rundir import RunFiles

_DECISIONS: dict[str, Decision] = {"approve": "approved", "reject": "rejected", "edit": "edited"}


class Queries:
    """Questions to a run's journal, answered from what is committed at that moment."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.directory, self.files = directory, RunFiles(directory)
        self._db = database

    def meta(self, key: str, default: Any = None) -> Any:
        """Return the value kept under a name; `run`, `created`, `config`, `versions` are there."""
        rows = self._db.query("SELECT value FROM meta WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else default

    def proposals(
        self, *, state: ProposalState | None = None, generation: int | None = None
    ) -> list[Proposal]:
        """Return proposals by number."""
        rows = self._db.query(
            "SELECT * FROM proposals WHERE (?1 IS NULL OR state = ?1) "
            "AND (?2 IS NULL OR generation = ?2) ORDER BY number",
            (state, generation),
        )
        return [proposal_of(row) for row in rows]

    def candidates(self) -> list[Candidate]:
        """Return all candidates, oldest first."""
        return [
            Candidate(**row) for row in self._db.query("SELECT * FROM candidates ORDER BY rowid")
        ]

    def candidate(self, candidate_id: str) -> Candidate:
        """Return a candidate by its id or the unique start of it.

        Raises:
            RunError: There is none, or there are several; says which are near.
        """
        rows = self._db.query(
            "SELECT * FROM candidates WHERE substr(id, 1, length(?1)) = ?1 ORDER BY rowid",
            (candidate_id,),
        )
        exact = [row for row in rows if row["id"] == candidate_id]
        if exact or (candidate_id and len(rows) == 1):
            return Candidate(**(exact or rows)[0])
        run = self.files.directory.name
        if candidate_id and rows:
            ids = ", ".join(row["id"] for row in rows)
            raise RunError(f"several candidates of {run} begin with {candidate_id!r}: {ids}")
        known = [row["id"] for row in self._db.query("SELECT id FROM candidates")]
        near = did_you_mean(candidate_id, known) if known else "; it has none yet"
        raise RunError(f"no candidate {candidate_id!r} in {run}{near}")

    def jobs(
        self,
        *,
        purpose: Purpose | None = None,
        state: JobState | None = None,
        candidate: str | None = None,
    ) -> list[Job]:
        """Return trainings in the order they were queued."""
        rows = self._db.query(
            "SELECT * FROM jobs WHERE (?1 IS NULL OR purpose = ?1) AND (?2 IS NULL OR state = ?2) "
            "AND (?3 IS NULL OR candidate = ?3) ORDER BY rowid",
            (purpose, state, candidate),
        )
        return [job_of(row) for row in rows]

    def job(self, job_id: str) -> Job | None:
        """Return a training, None if it was never queued."""
        rows = self._db.query("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return job_of(rows[0]) if rows else None

    def scores(self, job_id: str, split: str) -> dict[str, list[float]]:
        """Return fitness name → one value per episode; empty if it was not measured."""
        rows = self._db.query(
            "SELECT name, episodes FROM scores WHERE job = ? AND split = ? ORDER BY rowid",
            (job_id, split),
        )
        return {row["name"]: json.loads(row["episodes"]) for row in rows}

    def findings(
        self,
        candidate: str | None = None,
        *,
        proposal: int | None = None,
        job: str | None = None,
    ) -> list[RecordedFinding]:
        """Return findings, oldest first."""
        rows = self._db.query(
            "SELECT * FROM findings WHERE (?1 IS NULL OR candidate = ?1) "
            "AND (?2 IS NULL OR proposal = ?2) AND (?3 IS NULL OR job = ?3) ORDER BY id",
            (candidate, proposal, job),
        )
        return [finding_of(row) for row in rows]

    def analysis(self, job_id: str) -> dict[str, Any] | None:
        """Return what was found out about a training, None if nobody has looked."""
        rows = self._db.query("SELECT data FROM analyses WHERE job = ?", (job_id,))
        return dict(json.loads(rows[0][0])) if rows else None

    def calls(self, *, state: CallState | None = None) -> list[Call]:
        """Return language model calls in the order they went out."""
        rows = self._db.query(
            "SELECT * FROM calls WHERE (?1 IS NULL OR state = ?1) ORDER BY rowid", (state,)
        )
        return [Call(**row) for row in rows]

    def spent(self) -> Spent:
        """Return what the calls took; those on the wire and lost ones count as reserved."""
        row = self._db.query(
            "SELECT total(usd), total(input_tokens + output_tokens), count(*) FROM calls "
            "WHERE state != 'failed'"
        )[0]
        return Spent(usd=row[0], tokens=int(row[1]), calls=row[2])

    def call_counts(self) -> dict[str, int]:
        """Return how many calls were `answered`, `failed` (free) and `lost` (may be billed)."""
        rows = self._db.query("SELECT state, count(*) FROM calls GROUP BY state")
        found = {row[0]: int(row[1]) for row in rows}
        lost = found.get("lost", 0) + found.get("reserved", 0)
        return {"answered": found.get("done", 0), "failed": found.get("failed", 0), "lost": lost}

    def env_steps(self) -> int:
        """Return the environment steps that ended trainings took."""
        return int(self._db.query("SELECT total(env_steps) FROM jobs")[0][0])

    def reviews(self, candidate: str | None = None) -> list[Review]:
        """Return what people decided and said about rewards, oldest first."""
        rows = self._db.query(
            "SELECT * FROM reviews WHERE (?1 IS NULL OR candidate = ?1) ORDER BY id", (candidate,)
        )
        return [Review(**row) for row in rows]

    def decision(self, candidate: str) -> Decision | None:
        """Return the last decision about a candidate, None while nobody has decided."""
        made = [r.action for r in self.reviews(candidate) if r.action in _DECISIONS]
        return _DECISIONS[made[-1]] if made else None

    def edited_into(self, candidate: str) -> str:
        """Return the candidate that the last edit of one made.

        Raises:
            ValueError: Nobody has edited it.
        """
        made = [r.edited for r in self.reviews(candidate) if r.edited is not None]
        must(made, f"edit of {candidate}")
        return made[-1]

    def pinned(self) -> set[str]:
        """Return the candidates that people want to keep in sight."""
        marks = {r.candidate: r.action for r in self.reviews() if r.action in ("pin", "unpin")}
        return {candidate for candidate, action in marks.items() if action == "pin"}

    def feedback(self) -> list[Feedback]:
        """Return what people said to the designer, oldest first."""
        return [Feedback(**row) for row in self._db.query("SELECT * FROM feedback ORDER BY id")]

    def preferences(self) -> list[Preference]:
        """Return people's preferences between policies, oldest first."""
        rows = self._db.query("SELECT * FROM preferences ORDER BY id")
        return [Preference(**row) for row in rows]

    def events(self, after: int = 0) -> list[Event]:
        """Return the events with a `seq` above `after`, in order."""
        rows = self._db.query("SELECT * FROM events WHERE seq > ? ORDER BY seq", (after,))
        return [Event(row["seq"], row["at"], row["kind"], json.loads(row["data"])) for row in rows]


def proposal_of(row: Row) -> Proposal:
    """Return a row of `proposals` as a record."""
    return Proposal(**{**row, "parents": tuple(json.loads(row["parents"]))})


def job_of(row: Row) -> Job:
    """Return a row of `jobs` as a record."""
    return Job(**{**row, "result": _result(row["result"])})


@functools.lru_cache(maxsize=4096)  # curves are long, and a race looks at its trainings often
def _result(text: str) -> Any:
    return json.loads(text)


def finding_of(row: Row) -> RecordedFinding:
    """Return a row of `findings` as a record."""
    data = dict(row)
    names = ("code", "severity", "message", "evidence", "suggestion")
    return RecordedFinding(finding=Finding(**{name: data.pop(name) for name in names}), **data)
