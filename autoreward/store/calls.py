"""The language model calls of a run's journal: booked before they go out, settled when answered.

As in journal.py every method is one transaction, with its event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

from autoreward.store.database import log_event, must
from autoreward.store.people import People


class Calls(People):
    """A run's journal as language models write to it."""

    def reserve_call(
        self, key: str, *, proposal: int | None, role: str, model: str, usd: float, tokens: int
    ) -> None:
        """Book the most that a call can cost, before it goes out."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO calls SELECT ?, count(*) + 1, ?, ?, ?, 'reserved', ?, 0, 0, ?, 0 "
                "FROM calls WHERE key = ?",
                (key, proposal, role, model, tokens, usd, key),
            )

    def settle_call(
        self,
        key: str,
        *,
        input_tokens: int,
        cached_tokens: int,
        output_tokens: int,
        usd: float,
        seconds: float,
    ) -> None:
        """Replace a reservation by what the answered call took."""
        took = (input_tokens, cached_tokens, output_tokens, usd, seconds)
        with self._db.transaction() as db:
            _settle(db, key, took)

    def release_call(self, key: str) -> None:
        """Note that a call failed and costs nothing."""
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE calls SET state = 'failed', input_tokens = 0, usd = 0 "
                "WHERE key = ? AND state = 'reserved'",
                (key,),
            ).rowcount
            must(changed, f"reserved call {key}")
            log_event(db, "call-failed", {"key": key})

    def lose_call(self, key: str) -> None:
        """Note that the answer to a call was lost on the way; it stays booked."""
        with self._db.transaction() as db:
            changed = db.execute(
                "UPDATE calls SET state = 'lost' WHERE key = ? AND state = 'reserved'", (key,)
            ).rowcount
            must(changed, f"reserved call {key}")
            log_event(db, "call-lost", {"key": key})

    def lose_calls(self) -> int:
        """Mark the calls that were on the wire when the run was killed; they stay booked.

        One whose answer had been kept already is settled instead. Returns how many are lost.
        """
        lost = 0
        with self._db.transaction() as db:
            open_calls = db.execute("SELECT key FROM calls WHERE state = 'reserved'").fetchall()
            for (key,) in open_calls:
                took = self._kept(db, key)
                if took is not None:
                    _settle(db, key, took)
                    continue
                db.execute(
                    "UPDATE calls SET state = 'lost' WHERE key = ? AND state = 'reserved'", (key,)
                )
                lost += 1
            if lost:
                log_event(db, "calls-lost", {"calls": lost})
        return lost

    def _kept(self, db: Connection, key: str) -> tuple[Any, ...] | None:
        """Return what the kept answer to a call took; None without one that is not paid yet."""
        paid = "SELECT 1 FROM calls WHERE key = ? AND state = 'done'"
        if db.execute(paid, (key,)).fetchone():  # asked anew: the file is the old answer
            return None
        try:
            reply: Mapping[str, Any] = json.loads(self.files.answer(key).read_text())["reply"]
            counts = (int(reply[f"{kind}_tokens"]) for kind in ("input", "cached", "output"))
            return (*counts, float(reply["usd"]), float(reply["seconds"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None


def _settle(db: Connection, key: str, took: tuple[Any, ...]) -> None:
    changed = db.execute(
        "UPDATE calls SET state = 'done', input_tokens = ?, cached_tokens = ?, "
        "output_tokens = ?, usd = ?, seconds = ? WHERE key = ? AND state = 'reserved'",
        (*took, key),
    ).rowcount
    must(changed, f"reserved call {key}")
    log_event(db, "call-done", {"key": key, "usd": took[-2], "seconds": took[-1]})
