"""One SQLite file: opening, locking, transactions, events, recovery, errors as sentences.

Rollback journal and full sync: the file is whole after `kill -9` and after a power loss, works on
network file systems, and is copied by copying it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autoreward.errors import RunError

_FORMAT = 2
"""Version of schema.sql; a file of another version is refused."""
_BUSY_S = 30.0
"""Seconds to wait for a reader or writer that is busy with the file."""
_LOCK_TRIES, _LOCK_PAUSE_S = 10, 0.03
"""Whoever asks for the owner holds the lock for a moment: it is tried again before it counts."""


class RunLock:
    """The right to write to a run: held by one process, gone when it dies.

    Args:
        path: The lock file; it holds the owner's pid.

    Raises:
        RunError: Another process holds it, whose pid it names; or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            # Not inheritable: a child that outlives its owner must not keep the run locked.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunError(f"cannot write to {path.parent}: {error.strerror}") from None
        if not self._taken():
            owner = _read_owner(self._file)
            os.close(self._file)
            run = path.parent.name
            who = f"process {owner.pid}{owner.elsewhere}" if owner else "an unknown process"
            raise RunError(
                f"the run {run} is being worked on by {who}; `autoreward stop {run}` ends it"
            )
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()} {platform.node()}\n".encode(), 0)

    def _taken(self) -> bool:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_S)
            else:
                return True
        return False

    def release(self) -> None:
        """Let others write."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


@dataclass(frozen=True)
class Owner:
    """The process that works on a run."""

    pid: int
    host: str
    """Name of its machine."""

    @property
    def elsewhere(self) -> str:
        """` on HOST` where it is another machine's process, else nothing."""
        return f" on {self.host}" if self.host != platform.node() else ""


def lock_owner(path: Path) -> int | None:
    """Return the pid of the process that holds a run's lock file, None if nobody does."""
    owner = find_owner(path)
    return owner.pid if owner else None


def find_owner(path: Path) -> Owner | None:
    """Return the process that holds a run's lock file, None if nobody does."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_owner(file)
    finally:
        os.close(file)
    return None


def _read_owner(file: int) -> Owner | None:
    pid, _, host = os.pread(file, 512, 0).decode(errors="replace").strip().partition(" ")
    return Owner(int(pid), host or platform.node()) if pid.isdigit() else None


class Database:
    """A connection that threads may share.

    Args:
        path: The database file.
        mode: `create` makes a new file, `write` opens one, `read` never changes one.

    Raises:
        RunError: Missing, damaged, of another version, or already there.
    """

    def __init__(self, path: Path, mode: Literal["create", "write", "read"]) -> None:
        self._path, self._writable = path, mode != "read"
        self._mutex = threading.RLock()
        if mode == "create" and path.exists():
            raise RunError(f"{path.parent} already holds a run")
        if mode != "create" and not path.is_file():
            raise RunError(f"{path.parent} holds no run: {path.name} is missing")
        with self._sentences():
            self._connection = self._connect({"create": "rwc", "write": "rw", "read": "ro"}[mode])
        try:
            if mode == "create":
                self._install()
            else:
                self._check(thorough=mode == "write")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection; what was committed is on disk already."""
        with self._mutex:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is kept together, or nothing of it."""
        if not self._writable:
            raise RuntimeError("this journal was opened for reading only")
        with self._mutex, self._sentences():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a SELECT."""
        with self._mutex, self._sentences():
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if self._writable or error.sqlite_errorname != "SQLITE_READONLY_ROLLBACK":
                    raise
            # The writer was killed inside a commit. SQLite undoes that half commit at the next
            # opening, for which it must be allowed to write.
            with contextlib.closing(self._connect("rw")) as recovery:
                recovery.execute("SELECT 1 FROM sqlite_master").fetchall()
            return self._connection.execute(sql, parameters).fetchall()

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        if mode != "ro":
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _install(self) -> None:
        schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        with self._sentences():
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {_FORMAT}; COMMIT;"
            )

    def _check(self, thorough: bool) -> None:
        version = self.query("PRAGMA user_version")[0][0]
        if version == 0:
            raise RunError(f"{self._path} was never finished; remove its folder and start again")
        if version != _FORMAT:
            raise RunError(f"{self._path} was written by another version of autoreward")
        if thorough and (problem := self.query("PRAGMA quick_check(1)")[0][0]) != "ok":
            raise RunError(f"{self._path} is damaged: {problem}")

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn SQLite's errors into one sentence; a broken schema rule is a bug and stays."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self._path} cannot be used: {error}") from None


def json_text(value: Any) -> str:
    """Return a JSON-ready value as it is kept."""
    return json.dumps(value, ensure_ascii=False)


def must(found: object, what: str) -> None:
    """Hold that something is in the journal: a caller that names what is not there has a bug."""
    if not found:
        raise ValueError(f"the journal has no {what}")


def log_event(db: sqlite3.Connection, kind: str, data: Mapping[str, Any]) -> int:
    """Append an event inside a transaction and return its `seq`."""
    row = (time.time(), kind, json_text(data))
    seq = db.execute("INSERT INTO events (at, kind, data) VALUES (?, ?, ?)", row).lastrowid
    assert seq is not None
    return seq
