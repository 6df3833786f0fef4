"""The journal of a run: what was proposed, trained, measured, asked and spent; never lost.

Every method that writes is one transaction: after it returns, the fact and its event survive
`kill -9` and a power loss; before, neither is there.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import yaml

from autoreward.errors import RunError
from autoreward.findings import Finding
from autoreward.store.calls import Calls
from autoreward.store.database import Database, RunLock, json_text, log_event, must
from autoreward.store.people import People, insert_candidate
from autoreward.store.queries import job_of, proposal_of
from autoreward.store.records import CandidateState, Job, JobState, Proposal, ProposalState, Purpose
from autoreward.store.rundir import RunFiles, rename_durably, write_atomic

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""split → fitness name → one value per episode."""


class Journal(Calls):
    """A run's journal; made by `create`, `open` or `read`, and a context manager.

    Threads may share it. One process works on the run; any number read at the same time, and
    people write beside it what they think (`beside`).
    """

    def __init__(self, directory: Path, database: Database, lock: RunLock | None) -> None:
        super().__init__(directory, database)
        self._lock = lock

    @classmethod
    def create(
        cls,
        directory: Path,
        config: Mapping[str, Any],
        versions: Mapping[str, str],
        notes: Mapping[str, Any] | None = None,
    ) -> Journal:
        """Start the journal of a new run and write its config.yaml.

        The journal is there as a whole or not at all.

        Args:
            directory: The run's folder; made if missing.
            config: The settings, JSON-ready.
            versions: Versions of what the results depend on.
            notes: Further facts to keep under their names.

        Raises:
            RunError: There is a run already, or another process is making one.
        """
        directory.mkdir(parents=True, exist_ok=True)
        files = RunFiles(directory)
        lock = RunLock(files.lock)
        try:
            if files.database.exists():
                raise RunError(f"{directory} already holds a run")
            facts = {
                "run": uuid.uuid4().hex[:12],
                "created": time.time(),
                "config": dict(config),
                "versions": dict(versions),
                **(notes or {}),
            }
            for left in directory.glob(f"{files.draft.name}*"):
                left.unlink()
            with (
                contextlib.closing(Database(files.draft, "create")) as database,
                database.transaction() as db,
            ):
                for key, value in facts.items():
                    db.execute("INSERT INTO meta VALUES (?, ?)", (key, json_text(value)))
                log_event(db, "run-created", {})
            write_atomic(files.config, yaml.safe_dump(dict(config), sort_keys=False))
            rename_durably(files.draft, files.database)
            return cls(directory, Database(files.database, "write"), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, directory: Path) -> Journal:
        """Open a run to work on it.

        Raises:
            RunError: No run there, damaged, or held by another process, whose pid it names.
        """
        files = RunFiles(directory)
        if not directory.is_dir():
            raise RunError(f"there is no run in {directory}")
        lock = RunLock(files.lock)
        try:
            return cls(directory, Database(files.database, "write"), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, directory: Path) -> Journal:
        """Open a run to look at it, whether somebody works on it or not.

        Raises:
            RunError: No run there, or damaged.
        """
        return cls(directory, Database(RunFiles(directory).database, "read"), None)

    @classmethod
    def beside(cls, directory: Path) -> People:
        """Open a run for people to write to, whether somebody works on it or not.

        Raises:
            RunError: No run there, or damaged.
        """
        # Without the run lock: a run that waits for a person's word holds it all the time. What
        # people write only adds rows, and SQLite's own lock brings the two writers' transactions
        # into an order, each of them waiting until the other's is done.
        return People(directory, Database(RunFiles(directory).database, "write"))

    def close(self) -> None:
        """Close the journal and let others write."""
        super().close()
        if self._lock:
            self._lock.release()
            self._lock = None

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON-ready value under a name, in the place of the old one."""
        with self._db.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json_text(value)))

    def change(
        self, config: Mapping[str, Any], notes: Mapping[str, Any], kind: str, **data: Any
    ) -> None:
        """Replace the settings, and `notes`, for the reason that an event of `kind` gives."""
        with self._db.transaction() as db:
            for key, value in {"config": dict(config), **notes}.items():
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json_text(value)))
            log_event(db, kind, data)
        write_atomic(self.files.config, yaml.safe_dump(dict(config), sort_keys=False))

    def event(self, kind: str, **data: Any) -> None:
        """Append an event that no other method writes."""
        with self._db.transaction() as db:
            log_event(db, kind, data)

    def open_proposal(
        self,
        number: int,
        *,
        generation: int,
        operator: str,
        parents: Sequence[str] = (),
        model: str | None = None,
    ) -> Proposal:
        """Note that a reward is about to be asked for, before anything is spent on it.

        A number that is there already is returned as it is: a resumed run decides the same again.
        """
        with self._db.transaction() as db:
            seen = db.execute("SELECT max(seq) FROM events").fetchone()[0]
            new = db.execute(
                "INSERT OR IGNORE INTO proposals VALUES (?, ?, ?, ?, ?, ?, 'open', NULL, '')",
                (number, generation, operator, json_text(list(parents)), model, seen),
            ).rowcount
            if new:
                log_event(db, "proposal-opened", {"proposal": number, "operator": operator})
            row = db.execute("SELECT * FROM proposals WHERE number = ?", (number,)).fetchone()
        return proposal_of(row)

    def close_proposal(
        self,
        number: int,
        state: ProposalState,
        *,
        candidate: str | None = None,
        reason: str = "",
        operator: str | None = None,
        parents: Sequence[str] | None = None,
    ) -> None:
        """Note what came of a proposal, and by which operator from which parents, once known."""
        made_from = None if parents is None else json_text(list(parents))
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE proposals SET state = ?, candidate = ?, reason = ?, "
                "operator = coalesce(?, operator), parents = coalesce(?, parents) WHERE number = ?",
                (state, candidate, reason, operator, made_from, number),
            ).rowcount
            must(changed, f"proposal {number}")
            data = {"proposal": number, "candidate": candidate, "reason": reason}
            log_event(db, f"proposal-{state}", data)

    def add_candidate(
        self,
        candidate_id: str,
        *,
        proposal: int | None,
        text: str,
        formula: str,
        skeleton: str,
        idea: str = "",
        changes: str = "",
    ) -> bool:
        """Keep a new reward, and its file for people; return False if it is known already."""
        with self._db.transaction() as db:
            new = insert_candidate(
                db,
                candidate_id,
                proposal=proposal,
                text=text,
                formula=formula,
                skeleton=skeleton,
                idea=idea,
                changes=changes,
            )
        if new or not self.files.candidate(candidate_id).exists():
            write_atomic(self.files.candidate(candidate_id), text)
        return new

    def set_candidate_state(
        self, candidate_id: str, state: CandidateState, reason: str = ""
    ) -> None:
        """Note how far a candidate has come."""
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE candidates SET state = ? WHERE id = ?", (state, candidate_id)
            ).rowcount
            must(changed, f"candidate {candidate_id}")
            log_event(db, f"candidate-{state}", {"candidate": candidate_id, "reason": reason})

    def queue_job(
        self, job_id: str, *, candidate: str, purpose: Purpose, training_seed: int, steps: int
    ) -> Job:
        """Queue a training and return it as it then stands.

        One that is finished stays finished; one that was running when its run was killed, or that
        failed through no fault of the candidate, is queued again.
        """
        with self._db.transaction() as db:
            new = db.execute(
                "INSERT OR IGNORE INTO jobs (id, candidate, purpose, training_seed, steps, state) "
                "VALUES (?, ?, ?, ?, ?, 'queued')",
                (job_id, candidate, purpose, training_seed, steps),
            ).rowcount
            again = db.execute(
                "UPDATE jobs SET state = 'queued' WHERE id = ? AND state IN ('running', 'infra')",
                (job_id,),
            ).rowcount
            if new or again:
                log_event(
                    db, "job-queued", {"job": job_id, "candidate": candidate, "purpose": purpose}
                )
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return job_of(row)

    def start_job(self, job_id: str) -> None:
        """Note that a queued training runs now."""
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE jobs SET state = 'running', attempt = attempt + 1, started = ? "
                "WHERE id = ? AND state = 'queued'",
                (time.time(), job_id),
            ).rowcount
            must(changed, f"queued job {job_id}")
            log_event(db, "job-started", {"job": job_id})

    def finish_job(
        self,
        job_id: str,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        scores: Scores | None = None,
        findings: Iterable[Finding] = (),
        source: str = "trainer",
        env_steps: int = 0,
    ) -> None:
        """Note the end of a training with everything that came of it.

        Args:
            job_id: The job.
            state: `done`, `failed` (the candidate's fault) or `infra` (ours: may be queued again).
            result: JSON-ready statistics.
            scores: Fitness per split and name, one value per episode.
            findings: Observations about the candidate.
            source: Who made them.
            env_steps: Environment steps taken, in all attempts.
        """
        with self._db.transaction() as db:
            row = db.execute("SELECT candidate FROM jobs WHERE id = ?", (job_id,)).fetchone()
            must(row is not None, f"job {job_id}")
            db.execute(
                "UPDATE jobs SET state = ?, result = ?, env_steps = ?, finished = ? WHERE id = ?",
                (state, json_text(dict(result or {})), env_steps, time.time(), job_id),
            )
            _add_scores(db, job_id, scores or {})
            _add_findings(db, findings, row["candidate"], None, job_id, source)
            log_event(db, f"job-{state}", {"job": job_id, "candidate": row["candidate"]})

    def add_scores(self, job_id: str, scores: Scores) -> None:
        """Keep what a finished training's policy scored on a further split."""
        with self._db.transaction() as db:
            _add_scores(db, job_id, scores)
            log_event(db, "job-scored", {"job": job_id, "splits": list(scores)})

    def add_findings(
        self,
        findings: Iterable[Finding],
        *,
        source: str,
        candidate: str | None = None,
        proposal: int | None = None,
        job: str | None = None,
    ) -> None:
        """Keep observations about a candidate, a proposal that became none, or a training."""
        with self._db.transaction() as db:
            _add_findings(db, findings, candidate, proposal, job, source)

    def add_analysis(
        self, job_id: str, data: Mapping[str, Any], findings: Iterable[Finding]
    ) -> None:
        """Keep what a training shows, in the place of what was known, and new findings about it."""
        with self._db.transaction() as db:
            row = db.execute("SELECT candidate FROM jobs WHERE id = ?", (job_id,)).fetchone()
            must(row is not None, f"job {job_id}")
            db.execute(
                "INSERT OR REPLACE INTO analyses VALUES (?, ?)", (job_id, json_text(dict(data)))
            )
            _add_findings(db, findings, row["candidate"], None, job_id, "analyzer")
            log_event(db, "job-analyzed", {"job": job_id, "candidate": row["candidate"]})


def _add_scores(db: Connection, job_id: str, scores: Scores) -> None:
    for split, vector in scores.items():
        for name, values in vector.items():
            db.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (job_id, split, name, json_text([float(value) for value in values])),
            )


def _add_findings(
    db: Connection,
    findings: Iterable[Finding],
    candidate: str | None,
    proposal: int | None,
    job: str | None,
    source: str,
) -> None:
    about = (candidate, proposal, job, source)
    rows = [(*about, f.code, f.severity, f.message, f.evidence, f.suggestion) for f in findings]
    columns = "candidate, proposal, job, source, code, severity, message, evidence, suggestion"
    db.executemany(f"INSERT INTO findings ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
