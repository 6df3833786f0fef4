"""A watched run on a terminal; pure functions of the watch."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoreward.report.forecast import job_label
from autoreward.report.format import count, duration, number, plural
from autoreward.report.watch import Best, Watch

MOST_LEARNERS = 12
"""Learners shown one by one; more are counted."""


def live(watch: Watch, now: float) -> RenderableType:
    """Return the picture of a moment: learners, totals, rates, the best so far, time left."""
    parts: list[RenderableType] = []
    if watch.learners:
        parts.append(_learners(watch))
    parts += [_totals(watch, now), _amounts(watch, now)]
    if watch.best:
        parts.append(_best(watch, watch.best))
    return Group(*parts)


def _learners(watch: Watch) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    shown = sorted(watch.learners.items())[:MOST_LEARNERS]
    for job, (steps, fitness) in shown:
        target = watch.plan.target(job)
        table.add_row(
            Text(f"  {job_label(job)}", "dim"),
            ProgressBar(total=target, completed=steps, width=16),
            f"{min(1.0, steps / target):4.0%}",
            Text(watch.at(watch.plan.rung_of(job), "to").strip(), "dim"),
            Text(f"{watch.primary} {number(fitness)} per step", "dim"),
        )
    if more := len(watch.learners) - len(shown):
        table.add_row(Text(f"  and {more} more", "dim"))
    return table


def _totals(watch: Watch, now: float) -> Table:
    left = watch.seconds_left(now)
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)  # the bar takes what the words leave
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_row(
        Text(watch.phase, "bold"),
        ProgressBar(total=1.0, completed=watch.fraction),
        duration(now - watch.started),
        Text(f"about {duration(left)} left" if left else "", "cyan"),
    )
    return table


def _amounts(watch: Watch, now: float) -> Text:
    parts = [watch.amount]
    if rate := watch.rate(now):
        parts.append(f"{count(rate)} a second, {watch.shares}")
    if watch.plan.rungs:
        refused = f", {watch.rejected} refused" if watch.rejected else ""
        parts.append(plural(watch.candidates, "candidate") + refused)
    if watch.flow:
        parts.append(watch.flow)
    return Text("  ·  ".join(parts))


def _best(watch: Watch, best: Best) -> Text:
    return Text.assemble(
        "best so far ",
        (f"{watch.primary} {watch.score(best.mean)}", "green"),
        (f"{watch.at(best.rung)} ({best.candidate})", "dim"),
    )
