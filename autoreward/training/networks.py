"""Actor and critic networks of a whole population, as one flat parameter tensor `[K, P]`.

A row is one learner. Every layer is a view of it, applied to all learners by one `baddbmm`, so a
learner's arithmetic does not depend on how many others there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Architecture:
    """Shapes of one learner's networks: tanh layers, a Gaussian actor, a separate critic."""

    obs_dim: int
    action_dim: int
    hidden: tuple[int, ...]

    def shapes(self) -> list[tuple[str, tuple[int, int]]]:
        """Return (name, shape) of every parameter, in the order of the flat tensor."""
        result = []
        for head, outputs in (("actor", self.action_dim), ("critic", 1)):
            widths = [self.obs_dim, *self.hidden, outputs]
            for i, (inputs, units) in enumerate(pairwise(widths)):
                result.append((f"{head}.{i}.weight", (inputs, units)))
                result.append((f"{head}.{i}.bias", (1, units)))
        result.append(("log_std", (1, self.action_dim)))
        return result

    @property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return sum(a * b for _, (a, b) in self.shapes())


def initial_parameters(architecture: Architecture, generator: torch.Generator) -> Tensor:
    """Draw one learner's parameters: orthogonal weights, zero biases, unit exploration noise.

    Gains are sqrt(2) for hidden layers, 0.01 for the actor's and 1 for the critic's output
    (Engstrom et al. 2020; "37 implementation details of PPO").

    Returns:
        Shape: (P,).
    """
    parts = []
    last = len(architecture.hidden)
    for name, shape in architecture.shapes():
        if not name.endswith("weight"):
            parts.append(torch.zeros(shape).flatten())
            continue
        head, layer, _ = name.split(".")
        gain = math.sqrt(2) if int(layer) < last else 0.01 if head == "actor" else 1.0
        weight = torch.empty(shape)
        torch.nn.init.orthogonal_(weight, gain, generator=generator)
        parts.append(weight.flatten())
    return torch.cat(parts)


@dataclass(frozen=True)
class Networks:
    """Views of a flat parameter tensor as layers."""

    actor: list[Tensor]
    """weight, bias, weight, bias …, each [K, in, out] or [K, 1, out]."""
    critic: list[Tensor]
    log_std: Tensor
    """Shape: (K, 1, action_dim)."""


def split(architecture: Architecture, flat: Tensor) -> Networks:
    """Return the layers of `flat`. Shape of `flat`: (K, P). Gradients flow through."""
    shapes = [shape for _, shape in architecture.shapes()]
    pieces = torch.split(flat, [a * b for a, b in shapes], dim=1)
    layers = [p.view(flat.shape[0], *shape) for p, shape in zip(pieces, shapes, strict=True)]
    half = (len(layers) - 1) // 2
    return Networks(layers[:half], layers[half:-1], layers[-1])


def apply(layers: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Run one head for all learners. Shapes: (K, M, in) to (K, M, out)."""
    count = len(layers) // 2
    x = inputs
    for i in range(count):
        x = affine(x, layers[2 * i], layers[2 * i + 1])
        if i < count - 1:
            x = x.tanh_()
    return x


def affine(inputs: Tensor, weight: Tensor, bias: Tensor, out: Tensor | None = None) -> Tensor:
    """Return `inputs @ weight + bias` of every learner, bit-equal whatever K is.

    A layer of one unit is no matrix product: the kernel for it differs with K.

    Shapes: (K, M, in), (K, in, out), (K, 1, out) to (K, M, out).
    """
    if weight.shape[2] > 1:
        return torch.baddbmm(bias, inputs, weight, out=out)
    total = torch.sum(inputs * weight.transpose(1, 2), 2, keepdim=True, out=out)
    return total.add_(bias)


def gaussian_log_prob(action: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the log-density of a diagonal Gaussian, summed over the action. Shape: (K, M)."""
    scaled = (action - mean) * torch.exp(-log_std)
    return (-0.5 * scaled.square() - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)
