"""The run's trajectory bank: made of what it has trained so far, kept in its folder for others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoreward.config import Settings
from autoreward.errors import RunError, UsageError
from autoreward.evaluation.bank import Bank, build
from autoreward.search.observer import Observer
from autoreward.search.setup import Setup
from autoreward.search.view import View
from autoreward.store.journal import Journal
from autoreward.store.queries import Queries
from autoreward.store.records import Job
from autoreward.store.rundir import RunFiles, find_run, list_runs
from autoreward.training.episodes import Episodes
from autoreward.training.messages import EPISODES_FILE

_START = "bank-start.safetensors"


def open_bank(name: str) -> Bank:
    """Return a bank by the name of a run or by its file.

    Raises:
        UsageError: There is no such run or file, or it holds no bank.
    """
    path = Path(name)
    if path.is_file():
        return Bank.load(path)
    try:
        files = RunFiles(find_run(name))
    except RunError as error:
        raise UsageError(f"--bank {name}: {error}") from None
    if not files.bank.exists():
        raise UsageError(f"--bank {name}: that run has no trajectory bank yet")
    return Bank.load(files.bank)


def recent_bank(environment: str, task: str) -> tuple[str, Bank] | None:
    """Return the bank of the latest run of a task, and the run's name; None if there is none."""
    for directory in list_runs():
        path = RunFiles(directory).bank
        if not path.exists():
            continue
        try:
            bank = Bank.load(path)
        except UsageError:  # damaged, or of another version: not worth a word
            continue
        if (bank.environment, bank.task) == (environment, task):
            return directory.name, bank
    return None


def start_bank(journal: Queries, setup: Setup) -> Bank | None:
    """Return the bank that the run begins with, from its own folder once it is there.

    The copy makes a run that is resumed, or moved to another machine, judge as it did before.

    Raises:
        UsageError: A bank of the settings cannot be read, or is of another task.
    """
    kept = journal.files.directory / _START
    if kept.exists():
        return Bank.load(kept)
    names = setup.settings.search.banks
    if not names:
        return None
    banks = [open_bank(name) for name in names]
    merged = build(setup.folder.name, setup.task, setup.primary, {}, banks)
    merged.save(kept)
    return merged


def update_bank(
    journal: Journal,
    setup: Setup,
    behaviour: Mapping[str, Episodes],
    start: Bank | None,
    view: View | None = None,
) -> Bank:
    """Return the bank of everything trained so far, and keep it in the run's folder.

    Args:
        journal: Of the run.
        setup: The run's fixed parts.
        behaviour: Episodes of the policies that nobody trained.
        start: What the run began with.
        view: Only its trainings count, each candidate's longest; None for all trainings.
    """
    recordings = dict(behaviour)
    for job_id in _counted(journal, view):
        path = journal.files.job(job_id) / EPISODES_FILE
        if path.exists():
            recordings[job_id] = Episodes.load(path)
    bank = build(
        setup.folder.name,
        setup.task,
        setup.primary,
        recordings,
        [] if start is None else [start],
    )
    bank.save(journal.files.bank)
    return bank


def _counted(journal: Queries, view: View | None) -> list[str]:
    """Return the trainings of a bank: of each candidate's search the longest, and all others."""
    longest: dict[str, Job] = {}
    others = []
    for job in journal.jobs(state="done"):
        if job.purpose != "search":
            others.append(job.id)
        elif (view is None or view.shows(job)) and not job.training_seed:
            known = longest.get(job.candidate)
            if known is None or job.steps > known.steps:
                longest[job.candidate] = job
    return [job.id for job in longest.values()] + (others if view is None else [])


def worth_training(
    journal: Journal,
    candidates: list[str],
    settings: Settings,
    observe: Observer,
    *,
    keep_best: bool = True,
) -> list[str]:
    """Return the candidates to train, those of the best predicted quality first.

    One whose quality is predicted below `search.skip_below` is skipped, but never the best of them
    all (if `keep_best`); what the bank cannot tell, and what people approved or wrote, is always
    trained.
    """
    known = {name: journal.meta(f"predicted/{name}") for name in candidates}
    order = sorted(candidates, key=lambda name: -(1.0 if known[name] is None else known[name]))
    limit = settings.search.skip_below
    chosen = []
    for place, name in enumerate(order):
        quality = known[name]
        if (
            (keep_best and not place)
            or quality is None
            or quality >= limit
            or journal.decision(name)
        ):
            chosen.append(name)
            continue
        reason = f"predicted quality {quality:.2f} is below search.skip_below = {limit:g}"
        if journal.candidate(name).state != "rejected":
            journal.set_candidate_state(name, "rejected", reason)
        observe("skipped", candidate=name, reason=reason)
    return chosen
