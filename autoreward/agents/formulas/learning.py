"""Trains the formula policy: clipped policy gradient on group-relative advantages.

As in DERL (Cheng et al. 2025, with GRPO, Shao et al. 2024), and with what its released code lacks:
a baseline over the group, and degenerate formulas that lose probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autoreward.agents.formulas.advantages import group_advantages
from autoreward.agents.formulas.choices import Choices, encode, terms_of
from autoreward.agents.formulas.network import Batch, Parameters, distance, odds_of
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
from autoreward.agents.formulas.prior import LOGITS
from autoreward.agents.formulas.scene import scene_of

EPOCHS = 6
"""Updates by one group."""
CLIP = 0.3
"""PPO's bound on the probability ratio of one choice (Schulman et al. 2017)."""
KL = 0.1
"""Weight of the distance from the policy it began with."""
TABLE_RATE, NETWORK_RATE = 0.4, 0.02
"""Adam's step sizes (Kingma and Ba 2015)."""
_DECAYS = (0.9, 0.99)
_EPSILON = 0.1
"""Much larger than usual: what little evidence speaks for moves a choice little."""


@dataclass(frozen=True)
class Knowledge:
    """All that a policy is; never changed, only followed by another."""

    parameters: Parameters
    names: dict[str, int]
    """Component name → its row in the parameters' table."""
    start: Parameters
    """What it began with, and is held near to."""
    means: Parameters
    squares: Parameters
    """Adam's moments."""
    steps: int = 0

    @classmethod
    def begin(cls, parameters: Parameters, names: Sequence[str]) -> Knowledge:
        """Return knowledge that has learned nothing yet beside these parameters."""
        nothing = {key: torch.zeros_like(value) for key, value in parameters.items()}
        rows = {name: row for row, name in enumerate(names)}
        return cls(parameters, rows, parameters, nothing, nothing)

    def with_names(self, found: Iterable[str]) -> Knowledge:
        """Return the same with rows for these names; new ones add nothing yet."""
        new = [name for name in dict.fromkeys(found) if name not in self.names]
        rows = torch.zeros(len(new), LOGITS, dtype=torch.float64)

        def grown(tensors: Parameters) -> Parameters:
            return tensors | {"names": torch.cat((tensors["names"], rows))}

        return replace(
            self,
            parameters=grown(self.parameters),
            names=self.names | {name: len(self.names) + row for row, name in enumerate(new)},
            start=grown(self.start),
            means=grown(self.means),
            squares=grown(self.squares),
        )

    def follow(self, loss: Tensor) -> Knowledge:
        """Return what one step of Adam makes of it (PyTorch's own takes seconds to import)."""
        gradients = torch.autograd.grad(loss, list(self.parameters.values()))
        steps, parameters, means, squares = self.steps + 1, {}, {}, {}
        for (key, value), gradient in zip(self.parameters.items(), gradients, strict=True):
            means[key] = self.means[key].lerp(gradient, 1 - _DECAYS[0])
            squares[key] = self.squares[key].lerp(gradient**2, 1 - _DECAYS[1])
            size = (squares[key] / (1 - _DECAYS[1] ** steps)).sqrt() + _EPSILON
            rate = TABLE_RATE if key == "names" else NETWORK_RATE
            move = rate * means[key] / (1 - _DECAYS[0] ** steps) / size
            parameters[key] = (value.detach() - move).requires_grad_()
        return replace(self, parameters=parameters, means=means, squares=squares, steps=steps)


def taught(knowledge: Knowledge, group: Sequence[Outcome]) -> Knowledge:
    """Return what a group's outcomes make of a policy.

    A formula that the grammar cannot write counts in the group's baseline alone, and a group that
    has nothing to compare changes nothing.
    """
    lessons = _lessons(group)
    if not lessons:
        return knowledge
    names = [part.name for batch, _ in lessons for part in batch.scene.parts]
    now = knowledge.with_names(names)
    now = replace(
        now, parameters={k: v.detach().requires_grad_() for k, v in now.parameters.items()}
    )
    with torch.no_grad():
        before = [batch.log_probs(now.parameters, now.names)[0] for batch, _ in lessons]
        anchors = [odds_of(batch.scene, now.start, now.names) for batch, _ in lessons]
    count = sum(len(advantages) for _, advantages in lessons)
    for _ in range(EPOCHS):
        loss = torch.zeros((), dtype=torch.float64)
        for (batch, advantages), old, anchor in zip(lessons, before, anchors, strict=True):
            new, odds = batch.log_probs(now.parameters, now.names)
            ratio, weight = (new - old).exp(), advantages[batch.owners]
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            loss = loss - torch.minimum(ratio * weight, clipped * weight).sum() / count
            loss = loss + KL * distance(odds, anchor) / len(lessons)
        now = now.follow(loss)
    return replace(now, parameters={k: v.detach() for k, v in now.parameters.items()})


def _lessons(group: Sequence[Outcome]) -> list[tuple[Batch, Tensor]]:
    """Return the group's formulas and their advantages, those over the same components together."""
    by_parts: dict[tuple[Part, ...], list[tuple[Choices, float]]] = {}
    for outcome, advantage in zip(group, group_advantages(group), strict=True):
        choices = encode(terms_of(outcome.formula), outcome.parts)
        if choices is not None and advantage:
            by_parts.setdefault(outcome.parts, []).append((choices, advantage))
    return [
        (
            Batch(scene_of(parts), [choices for choices, _ in rows]),
            torch.tensor([advantage for _, advantage in rows], dtype=torch.float64),
        )
        for parts, rows in by_parts.items()
    ]
