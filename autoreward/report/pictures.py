"""One page that shows what a training did: its curves, its components, one episode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autoreward.evaluation.analysis.analyzer import Analysis
from autoreward.evaluation.analysis.curves import smoothed
from autoreward.evaluation.analysis.farming import best_snapshot, correlation
from autoreward.evaluation.analysis.measuring import scalar_fields, step_series
from autoreward.evaluation.analysis.record import Record, Values
from autoreward.pointers import find_pointers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FITNESS, _REWARD, _STATE, _MARK = "#0072B2", "#D55E00", "#555555", "#CC79A7"
_COMPONENTS = ("#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
"""Okabe and Ito's colours, which colour-blind people tell apart."""
_FIELDS = 2
_LINE_WIDTH = 125
"""Characters of a line of the heading."""


def analysis_picture(record: Record, analysis: Analysis, path: Path) -> None:
    """Draw a training and one of its validation episodes as a PNG.

    Left, over training: the deciding fitness with its peak, the reward, the components. Right: the
    episode that the first finding points at, else the median failure, else the median episode,
    with the stretch of the finding shaded and the first failure marked.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06)
    figure = Figure(figsize=(12.5, 8.6), layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(_heading(record, analysis), fontsize=11.5, ha="left", x=0.01)
    columns = figure.add_gridspec(1, 2, width_ratios=(1.12, 1.0))
    rows = columns[0].subgridspec(3, 1)
    first = figure.add_subplot(rows[0])
    shared = [first, *(figure.add_subplot(rows[i], sharex=first) for i in (1, 2))]
    _draw_fitness(shared[0], record)
    _draw_curve(shared[1], record, "reward", _REWARD, "reward per step")
    _draw_components(shared[2], record)
    shared[2].set_xlabel("environment steps of training")
    row, stretch = _episode(record, analysis)
    series = _episode_series(record, analysis, row)
    cells = columns[1].subgridspec(len(series), 1)
    panels = [figure.add_subplot(cells[0])]
    panels += [figure.add_subplot(cells[i], sharex=panels[0]) for i in range(1, len(series))]
    failure = dict(analysis.failures).get(row)
    for panel, (title, values, colour) in zip(panels, series, strict=True):
        _draw_series(panel, title, values, colour, stretch, failure)
    _name_marks(panels[0], stretch, failure, record, row)
    panels[-1].set_xlabel(f"step of validation episode {row}")
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8.5)
        axes.grid(alpha=0.25, linewidth=0.6)
    for axes in (*shared[:-1], *panels[:-1]):
        axes.tick_params(labelbottom=False)
    figure.savefig(path, dpi=110)


def _heading(record: Record, analysis: Analysis) -> str:
    import textwrap

    primary = record.primary
    unit = "" if primary.unit == "1" else f" {primary.unit}"
    value = record.sign * float(record.own.mean())
    better = "higher" if primary.direction == "max" else "lower"
    lines = [
        f"{record.folder.name}, task {record.task.name}: {primary.name} {value:.3g}{unit} on "
        f"{len(record.own)} validation episodes ({better} is better)"
    ]
    if analysis.findings:
        finding = analysis.findings[0]
        lines += textwrap.wrap(f"{finding.code}: {finding.message}", _LINE_WIDTH)
    else:
        lines.append("no findings")
    return "\n".join(lines)


def _draw_fitness(axes: Axes, record: Record) -> None:
    name = record.primary.name
    unit = "" if record.primary.unit == "1" else f", {record.primary.unit}"
    _draw_curve(axes, record, f"fitness:{name}", _FITNESS, f"{name} per step{unit}")
    for label, episodes in (("never acting", record.zero), ("acting at random", record.random)):
        if episodes is None:
            continue
        level = float(episodes.fitness[name][episodes.alive].mean())
        style = ":" if label == "never acting" else "--"
        axes.axhline(level, color=_STATE, linewidth=1.0, linestyle=style, label=label)
    best = best_snapshot(record)
    if best is not None:
        since = " since an episode was whole" if record.learnt_until else ""
        x, y = _steps(record)[best - 1], smoothed(record.curve(f"fitness:{name}"))[best - 1]
        axes.plot(x, y, "o", color=_FITNESS, markersize=7, markerfacecolor="white",
                  markeredgewidth=1.8, label=f"best{since}: snapshot {best}", zorder=5)  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="best")


def _draw_curve(axes: Axes, record: Record, quantity: str, colour: str, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left", color=colour)
    x, values = _steps(record), record.curve(quantity)
    axes.plot(x, values, color=colour, linewidth=0.8, alpha=0.45)
    if len(values) >= 3:
        axes.plot(x, smoothed(values), color=colour, linewidth=2.0)


def _steps(record: Record) -> list[int]:
    """Return the environment steps of each snapshot."""
    return [int(snapshot["steps"]) for snapshot in record.snapshots]


def _draw_components(axes: Axes, record: Record) -> None:
    title = "components, mean per step (start to end of training), each in its own scale"
    axes.set_title(title, fontsize=10, loc="left")
    x = _steps(record)
    ends = []
    for number, name in enumerate(record.components):
        colour = _COMPONENTS[number % len(_COMPONENTS)]
        style = ("-", "--", ":")[number // len(_COMPONENTS) % 3]
        means = record.curve(f"component:{name}")
        spread = float(np.ptp(means)) if len(means) else 0.0
        scaled = (means - means.min()) / spread if spread > 0 else np.full(len(means), 0.5)
        axes.plot(x, scaled, color=colour, linewidth=1.8, linestyle=style)
        label = f"{name} ({means[0]:.3g} to {means[-1]:.3g})" if len(means) else name
        ends.append((float(scaled[-1]) if len(scaled) else 0.5, label, colour))
    if not len(x):
        return
    for place, (_, label, colour) in zip(_apart(ends), sorted(ends), strict=True):
        axes.annotate(label, (1.01, place), xycoords=("axes fraction", "data"), color=colour,
                      fontsize=8.5, va="center", annotation_clip=False)  # fmt: skip
    axes.set_ylim(-0.08, 1.08)
    axes.set_yticks([0.0, 1.0], ["least", "most"])


def _apart(ends: list[tuple[float, str, str]]) -> list[float]:
    """Return where the labels stand, in the order of their curves' ends, none over another."""
    places: list[float] = []
    for value, _, _ in sorted(ends):
        places.append(max(value, places[-1] + 0.12) if places else value)
    over = max(0.0, places[-1] - 1.05) if places else 0.0
    return [place - over for place in places]


def _episode(record: Record, analysis: Analysis) -> tuple[int, tuple[int, int] | None]:
    """Return the episode to show, and the stretch of it that a finding points at."""
    for finding in analysis.findings:
        for pointer in find_pointers(finding.evidence):
            if pointer.episode is not None:
                whole = pointer.last - pointer.first + 1 >= record.episodes.length[pointer.episode]
                stretch = None if whole else (pointer.first, pointer.last)
                return pointer.episode, stretch
    if analysis.failures:
        order = sorted(analysis.failures, key=lambda failure: failure[1])
        return order[len(order) // 2][0], None
    order_of_fitness = np.argsort(record.own, kind="stable")
    return int(order_of_fitness[len(order_of_fitness) // 2]), None


def _episode_series(record: Record, analysis: Analysis, row: int) -> list[tuple[str, Values, str]]:
    """Return title, values and colour of what is shown of an episode."""
    primary = record.primary.name
    pointed = [
        pointer.quantity
        for finding in analysis.findings
        for pointer in find_pointers(finding.evidence)
        if pointer.episode is not None
    ]
    chosen = _fields(record, row, [name for name in pointed if name in scalar_fields(record)])
    component = next((name for name in pointed if name.startswith("component:")), None)
    wanted = [(name, f"{name}{_unit(record, name)}", _STATE) for name in chosen]
    if component:
        wanted.append((component, f"{component.removeprefix('component:')} (component)", "#009E73"))
    wanted.append(("reward", "reward", _REWARD))
    wanted.append((f"fitness:{primary}", f"{primary} (fitness) of the step", _FITNESS))
    found = [(title, step_series(record, row, name), colour) for name, title, colour in wanted]
    return [(title, values, colour) for title, values, colour in found if values is not None]


def _fields(record: Record, row: int, pointed: list[str]) -> list[str]:
    """Return the fields to show: those pointed at, then those that move most with the reward."""
    reward = step_series(record, row, "reward")
    ranked = []
    for name in scalar_fields(record):
        values = step_series(record, row, name)
        if values is None or not record.folder.schema.field(name.partition("[")[0]).primitive:
            continue
        related = 0.0 if reward is None else abs(correlation(values, reward))
        ranked.append((-related, name))
    return list(dict.fromkeys([*pointed, *(name for _, name in sorted(ranked))]))[:_FIELDS]


def _unit(record: Record, name: str) -> str:
    unit = record.folder.schema.field(name.partition("[")[0]).unit
    return "" if unit == "1" else f", {unit}"


def _draw_series(
    axes: Axes,
    title: str,
    values: Values,
    colour: str,
    stretch: tuple[int, int] | None,
    failure: int | None,
) -> None:
    axes.set_title(title, fontsize=10, loc="left", color=colour)
    long = len(values) > 150
    axes.plot(values, color=colour, linewidth=0.6 if long else 1.6, alpha=0.4 if long else 1.0)
    if long:
        axes.plot(smoothed(values), color=colour, linewidth=1.6)
    if stretch is not None:
        axes.axvspan(stretch[0], stretch[1], color=_MARK, alpha=0.22, linewidth=0)
    if failure is not None:
        axes.axvline(failure, color="black", linewidth=1.2, linestyle="--")


def _name_marks(
    axes: Axes, stretch: tuple[int, int] | None, failure: int | None, record: Record, row: int
) -> None:
    """Say above the first panel what line and shade mean."""
    parts = []
    if failure is not None:
        parts.append(f"dashed: first failure, step {failure}")
    if stretch is not None:
        parts.append(f"shaded: what the finding points at, steps {stretch[0]}-{stretch[1]}")
    ended = "ended by the rule" if record.episodes.terminated[row] else "full time"
    lines = [f"validation episode {row}: {ended} after {record.episodes.length[row]} steps"]
    lines += ["; ".join(parts)] if parts else []
    axes.annotate(
        "\n".join(lines),
        (0.0, 1.0),
        (0.0, 24.0),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
    )
