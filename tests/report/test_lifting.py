"""Taking functions out of a file with all they use."""

from __future__ import annotations

import pytest

from autoreward.report.lifting import CannotLift, SourceFile

FILE = '''
import math
from typing import Protocol

_A, _B = 1.0, 2.0
_UNUSED = 3.0


class Other:
    def elsewhere(self): ...


class Thing(Protocol):
    def mark(self): ...

    def value(self, x: Protocol) -> Protocol:
        """Two times the helper."""
        # a comment that stays
        return self._inner(x) * _A

    def _inner(self, x):
        return _helper(x) + self.given(x)

    def bad(self):
        return self.missing


@staticmethod
def _helper(x):
    return math.sin(x) + _again(x)


def _again(x):
    return x * _B
'''


def test_methods_come_with_everything_they_use() -> None:
    """Methods, helper functions and constants; annotations and what is given do not count."""
    lifted = SourceFile(FILE, "file.py").methods("mark", ["value"], frozenset({"given"}))
    assert list(lifted.methods) == ["value", "_inner"]
    assert lifted.methods["value"].startswith("def value(self, x")
    assert "# a comment that stays" in lifted.methods["value"]
    assert "_A, _B = 1.0, 2.0" in lifted.statements
    assert "@staticmethod\ndef _helper" in lifted.statements
    assert "def _again" in lifted.statements
    assert "_UNUSED" not in lifted.statements
    assert lifted.imports == {"math"}


def test_what_cannot_stand_alone_is_refused() -> None:
    """An attribute that the new place does not have, a function that is not there."""
    source = SourceFile(FILE, "file.py")
    with pytest.raises(CannotLift, match=r"file\.py: self\.missing"):
        source.methods("mark", ["bad"], frozenset())
    with pytest.raises(CannotLift, match="does not define nothing"):
        source.functions(["nothing"])
