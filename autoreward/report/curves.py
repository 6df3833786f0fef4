"""Training curves in the terminal, drawn by plotext."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.report.format import count
from autoreward.report.result import measure_label

Json = Mapping[str, Any]
Snapshots = Sequence[Json]
WIDTH, HEIGHT = 60, 12
"""Columns and rows of one plot, where there is room for them."""
_NARROWEST = 40
_GAP = 2
_COLOURS = (12, 10, 9, 14, 13, 11)
"""Of the terminal's sixteen, the bright ones: seen on dark and on light ground."""
_TICKS = 3
_MEANING = "over environment steps of the training, where the policy explores"


def training_curves(
    snapshots: Snapshots, primary: str, measure: Json, used: Sequence[str], columns: int
) -> RenderableType:
    """Return the components and the fitness over training, side by side where there is room.

    Args:
        snapshots: Points of a training, as a job's result has them.
        primary: Name of the fitness that decides.
        measure: Its direction and unit.
        used: Components of the formula; others are left out.
        columns: Width of the terminal.
    """
    steps = [int(point["steps"]) for point in snapshots]
    if len(steps) < 2:
        return Text("the training was too short for curves", "dim")
    wide = columns >= 2 * (_NARROWEST + _GAP)
    width = min(WIDTH, columns // 2 - _GAP if wide else columns)
    means = {
        name: [float(point["components"][name]["mean"]) for point in snapshots]
        for name in used
        if all(name in point["components"] for point in snapshots)
    }
    fitness = [float(point["fitness_per_step"].get(primary, math.nan)) for point in snapshots]
    title = Text.assemble(("fitness while it learns: ", "bold"), measure_label(primary, measure))
    plots = [
        Group(Text("mean of each component", "bold"), _plot(steps, means, width)),
        Group(title, _plot(steps, {primary: fitness}, width)),
    ]
    legend = _legend(list(means))
    if not wide:
        return Group(plots[0], legend, "", plots[1], Text(_MEANING, "dim"))
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_row(*plots)
    return Group(table, legend, Text(_MEANING, "dim"))


def _legend(names: Sequence[str]) -> Text:
    text = Text()
    for index, name in enumerate(names):
        text.append("━━ ", f"color({_COLOURS[index % len(_COLOURS)]})")
        text.append(f"{name}  ")
    return text


def _plot(steps: Sequence[int], lines: Mapping[str, Sequence[float]], width: int) -> Text:
    """Return one plot; what is not finite leaves a gap in its line."""
    import plotext

    figure = plotext.figure
    figure.clear.all()  # it is the only one there is
    figure.theme("simple")
    figure.plot_size(width, HEIGHT)
    drawn = False
    for index, values in enumerate(lines.values()):
        points = [(x, y) for x, y in zip(steps, values, strict=True) if math.isfinite(y)]
        if points:
            colour = plotext.marker("braille", _COLOURS[index % len(_COLOURS)])
            xs, ys = zip(*points, strict=True)
            figure.draw(figure.signal(list(xs), list(ys), marker=colour).lines())
            drawn = True
    if not drawn:
        return Text("nothing to draw", "dim")
    last = len(steps) - 1
    shown = sorted({steps[round(i * last / (_TICKS - 1))] for i in range(_TICKS)})
    figure.ruler("x").ticks(shown, [count(step) for step in shown])
    text = Text.from_ansi(str(figure.build()))
    text.no_wrap = True
    text.rstrip()
    return text
