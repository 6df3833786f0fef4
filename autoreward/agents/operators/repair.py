"""Repair: a refused file again, without the mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoreward.agents.designer import Attempt, Brief, Draft, Operator
from autoreward.findings import Finding

_REPLY_SHOWN = 2000
"""Characters of an answer without a file that its repair shows."""


@dataclass(frozen=True)
class RepairOperator:
    """For a draft that was refused; never chosen from a brief alone."""

    draft: Draft
    findings: Sequence[Finding]
    attempt: int
    """Counts the repairs of a proposal, from 1."""
    name: Operator = "repair"

    def fits(self, brief: Brief) -> bool:
        """Return True: a refused draft is at hand."""
        return True

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return none: the refused file is all that is corrected."""
        return ()

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return the refused `file` (or, not `complete`, the answer without one) and `findings`."""
        text, complete = self.draft.text.strip(), not self.draft.findings
        return {
            "file": text if complete else text[:_REPLY_SHOWN],
            "complete": complete,
            "findings": [_with_line(finding, self.draft.text) for finding in self.findings],
            "attempt": self.attempt,
        }


def _with_line(finding: Finding, text: str) -> str:
    """Return a finding as one item, with the line of the file that it points at."""
    match = re.search(r"\bline (\d+)\b", f"{finding.evidence} {finding.message}")
    lines = text.splitlines()
    if match is None or not 0 < int(match[1]) <= len(lines):
        return str(finding)
    return f"{finding}\n    {match[1]}: {lines[int(match[1]) - 1].strip()}"
