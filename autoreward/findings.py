"""A finding: one observation about a candidate, whoever made it (critic, jail, trainer, person)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One observation about a candidate; an `error` keeps it from training or ends its training."""

    code: str
    """Short stable name from a fixed taxonomy, e.g. `unknown-name`, `timeout`, `constant`."""
    severity: Severity
    message: str
    """One sentence: what is wrong."""
    evidence: str = ""
    """Where it shows: a line number, a component, measured values."""
    suggestion: str = ""
    """What to do about it."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """Rebuild a finding from `to_dict`."""
        return cls(**data)

    def __str__(self) -> str:
        """Render as one line for people and for the next prompt."""
        where = f" ({self.evidence})" if self.evidence else ""
        fix = f" — {self.suggestion}" if self.suggestion else ""
        return f"{self.severity}: {self.code}: {self.message}{where}{fix}"


def has_error(findings: list[Finding]) -> bool:
    """Return whether any finding is an error."""
    return any(finding.severity == "error" for finding in findings)
