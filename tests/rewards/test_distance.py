"""The distance of two rewards: what it must not see, what it must see, and its controls."""

from __future__ import annotations

import numpy as np
import pytest

from autoreward.rewards.distance import Array, Asked, Ground, canonical, starc_distance

ROWS, DRAWN, GAMMA = 300, 12, 0.95
GENERATOR = np.random.default_rng(7)
BEFORE = GENERATOR.normal(size=(ROWS, 3))
ACTION = GENERATOR.uniform(-1, 1, ROWS)
AFTER = BEFORE + 0.3 * GENERATOR.normal(size=(ROWS, 3)) + 0.2 * ACTION[:, None]
DRAWN_STATES = GENERATOR.normal(size=(DRAWN, 3))
DRAWN_ACTIONS = GENERATOR.uniform(-1, 1, DRAWN)
NEVER = np.zeros(ROWS, dtype=np.bool_)
SOME = np.arange(ROWS) % 20 == 0


def ground(terminated: np.ndarray = NEVER) -> Ground:
    return Ground(BEFORE, AFTER, DRAWN_STATES, terminated, GAMMA)


def ask(reward, terminated: np.ndarray = NEVER) -> Asked:  # type: ignore[no-untyped-def]
    """Ask a function of (state, action, next_state, terminated) for a ground's transitions."""
    nowhere = np.zeros(ROWS, dtype=np.bool_)
    pairs = list(zip(DRAWN_ACTIONS, DRAWN_STATES, strict=True))

    def drawn(states: Array) -> Array:
        every = [reward(states, np.full(ROWS, a), np.tile(x, (ROWS, 1)), nowhere) for a, x in pairs]
        return np.stack(every)

    return Asked(reward(BEFORE, ACTION, AFTER, terminated), drawn(BEFORE), drawn(AFTER))


def goal(s: Array, a: Array, n: Array, end: Array) -> Array:
    """Return nearness to a point, minus effort."""
    near: Array = np.exp(-np.square(n - 0.5).sum(axis=1)) - 0.1 * np.square(a)
    return near


def potential(s: Array) -> Array:
    bumpy: Array = np.sin(3.0 * s[:, 0]) + s[:, 1] * s[:, 2] + 4.0
    return bumpy


def shaped(s: Array, a: Array, n: Array, end: Array) -> Array:
    total: Array = goal(s, a, n, end) + GAMMA * np.where(end, 0, potential(n)) - potential(s)
    return total


def apart(first, second, terminated: np.ndarray = NEVER) -> float:  # type: ignore[no-untyped-def]
    asked = ask(first, terminated), ask(second, terminated)
    return starc_distance(*asked, ground(terminated)).value


@pytest.mark.parametrize("terminated", [NEVER, SOME])
def test_shaping_and_scale_change_nothing(terminated: np.ndarray) -> None:
    """Whatever the potential, also where episodes end."""
    assert apart(goal, shaped, terminated) < 1e-9
    assert apart(goal, lambda *x: 7.0 * goal(*x), terminated) < 1e-9
    assert apart(goal, lambda *x: 0.01 * shaped(*x), terminated) < 1e-9


def test_the_opposite_is_as_far_as_can_be() -> None:
    """And the distance is the same both ways round."""
    assert apart(goal, lambda *x: -goal(*x)) == pytest.approx(1.0)

    def effort(s: Array, a: Array, n: Array, end: Array) -> Array:
        return np.square(a)

    assert apart(goal, effort) == pytest.approx(apart(effort, goal))
    assert 0.3 < apart(goal, effort) < 1.0


def test_a_constant_matters_where_episodes_end_early() -> None:
    """One more for every step is a reason to live; where nobody can die it is none."""
    assert apart(goal, lambda *x: goal(*x) + 1.0, NEVER) < 1e-9
    assert apart(goal, lambda *x: goal(*x) + 1.0, SOME) > 0.3


def test_shaping_alone_is_no_aim() -> None:
    """Its canonical form is 0: at one half from any aim, at none from nothing."""

    def nothing(s: Array, a: Array, n: Array, end: Array) -> Array:
        return np.zeros(ROWS)

    def pure(*x: Array) -> Array:
        return shaped(*x) - goal(*x)

    assert np.abs(canonical(ask(pure, SOME), ground(SOME))).max() < 1e-9
    assert apart(goal, pure, SOME) == pytest.approx(0.5)
    assert apart(nothing, pure, SOME) == 0.0


def test_a_step_away_is_near_and_the_controls_hold() -> None:
    """A small change is a small distance; the shaped copy comes out at 0 and noise far away."""

    def nearly(s: Array, a: Array, n: Array, end: Array) -> Array:
        return goal(s, a, n, end) - 0.02 * np.square(a)

    found = starc_distance(ask(goal, SOME), ask(nearly, SOME), ground(SOME))
    assert 0.0 < found.value < 0.1
    assert found.shaped_copy < 1e-9
    assert found.unrelated > 0.5
    assert set(found.to_dict()) == {"value", "shaped_copy", "unrelated"}
