"""A watched run on a terminal; pure functions of the watch."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoreward.report.format import count, duration, number, plural
from autoreward.report.watch import Watch, job_label

MOST_LEARNERS = 12
"""Learners shown one by one; more are counted."""


def live(watch: Watch, now: float) -> RenderableType:
    """Return the picture of a moment: learners, totals, rates, the best so far, time left."""
    parts: list[RenderableType] = []
    if watch.learners:
        parts.append(_learners(watch))
    return Group(*parts, _totals(watch, now), _rates(watch))


def _learners(watch: Watch) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    shown = sorted(watch.learners.items())[:MOST_LEARNERS]
    for job, (steps, fitness) in shown:
        bar = ProgressBar(total=watch.plan.steps, completed=steps, width=24)
        done = f"{min(1.0, steps / watch.plan.steps):4.0%}"
        score = Text(f"{watch.primary} {number(fitness)} per step", "dim")
        table.add_row(Text(f"  {job_label(job)}", "dim"), bar, done, score)
    if more := len(watch.learners) - len(shown):
        table.add_row(Text(f"  and {more} more", "dim"))
    return table


def _totals(watch: Watch, now: float) -> Table:
    left = watch.seconds_left()
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(5):
        table.add_column(no_wrap=True)
    table.add_row(
        Text(watch.phase, "bold"),
        ProgressBar(total=1.0, completed=watch.fraction, width=14),
        f"trainings {watch.done}/{watch.expected}",
        duration(now - watch.started),
        Text(f"about {duration(left)} left" if left else "", "cyan"),
    )
    return table


def _rates(watch: Watch) -> Text:
    text = Text()
    if watch.rate:
        text.append(f"{count(watch.rate)} env steps/s, {watch.jail_share:.0%} of it in jails")
    if watch.plan.generations:
        text.append("  ·  " if text else "").append(plural(watch.candidates, "candidate"))
        if watch.rejected:
            text.append(f", {watch.rejected} refused")
    if watch.best:
        text.append("  ·  best so far ")
        text.append(f"{watch.primary} {watch.score(watch.best.mean)}", "green")
        text.append(f" ({watch.best.candidate})", "dim")
    return text
