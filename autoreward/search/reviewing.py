"""People before compute: with `search.review` every reward waits for a person's word."""

from __future__ import annotations

import time

from autoreward.search.budget import Budget
from autoreward.search.observer import Observer
from autoreward.store.journal import Journal

_POLL_SECONDS = 0.5


def approved(
    journal: Journal, candidates: list[str], observe: Observer, budget: Budget
) -> list[str]:
    """Wait until a person has decided on every candidate; return those to be trained.

    An edited candidate is replaced by the edit, which its author has approved by writing it. The
    decisions are in the journal, written by `autoreward review` in another process, so a run that
    is killed while it waits loses none.

    Args:
        journal: Open for writing.
        candidates: Those that passed the checks.
        observe: Told how many are waiting.
        budget: Keeps the time.
    """
    waiting = -1
    while True:
        decisions = {candidate: _resolve(journal, candidate) for candidate in candidates}
        undecided = sum(word is None for _, word in decisions.values())
        if undecided != waiting:
            waiting = undecided
            observe("reviewing", waiting=waiting)
        if not undecided:
            break
        time.sleep(_POLL_SECONDS)
        budget.keep_time()
    for candidate, (last, word) in decisions.items():
        if word == "rejected":
            _close(journal, last, "rejected")
        if last != candidate:
            _close(journal, candidate, "rejected", f"edited into {last}")
    chosen = [last for last, word in decisions.values() if word in ("approved", "edited")]
    return list(dict.fromkeys(chosen))


def _resolve(journal: Journal, candidate: str) -> tuple[str, str | None]:
    """Return the candidate that a chain of edits ends in, and what was decided about it."""
    word = journal.decision(candidate)
    seen = {candidate}
    while word == "edited":
        following = journal.edited_into(candidate)
        if following in seen:
            break
        seen.add(following)
        candidate, word = following, journal.decision(following) or "approved"
    return candidate, word


def _close(journal: Journal, candidate: str, state: str, reason: str = "") -> None:
    if journal.candidate(candidate).state in ("proposed", "checked"):
        journal.set_candidate_state(candidate, "rejected", reason or "rejected by a person")
