"""`runs`, `status`, `show`, `stop`: what there is, how it goes, everything about one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.store.journal import Journal

_EVENTS = 8
_STOP_SECONDS = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (runs, status, show, stop):
        app.command()(command)


def runs(as_json: options.Json = False) -> None:
    """List all runs."""
    from autoreward.report.facts import list_facts
    from autoreward.report.pages import runs_table
    from autoreward.store.rundir import list_runs, runs_root

    entries = list_facts(list_runs())
    nothing = f"no runs in {runs_root()}; start one with: autoreward design TEXT --env NAME"
    Output(as_json).result({"runs": entries}, runs_table(entries) if entries else nothing)


def status(run: options.Run, as_json: options.Json = False) -> None:
    """Show how far a run is.

    Reads what is written down; it never disturbs the process that works on the run.
    """
    from autoreward.report.facts import candidates_facts, run_facts
    from autoreward.report.moment import read_moment
    from autoreward.report.pages import status_page
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    with Journal.read(find_run(run)) as journal:
        facts, candidates = run_facts(journal), candidates_facts(journal)
        events = [event.to_dict() for event in journal.events()[-_EVENTS:]]
        moment = read_moment(journal.files.moment, facts["pid"])
    result = facts | {"now": moment, "events": events}
    Output(as_json).result(result, status_page(facts, moment, candidates, events))


def show(
    run: options.Run,
    candidate: Annotated[
        str | None,
        typer.Argument(metavar="CANDIDATE", help="Its id, the start of it, or `winner`."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="Also draw its training, as a PNG."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show a run or one of its candidates.

    A run: what it is, and all its candidates. A candidate: formula, origin, fitness, what its
    components did, what its policy does, findings, code.
    """
    from autoreward.errors import UsageError
    from autoreward.report.facts import (
        candidate_facts,
        candidates_facts,
        refused_facts,
        run_facts,
    )
    from autoreward.report.pages import candidate_page, run_page
    from autoreward.rewards.formula import parse_formula
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    output = Output(as_json)
    with Journal.read(find_run(run)) as journal:
        if candidate is not None:
            facts = candidate_facts(journal, candidate)
            used = list(parse_formula(facts["formula"]).components)
            if picture is not None:
                _draw(journal, facts["id"], picture)
            output.result(facts, candidate_page(facts, used))
            return
        if picture is not None:
            raise UsageError("--picture draws one training: name a CANDIDATE, e.g. winner")
        overview, candidates = run_facts(journal), candidates_facts(journal)
        refused = refused_facts(journal)
    result = overview | {"all_candidates": candidates, "refused": refused}
    output.result(result, run_page(overview, candidates, refused))


def _draw(journal: Journal, candidate: str, picture: Path) -> None:
    """Draw the training of a candidate."""
    from autoreward.errors import RunError
    from autoreward.evaluation.analysis.analyzer import analyze
    from autoreward.report.pictures import analysis_picture
    from autoreward.report.race import telling_jobs
    from autoreward.search.analyzing import behaviour_of, record_of
    from autoreward.search.opening import reopen

    setup, behaviour = reopen(journal), behaviour_of(journal)
    jobs = telling_jobs(journal, candidate)
    records = (record_of(journal, setup, job.id, behaviour) for job in jobs)
    record = next((record for record in records if record is not None), None)
    if record is None:
        raise RunError(f"{candidate} has no finished training to draw")
    try:
        analysis_picture(record, analyze(record), picture)
    except OSError as error:
        raise RunError(f"cannot write {picture}: {error.strerror}") from None


def stop(run: options.Run, as_json: options.Json = False) -> None:
    """End a running run; it can be resumed."""
    import contextlib
    import os
    import signal
    import time

    from autoreward.errors import RunError
    from autoreward.store.database import find_owner
    from autoreward.store.rundir import RunFiles, find_run

    directory = find_run(run)
    name, lock = directory.name, RunFiles(directory).lock
    owner = find_owner(lock)
    if owner is None:
        raise RunError(f"nobody works on {name}")
    if owner.elsewhere:
        raise RunError(f"process {owner.pid}{owner.elsewhere} works on {name}: stop it there")
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while find_owner(lock) == owner:
        if time.monotonic() > deadline:
            raise RunError(
                f"process {owner.pid} has not ended within {_STOP_SECONDS:g} s; nothing is lost if "
                f"it is killed: kill -9 {owner.pid}"
            )
        time.sleep(0.1)
    result = {"run": name, "stopped": owner.pid}
    Output(as_json).result(result, f"stopped; continue with: autoreward resume {name}")
