"""Sign probes: does the reward move as the components' names promise?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoreward.evaluation.checks.case import COST, EFFORT, Case, words
from autoreward.evaluation.checks.material import MEANINGS, Array, Meaning
from autoreward.findings import Finding

_CLEAR = 1e-5
"""A change below this share of the reward's size is rounding."""


class EffortSign:
    """The component called energy, effort, … must not raise the reward when actions grow."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        if not {"quiet", "strong"} <= set(case.answers):
            return
        quiet, strong = case.answers["quiet"].components, case.answers["strong"].components
        for name in quiet:
            if not words(name) & EFFORT or not (strong[name] != quiet[name]).any():
                continue
            if name in case.formula.components:
                after = case.reward_with("quiet", {name: strong[name]})
            elif case.source.kind == "compute_reward" and case.formula.components == ("total",):
                after = case.reward("strong")  # its parts have no weight of their own
            else:
                continue
            change = after - case.reward("quiet")
            if _rises(change, after):
                yield Finding(
                    "wrong-sign",
                    "warning",
                    f"the reward rises through {name!r} when actions grow tenfold in the same "
                    "states: effort is paid instead of charged",
                    f"mean change {change.mean():+.3g}",
                    f"subtract {name} in the formula, or let it fall with effort",
                )


class CostSign:
    """A component called penalty or cost that is never negative must not raise the reward."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        from autoreward.rewards.evaluate import needs_state_values

        recorded = case.answers["recorded"].components
        for name in case.formula.components:
            values = recorded[name]
            if name.lower().rsplit("_", 1)[-1] not in COST or words(name) & EFFORT:
                continue
            if values.min() < 0 or values.std() == 0 or name in needs_state_values(case.formula):
                continue
            raised = case.reward_with("recorded", {name: values + values.std()})
            change = raised - case.reward("recorded")
            if _rises(change, raised):
                yield Finding(
                    "wrong-sign",
                    "warning",
                    f"the reward rises with {name!r}, which is never negative: a penalty is paid "
                    "instead of charged",
                    f"mean change {change.mean():+.3g} for one standard deviation more",
                    f"subtract {name} in the formula",
                )


class MeaningSign:
    """Moving only the field that a component's name praises must not lower the reward everywhere.

    Nothing is concluded where the name or docstring speaks of a limit, a penalty or the opposite,
    nor where another field of the same meaning raises it.
    """

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        for name in case.formula.components:
            part = case.parts.get(name)
            if part is None:
                continue
            said = words(name) | frozenset(part.doc.lower().replace(",", " ").split())
            for meaning in MEANINGS:
                if words(name) & meaning.words and not said & meaning.opposite:
                    yield from self._probe(case, name, meaning)

    def _probe(self, case: Case, name: str, meaning: Meaning) -> Iterator[Finding]:
        changes = {}
        for block, answer in case.answers.items():
            kind, _, field = block.partition(":")
            if kind != meaning.name or field not in case.parts[name].state_fields:
                continue
            steps = len(answer.components[name])
            if not (answer.components[name] != self._before(case, name, steps)).any():
                continue
            after = case.reward_with("recorded", {name: answer.components[name]}, steps)
            changes[field] = after - case.reward("recorded")[:steps]
        if changes and all(_rises(-change, change) for change in changes.values()):
            fields = ", ".join(changes)
            fall = float(np.mean([change.mean() for change in changes.values()]))
            yield Finding(
                "wrong-sign",
                "warning",
                f"{meaning.wish} lowers the reward through {name!r}, whose name asks for it",
                f"more of it in {fields} changes the reward by {fall:+.3g} on average, "
                "and raises it nowhere",
                "turn the sign of the component, or of its term in the formula",
            )

    def _before(self, case: Case, name: str, steps: int) -> Array:
        return case.answers["recorded"].components[name][:steps]


def _rises(change: Array, reward: Array) -> bool:
    """Return whether a change is upward on average and downward nowhere, rounding apart."""
    size = _CLEAR * (1e-3 + float(np.abs(reward).mean()))
    return bool(change.min() > -size and change.mean() > size)
