"""`feedback`: what a person says to the designer, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.store.journal import Journal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(feedback)


def feedback(
    run: options.Run,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="What you saw, or want. [default: list what was said]"),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option("--candidate", metavar="ID", help="What it is about. [default: the run]"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Tell the designer something.

    For example `autoreward feedback RUN "it falls over after the first hop"`. Rewards that are
    proposed from then on are written with it in view.
    """
    from autoreward.cli.review import one_text
    from autoreward.errors import UsageError
    from autoreward.report.facts import find_candidate
    from autoreward.search.opening import kind_of
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    output = Output(as_json)
    with Journal.read(find_run(run)) as journal:
        name = journal.directory.name
        if text is None:
            said = [entry.to_dict() for entry in journal.feedback()]
            lines = [f"{e['candidate'] or 'the run'}: {e['text']}" for e in said]
            nothing = f'nothing was said yet; say it: autoreward feedback {name} "TEXT"'
            output.result({"run": name, "feedback": said}, "\n".join(lines) or nothing)
            return
        if kind_of(journal) == "evaluate":
            raise UsageError(f"{name} measures one reward: it has no designer to talk to")
        words = one_text(text)
        if not words:
            raise UsageError("the feedback is empty: say in words what you saw or want")
        about = find_candidate(journal, candidate).id if candidate else None
        with Journal.beside(journal.directory) as people:
            people.add_feedback(words, about)
        result = {"run": name, "candidate": about, "text": words}
        lines = [f"kept; {_when(journal)}"]
        if journal.meta("config", {}).get("designer", {}).get("kind") == "builtin":
            lines.append("mind: the built-in designer reads no text; a run with --model does")
        output.result(result, *lines)


def _when(journal: Journal) -> str:
    """Say when the designer hears of it."""
    from autoreward.store.database import lock_owner

    name = journal.directory.name
    if journal.meta("summary") is not None:
        return f"the run is finished, search on with: autoreward resume {name} --generations 1"
    if lock_owner(journal.files.lock) is None:
        return f"rewards to come will see it; go on with: autoreward resume {name}"
    return "rewards that are proposed from now on will see it"
