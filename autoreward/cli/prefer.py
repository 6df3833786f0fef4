"""`prefer`: which of two policies a person likes better, where no number says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.evaluation.ratings import Rating
    from autoreward.store.journal import Journal
    from autoreward.store.records import Outcome

_KEYS = "[1] the first  [2] the second  [=] the same  [s]kip  [q]uit > "
_ANSWERS: dict[str, Outcome] = {"1": "a", "2": "b", "=": "tie"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(prefer)


def prefer(
    run: options.Run,
    better: Annotated[
        str | None, typer.Argument(metavar="A", help="The candidate that you like better.")
    ] = None,
    other: Annotated[
        str | None, typer.Argument(metavar="B", help="The one that you like less.")
    ] = None,
    tie: Annotated[bool, typer.Option("--tie", help="You like A and B the same.")] = False,
    as_json: options.Json = False,
) -> None:
    """Say which of two policies you like better.

    With A and B it keeps that A is better. Without, it shows which two to compare next, and asks.
    The ratings that follow can rank a search: autoreward design --fitness preference.
    """
    from autoreward.errors import UsageError
    from autoreward.report.facts import find_candidate
    from autoreward.report.review_page import ratings_table
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    output = Output(as_json)
    if (better is None) != (other is None):
        raise UsageError("name two candidates, A and B, or none to be asked")
    if tie and better is None:
        raise UsageError("--tie needs the two candidates that you like the same")
    with Journal.read(find_run(run)) as journal:
        if better is None or other is None:
            _interview(journal, output)
            return
        names = [find_candidate(journal, name).id for name in (better, other)]
        if names[0] == names[1]:
            raise UsageError("A and B are the same candidate")
        outcome: Outcome = "tie" if tie else "a"
        _keep(journal, names[0], names[1], outcome)
        rated = _rated(journal)
        result = {"run": journal.directory.name, "a": names[0], "b": names[1], "outcome": outcome}
        told = " is as good as " if tie else " is better than "
        output.result(
            result | {"ratings": [rating.to_dict() for rating in rated]},
            f"kept: {told.join(names)}",
            "",
            ratings_table(rated),
        )


def _interview(journal: Journal, output: Output) -> None:
    """Ask about pair after pair until the person has enough."""
    from autoreward.cli.review import ask
    from autoreward.errors import RunError
    from autoreward.evaluation.ratings import next_pair
    from autoreward.report.review_page import ratings_table

    trained = _trained(journal)
    if len(trained) < 2:
        raise RunError(
            f"{journal.directory.name} has {len(trained)} trained candidates; "
            f"two are needed to compare"
        )
    if output.as_json:
        pair = next_pair(trained, journal.preferences())
        shown = [_clip(journal, trained, name) for name in pair or ()]
        rated = [rating.to_dict() for rating in _rated(journal)]
        output.result({"run": journal.directory.name, "next": shown, "ratings": rated})
        return
    skipped: set[frozenset[str]] = set()
    while True:
        trained = _trained(journal)  # a run at work trains more
        pair = next_pair(trained, journal.preferences(), skipped)
        if pair is None:
            output.show("that were all pairs")
            return
        output.show("", "which one does better what you asked for?")
        asked = journal.meta("config", {}).get("description", "")
        output.show(f"  asked for  {asked}")
        for number, name in enumerate(pair, 1):
            output.show(f"  {number}  {name}  {_look(journal, trained, name)}")
        answer = ask(_KEYS)
        key = answer.strip().lower()[:1] if answer is not None else "q"
        if key == "q":
            return
        if key == "s":
            skipped.add(frozenset(pair))
        elif key in _ANSWERS:
            _keep(journal, *pair, _ANSWERS[key])
            output.show("", ratings_table(_rated(journal)))


def _trained(journal: Journal) -> dict[str, str]:
    """Return candidate → search training, of the policies that can be compared."""
    return {job.candidate: job.id for job in journal.jobs(purpose="search", state="done")}


def _rated(journal: Journal) -> list[Rating]:
    from autoreward.evaluation.ratings import ratings

    return ratings(_trained(journal), journal.preferences())


def _keep(journal: Journal, a: str, b: str, outcome: Outcome) -> None:
    from autoreward.errors import UsageError
    from autoreward.store.journal import Journal as Writer

    trained = _trained(journal)
    for name in (a, b):
        if name not in trained:
            raise UsageError(f"{name} has no trained policy to look at")
    with Writer.beside(journal.directory) as people:
        jobs = (trained[a], trained[b])
        people.prefer(*jobs, outcome, (_episode(journal, jobs[0]), _episode(journal, jobs[1])))


def _episode(journal: Journal, job: str) -> int | None:
    """Return the episode that a policy's first clip shows."""
    from autoreward.report.review_page import clips_of

    clips = clips_of(journal, job)
    shown = re.match(r"-e(\d+)", clips[0].name.removeprefix(job)) if clips else None
    return int(shown[1]) if shown else None


def _clip(journal: Journal, trained: dict[str, str], name: str) -> dict[str, Any]:
    from autoreward.report.review_page import clips_of

    clips = clips_of(journal, trained[name])
    return {"candidate": name, "clip": str(clips[0]) if clips else None}


def _look(journal: Journal, trained: dict[str, str], name: str) -> str:
    """Say where to see a policy."""
    clip = _clip(journal, trained, name)["clip"]
    return clip or f"make its clip: autoreward clip {journal.directory.name} {trained[name]}"
