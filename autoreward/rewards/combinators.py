"""Functions that combine components, and shaping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoreward.rewards.function import FormulaFunction, PointwiseFunction

if TYPE_CHECKING:
    from torch import Tensor


class Gate(PointwiseFunction):
    """1 where high >= threshold, else 0.

    Times a lower-ranking term, it lets that term pay only where the higher-ranking one is met
    (gated reward accumulation: G-RA, "Stabilizing Long-term Multi-turn Reinforcement Learning with
    Gated Rewards").
    """

    name = "gate"
    family = "combinator"
    formula = "1 where high >= threshold, else 0: gate(upright, 0.5) * speed pays only when upright"
    signals = ("high",)
    numbers = ("threshold",)

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as high. Values: 0, 1."""
        high = signals[0]
        return (high >= numbers[0]).to(high.dtype).where(~high.isnan(), high)


class Krc(PointwiseFunction):
    """s * (|a| * |b| * …)^(1/n), s = 1 if all are above 0, else -1.

    A geometric mean with a sign: one poor term makes the whole poor (Kinesthetic Reward
    Combination: Lucy-SKG, "Learning to Play Rocket League Efficiently Using Deep Reinforcement
    Learning").
    """

    name = "krc"
    family = "combinator"
    formula = "geometric mean of |a|, |b|, …, negative unless all are above 0: all must be good"
    signals = ("a", "b")
    more_signals = True

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as the signals."""
        # The product of the roots, not the root of the product: it cannot overflow.
        result = signals[0].abs() ** (1 / len(signals))
        positive = signals[0] > 0
        for signal in signals[1:]:
            result = result * signal.abs() ** (1 / len(signals))
            positive = positive & (signal > 0)
        return result.where(positive, 0 - result)


class Product(PointwiseFunction):
    """a * b * ….

    For terms in [0, 1] it means "and" (the product of `tolerance` terms: Tassa et al. 2018,
    "DeepMind Control Suite").
    """

    name = "product"
    family = "combinator"
    formula = "a * b * …: `and` for terms in [0, 1]"
    signals = ("a", "b")
    more_signals = True

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as the signals."""
        result = signals[0]
        for signal in signals[1:]:
            result = result * signal
        return result


class Minimum(PointwiseFunction):
    """min(a, b, …).

    Pays the worst term alone: nothing is won by excelling elsewhere (one of the aggregations in
    Eisenstein et al. 2023, "Helping or Herding? Reward Model Ensembles Mitigate but do not
    Eliminate Reward Hacking").
    """

    name = "minimum"
    family = "combinator"
    formula = "the smallest of a, b, …: pays the worst term alone"
    signals = ("a", "b")
    more_signals = True

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as the signals."""
        result = signals[0]
        for signal in signals[1:]:
            result = result.minimum(signal)
        return result


class Progress(PointwiseFunction):
    """p * clip(q1, 0, 1) * clip(q2, 0, 1) * ….

    One progress term, scaled down where a soft rule is broken (CaRL: Jaeger et al. 2025, "Learning
    Scalable Planning Policies with Simple Rewards").
    """

    name = "progress"
    family = "combinator"
    formula = "p * clip(q1, 0, 1) * …: progress p, scaled down by rules q (1 kept, 0 broken)"
    signals = ("p", "q1")
    more_signals = True

    def compute(self, signals: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Shape: as the signals."""
        result = signals[0]
        for factor in signals[1:]:
            result = result * factor.clamp(0, 1)
        return result


class Potential(FormulaFunction):
    """gamma * phi(s') - phi(s), with phi = 0 in terminal states.

    Added to a reward, it leads towards states of high phi without changing which policies are
    optimal (Ng, Harada and Russell 1999, "Policy invariance under reward transformations"). Over an
    episode it sums, discounted, to -phi(s0) up to the last state's share.
    """

    name = "potential"
    family = "shaping"
    formula = "gamma * phi(s') - phi(s), phi(terminal) = 0: guides, cannot change the best policy"
    signals = ("phi",)
