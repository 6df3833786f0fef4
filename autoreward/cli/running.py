"""Working on a run under a person's eyes: what `design`, `resume` and `evaluate` share."""

from __future__ import annotations

import contextlib
import functools
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from rich.console import RenderableType
from rich.text import Text

from autoreward.cli.output import Interrupted, Output
from autoreward.cli.progress import Reporter
from autoreward.errors import AutorewardError, LLMError, UsageError
from autoreward.report.facts import ranking
from autoreward.report.forecast import Plan
from autoreward.report.format import count, plural, with_unit
from autoreward.report.outline import plan_words, unusual
from autoreward.report.race import longest_trainings
from autoreward.report.result import evaluation_result, facts_table, run_result
from autoreward.report.watch import Best, Watch, known_jobs
from autoreward.search.evaluating import Evaluation
from autoreward.search.opening import kind_of
from autoreward.search.run import Run
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal


def conduct(journal: Journal, setup: Setup, output: Output, *, new: bool) -> None:
    """Do what is left to do of a run, show how it goes, and print what came of it.

    Args:
        journal: Open for writing.
        setup: The run's fixed parts.
        output: Where to.
        new: Whether the run was made just now. If it then cannot even begin because of what the
            user asked for, its folder is removed again.

    Raises:
        Interrupted: By Ctrl-C or SIGTERM; the journal keeps everything.
        AutorewardError: The run cannot go on; the journal keeps everything.
        typer.Exit: With code 3, where a limit of the user ended the search early.
    """
    name, kind = journal.directory.name, kind_of(journal)
    work = Evaluation if kind == "evaluate" else Run
    output.show(Text.assemble("run ", (name, "bold"), (f"  in {journal.directory}", "dim")))
    introduce = functools.partial(_introduction, journal, setup)
    with ended_politely(name, f"autoreward resume {name}"):
        try:
            watch, moment = _watch(journal, setup), journal.files.moment
            with Reporter(output, watch, moment, introduce) as reporter:
                summary = work(journal, setup, reporter).execute()
        except AutorewardError as error:
            if new and isinstance(error, UsageError | LLMError) and not _begun(journal):
                journal.close()
                shutil.rmtree(journal.directory)
            else:
                output.show(f"everything is kept; continue with: autoreward resume {name}")
            raise
    output.show("")
    print_outcome(summary, output)


def print_outcome(summary: dict[str, Any], output: Output) -> None:
    """Print the result of a finished run.

    Raises:
        typer.Exit: With code 3, where a limit of the user ended the search early.
    """
    name = summary["run"]
    if "baselines" not in summary:
        output.result(summary, evaluation_result(summary))
        return
    following = facts_table(
        {
            "look closer": f"autoreward show {name} {summary['winner']['id']}",
            "use it": f"autoreward export {name}",
        }
    )
    output.result(summary, run_result(summary), following)
    if summary.get("budget"):
        raise typer.Exit(3)


def _begun(journal: Journal) -> bool:
    return bool(journal.proposals() or journal.jobs())


@contextlib.contextmanager
def ended_politely(name: str, command: str) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Interrupted`, also where a shell had them ignored.

    Args:
        name: The run, or the benchmark.
        command: What continues it.
    """
    old = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in old:
            signal.signal(number, signal.default_int_handler)
        yield
    except KeyboardInterrupt:
        raise Interrupted(name, command) from None
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _watch(journal: Journal, setup: Setup) -> Watch:
    settings, primary = setup.settings, setup.primary
    notes = journal.meta("evaluation")
    plan = (
        Plan.of_evaluation(settings, int(notes["seeds"]))
        if notes
        else Plan.of_run(settings, len(setup.baselines))
    )
    return Watch(
        plan=plan,
        run=journal.directory.name,
        primary=primary.name,
        unit=primary.unit,
        direction=primary.direction,
        started=time.monotonic(),
        finished=known_jobs(journal.jobs()),
        lost=_lost(journal),
        candidates=len(journal.candidates()),
        best=None if notes else _best(journal, plan),
    )


def _best(journal: Journal, plan: Plan) -> Best | None:
    """Return the best candidate so far, of those that were trained longest."""
    ranked = ranking(journal)
    if not ranked:
        return None
    job = longest_trainings(journal, ranked[0]["id"])[-1]
    return Best(job.candidate, ranked[0]["mean"], plan.rung_of(job.id) or 0)


def _lost(journal: Journal) -> set[str]:
    """Return the proposals and candidates that will never be trained."""
    refused = [p for p in journal.proposals() if p.state in ("rejected", "duplicate")]
    trained = {job.candidate for job in journal.jobs(purpose="search")}
    skipped = {c.id for c in journal.candidates() if c.state == "rejected"} - trained
    return {f"proposal {proposal.number}" for proposal in refused} | skipped


def _introduction(journal: Journal, setup: Setup, trainer: Mapping[str, Any]) -> RenderableType:
    """Return what is in use and how the run is continued."""
    settings, primary, name = setup.settings, setup.primary, journal.directory.name
    better = "higher" if primary.direction == "max" else "lower"
    facts: dict[str, RenderableType] = {
        "environment": f"{setup.folder.name}, task {setup.task.name} ({setup.reason})",
        "decided by": f"your preferences between clips: autoreward prefer {name}"
        if settings.search.fitness == "preference"
        else f"{primary.name}{with_unit(primary.unit)}, {better} is better: {primary.doc}",
    }
    if kind_of(journal) == "design":
        facts |= _design_facts(setup, name)
    else:
        notes = journal.meta("evaluation")
        steps = count(settings.training.steps)
        facts["reward"] = notes["file"]
        facts["plan"] = f"{plural(notes['seeds'], 'training')} of {steps} steps, fresh seeds"
    facts["sandbox"] = setup.choice.described
    facts["trainer"] = f"device {trainer['device']}, {plural(trainer['threads'], 'thread')}"
    facts["continue"] = f"autoreward resume {name}"
    return facts_table(facts)


def _design_facts(setup: Setup, run: str) -> dict[str, RenderableType]:
    settings = setup.settings
    search = settings.search
    if settings.designer.kind == "builtin":
        who = (
            "built-in: it does not read your text, but optimises what decides, see above; "
            "--model NAME asks a language model"
        )
    else:
        who = f"language model {settings.llm.model}"
        who += f" at {settings.llm.api_base}" if settings.llm.api_base else ""
        if settings.designer.models:
            who += f", and {', '.join(settings.designer.models)}"
    facts: dict[str, RenderableType] = {
        "designer": who,
        "plan": plan_words(settings),
        **unusual(settings),
    }
    helpers = []
    for name, agent in (("critic", settings.critic), ("analyzer", settings.analyzer)):
        model = f"language model {agent.model or settings.llm.model}"
        helpers.append(f"{name}: {model if agent.kind == 'llm' else 'machine'}")
    facts["beside it"] = ", ".join(helpers)
    if search.review:
        facts["review"] = f"nothing is trained that you have not approved: autoreward review {run}"
    limits = {k: v for k, v in settings.budget.model_dump().items() if v is not None}
    if limits:
        facts["limits"] = ", ".join(f"{value:g} {name}" for name, value in limits.items())
    return facts
