"""Twins of a reward before it is trained, and the distance of two rewards of an environment."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autoreward.config import SandboxSettings
from autoreward.environments.environment import load_environment
from autoreward.environments.folder import open_environment
from autoreward.evaluation.checks.material import Material
from autoreward.evaluation.checks.trial import Trial, try_reward
from autoreward.evaluation.novelty import (
    Known,
    fingerprint,
    novelty,
    reward_distance,
    reward_values,
    same_behaviour,
)
from autoreward.evaluation.transitions import Transitions
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import open_sandbox, start_jail
from autoreward.seeds import TrainingSeed, ValidationSeed
from autoreward.training.recording import record_transitions
from autoreward.training.validation import Random, Zero, validate

FILE = '''
def forward(state, action, next_state):
    """Forward speed, m/s."""
    return next_state.forward_velocity

def height(state, action, next_state):
    """Height of the torso, m."""
    return next_state.torso_height

def energy(state, action, next_state):
    """Effort, in [0, 3]."""
    return action.square().sum(dim=-1)

def far(state, action, next_state):
    """1 beyond 3.5 m/s, where random play never comes."""
    return (next_state.forward_velocity > 3.5).to(next_state.forward_velocity.dtype)

def beyond(state, action, next_state):
    """1 far outside of all usual ranges."""
    return (next_state.forward_velocity > 1e6).to(next_state.forward_velocity.dtype)

FORMULA = "forward"
'''


@cache
def hopper() -> Trial:
    """Return the trial of a file on the hopper, which falls."""
    folder = open_environment("hopper")
    task = folder.task_named("run")
    loaded = load_environment(folder, task)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "transitions.safetensors"
        record_transitions(loaded, task.horizon, TrainingSeed(0, 0), 100, 8, path)
        transitions = Transitions.load(path)
    seeds = ValidationSeed.first(0, 4)
    zero, random = validate(loaded, task.horizon, [Zero(), Random()], seeds, 1, 4)
    material = Material(
        folder.schema, transitions, zero.episodes, random.episodes, task=task, gamma=0.99
    )
    sandbox = open_sandbox(SandboxSettings(kind="process"))
    with start_jail(sandbox, Limits(memory_mb=1500)) as jail:
        return try_reward(parse_reward(FILE), material, jail)


def apart(first: str, second: str) -> float:
    """Return the distance of two formulas over the file's components."""
    formulas = parse_formula(first), parse_formula(second)
    found = reward_distance(hopper(), formulas[0], hopper(), formulas[1])
    assert found is not None
    assert found.shaped_copy < 1e-3 and found.unrelated > 0.5
    return found.value


def values(formula: str) -> np.ndarray:
    found = reward_values(hopper(), parse_formula(formula))
    assert found is not None
    return fingerprint(found)


def test_potential_shaping_through_a_jail_is_no_distance() -> None:
    """The trainer's own potential, with episodes that end, is taken out again."""
    assert apart("forward", "3 * forward + 2 * potential(height)") < 1e-3
    assert apart("normalize(forward)", "normalize(forward) + potential(height)") < 1e-3


def test_different_aims_are_apart() -> None:
    """Less effort is near, pay for living is not, the opposite is furthest."""
    near, living = apart("forward", "forward - 0.02 * energy"), apart("forward", "forward + 1")
    assert 0 < near < 0.1
    assert living > 0.3
    assert apart("forward", "0 - forward") == pytest.approx(1.0, abs=1e-6)


def test_no_distance_where_a_reward_failed() -> None:
    """A trial without answers gives neither values nor a distance."""
    failed = Trial([], hopper().source, hopper().material)
    formula = parse_formula("forward")
    assert reward_distance(failed, formula, hopper(), formula) is None
    assert reward_values(failed, formula) is None


def test_same_values_up_to_scale_alone() -> None:
    """Other code and scale are the same behaviour; another constant or sign is not."""
    assert same_behaviour(values("forward - 0.1 * energy"), values("5 * (forward - energy / 10)"))
    assert not same_behaviour(values("forward"), values("forward + 1"))
    assert not same_behaviour(values("forward"), values("0 - forward"))
    assert not same_behaviour(values("forward"), values("forward - 0.001 * energy"))


def test_what_random_play_never_sees_is_told_apart() -> None:
    """States of the usual ranges tell sparse rewards apart; constant values prove nothing."""
    assert not same_behaviour(values("forward"), values("forward + far"))
    assert not same_behaviour(values("beyond"), values("2 * beyond"))
    assert not same_behaviour(values("1 + beyond"), values("2"))
    assert not same_behaviour(np.zeros(3, np.float32), np.zeros(4, np.float32))


WAVE = np.sin(np.arange(40, dtype=np.float32))
OTHER = np.cos(np.arange(40, dtype=np.float32))


def reward(name: str, skeleton: str, values: np.ndarray | None = None, **more: object) -> Known:
    """Return a reward as the search knows it."""
    known = None if values is None else fingerprint(values)
    return Known(name, skeleton, known, **more)  # type: ignore[arg-type]


def test_the_same_reward_is_known_by_its_id() -> None:
    """Before anything else is looked at."""
    known = [reward("a1", "s", WAVE), reward("b2", "t", OTHER)]
    twin = novelty(reward("b2", "t", OTHER), known)
    assert twin is not None and twin.same and twin.known.id == "b2"


def test_the_same_values_are_refused_by_name_and_score() -> None:
    """Also from the operator that moves numbers; a trained twin is named before others."""
    known = [reward("a1", "s", WAVE), reward("7f3a", "t", 2 * WAVE, score=0.41)]
    for operator in ("mutate", "tune"):
        twin = novelty(reward("c3", "u", 3 * WAVE, operator=operator), known)
        assert twin is not None and not twin.same
        assert (twin.finding.code, twin.finding.severity) == ("duplicate", "error")
        assert "the same values as reward 7f3a, which reached 0.41" in twin.finding.message
        assert "change the idea" in twin.finding.message
    assert novelty(reward("c3", "u", OTHER), known) is None
    assert novelty(reward("c3", "u"), known) is None, "nothing is known of its values"


def test_moved_numbers_go_to_the_tuner() -> None:
    """Three may differ in numbers alone; those that no model was asked for do not count."""
    known = [reward(f"a{i}", "s", WAVE + i, operator="mutate") for i in range(1, 3)]
    known += [reward(f"t{i}", "s", WAVE - i, operator="tune") for i in range(1, 5)]
    new = reward("new", "s", OTHER, operator="mutate")
    assert novelty(new, known) is None
    known.append(reward("a3", "s", WAVE + 9, operator="rewrite", score=-2.5))
    twin = novelty(new, known)
    assert twin is not None
    assert twin.finding.code == "only-numbers"
    assert "reward a3, which reached -2.5" in twin.finding.message
    assert novelty(reward("new", "s", OTHER, operator="tune"), known) is None
    assert novelty(reward("new", "other", OTHER), known) is None
