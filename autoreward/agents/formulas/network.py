"""The formula policy's numbers: what is likely, component by component and choice by choice.

A formula is a row of choices: a pointer walks over the components in their order and takes one or
stops; each taken one gets a sign, a weight, a shape with its numbers, and perhaps a gate. What may
not be chosen is masked. The pointer looks ahead: its logits hold how much can still be reached, so
that the order of the components does not matter and nothing leads into a formula that says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from autoreward.agents.formulas import prior as layout
from autoreward.agents.formulas.choices import Choices
from autoreward.agents.formulas.grammar import KINDS, MAX_TERMS
from autoreward.agents.formulas.scene import (
    CONTEXT,
    FEATURES,
    FLOOR,
    OPTIONS,
    Head,
    Scene,
    float_tensor,
)

_HIDDEN = 16

Parameters = dict[str, Tensor]
"""`w1 b1 w2 b2` of the network and `names` [names, LOGITS], which a run learns by heart."""


def fresh_parameters() -> Parameters:
    """Return parameters that add nothing to the prior."""
    inputs = FEATURES + CONTEXT
    noise = torch.randn(_HIDDEN, inputs, generator=torch.Generator().manual_seed(0))
    return {
        "w1": noise.double() / inputs**0.5,
        "b1": torch.zeros(_HIDDEN, dtype=torch.float64),
        "w2": torch.zeros(layout.LOGITS, _HIDDEN, dtype=torch.float64),
        "b2": torch.zeros(layout.LOGITS, dtype=torch.float64),
        "names": torch.zeros(0, layout.LOGITS, dtype=torch.float64),
    }


def _options() -> tuple[Tensor, Tensor]:
    """Return what makes options of logits, [LOGITS, heads, OPTIONS], and bars those not there."""
    spread = torch.zeros(layout.LOGITS, len(Head), OPTIONS, dtype=torch.float64)
    absent = torch.full((len(Head), OPTIONS), FLOOR, dtype=torch.float64)
    for head, logits, options in (
        (Head.WEIGHT, layout.WEIGHT, layout.WEIGHTS),
        (Head.CENTER, layout.CENTER, layout.CENTERS),
        (Head.WIDTH, layout.WIDTH, layout.WIDTHS),
        (Head.SLOPE, layout.SLOPE, layout.SLOPES),
        (Head.THRESHOLD, layout.THRESHOLD, layout.THRESHOLDS),
    ):
        count = len(options)
        places = torch.arange(count, dtype=torch.float64) - (count - 1) / 2
        spread[logits, head, :count] = torch.stack((places, places**2 / 2))
        absent[head, :count] = 0.0
    spread[layout.KIND, Head.KIND, : len(KINDS)] = torch.eye(len(KINDS), dtype=torch.float64)
    absent[Head.KIND, : len(KINDS)] = 0.0
    spread[layout.POSITIVE, Head.SIGN, 0] = spread[layout.NEGATIVE, Head.SIGN, 1] = 1.0
    spread[layout.GATED, Head.GATED, 1] = 1.0
    absent[[Head.SIGN, Head.GATED], :2] = 0.0
    return spread.flatten(1), absent


_SPREAD, _ABSENT = _options()


def logits_of(
    scene: Scene, parameters: Parameters, names: dict[str, int], rows: Tensor, context: Tensor
) -> Tensor:
    """Return the logits [R, LOGITS] of components `rows` [R] after `context` [R, CONTEXT]."""
    inputs = torch.cat((scene.features[rows], context), dim=1)
    hidden = torch.tanh(torch.addmm(parameters["b1"], inputs, parameters["w1"].T))
    known = torch.tensor([names.get(part.name, len(names)) for part in scene.parts])
    table = torch.cat((parameters["names"], torch.zeros_like(scene.prior[:1])))
    by_heart = (scene.prior + table[known])[rows]
    return torch.addmm(parameters["b2"], hidden, parameters["w2"].T) + by_heart


def term_odds(scene: Scene, logits: Tensor, rows: Tensor) -> Tensor:
    """Return the log-probabilities of the options of terms, [R, heads, OPTIONS].

    Args:
        scene: Whose components they are of.
        logits: Of the terms, [R, LOGITS].
        rows: Their components, [R].
    """
    options = (logits @ _SPREAD).view(len(rows), len(Head), OPTIONS)
    return (options + _ABSENT + scene.barred[rows]).log_softmax(dim=2)


@dataclass(frozen=True)
class Odds:
    """Log-probabilities of all choices that do not depend on the terms so far."""

    scene: Scene
    logits: Tensor
    """[K, LOGITS]."""

    @cached_property
    def include(self) -> Tensor:
        """Logit of being in the formula, [K]."""
        return torch.logaddexp(self.logits[:, layout.POSITIVE], self.logits[:, layout.NEGATIVE])

    @cached_property
    def reach(self) -> Tensor:
        """Log of the sum over all ways on, [K + 1, roles, MAX_TERMS + 1].

        By the next component the pointer may take, the roles seen, and the terms still allowed:
        the conditional Bernoulli distribution's recursion (Chen, Dempster and Liu 1994).
        """
        ends = self.scene.ends
        columns = ends[:, None].expand(len(ends), MAX_TERMS + 1)
        closed = torch.full((len(ends), 1), FLOOR, dtype=torch.float64)
        table = [columns]
        for i in reversed(range(len(self.scene.parts))):
            taken = self.include[i] + columns[self.scene.after[i], :-1]
            columns = torch.logaddexp(columns, torch.cat((closed, taken), dim=1))
            table.append(columns)
        return torch.stack(table[::-1])

    @cached_property
    def terms(self) -> Tensor:
        """Of each component's term, were it the first, and of its threshold as a gate."""
        return term_odds(self.scene, self.logits, torch.arange(len(self.logits)))

    @cached_property
    def gates(self) -> Tensor:
        """Of each component as the gate of each one, [K, K]."""
        barred = ~self.scene.gates
        return (
            self.logits[:, layout.GATE]
            .expand(barred.shape)
            .masked_fill(barred, FLOOR)
            .log_softmax(dim=1)
        )

    def pointer(self, start: int, seen: int, left: int) -> list[float]:
        """Return the log-probabilities of each next component and, last, of stopping, [K + 1]."""
        after, reach, include = self.scene.after, *self._lists
        onward = [include[i] + reach[i + 1][after[i][seen]][left - 1] for i in range(len(after))]
        allowed = [way if left and i >= start else FLOOR for i, way in enumerate(onward)]
        whole = reach[start][seen][left]
        return [way - whole for way in (*allowed, reach[-1][seen][left])]

    @cached_property
    def _lists(self) -> tuple[list[list[list[float]]], list[float]]:
        return self.reach.tolist(), self.include.tolist()


def odds_of(scene: Scene, parameters: Parameters, names: dict[str, int]) -> Odds:
    """Return the odds of what does not depend on the terms so far."""
    rows = torch.arange(len(scene.parts))
    context = torch.zeros(len(rows), CONTEXT, dtype=torch.float64)
    return Odds(scene, logits_of(scene, parameters, names, rows, context))


def distance(odds: Odds, anchor: Odds) -> Tensor:
    """Return the mean KL divergence of a component's choices from those of `anchor`."""
    pairs = (
        (odds.terms, anchor.terms),
        (odds.gates, anchor.gates),
        (_in_or_out(odds), _in_or_out(anchor)),
    )
    apart = [(one.exp() * (one - other)).sum() for one, other in pairs]
    return torch.stack(apart).sum() / len(odds.logits)


def _in_or_out(odds: Odds) -> Tensor:
    return torch.stack((logsigmoid(-odds.include), logsigmoid(odds.include)))


class Batch:
    """Formulas over the same components, ready to be scored choice by choice."""

    def __init__(self, scene: Scene, formulas: Sequence[Choices]) -> None:
        self.scene, self._count = scene, len(formulas)
        parts = [[choice.part for choice in row] for row in formulas]
        terms = [(f, i, choice) for f, row in enumerate(formulas) for i, choice in enumerate(row)]
        self._owners = torch.tensor([f for f, _, _ in terms])
        own = torch.tensor([choice.part for _, _, choice in terms])
        # The components without a context come first, for what does not depend on one.
        self._rows = torch.cat((torch.arange(len(scene.parts)), own))
        contexts = [[0.0] * CONTEXT for _ in scene.parts]
        contexts += [scene.context(parts[f][:i]) for f, i, _ in terms]
        self._context = float_tensor(contexts)
        chosen = [
            (int(c.sign < 0), c.weight, c.kind, c.center, c.width, c.slope, c.gate is not None)
            for _, _, c in terms
        ]
        self._chosen = torch.tensor(chosen)
        kinds = [KINDS[choice.kind] for _, _, choice in terms]
        # Which heads count; the weights of a formula do together.
        self._counted = torch.tensor(
            [[1, 0, 1, kind == "bell", kind == "bell", kind == "tanh", 1] for kind in kinds]
        ).bool()
        gates = [(f, c.part, c.gate, c.threshold) for f, _, c in terms if c.gate is not None]
        self._gated, self._gate, self._threshold = (
            torch.tensor([row[i] for row in gates], dtype=torch.long) for i in (1, 2, 3)
        )
        walk = [(f, *step) for f, row in enumerate(parts) for step in self._steps(row)]
        self._walk = torch.tensor(walk).T
        owners = self._owners[:, None].expand(self._counted.shape)[self._counted]
        gate_owners = torch.tensor([row[0] for row in gates], dtype=torch.long)
        self.owners = torch.cat(
            (self._walk[0], torch.arange(self._count), owners, gate_owners, gate_owners)
        )
        """Whose choice each one is, [C]."""

    def _steps(self, row: Sequence[int]) -> list[tuple[int, ...]]:
        """Return where the pointer stands and where it goes: (next, seen, left) twice."""
        steps = []
        state = (0, 0, MAX_TERMS)
        for part in row:
            onward = (part + 1, self.scene.after[part][state[1]], state[2] - 1)
            steps.append((part, *state, *onward))
            state = onward
        end = len(self.scene.parts)
        return [*steps, (end, *state, end, *state[1:])]

    def log_probs(self, parameters: Parameters, names: dict[str, int]) -> tuple[Tensor, Odds]:
        """Return the log-probability of each choice [C], and the odds that it follows from."""
        count = len(self.scene.parts)
        logits = logits_of(self.scene, parameters, names, self._rows, self._context)
        odds = Odds(self.scene, logits[:count])
        terms = term_odds(self.scene, logits[count:], self._rows[count:])
        picked = terms[:, : Head.THRESHOLD].gather(2, self._chosen[:, :, None])[:, :, 0]
        chosen = (
            self._pointer(odds),
            self._weights(terms[:, Head.WEIGHT]),
            picked[self._counted],
            odds.gates[self._gated, self._gate],
            odds.terms[self._gate, Head.THRESHOLD, self._threshold],
        )
        return torch.cat(chosen), odds

    def _pointer(self, odds: Odds) -> Tensor:
        include = torch.cat((odds.include, odds.include.new_zeros(1)))
        _, part, start, seen, left, next_start, next_seen, next_left = self._walk
        ways = odds.reach
        return include[part] + ways[next_start, next_seen, next_left] - ways[start, seen, left]

    def _weights(self, odds: Tensor) -> Tensor:
        """Return each formula's log-probability of its weights, [B].

        A common factor means nothing: all rows of options that differ by one are the same formula.
        """
        shifted = self._chosen[:, Head.WEIGHT, None] - torch.arange(OPTIONS)
        rows = odds.gather(1, shifted.clamp(min=0)).masked_fill(shifted < 0, FLOOR)
        summed = rows.new_zeros(self._count, OPTIONS).index_add(0, self._owners, rows)
        return summed.logsumexp(dim=1)
