"""Evaluates a formula on tensors: what the trainer turns component values into rewards with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from autoreward.errors import RewardFileError, did_you_mean
from autoreward.rewards.formula import (
    SMALLEST_DIVISOR,
    Binary,
    Call,
    Component,
    Formula,
    Node,
    Number,
    Unary,
    print_node,
    walk,
)
from autoreward.rewards.function import PointwiseFunction
from autoreward.rewards.functions import FUNCTIONS

_LIMIT = 10.0
# Below this ratio of std to |mean| a float32 signal varies by rounding alone.
_ROUNDING = 1e-6


@dataclass
class Moments:
    """Running mean and variance of a stream of numbers (Chan et al. 1979), in double precision."""

    count: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    """Sum of squared distances from the mean."""

    def update(self, values: Tensor) -> None:
        """Take in all numbers of a tensor of any shape."""
        size = values.numel()
        if not size:
            return
        batch = values.detach().to(torch.float64)
        mean = float(batch.mean())
        total = self.count + size
        delta = mean - self.mean
        self.m2 += float((batch - mean).square().sum()) + delta * delta * self.count * size / total
        self.mean += delta * size / total
        self.count = total

    def normalize(self, values: Tensor) -> Tensor:
        """Return (values - mean) / std clipped to ±10; zeros if nothing has varied. Same shape."""
        std = math.sqrt(self.m2 / self.count) if self.count else 0.0
        if std <= _ROUNDING * abs(self.mean):
            return values * 0
        scaled = (values.to(torch.float64) - self.mean) / std
        return scaled.clamp(-_LIMIT, _LIMIT).to(values.dtype)

    def to_tensor(self) -> Tensor:
        """Return count, mean and m2 for a checkpoint. Shape: (3,), float64."""
        return torch.tensor([self.count, self.mean, self.m2], dtype=torch.float64)

    @classmethod
    def from_tensor(cls, values: Tensor) -> Moments:
        """Rebuild from `to_tensor`."""
        return cls(*(float(value) for value in values))


@dataclass
class Signals:
    """What a formula is evaluated on. All tensors share one shape, e.g. [T, N]."""

    components: Mapping[str, Tensor]
    """Value of each component on each transition, float32."""
    at_state: Mapping[str, Tensor]
    """The same with the state before in the place of the state after; see `needs_state_values`."""
    terminated: Tensor
    """Bool: whether the state after is terminal; an episode cut off by time is not."""
    gamma: float
    """Discount of the learner, for `potential`."""
    moments: dict[str, Moments] = field(default_factory=dict)
    """Of each `normalize(…)`, by its text. Every evaluation updates them, before it uses them."""


def needs_state_values(formula: Formula) -> frozenset[str]:
    """Return the components inside `potential`, which are needed at the state before too."""
    return frozenset(
        node.name
        for call in walk(formula.root)
        if isinstance(call, Call) and call.function == "potential"
        for node in walk(call)
        if isinstance(node, Component)
    )


def evaluate(formula: Formula, signals: Signals) -> Tensor:
    """Return the reward of every transition.

    `a / b` is protected: a divisor nearer to 0 than 1e-6 is replaced by 1e-6 with its sign.

    Args:
        formula: One in which `check_formula` finds no error.
        signals: Values of the components. Its moments are updated in place.

    Returns:
        float32, in the shape of the signals; memory of its own.

    Raises:
        RewardFileError: Code `unknown-name`: a component or function that is not there.
    """
    value = _Evaluation(signals).node(formula.root, signals.components)
    full = value.expand(signals.terminated.shape)
    return full.to(torch.float32).clone(memory_format=torch.contiguous_format)


class _Evaluation:
    """One evaluation of one formula."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals
        # Moments take each batch in once, however often the formula repeats a sub-expression.
        self.normalized: dict[str, Tensor] = {}

    def node(self, node: Node, values: Mapping[str, Tensor]) -> Tensor:
        match node:
            case Number(value=number):
                device = self.signals.terminated.device
                return torch.tensor(number, dtype=torch.float32, device=device)
            case Component(name=name):
                if name not in values:
                    message = f"no values of component {name!r}{did_you_mean(name, values)}"
                    raise RewardFileError(message, code="unknown-name")
                return values[name]
            case Unary(operand=operand):
                return -self.node(operand, values)
            case Binary(operator=operator, left=left, right=right):
                return _combine(operator, self.node(left, values), self.node(right, values))
            case Call(function="normalize", arguments=(inner,)):
                return self.normalize(print_node(node), self.node(inner, values))
            case Call(function="potential", arguments=(phi,)):
                return self.potential(phi)
            case Call(function=name, arguments=arguments):
                return self.call(name, arguments, values)

    def call(self, name: str, arguments: tuple[Node, ...], values: Mapping[str, Tensor]) -> Tensor:
        function = FUNCTIONS.get(name)
        if not isinstance(function, PointwiseFunction) or not function.accepts(len(arguments)):
            message = f"no function {name!r} of {len(arguments)} arguments"
            raise RewardFileError(message, code="unknown-name")
        signals, numbers = [], []
        for index, argument in enumerate(arguments):
            if not function.takes_number(index):
                signals.append(self.node(argument, values))
            elif isinstance(argument, Number):
                numbers.append(argument.value)
            else:
                message = f"argument {index + 1} of {name} must be a plain number"
                raise RewardFileError(message, code="formula")
        return function.value(signals, numbers)

    def normalize(self, key: str, value: Tensor) -> Tensor:
        if key not in self.normalized:
            moments = self.signals.moments.setdefault(key, Moments())
            moments.update(value)
            self.normalized[key] = moments.normalize(value)
        return self.normalized[key]

    def potential(self, phi: Node) -> Tensor:
        after = self.node(phi, self.signals.components)
        before = self.node(phi, self.signals.at_state)
        # Not a product with 0: the score of a terminal state may be infinite and counts as 0.
        return self.signals.gamma * torch.where(self.signals.terminated, 0.0, after) - before


def _combine(operator: str, left: Tensor, right: Tensor) -> Tensor:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    nearest = torch.where(right < 0, -SMALLEST_DIVISOR, SMALLEST_DIVISOR)
    return left / torch.where(right.abs() < SMALLEST_DIVISOR, nearest, right)
