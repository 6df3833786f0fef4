"""Writes one candidate as a stand-alone Python file: reward, provenance, Gymnasium wrapper."""

from __future__ import annotations

import ast
import json
import textwrap
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

import autoreward
from autoreward.errors import UsageError
from autoreward.report.environment_code import EnvironmentCode, environment_code
from autoreward.report.facts import candidate_facts, find_candidate
from autoreward.report.format import count, interval, plural, with_unit
from autoreward.report.formula_code import formula_code
from autoreward.report.lifting import SourceFile
from autoreward.report.reward_code import reward_code
from autoreward.rewards.formula import SMALLEST_DIVISOR, Call, walk
from autoreward.rewards.source import RewardSource, parse_reward
from autoreward.search.setup import Setup
from autoreward.store.journal import Journal

_WIDTH = 96
_PACKAGE = Path(autoreward.__file__).parent
_INDENT = "    "
_MOMENTS_USE = ("_LIMIT", "_ROUNDING")
"""Constants that the class Moments reads."""


def export_candidate(journal: Journal, setup: Setup, name: str = "winner") -> tuple[str, str]:
    """Return a candidate's id and the text of its stand-alone file.

    Args:
        journal: The run's journal.
        setup: The run's fixed parts.
        name: Id of the candidate, the start of it, or `winner`.

    Raises:
        RunError: No such candidate.
        CannotLift: The environment's state cannot be computed outside autoreward.
        UsageError: The reward file uses a name that the exported file needs.
    """
    candidate = find_candidate(journal, name)
    return candidate.id, export_text(
        candidate.text, setup, provenance(journal, setup, candidate.id)
    )


def provenance(journal: Journal, setup: Setup, candidate: str) -> dict[str, Any]:
    """Return where a candidate comes from and how good it is, JSON-ready."""
    facts = candidate_facts(journal, candidate)
    summary = journal.meta("summary") or {}
    if facts["winner"] and "baselines" in summary:
        fitness, split = summary["winner"]["fitness"], "test"
        baselines = {k: v for k, v in summary["baselines"].items() if v}
    else:
        (split, fitness), baselines = _most_telling(facts["fitness"]), {}
    whole = "confirm" in facts["fitness"] or not facts["rungs"]
    return {
        "run": facts["run"],
        "candidate": facts["id"],
        "winner_of_the_run": facts["winner"],
        "description": setup.settings.description,
        "environment": setup.folder.name,
        "task": setup.task.name,
        "formula": facts["formula"],
        "idea": facts["idea"],
        "designer": setup.settings.designer.kind,
        "model": setup.settings.llm.model,
        "seed": setup.settings.seed,
        "training_steps": setup.settings.training.steps if whole else facts["rungs"][-1]["steps"],
        "candidates_tried": len(journal.candidates()),
        "primary": setup.primary.name,
        "scored_on": f"{split} episodes",
        "fitness": fitness,
        "baselines": baselines,
        "versions": journal.meta("versions", {}),
        "created": _date(facts["created"]),
        "exported": _date(time.time()),
    }


def export_text(text: str, setup: Setup, facts: Mapping[str, Any]) -> str:
    """Return the stand-alone file of a reward.

    Args:
        text: The reward file.
        setup: Gives environment, task and discount.
        facts: Its `provenance`.
    """
    source = parse_reward(text)
    if source.formula is None:
        raise UsageError("the reward file has no FORMULA")
    environment = None
    if setup.folder.gymnasium_id is not None:
        used = frozenset[str]().union(*(c.state_fields for c in source.components))
        environment = environment_code(setup.folder, setup.task, used)
    values = _formula_parts(source) | _wrapper_parts(setup, environment)
    values |= {
        "docstring": _docstring(setup, facts),
        "provenance": _literal(facts),
        "formula": _long_text(str(source.formula)),
        "gamma": repr(setup.settings.training.gamma),
        "actions": _actions(setup),
    }
    taken = _defined(_render(values | {"components": "", "helpers": "", "math": False}))
    code = reward_code(source, taken)
    texts = {"components": code.components, "helpers": code.helpers}
    values["math"] = any("math." in str(value) for value in (*values.values(), *texts.values()))
    result = _render(values | texts)
    ast.parse(result)  # a template that makes no Python is a bug: find it here
    return result


def _render(values: Mapping[str, Any]) -> str:
    text = resources.files("autoreward.report").joinpath("standalone.py.jinja").read_text("utf-8")
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False
    )
    rendered = environment.from_string(text).render(values)
    return "\n".join(line.rstrip() for line in rendered.split("\n")).rstrip("\n") + "\n"


def _defined(text: str) -> frozenset[str]:
    """Return the names that a module defines or imports at its top level."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names - {"torch", "math", "Tensor"})  # a reward file may import these, too


def _formula_parts(source: RewardSource) -> dict[str, Any]:
    """Return what the template needs of formula and components."""
    assert source.formula is not None
    code = formula_code(source.formula)
    evaluate = SourceFile((_PACKAGE / "rewards" / "evaluate.py").read_text("utf-8"), "evaluate.py")
    dropped = frozenset({"to_tensor", "from_tensor"})
    clears = ""
    if source.uses_memory:
        server = (_PACKAGE / "sandbox" / "reward_server.py").read_text("utf-8")
        clears = SourceFile(server, "reward_server.py").functions(["_clear"]).statements
    with_numbers = "number(" in code.body
    return {
        "functions": code.functions,
        "body": code.body,
        "divides": code.divides,
        "smallest": repr(SMALLEST_DIVISOR),
        "numbers": with_numbers,
        "normalizes": code.normalizes,
        "moments_constants": _if(code.normalizes, evaluate.functions(_MOMENTS_USE).statements),
        "moments": _if(code.normalizes, evaluate.without_methods("Moments", dropped)),
        "memory_doc": (
            "Kept between calls; `clear(memory, rows)` where an episode starts."
            if clears
            else "Unused: no component of this reward keeps anything between steps."
        ),
        "moments_doc": (
            "Running moments of `normalize`, kept between calls."
            if code.normalizes
            else "Unused: this formula normalises nothing."
        ),
        "clears": clears.replace("_clear(", "clear("),
        "calls": _calls(source),
    }


def _if(wanted: bool, text: str) -> str:
    return text if wanted else ""


def _calls(source: RewardSource) -> str:
    """Return the statements that fill `values` and `at_state`."""
    if source.kind == "compute_reward":
        extra = _memory("compute_reward", source)
        return (
            f"result = compute_reward(state, action, next_state{extra})\n"
            "if isinstance(result, dict):\n"
            '    result = (result["total"], result)\n'
            "total, parts = result if isinstance(result, tuple) else (result, {})\n"
            'values = {name: part.float() for name, part in parts.items() if name != "total"}\n'
            'values["total"] = total.float()\n'
            "at_state: dict[str, Tensor] = {}"
        )
    lines = ["values = {"]
    for part in source.components:
        call = f"{part.name}(state, action, next_state{_memory(part.name, source)})"
        lines.append(f'{_INDENT}"{part.name}": {call}.float(),')
    lines.append("}")
    shaped = _inside_potential(source)
    if not shaped:
        return "\n".join([*lines, "at_state: dict[str, Tensor] = {}"])
    lines.append("at_state = {  # the same with the state in the place of the next state")
    lines += [f'{_INDENT}"{name}": {name}(state, action, state).float(),' for name in shaped]
    return "\n".join([*lines, "}"])


def _memory(name: str, source: RewardSource) -> str:
    return f', memory.setdefault("{name}", {{}})' if name in source.with_memory else ""


def _inside_potential(source: RewardSource) -> list[str]:
    assert source.formula is not None
    inside: set[str] = set()
    for node in walk(source.formula.root):
        if isinstance(node, Call) and node.function == "potential":
            inside |= {part.name for part in walk(node) if hasattr(part, "name")}
    return [part.name for part in source.components if part.name in inside]


def _wrapper_parts(setup: Setup, code: EnvironmentCode | None) -> dict[str, Any]:
    """Return what the template needs to wrap the Gymnasium environment, if there is one."""
    if code is None:
        return {"wrapper": False}
    folder, task = setup.folder, setup.task
    notes = []
    if code.sensors:
        notes.append(
            "Sensor values are those of the state itself; in training they were one physics "
            "sub-step older."
        )
    if code.terminates:
        notes.append(
            "Episodes end as in the task, not as in Gymnasium: "
            f"{folder.termination[task.terminate].rstrip('.')}."
        )
    attributes = []
    if any("self.dt" in method for method in code.methods.values()):
        attributes.append(f"{_INDENT}dt = {folder.schema.dt!r}")
    if any("self.terminate" in method for method in code.methods.values()):
        attributes.append(f"{_INDENT}terminate = {_literal(task.terminate)}")
    sensors = {
        name: {"type": s.type, "of": s.of} | ({"against": s.against} if s.against else {})
        for name, s in code.sensors.items()
    }
    return {
        "wrapper": True,
        "gymnasium_id": _literal(folder.gymnasium_id),
        "gymnasium_name": folder.gymnasium_id,
        "horizon": task.horizon,
        "sensors": _literal(sensors) if sensors else "",
        "contact": code.contact,
        "statements": code.statements,
        "class_attributes": "\n".join(attributes),
        "wrapper_notes": "".join(f"\n\n{_wrapped(note, _INDENT)}" for note in notes),
        "terminates": code.terminates,
        "derives": code.derives,
        "fields": code.fields,
        "methods": list(code.methods.values()),
    }


def _docstring(setup: Setup, facts: Mapping[str, Any]) -> str:
    description = " ".join(str(facts["description"]).split())
    author = f"the language model {facts['model']}" if facts["model"] else "the built-in designer"
    who = f"autoreward {autoreward.__version__}, run {facts['run']}, candidate {facts['candidate']}"
    lines = [
        f"Reward for {setup.folder.title}: {description}",
        "",
        _wrapped(f"Found by {who}; designed by {author}; exported on {facts['exported']}."),
        "",
        f"Formula: {facts['formula']}",
        "",
        *_scores(setup, facts),
    ]
    if setup.folder.gymnasium_id is not None:
        lines += ["", "Use in Gymnasium, without autoreward:", "", f"{_INDENT}env = make()"]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return text + ("\n" if not text.endswith("\n") else "")


def _scores(setup: Setup, facts: Mapping[str, Any]) -> list[str]:
    fitness, primary = facts["fitness"], facts["primary"]
    if not fitness:
        return ["It was not trained to the end, so nothing is known of its worth."]
    seeds = plural(fitness[primary]["seeds"], "training seed")
    steps = count(facts["training_steps"])
    tried = plural(facts["candidates_tried"], "candidate")
    intro = (
        f"Mean and 95 % interval over {seeds} of {steps} steps each, on {facts['scored_on']}; "
        f"chosen among {tried}:"
    )
    width = max(map(len, fitness))
    lines = [_wrapped(intro), ""]
    for name, form in fitness.items():
        unit = with_unit(setup.measures[name]["unit"])
        note = "  (decides)" if name == primary else ""
        lines.append(f"{_INDENT}{name:<{width}}  {interval(form)}{unit}{note}")
    if facts["baselines"]:
        unit = with_unit(setup.measures[primary]["unit"])
        others = [f"{name} {interval(f[primary])}{unit}" for name, f in facts["baselines"].items()]
        lines += ["", _wrapped(f"{primary} under other rewards: {'; '.join(others)}.")]
    return lines


def _most_telling(fitness: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return split and fitness of the measurement that says most: fresh seeds, test episodes."""
    for purpose in ("confirm", "search"):
        for split in ("test", "validation"):
            if split in fitness.get(purpose, {}):
                return split, dict(fitness[purpose][split])
    return "validation", {}


def _literal(value: Any, indent: str = "") -> str:
    """Return JSON-like data as a Python literal, over several lines where it is long."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping):
        return repr(value)
    deeper = indent + _INDENT
    items = [f"{_literal(str(k))}: {_literal(v, deeper)}" for k, v in value.items()]
    line = "{" + ", ".join(items) + "}"
    if "\n" not in line and len(indent) + len(line) < _WIDTH:
        return line
    return "{\n" + "".join(f"{deeper}{item},\n" for item in items) + indent + "}"


def _long_text(text: str) -> str:
    """Return a string literal that is split over several lines where it is long."""
    parts = textwrap.wrap(text, _WIDTH - 8, break_long_words=False, drop_whitespace=False)
    if len(parts) == 1:
        return _literal(text)
    return "(\n" + "".join(f"{_INDENT}{_literal(part)}\n" for part in parts) + ")"


def _actions(setup: Setup) -> str:
    """Return the meaning of the action's entries, as part of a docstring."""
    names = ", ".join(actuator.name for actuator in setup.folder.schema.action)
    text = f"`[B, {len(setup.folder.schema.action)}]`, in [-1, 1]: {names}."
    wrapped = textwrap.wrap(f"action: {text}", _WIDTH - 8)
    return f"\n{3 * _INDENT}".join(wrapped).removeprefix("action: ")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
