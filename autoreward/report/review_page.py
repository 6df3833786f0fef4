"""One candidate as a person reviews it, and which candidates there are to review."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text

from autoreward.evaluation.ratings import Rating
from autoreward.report.curves import training_curves
from autoreward.report.diff import code_diff, coloured
from autoreward.report.facts import candidate_facts
from autoreward.report.format import plural
from autoreward.report.pages import findings_list, stopped_at
from autoreward.report.race import telling_jobs
from autoreward.report.result import facts_table, fitness_table, plain_table, titled
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries

Json = Mapping[str, Any]
_SEVERITIES = ("error", "warning", "note")
_DECISIONS = {"approved": "green", "rejected": "red", "edited": "cyan"}


def reviews_first(journal: Queries) -> bool:
    """Return whether the run trains nothing that a person has not approved."""
    return bool(journal.meta("config", {}).get("search", {}).get("review"))


def waiting(journal: Queries) -> list[str]:
    """Return the candidates that wait for a person's word, oldest first."""
    if not reviews_first(journal):
        return []
    proposed = [p.candidate for p in journal.proposals(state="accepted") if p.candidate]
    return [
        candidate
        for candidate in dict.fromkeys(proposed)
        if journal.candidate(candidate).state == "checked" and journal.decision(candidate) is None
    ]


def queue(journal: Queries) -> list[str]:
    """Return what to review: the candidates that wait, else the trained ones, newest first."""
    trained = [c.id for c in reversed(journal.candidates()) if c.state == "trained"]
    return waiting(journal) or trained


def clips_of(journal: Queries, job_id: str) -> list[Path]:
    """Return the clips of a training's policy that `autoreward clip` has made."""
    return sorted(journal.files.clips.glob(f"{job_id}-e*"))


def review_facts(journal: Journal, candidate_id: str) -> dict[str, Any]:
    """Return what a person should see of a candidate, JSON-ready.

    Raises:
        RunError: There is none of that id, or several.
    """
    facts = candidate_facts(journal, candidate_id)
    name = facts["id"]
    parents = [p for p in (facts["proposal"] or {"parents": []})["parents"] if p != name]
    edits = [review for review in journal.reviews() if review.edited == name]
    if edits:  # its author started from there
        parents = [edits[-1].candidate]
    diffs = [
        {"parent": p, "diff": code_diff(journal.candidate(p).text, facts["code"], p, name)}
        for p in parents
    ]
    jobs = telling_jobs(journal, name)
    clips = [path for job in jobs for path in clips_of(journal, job.id)]
    report = journal.directory / "report.html"
    return facts | {
        "decision": journal.decision(name),
        "pinned": name in journal.pinned(),
        "waiting": name in waiting(journal),
        "reviews": [review.to_dict() for review in journal.reviews(name)],
        "diff": min(diffs, key=lambda entry: len(entry["diff"])) if diffs else None,
        "snapshots": jobs[0].result.get("snapshots", []) if jobs else [],
        "clips": [str(path) for path in clips],
        "report": str(report) if report.exists() else None,
    }


def review_page(facts: Json, used: Sequence[str], columns: int) -> RenderableType:
    """Return everything that a person needs to decide about a candidate.

    Args:
        facts: `review_facts`.
        used: Components in its formula.
        columns: Width of the terminal, for the curves.
    """
    code = Syntax(facts["code"].rstrip(), "python", background_color="default", word_wrap=True)
    parts: list[RenderableType] = [facts_table(_head(facts)), "", Text("code", "bold"), code]
    if facts["diff"]:
        parts += ["", *_difference(facts["diff"])]
    if facts["findings"]:
        ordered = sorted(facts["findings"], key=lambda f: _SEVERITIES.index(f["severity"]))
        parts += ["", Text(f"findings: {_counted(ordered)}", "bold"), findings_list(ordered)]
    if facts["snapshots"]:
        measure = facts["measures"][facts["primary"]]
        curves = training_curves(facts["snapshots"], facts["primary"], measure, used, columns)
        parts += ["", curves]
    for purpose, splits in facts["fitness"].items():
        for split, fitness in splits.items():
            title = f"fitness of the {purpose} training, {split} episodes"
            if purpose == "search":
                title += stopped_at(facts)
            parts += ["", fitness_table(fitness, facts["measures"], facts["primary"], title)]
    return Group(*parts, "", facts_table(_files(facts)))


def _head(facts: Json) -> dict[str, RenderableType]:
    title = Text(facts["id"], "bold")
    if facts["winner"]:
        title.append("  the winner", "green")
    if facts["pinned"]:
        title.append("  pinned", "yellow")
    head: dict[str, RenderableType] = {"candidate": title, "state": _state(facts)}
    if proposal := facts["proposal"]:
        head["generation"] = str(proposal["generation"] + 1)
        parents = f" from {', '.join(proposal['parents'])}" if proposal["parents"] else ""
        model = f", model {proposal['model']}" if proposal["model"] else ""
        head["operator"] = f"{proposal['operator']}{parents}{model}"
    head |= {name: _printable(facts[name]) for name in ("idea", "changes") if facts[name]}
    head["formula"] = Text(facts["formula"], "bold")
    if facts["reviews"]:
        head["said so far"] = _said(facts["reviews"])
    return head


def _printable(text: str) -> str:
    """Return a model's words without control characters, which could hide code from a reviewer."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _state(facts: Json) -> Text:
    if facts["waiting"]:
        return Text("waits for your decision", "yellow")
    text = Text(facts["state"])
    if facts["decision"]:
        text.append(f", {facts['decision']}", _DECISIONS[facts["decision"]])
    return text


def _said(reviews: Sequence[Json]) -> Text:
    text = Text()
    for review in reviews:
        at = time.strftime("%d %b %H:%M", time.localtime(review["at"]))
        into = f" into {review['edited']}" if review["edited"] else ""
        words = f": {review['text']}" if review["text"] else ""
        text.append(f"{at} {review['reviewer']} ", "dim")
        text.append(f"{review['action']}{into}{words}\n")
    text.rstrip()
    return text


def _difference(entry: Json) -> list[RenderableType]:
    if not entry["diff"]:
        return [Text(f"the same code as {entry['parent']}", "dim")]
    return [Text(f"what changed since {entry['parent']}", "bold"), coloured(entry["diff"])]


def _counted(findings: Sequence[Json]) -> str:
    counts = {s: sum(f["severity"] == s for f in findings) for s in _SEVERITIES}
    return ", ".join(plural(amount, severity) for severity, amount in counts.items() if amount)


def _files(facts: Json) -> dict[str, RenderableType]:
    files: dict[str, RenderableType] = {"file": facts["file"]}
    if facts["clips"]:
        files["clips"] = "\n".join(facts["clips"])
    if facts["report"]:
        files["report"] = facts["report"]
    return files


def ratings_table(ratings: Sequence[Rating]) -> Group:
    """Return the candidates as people like them, best first."""
    table = plain_table()
    for column in ("candidate", "Elo", "95 % interval", "comparisons"):
        table.add_column(column, justify="left" if column == "candidate" else "right")
    for rating in ratings:
        low, high = rating.interval or (None, None)
        interval = "-" if low is None else f"[{low:.0f}, {high:.0f}]"
        table.add_row(rating.candidate, f"{rating.elo:.0f}", interval, str(rating.comparisons))
    return titled("ratings from preferences", table)
