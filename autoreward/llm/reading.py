"""Reads the parts of a server's answer, which may be anything: SDKs do not check what they get."""

from __future__ import annotations


def words(value: object, default: str) -> str:
    """Return a short text, or the default where there is none."""
    return whole(value) if isinstance(value, str) and value else default


def tokens(usage: object, name: str) -> int:
    """Return a count in `usage`; 0 where it is missing or no count."""
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def whole(text: str) -> str:
    """Return a text that can be written to any file: without halves of characters, and zeros.

    Raises:
        TypeError: It is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    return text.encode("utf-8", "replace").decode().replace("\0", "")
