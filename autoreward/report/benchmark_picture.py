"""The plot of a benchmark: every method on every task, with intervals and single runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoreward.report.format import number, plural, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Json = Mapping[str, Any]
_FIRST, _CONTROL, _HUMAN, _SPARSE, _ZERO = "#0072B2", "#555555", "#D55E00", "#CC79A7", "#999999"
"""Okabe and Ito's colours, which colour-blind people tell apart."""
_LINES = {"human": (_HUMAN, "--"), "sparse": (_SPARSE, "-."), "zero": (_ZERO, ":")}
_COLUMNS = 4
_FAR = 3.0
"""A baseline further off than so many times the range of methods and human is only named."""


def benchmark_picture(data: Json, path: Path) -> None:
    """Draw a benchmark as a PNG: first all tasks together, then one panel a task.

    Points are means with 95 % intervals, small points single runs; lines are the baselines.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    methods = [name for name, row in data["rows"].items() if not row["baseline"]]
    scored = any(data["rows"][name]["score"] for name in methods)
    panels = [*([None] if scored else []), *data["tasks"]]
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    height = 1.15 + 0.34 * len(methods)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    figure = Figure(figsize=(1.6 + 3.1 * columns, 0.7 + height * rows), layout=layout)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        _draw(axes, data, methods, panels[place])
        if place % columns:
            axes.tick_params(labelleft=False)
    seeds, tasks = plural(data["run_seeds"], "run seed"), plural(len(data["tasks"]), "task")
    title = f"{data['name']}: {tasks}, {seeds}, equal environment steps of search"
    figure.suptitle(title, fontsize=11.5, ha="left", x=0.01)
    handles, labels = [], []
    for axes in grid.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    if handles:
        figure.legend(
            handles, labels, loc="outside lower right", ncols=3, fontsize=9, frameon=False
        )
    figure.savefig(path, dpi=110)


def _draw(axes: Axes, data: Json, methods: list[str], task: str | None) -> None:
    """Draw one panel: a task, or None for all together."""
    for place, name in enumerate(methods):
        row = data["rows"][name]
        form = row["score"] if task is None else row["tasks"].get(task)
        if form is None:
            continue
        colour = _FIRST if name == data["first"] else _CONTROL
        mean = form["value"] if task is None else form["mean"]
        low, high = form["interval"] or (mean, mean)
        axes.plot([low, high], [place, place], color=colour, linewidth=3.0, alpha=0.55)
        axes.plot(mean, place, "o", color=colour, markersize=7)
        if task is not None:
            runs = [r for r in data["runs"] if r["method"] == name and r["task"] == task]
            values = [run["fitness"] for run in runs]
            axes.plot(values, [place + 0.24] * len(values), "|", color=colour, markersize=6)
    _draw_baselines(axes, data, task)
    axes.set_yticks(range(len(methods)), methods, fontsize=9.5)
    axes.set_ylim(len(methods) - 0.5, -0.75)
    if task is None:
        axes.set_title("all tasks", fontsize=10, loc="left", fontweight="bold")
        axes.set_xlabel("normalised score (interquartile mean)", fontsize=9)
    else:
        facts = data["tasks"][task]
        axes.set_title(task, fontsize=10, loc="left", fontweight="bold")
        better = "higher" if facts["direction"] == "max" else "lower"
        label = f"{facts['primary']}{with_unit(facts['unit'])}, {better} is better"
        axes.set_xlabel(label, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)
    axes.grid(axis="x", alpha=0.25, linewidth=0.6)


def _draw_baselines(axes: Axes, data: Json, task: str | None) -> None:
    """Draw a line for each baseline; for one far off, an arrow that keeps the methods apart."""
    places = {}
    for name in _LINES:
        row = data["rows"][name]
        form = row["score"] if task is None else row["tasks"].get(task)
        if form is not None:
            places[name] = form["value"] if task is None else form["mean"]
    near = [*axes.dataLim.intervalx, places.get("human", axes.dataLim.x0)]
    low, high = min(near), max(near)
    reach = _FAR * (high - low) or math.inf
    off = 0
    for name, (colour, style) in _LINES.items():
        if name not in places:
            continue
        at = round(places[name], 9)
        if low - reach <= at <= high + reach:
            axes.axvline(at, color=colour, linestyle=style, linewidth=1.3, label=name, zorder=0)
            continue
        right = at > high
        text = (
            f"{name} {number(at)} \N{RIGHTWARDS ARROW}"
            if right
            else (f"\N{LEFTWARDS ARROW} {name} {number(at)}")
        )
        axes.text(
            1.0 if right else 0.0, 1.0 - 0.09 * off, text, color=colour, fontsize=8.5,
            transform=axes.transAxes, ha="right" if right else "left", va="top",
        )  # fmt: skip
        off += 1
