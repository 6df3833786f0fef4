"""Functions of one component: bound it, squash it, bring it to a common size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from autoreward.rewards.function import FormulaFunction, PointwiseFunction

if TYPE_CHECKING:
    from torch import Tensor


class Clip(PointwiseFunction):
    """min(max(x, low), high).

    Bounds what one term can pay in a step (reward clipping: Mnih et al. 2015, "Human-level control
    through deep reinforcement learning").
    """

    name = "clip"
    family = "transform"
    formula = "min(max(x, low), high): bounds what a term can pay"
    numbers = ("low", "high")

    def problem(self, numbers: Sequence[float]) -> str:
        """Low must lie below high."""
        return "" if numbers[0] < numbers[1] else "low must be smaller than high"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: [low, high]."""
        return signals[0].clamp(numbers[0], numbers[1])


class Tanh(PointwiseFunction):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Squashes a term of unknown size and keeps its sign; one of the bounded transforms compared in
    PAR (Fu et al. 2025, "Reward Shaping to Mitigate Reward Hacking in RLHF").
    """

    name = "tanh"
    family = "transform"
    formula = "hyperbolic tangent, in (-1, 1): squashes a term and keeps its sign"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: [-1, 1]."""
        return signals[0].tanh()


class Sigmoid(PointwiseFunction):
    """1 / (1 + exp(-x)).

    Squashes a term to (0, 1) (Fu et al. 2025, as `tanh`).
    """

    name = "sigmoid"
    family = "transform"
    formula = "1 / (1 + exp(-x)), in (0, 1): squashes a term, 0 maps to 0.5"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: [0, 1]."""
        return signals[0].sigmoid()


class Bell(PointwiseFunction):
    """exp(-x^2 / (2 sigma^2)).

    Pays most where an error x is 0 and falls off alike on both sides (the bell-shaped regression
    reward of VQAThinker, "Exploring Generalizable and Explainable Video Quality Assessment via
    Reinforcement Learning").
    """

    name = "bell"
    family = "transform"
    formula = "exp(-x^2 / (2 sigma^2)), in [0, 1]: 1 where the error x is 0"
    numbers = ("sigma",)

    def problem(self, numbers: Sequence[float]) -> str:
        """Sigma must be positive."""
        return "" if numbers[0] > 0 else "sigma must be greater than 0"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: [0, 1]."""
        return (-0.5 * (signals[0] / numbers[0]).square()).exp()


class Sign(PointwiseFunction):
    """-1, 0 or 1 as x is negative, zero or positive.

    Makes terms equal in size, as in the contract sign(sparse) + 0.1 * sign(dense) of Auto MC-Reward
    (Li et al. 2024, "Automated Dense Reward Design with Large Language Models for Minecraft").
    """

    name = "sign"
    family = "transform"
    formula = "-1, 0 or 1: makes terms equal in size, e.g. sign(sparse) + 0.1 * sign(dense)"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Values: -1, 0, 1."""
        x = signals[0]
        return x.sign().where(~x.isnan(), x)


class Tiers(PointwiseFunction):
    """value1 where d < edge1, else value2 where d < edge2, …, else `otherwise`.

    Pays in steps that grow towards the goal, so that near misses differ (Sweet Spot Learning,
    "Differentiated Guidance in Agentic Optimization").
    """

    name = "tiers"
    family = "transform"
    formula = "value1 where d < edge1, value2 where d < edge2, …, else otherwise: pays in steps"
    signals = ("d",)

    @property
    def signature(self) -> str:
        """How a call is written."""
        return "tiers(d, edge1, value1, edge2, value2, …, otherwise)"

    def accepts(self, count: int) -> bool:
        """d, pairs of an edge and a value, and the last value."""
        return count >= 4 and count % 2 == 0

    def problem(self, numbers: Sequence[float]) -> str:
        """Edges must ascend."""
        edges = numbers[:-1:2]
        ascending = all(a < b for a, b in pairwise(edges))
        return "" if ascending else "the edges must ascend"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as d. Values: those of the tiers."""
        d = signals[0]
        result = d.new_full((), numbers[-1]).expand_as(d)
        for edge, value in zip(numbers[-3::-2], numbers[-2::-2], strict=True):
            result = result.where(d >= edge, d.new_full((), value))
        return result.where(~d.isnan(), d)


class Par(PointwiseFunction):
    """sigmoid(k * (x - ref)), k = 1 where it is left out.

    Bounded and centred on a reference, so that more of an already good proxy pays ever less
    (Preference As Reward: Fu et al. 2025, "Reward Shaping to Mitigate Reward Hacking in RLHF").
    """

    name = "par"
    family = "transform"
    formula = "sigmoid(k (x - ref)), in (0, 1), k = 1 if left out: 0.5 at ref, saturates beyond it"
    numbers = ("ref", "k")
    defaults = (1.0,)

    def problem(self, numbers: Sequence[float]) -> str:
        """The slope must be positive."""
        return "" if len(numbers) == 1 or numbers[1] > 0 else "k must be greater than 0"

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: [0, 1]."""
        ref, k = numbers
        return ((signals[0] - ref) * k).sigmoid()


class Lsc(PointwiseFunction):
    """log sigmoid(x - ref).

    A sum of such terms is the log of "all of them are better than their reference", so the worst
    term counts most (log-sigmoid-centred: Wang et al. 2024, "Transforming and Combining Rewards for
    Aligning Large Language Models").
    """

    name = "lsc"
    family = "transform"
    formula = "log sigmoid(x - ref), below 0: in a sum of these the worst term counts most"
    numbers = ("ref",)

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as x. Range: (-inf, 0]."""
        centred = signals[0] - numbers[0]
        # min(z, 0) - log(1 + exp(-|z|)) is log sigmoid(z) without overflow.
        return centred.clamp(max=0) - centred.abs().neg().exp().log1p()


class Normalize(FormulaFunction):
    """(x - mean) / std with the running mean and standard deviation of training, clipped to ±10.

    Terms of any size weigh alike; a term that never varied gives 0 (normalising each reward before
    summing: GDPO, "Group reward-Decoupled Normalization Policy Optimization for Multi-reward RL
    Optimization").
    """

    name = "normalize"
    family = "transform"
    formula = "(x - mean) / std over training so far, clipped to ±10: terms of any size weigh alike"
