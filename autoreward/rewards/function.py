"""What a function of the formula language is.

A function takes signals (tensors of one shape) and then numbers written in the formula. It knows
its own value, but calls only methods of tensors: these modules need no tensor library to be read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor

Family = Literal["transform", "combinator", "shaping"]


class FormulaFunction:
    """What is known of one function; subclasses fill in the fields and say where it comes from."""

    name: ClassVar[str]
    family: ClassVar[Family]
    formula: ClassVar[str]
    """The value, and what it is good for, in one line."""
    signals: ClassVar[tuple[str, ...]] = ("x",)
    """Arguments that may be any expression."""
    more_signals: ClassVar[bool] = False
    """Whether further signals may follow; such a function takes no numbers."""
    numbers: ClassVar[tuple[str, ...]] = ()
    """Arguments after the signals: plain numbers, not expressions."""
    defaults: ClassVar[tuple[float, ...]] = ()
    """Values of the last `numbers`, where they are left out."""

    @property
    def signature(self) -> str:
        """How a call is written, e.g. `par(x, ref[, k])`."""
        required = len(self.numbers) - len(self.defaults)
        names = [*self.signals, *self.numbers[:required], *(("…",) if self.more_signals else ())]
        optional = "".join(f"[, {name}]" for name in self.numbers[required:])
        return f"{self.name}({', '.join(names)}{optional})"

    def accepts(self, count: int) -> bool:
        """Return whether a call may have `count` arguments."""
        least = len(self.signals) + len(self.numbers) - len(self.defaults)
        most = len(self.signals) + len(self.numbers)
        return count >= least and (self.more_signals or count <= most)

    def takes_number(self, index: int) -> bool:
        """Return whether argument `index` must be a plain number."""
        return not self.more_signals and index >= len(self.signals)

    def problem(self, numbers: Sequence[float]) -> str:
        """Return what is wrong with the numbers of a call of accepted length, or ''."""
        return ""


class PointwiseFunction(FormulaFunction, ABC):
    """A function whose value at a transition depends on its arguments there and nothing else."""

    def value(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Return the value, in the shape of the signals.

        Args:
            signals: Tensors whose shapes broadcast.
            numbers: The call's numbers, without those left out.
        """
        missing = len(self.numbers) - len(numbers)
        defaults = self.defaults[len(self.defaults) - missing :] if missing > 0 else ()
        return self.compute(signals, (*numbers, *defaults))

    @abstractmethod
    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Return the value, all numbers given."""
