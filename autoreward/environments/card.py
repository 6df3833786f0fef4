"""The card of an environment: all that a person or a model needs to write a reward for a task.

`autoreward envs NAME` prints it and the designer's prompt contains it, word for word. It shows the
names and directions of the fitness vector, never how fitness is computed.
"""

from __future__ import annotations

import textwrap

from autoreward.environments.folder import EnvironmentFolder, Task
from autoreward.environments.source import parse_source
from autoreward.schema import Actuator, Field

_WIDTH = 100


def render_card(folder: EnvironmentFolder, task: Task) -> str:
    """Return the card of `folder` for `task` as Markdown."""
    parts = [
        f"# {folder.title} (`{folder.name}`)",
        _wrap(folder.summary),
        "## What reward code reads",
        _reading(folder),
        "```python\n" + _stub(folder) + "\n```",
        _lag(folder),
        "## Action",
        _action(folder),
        "## Time and end of an episode",
        _time(folder, task),
        "## Good to know",
        folder.card.strip(),
        f"## Task: {task.name}",
        _task(folder, task),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reading(folder: EnvironmentFolder) -> str:
    return _wrap(
        "A component is a function of `(state, action, next_state)`: the state before the step, "
        f"the action taken, the state after it, {_number(folder.schema.dt)} s later. Each holds B "
        "transitions at once (the first dimension of every tensor; all are float32) and is read as "
        "`next_state.NAME` with the names below and no others. B mixes robots and moments: never "
        "compute across it. `[B]` is a scalar per transition; `[B, k]` a vector with k entries."
    )


def _stub(folder: EnvironmentFolder) -> str:
    lines = ["class State:"]
    for field in folder.schema.state:
        lines += _field(field)
    return "\n".join(lines)


def _field(field: Field) -> list[str]:
    shape = f"[B, {field.shape[0]}]" if field.shape else "[B]"
    unit = "no unit" if field.unit == "1" else field.unit
    usual = f"usually {_number(field.low)} to {_number(field.high)}"
    lines = [f"    {field.name}: Tensor  # {shape} {unit}, {field.frame} frame, {usual}"]
    if field.index:
        # "~" keeps an index and its name on one line.
        entries = ", ".join(f"[:,~{i}]~{name}" for i, name in enumerate(field.index))
        lines += _comment(f"    # entries: {entries}")
    doc = field.doc[:1].upper() + field.doc[1:]
    ending = "" if doc.endswith(".") else "."
    quoted = f'    """{doc}{ending}"""'
    return lines + textwrap.wrap(quoted, _WIDTH, subsequent_indent="    ")


def _lag(folder: EnvironmentFolder) -> str:
    """Say which fields are a sub-step old; derived fields are env.py's and made to fit."""
    sources = ((f.name, parse_source(f.source).kind) for f in folder.schema.state)
    sensed = [f"`{name}`" for name, kind in sources if kind == "sensor"]
    if not sensed or folder.frame_skip < 2:
        return ""
    step = _number(folder.schema.dt / folder.frame_skip)
    return _wrap(
        f"Read by sensors and therefore one physics sub-step ({step} s) older than the other "
        f"fields of the same state: {', '.join(sensed)}."
    )


def _action(folder: EnvironmentFolder) -> str:
    actuators = folder.schema.action
    intro = _wrap(
        f"`action` is a Tensor `[B, {len(actuators)}]`, already clamped to [-1, 1], held for the "
        "whole step:"
    )
    return intro + "\n\n" + "\n".join(_actuator(i, a) for i, a in enumerate(actuators))


def _actuator(index: int, actuator: Actuator) -> str:
    text = f"* `action[:, {index}]` {actuator.name}: {actuator.doc}; 1.0 is {actuator.unit}"
    return _wrap(text, indent="  ")


def _time(folder: EnvironmentFolder, task: Task) -> str:
    dt = folder.schema.dt
    facts = [
        f"One step is {_number(dt)} s; an episode is cut off after {task.horizon} steps "
        f"({_number(task.horizon * dt)} s), which is not a failure.",
        folder.termination[task.terminate],
    ]
    if task.terminate != "never":
        facts.append(
            "The reward of the last step sees the terminal state as `next_state`. There is no flag "
            "for the end: test the condition itself on `next_state` where it matters. After the "
            "end nothing more is paid, so a reward that is mostly positive teaches staying alive "
            "and one that is mostly negative teaches ending early."
        )
    return "\n".join(_wrap(f"* {fact}", indent="  ") for fact in facts)


def _task(folder: EnvironmentFolder, task: Task) -> str:
    measured = []
    for fitness in folder.fitness:
        better = "higher is better" if fitness.direction == "max" else "lower is better"
        unit = "" if fitness.unit == "1" else f" [{fitness.unit}]"
        decides = ", **decides**" if fitness.name == task.fitness else ""
        measured.append(_wrap(f"* {fitness.name}{unit}, {better}{decides}: {fitness.doc}", "  "))
    return "\n\n".join(
        (
            _wrap(f"Instruction: {task.instruction}"),
            _wrap(f"Success: {task.success}."),
            _wrap(
                "Policies are measured by these over whole episodes, the same list for every task "
                "of this environment; the one that decides is marked. They are named here as "
                "information: reward code cannot read them."
            ),
            "\n".join(measured),
        )
    )


def _number(value: float) -> str:
    """Return 2.0 as `2`, 0.008 as `0.008`."""
    return f"{value:g}"


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _comment(text: str) -> list[str]:
    lines = textwrap.wrap(
        text, _WIDTH, subsequent_indent="    #   ", break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("~", " ") for line in lines]
