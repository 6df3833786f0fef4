"""Reads YAML that people write: each mistake becomes one sentence with the file and the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from autoreward.errors import UsageError


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number and a key written twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse duplicate keys, of which PyYAML would silently keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"{key.value!r} is written twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a dot and a signed exponent (1.0e+6); people write 1e6.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parse_yaml(text: str, origin: str) -> Any:
    """Return the value of a YAML text.

    Args:
        text: One YAML document.
        origin: File name or flag, for the error's sentence.

    Raises:
        UsageError: The text is not YAML; says where.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark and "\n" in text.strip() else ""
        raise UsageError(f"{origin}{line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{origin}: not YAML: {str(error).splitlines()[0]}") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        UsageError: The file is missing, unreadable, not YAML or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    value = parse_yaml(text, str(path))
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{path}: must hold `name: value` lines, not a {type(value).__name__}")
    for key in value:
        if not isinstance(key, str):
            raise UsageError(f"{path}: the name {key!r} is not text; put it in quotes")
    return value
