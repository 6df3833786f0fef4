"""Lays settings from several places over each other and says which place is wrong.

Knows how settings are built (sections of typed fields), not which ones there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from autoreward.errors import UsageError, did_you_mean
from autoreward.strict_yaml import parse_yaml

Keys = tuple[str, ...]


class Section(BaseModel):
    """Base of all settings: strict types, unknown keys refused, unchangeable once read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Layer:
    """Settings from one place."""

    origin: str
    """The place, as an error names it: a file, a flag."""
    values: Mapping[str, Any]
    """Nested settings, any part of them."""
    rank: int = 0
    """Precedence: layers of one rank are equals, written at one time."""


def merge(root: type[Section], layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[Keys, Layer]]:
    """Return the merged values, later layers on top, and which layer each value came from.

    Raises:
        UsageError: A key that is no setting, or a value where a section belongs.
    """
    merged: dict[str, Any] = {}
    origins: dict[Keys, Layer] = {}
    for layer in layers:
        for path, value in _leaves(root, root, layer.values, layer.origin):
            origins[path] = layer
            _put(merged, path, value)
    return merged, origins


def validate(
    root: type[S], values: Mapping[str, Any], origins: Mapping[Keys, Layer], hidden: Keys = ()
) -> S:
    """Return the settings that `merge` put together.

    Args:
        root: The settings' class.
        values: As `merge` returned them.
        origins: As `merge` returned them.
        hidden: Path of a setting whose value an error must not repeat.

    Raises:
        UsageError: A wrong type or value: one sentence, with the place.
    """
    try:
        return root.model_validate(values)
    except ValidationError as error:
        raise UsageError(_sentence(error, origins, hidden)) from None


def given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested `flags` without those that were not given (None)."""
    kept = {k: given(v) if isinstance(v, Mapping) else v for k, v in flags.items()}
    return {k: v for k, v in kept.items() if v is not None and v != {}}


def override(root: type[Section], text: str, rank: int) -> Layer:
    """Read `a.b=c` as given to `--set`; c is YAML unless the setting is free text.

    Raises:
        UsageError: It has another form.
    """
    name, equals, value = text.partition("=")
    path = tuple(name.strip().split("."))
    origin = f"--set {name.strip()}"
    if not equals or not all(path):
        raise UsageError(f"{origin}: write it as NAME=VALUE, e.g. training.steps=500000")
    tree: dict[str, Any] = {}
    _put(tree, path, _read_value(root, path, value, origin))
    return Layer(origin, tree, rank)


def _put(tree: dict[str, Any], path: Keys, value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def _leaves(
    root: type[Section],
    section: type[BaseModel],
    values: Mapping[str, Any],
    origin: str,
    prefix: Keys = (),
) -> Iterator[tuple[Keys, Any]]:
    """Yield each value with its path."""
    for key, value in values.items():
        path = (*prefix, str(key))
        name = ".".join(path)
        if key not in section.model_fields:
            raise UsageError(f"{origin}: no setting called {name!r}{_near(root, section, key)}")
        inner, optional = _section_of(section, key)
        if inner is None or (optional and value is None):
            yield path, value
        elif isinstance(value, Mapping):
            yield from _leaves(root, inner, value, origin, path)
        elif value is not None:  # a section with all its lines commented out reads as null
            raise UsageError(f"{origin}: {name} is a section of settings, not a value")


def _section_of(section: type[BaseModel], key: str) -> tuple[type[Section] | None, bool]:
    """Return the section behind a field, if it is one, and whether it may be null."""
    annotation = section.model_fields[key].annotation
    choices = get_args(annotation) or (annotation,)
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, Section):
            return choice, type(None) in choices
    return None, False


def _paths(section: type[BaseModel], prefix: Keys = ()) -> Iterator[Keys]:
    """Yield the path of every setting below a section."""
    for key in section.model_fields:
        inner, _ = _section_of(section, key)
        yield from _paths(inner, (*prefix, key)) if inner else [(*prefix, key)]


def _near(root: type[Section], section: type[BaseModel], key: str) -> str:
    """Say which setting was meant: one of that name elsewhere, or one of a near name here."""
    elsewhere = [".".join(path) for path in _paths(root) if path[-1] == key]
    if elsewhere:
        return f"; did you mean {' or '.join(map(repr, elsewhere))}?"
    return did_you_mean(key, section.model_fields)


def _read_value(root: type[Section], path: Keys, text: str, origin: str) -> Any:
    """Read a value typed on the command line: free text as it stands, all else as YAML."""
    section: type[BaseModel] | None = root
    for key in path[:-1]:
        section = _section_of(section, key)[0] if section and key in section.model_fields else None
    field = section.model_fields.get(path[-1]) if section else None
    kind = field.annotation if field else None
    # A list of texts is YAML: only a setting that is one text stands as it is.
    choices = () if get_origin(kind) is tuple else (kind, *get_args(kind))
    if str not in choices:
        return parse_yaml(text, origin)
    return None if type(None) in choices and text in ("", "null") else text


def _sentence(error: ValidationError, origins: Mapping[Keys, Layer], hidden: Keys) -> str:
    """Render the first mistake as one sentence."""
    problem = error.errors()[0]
    path = tuple(str(part) for part in problem["loc"])
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and path not in origins:
        return reason  # a rule between settings, which names them itself
    near = path[:-1] if problem["type"] == "missing" else path  # its neighbours know the place
    places = [o for p, o in origins.items() if p[: len(near)] == near or near[: len(p)] == p]
    place = f"{places[0].origin}: " if places else ""
    got = "" if path == hidden or problem["type"] == "missing" else f", got {problem['input']!r}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place}{'.'.join(path)}: {reason[0].lower()}{reason[1:]}{got}{more}"
