"""Carrying a benchmark's runs out, one after the other: resumable, and no run stops the others."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from autoreward.errors import AutorewardError, RunError
from autoreward.search.benchmarking.plan import Planned
from autoreward.search.observer import Observer
from autoreward.search.opening import create_run, facts_of
from autoreward.search.run import Run
from autoreward.store.database import RunLock, lock_owner
from autoreward.store.journal import Journal
from autoreward.store.rundir import RunFiles
from autoreward.training.messages import RESULT_FILE

_HALF_MADE = ".new"
"""Folder in which runs are made before they get their place: a kill leaves no half-made run."""
_PROBLEM = "problem.txt"
_SHARED = "baselines-shared"


class Progress(Protocol):
    """Told how a benchmark goes; must return quickly."""

    def begins(self, run: Planned, number: int, of: int) -> Observer:
        """A run begins, or goes on; return who watches it."""
        ...

    def ended(self, run: Planned, summary: dict[str, Any] | None, problem: str) -> None:
        """A run has a result, or it failed."""
        ...


@contextmanager
def working_on(directory: Path) -> Iterator[None]:
    """Hold the right to work on a benchmark's folder, which is made where missing.

    Raises:
        RunError: Another process holds it, whose pid it names; or the folder cannot be used.
    """
    files = RunFiles(directory)
    if files.database.exists():
        raise RunError(f"{directory} is a run, not a benchmark: give the benchmark another --name")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the folder {directory}: {error.strerror}") from None
    try:
        lock = RunLock(files.lock)
    except RunError as error:
        if pid := lock_owner(files.lock):
            raise RunError(
                f"the benchmark in {directory} is being worked on by process {pid}: "
                "wait for it, or end it first"
            ) from None
        raise error
    try:
        yield
    finally:
        lock.release()


def carry_out(
    directory: Path, runs: Sequence[Planned], env_paths: Sequence[Path], progress: Progress
) -> dict[str, str]:
    """Do what is left to do of `runs`, in their order.

    Finished runs are not repeated, and one that was interrupted goes on where it was.

    Args:
        directory: The benchmark's folder, held by `working_on`.
        runs: What to run.
        env_paths: Where the user said environments are.
        progress: Told how it goes.

    Returns:
        The name of each run that failed, and why: a sentence.

    Raises:
        RunError: A run is there that was made with other settings.
    """
    for run in runs:
        _same_settings(directory / run.name, run)
    shutil.rmtree(directory / _HALF_MADE, ignore_errors=True)
    waiting = [run for run in runs if summary_of(directory / run.name) is None]
    problems = {}
    for number, run in enumerate(waiting, 1):
        observer = progress.begins(run, number, len(waiting))
        summary, problem = None, ""
        (directory / run.name / _PROBLEM).unlink(missing_ok=True)
        try:
            summary = _execute(directory, run, env_paths, observer)
        except AutorewardError as error:
            problem = " ".join(str(error).split())
        except Exception as error:  # a defect of ours in one run must not cost a night of others
            path = directory / run.name / _PROBLEM
            path.parent.mkdir(exist_ok=True)
            path.write_text(traceback.format_exc(), encoding="utf-8")
            problem = f"a defect of autoreward, see {path}: {type(error).__name__}: {error}"
        if problem:
            problems[run.name] = problem
        progress.ended(run, summary, problem)
    return problems


def summary_of(directory: Path) -> dict[str, Any] | None:
    """Return the result of a finished run; None where there is none (yet).

    Raises:
        RunError: Its journal is damaged.
    """
    if not RunFiles(directory).database.exists():
        return None
    with Journal.read(directory) as journal:
        summary: dict[str, Any] | None = journal.meta("summary")
    return summary


def _execute(
    directory: Path, run: Planned, env_paths: Sequence[Path], observer: Observer
) -> dict[str, Any]:
    path = directory / run.name
    if not RunFiles(path).database.exists():
        _make(directory, run, env_paths)
    with Journal.open(path) as journal:
        _share_baselines(directory, run, journal)
        return Run(journal, run.setup, observer).execute()


def _make(directory: Path, run: Planned, env_paths: Sequence[Path]) -> None:
    """Make a run's folder, whole or not at all."""
    root = directory / _HALF_MADE
    create_run(run.setup, "design", env_paths, name=run.name, root=root).close()
    path = directory / run.name
    shutil.rmtree(path, ignore_errors=True)  # of a run that could not even be made
    (root / run.name).rename(path)


def _same_settings(path: Path, run: Planned) -> None:
    """Refuse to go on with a run, or to count one, that was made with other settings."""
    if not RunFiles(path).database.exists():
        return
    with Journal.read(path) as journal:
        before = _flat(journal.meta("config", {}))
    now = _flat(run.setup.settings.to_dict())
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new:
            raise RunError(
                f"{path} was made with {name} = {old}, and now it is {new}: give the benchmark "
                "another --name, or remove that folder"
            )


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat


def _share_baselines(directory: Path, run: Planned, journal: Journal) -> None:
    """Take over the baselines' trainings of a finished run on the same task with the same seed.

    They are the very trainings that this run would do: same reward, same seeds, same settings. Its
    engine finds their results as it finds those that a killed host had not taken in yet.
    """
    donor = next(_donors(directory, run), None)
    if donor is None:
        return
    shared = []
    with Journal.read(donor) as other:
        done = [job.id for job in other.jobs(purpose="baseline", state="done")]
    for job in done:
        source, target = RunFiles(donor).job(job), journal.files.job(job)
        if target.exists() or not (source / RESULT_FILE).exists():
            continue
        half = target.with_name(f".{job}.half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(source, half)
        half.rename(target)
        shared.append(job)
    if shared:
        journal.event(_SHARED, jobs=shared, source=donor.name)


def _donors(directory: Path, run: Planned) -> Iterator[Path]:
    """Yield the finished runs whose baselines are those of `run`."""
    start = f"{run.task.replace('/', '-')}-"
    mine = run.setup.settings.to_dict()
    for path in sorted(directory.glob(f"{start}*-s{run.seed}")):
        if path.name == run.name or summary_of(path) is None:
            continue
        with Journal.read(path) as journal:
            config, facts = journal.meta("config", {}), facts_of(journal)
        task = f"{facts['environment']}/{facts['task']}"
        if task == run.task and all(config.get(name) == mine[name] for name in _DECIDE_BASELINES):
            yield path


_DECIDE_BASELINES = ("env", "seed", "training", "validation")
"""Settings that the trainings of baselines follow from, beside the task."""
