"""The jails of the learners in slots: one per reward file, shared by formulas over one file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Container
from dataclasses import dataclass, field, replace

from autoreward.rewards.source import RewardSource, parse_reward
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.reserve import Reserve, close_all
from autoreward.schema import StateSchema
from autoreward.training.learner import Values


@dataclass
class _Cell:
    """A jail and the jobs whose components it computes."""

    code: str
    jail: Jail
    jobs: dict[str, int] = field(default_factory=dict)
    """Job to learner number: whose memory a call uses."""


class JailPool:
    """Evaluates components for many learners; a failing reward ends its own learner only.

    Args:
        reserve: Starts the jails.
        schema: The state that rewards see.
        job_timeout_s: How long a job may take; a jail takes on new ones only while it will live
            that long.
        keep: Jails up to which those without a job stay, for a candidate that goes on soon.
    """

    def __init__(
        self, reserve: Reserve, schema: StateSchema, job_timeout_s: float, keep: int = 0
    ) -> None:
        self._reserve, self._schema, self._job_timeout = reserve, schema, job_timeout_s
        self._keep = keep
        self._cells: dict[str, _Cell] = {}
        self._cell_of: dict[str, str] = {}
        self._fields: dict[str, frozenset[str]] = {}
        self._learners = 0
        self._seconds_closed = 0.0

    @property
    def seconds(self) -> float:
        """Wall-clock seconds spent waiting for jails so far."""
        return self._seconds_closed + sum(cell.jail.seconds for cell in self._cells.values())

    def admit(self, jobs: dict[str, str]) -> dict[str, JailFailure]:
        """Start jails for jobs, several at once.

        Args:
            jobs: Job to text of its reward file.

        Returns:
            The jobs whose reward does not load, and why. They are not admitted.

        Raises:
            SandboxError: A jail did not start, three times in a row.
        """
        sources = {job: parse_reward(text) for job, text in jobs.items()}
        keys = {job: self._key(source) for job, source in sources.items()}
        new = {key: job for job, key in keys.items() if key not in self._cells}
        self._end_unused(self._keep - len(new), set(keys.values()))
        failures = self._start(new, {key: jobs[job] for key, job in new.items()})
        for job, key in keys.items():
            if key in failures:
                continue
            self._cells[key].jobs[job] = self._learners
            self._learners += 1
            self._cell_of[job] = key
            self._fields[job] = frozenset[str]().union(
                *(component.state_fields for component in sources[job].components)
            )
        return {job: failures[key] for job, key in keys.items() if key in failures}

    def release(self, job: str) -> None:
        """Forget a job; without any, a jail stays only while there are no more than `keep`."""
        key = self._cell_of.pop(job, None)
        self._fields.pop(job, None)
        if key is None or key not in self._cells:
            return
        cell = self._cells[key] = self._cells.pop(key)  # the last to lose a job stays longest
        cell.jobs.pop(job, None)
        if not cell.jobs and cell.jail.ended:
            self._end(key)
        self._end_unused(self._keep)

    def fields(self, job: str) -> frozenset[str]:
        """Return the state fields that the job's reward reads."""
        return self._fields[job]

    def evaluate(self, batches: dict[str, Batch]) -> dict[str, Values | JailFailure]:
        """Return the component values of every job's block.

        All jails compute at once; jobs that share one take turns.
        """
        results: dict[str, Values | JailFailure] = {}
        waiting: dict[str, list[str]] = {}
        for job in batches:
            waiting.setdefault(self._cell_of[job], []).append(job)
        while waiting:
            turn = {key: jobs.pop(0) for key, jobs in waiting.items()}
            waiting = {key: jobs for key, jobs in waiting.items() if jobs}
            results |= self._exchange({job: (key, batches[job]) for key, job in turn.items()})
        return results

    def close(self) -> None:
        """End all jails."""
        close_all([cell.jail for cell in self._cells.values()])
        for key in list(self._cells):
            self._end(key)
        self._reserve.close()

    def _key(self, source: RewardSource) -> str:
        """Return a name for the file without its formula: files that differ in it share a jail.

        A jail that is too old for one more job is passed over.
        """
        key = hashlib.sha256(source.components_text.encode()).hexdigest()
        while key in self._cells and not self._cells[key].jail.lives_for(self._job_timeout):
            key += "'"
        return key

    def _exchange(self, calls: dict[str, tuple[str, Batch]]) -> dict[str, Values | JailFailure]:
        results: dict[str, Values | JailFailure] = {}
        for job, (key, batch) in calls.items():
            cell = self._cells[key]
            try:
                cell.jail.submit(replace(batch, learner=cell.jobs[job]))
            except JailFailure as failure:
                results[job] = failure
        for job, (key, _) in calls.items():
            if job in results:
                continue
            try:
                results[job] = self._cells[key].jail.collect()
            except JailFailure as failure:
                results[job] = failure
        for job, (key, _) in calls.items():
            if isinstance(results[job], JailFailure) and self._cells[key].jail.ended:
                self._replace(key)
        return results

    def _replace(self, key: str) -> None:
        """Give the other jobs of a reward file a fresh jail after one of them broke it."""
        cell = self._cells[key]
        self._seconds_closed += cell.jail.seconds
        cell.jail.close()
        if len(cell.jobs) > 1:
            (cell.jail,) = self._reserve.take([next(iter(cell.jobs))]).values()
            with contextlib.suppress(JailFailure):  # the next exchange reports it
                cell.jail.load(cell.code, self._schema)

    def _start(self, jobs: dict[str, str], texts: dict[str, str]) -> dict[str, JailFailure]:
        """Start a jail for each reward file, for the first job that asks for it."""
        failures = {}
        jails = self._reserve.take(list(jobs.values()))
        for key, job in jobs.items():
            jail = jails[job]
            try:
                jail.load(texts[key], self._schema)
                self._cells[key] = _Cell(texts[key], jail)
            except JailFailure as failure:
                jail.close()
                failures[key] = failure
        return failures

    def _end_unused(self, most: int, wanted: Container[str] = ()) -> None:
        """End jails without a job, oldest first, until there are `most`; never a wanted one."""
        unused = [k for k, cell in self._cells.items() if not cell.jobs and k not in wanted]
        surplus = min(len(unused), max(0, len(self._cells) - most))
        close_all([self._cells[key].jail for key in unused[:surplus]])
        for key in unused[:surplus]:
            self._end(key)

    def _end(self, key: str) -> None:
        cell = self._cells.pop(key)
        self._seconds_closed += cell.jail.seconds
        cell.jail.close()
