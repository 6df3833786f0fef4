"""What an operator is: who the parents are, and what its prompt says beside the brief."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol

from autoreward.agents.designer import Attempt, Brief, Draft, Operator


class PromptOperator(Protocol):
    """One way to make a proposal. All that it returns follows from the brief."""

    @property
    def name(self) -> Operator:
        """Its name; the prompt is rendered from `prompts/NAME.j2`."""
        ...

    def fits(self, brief: Brief) -> bool:
        """Return whether this proposal can be made in this way."""
        ...

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the attempts whose code the prompt shows; asked only where it fits."""
        ...

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return the template's variables beside those that every prompt has."""
        ...


class FreeOperator(Protocol):
    """One way to make a proposal without asking anybody.

    All that it returns follows from the brief and the generator, which is drawn from the run's seed
    and the proposal's number.
    """

    @property
    def name(self) -> Operator:
        """Its name."""
        ...

    def fits(self, brief: Brief) -> bool:
        """Return whether this proposal can be made in this way."""
        ...

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the attempts that it is made from; asked only where it fits."""
        ...

    def make(self, brief: Brief, parents: Sequence[Attempt], random: Random) -> Draft:
        """Return the new reward; called again with other draws where the run already has it."""
        ...
