"""Keeps keys out of errors, logs and files."""

from __future__ import annotations

import os
import re
from typing import Any

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST = 8  # shorter values are no keys, and blanking `1` or `true` would blank half of any text

_SHAPES = re.compile(
    r"""\b(?:
        (?:sk|pk|rk)-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}     # OpenAI, Anthropic, OpenRouter, Stripe
        | (?:gsk|hf|r8|xai)[_-][A-Za-z0-9]{20,}              # Groq, Hugging Face, Replicate, xAI
        | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,}    # GitHub
        | AIza[A-Za-z0-9_-]{30,} | AKIA[A-Z0-9]{16}          # Google, AWS
        | xox[abprs]-[A-Za-z0-9-]{10,}                       # Slack
    ) | (?<=bearer[ ])\s*[A-Za-z0-9._~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)

_remembered: dict[str, str] = {}


def remember(name: str, value: str) -> None:
    """Redact `value` from now on, whatever the environment variable that held it is called."""
    _remembered[name] = value


def redact(text: str) -> str:
    """Return `text` without secrets.

    Taken out are the values of environment variables whose names contain KEY, TOKEN, SECRET or
    PASSWORD (each leaves `<NAME>`), the keys handed to a provider, and whatever looks like a
    well-known kind of key (leaves `<secret>`).
    """
    known = {name: value for name, value in os.environ.items() if _NAME.search(name)} | _remembered
    # longest first, so that a key which begins like another does not leave its tail behind
    for name, value in sorted(known.items(), key=lambda item: -len(item[1])):
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"<{name}>")
    return _SHAPES.sub("<secret>", text)


def redact_tree(value: Any) -> Any:
    """Return JSON-ready data with every string in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_tree(item) for item in value]
    return value
