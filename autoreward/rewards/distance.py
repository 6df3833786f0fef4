"""How different two rewards are as aims, whatever their code: a STARC distance with its controls.

A STARC distance (Skalse et al. 2024, "STARC: A General Framework For Quantifying Differences
Between Reward Functions") takes of each reward a canonical form that potential shaping does not
change, divides it by its norm, and measures how far the two are apart.

The canonical form is made as in EPIC (Gleave et al. 2021, "Quantifying Differences in Reward
Functions"): C(s, a, s') = R(s, a, s') + γ ψ(s') - ψ(s), where ψ(s) is the mean of R(s, A, X) over
actions A and states X that were drawn once from recorded behaviour, and ψ = 0 after the end of an
episode. This takes any potential out exactly, up to a constant one, which a projection removes.
The transitions (s, A, X) never happened, so a reward has to be asked for them, and two rewards that
differ only where physics never leads (a velocity, and the slope of its position) count as apart.

A potential fitted to state features by least squares would need no such transitions (the minimal
canonical form of STARC). It finds only potentials that its features span: with hundreds of them
shaped copies of rewards of six environments still came out 0.05 to 0.4 apart, and it took most of
`forward_velocity` away as the slope of a position.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROUNDING = 1e-5
"""Share of a reward's size below which its canonical form is rounding: the values are float32."""
_UNITS = 8
"""Steps in the control's potential."""


@dataclass(frozen=True)
class Ground:
    """The transitions that rewards are compared on: B recorded ones, and M drawn (A, X)."""

    before: Array
    """Features of the states s, [B, F]."""
    after: Array
    """Features of the states s', [B, F]."""
    drawn: Array
    """Features of the drawn states X, [M, F]."""
    terminated: NDArray[np.bool_]
    """Whether s' ends the episode by the task's rule, [B]."""
    gamma: float
    """Discount per step."""


@dataclass(frozen=True)
class Asked:
    """What one reward says of a ground's transitions."""

    values: Array
    """R(s, a, s'), [B]."""
    from_before: Array
    """R(s, A, X), [M, B]."""
    from_after: Array
    """R(s', A, X), [M, B]."""


@dataclass(frozen=True)
class Distance:
    """How far two rewards are apart, and what the same ruler says of known pairs."""

    value: float
    """0: they agree up to positive scale and potential shaping; 1: one is the other's opposite;
    0.71: they have nothing to do with each other."""
    shaped_copy: float
    """Distance of the first reward to itself with a random potential: has to be near 0."""
    unrelated: float
    """Distance of the first reward to noise: has to be above 0.5."""

    def to_dict(self) -> dict[str, float]:
        """Return a JSON-ready dict."""
        return asdict(self)


def starc_distance(first: Asked, second: Asked, ground: Ground) -> Distance:
    """Return the distance of two rewards in [0, 1], and of two controls.

    A reward that is nothing but shaping has 0 as its canonical form: it is 0.5 from any other aim.

    Args:
        first: What one reward says of the ground's transitions.
        second: What the other says of the same ones.
        ground: The transitions.
    """
    own = _standard(first, ground)
    return Distance(
        _apart(own, _standard(second, ground)),
        _apart(own, _standard(_shaped(first, ground), ground)),
        _apart(own, _standard(_noise(first), ground)),
    )


def canonical(reward: Asked, ground: Ground) -> Array:
    """Return the canonical form: linear in the reward, 0 for any potential shaping, [B]."""
    after = np.where(ground.terminated, 0.0, reward.from_after.mean(axis=0))
    form = reward.values + ground.gamma * after - reward.from_before.mean(axis=0)
    # What a potential of 1 everywhere pays. Where no episode ends it is a constant, and adding one
    # to a reward changes nothing; where episodes end it does: living is worth more.
    constant = np.where(ground.terminated, -1.0, ground.gamma - 1.0)
    size = float(constant @ constant)
    result: Array = form - constant * (constant @ form) / size if size else form
    return result


def _standard(reward: Asked, ground: Ground) -> Array:
    """Return the canonical form divided by its norm; zeros if it is nothing but rounding."""
    form = canonical(reward, ground)
    parts = (reward.values, reward.from_before, reward.from_after)
    scale = max(float(np.sqrt(np.square(part).mean())) for part in parts)
    norm = float(np.linalg.norm(form))
    if norm <= _ROUNDING * scale * np.sqrt(len(form)):
        return np.zeros_like(form)
    result: Array = form / norm
    return result


def _apart(first: Array, second: Array) -> float:
    return float(0.5 * np.linalg.norm(first - second))


def _shaped(reward: Asked, ground: Ground) -> Asked:
    """Return the reward with shaping by a random smooth potential, as wide as the reward itself."""
    generator = np.random.default_rng(0)
    every = np.concatenate([ground.before, ground.after, ground.drawn])
    middle, width = every.mean(axis=0), every.std(axis=0)
    slopes = generator.normal(size=(every.shape[1], _UNITS))
    slopes /= np.linalg.norm(slopes, axis=0)
    offsets, weights = generator.normal(size=_UNITS), generator.normal(size=_UNITS)

    def potential(features: Array) -> Array:
        scaled = (features - middle) / np.where(width > 0, width, 1.0)
        result: Array = np.tanh(scaled @ slopes + offsets) @ weights
        return result

    before, after = potential(ground.before), potential(ground.after)
    drawn = ground.gamma * potential(ground.drawn)[:, None]
    pay = ground.gamma * np.where(ground.terminated, 0.0, after) - before
    spread = float(reward.values.std()) or 1.0
    factor = spread / (float(pay.std()) or 1.0)
    return Asked(
        reward.values + factor * pay,
        reward.from_before + factor * (drawn - before),
        reward.from_after + factor * (drawn - after),
    )


def _noise(reward: Asked) -> Asked:
    generator = np.random.default_rng(1)
    return Asked(
        generator.normal(size=reward.values.shape),
        generator.normal(size=reward.from_before.shape),
        generator.normal(size=reward.from_after.shape),
    )
