"""Our environments are Gymnasium's v5: same observation, same step, same end, same reward."""

from __future__ import annotations

import math
import re
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

from autoreward.environments.environment import Environment, load_environment
from autoreward.environments.folder import find_environments, read_folder
from autoreward.environments.vector import VectorEnvironment
from autoreward.sim.physics import Physics

# The ant's contact forces are neither in our observation nor in its reward.
OPTIONS: dict[str, dict[str, Any]] = {
    "ant": {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0}
}
FOLDERS = {name: read_folder(path) for name, path in find_environments().items()}
NAMES = [name for name, folder in FOLDERS.items() if folder.gymnasium_id is not None]


def pair(name: str) -> tuple[Environment, gymnasium.Env]:
    reference = gymnasium.make(FOLDERS[name].gymnasium_id, **OPTIONS.get(name, {}))
    return load_environment(FOLDERS[name]), reference


def state_of(reference: gymnasium.Env) -> tuple[torch.Tensor, torch.Tensor]:
    data = reference.unwrapped.data
    return torch.from_numpy(data.qpos.copy())[None], torch.from_numpy(data.qvel.copy())[None]


def put(name: str, reference: gymnasium.Env, qpos: torch.Tensor, qvel: torch.Tensor) -> np.ndarray:
    """Put the reference into a state of ours and return its observation."""
    base = reference.unwrapped
    base.set_state(qpos[0].double().numpy(), qvel[0].double().numpy())
    return np.asarray(base._get_obs())


@pytest.mark.parametrize("name", NAMES)
def test_spaces_and_times_are_gymnasiums(name: str) -> None:
    """Observation and action widths, action bounds, dt and horizon agree."""
    environment, reference = pair(name)
    assert (environment.obs_dim,) == reference.observation_space.shape
    assert (environment.action_dim,) == reference.action_space.shape
    bound = torch.ones(1, environment.action_dim)
    assert np.allclose(environment.ctrl(bound)[0], reference.action_space.high)
    assert np.allclose(environment.ctrl(-bound)[0], reference.action_space.low)
    assert environment.schema.dt == pytest.approx(reference.unwrapped.dt)
    assert FOLDERS[name].horizon == reference.spec.max_episode_steps


@pytest.mark.parametrize("name", NAMES)
def test_observation_and_one_step_equal_gymnasiums(name: str) -> None:
    """From equal qpos and qvel, observations are equal and a step with equal action agrees."""
    environment, reference = pair(name)
    simulation = environment.make_simulation()
    simulation.add(1)
    reference.reset(seed=3)
    generator = torch.Generator().manual_seed(5)
    rows, checked = torch.tensor([0]), 0
    for step in range(120):
        qpos, qvel = state_of(reference)
        simulation.reset(rows, qpos, qvel)
        ours = environment.observation(simulation.physics())[0].numpy()
        theirs = put(name, reference, qpos, qvel)
        assert np.allclose(ours, theirs, atol=2e-5), f"observation at step {step}"
        action = torch.rand(1, environment.action_dim, generator=generator) * 2 - 1
        simulation.step(environment.ctrl(action))
        after = simulation.physics()
        _, _, terminated, truncated, _ = reference.step(action[0].numpy())
        their_qpos, their_qvel = state_of(reference)
        assert torch.allclose(after.qpos.double(), their_qpos, atol=1e-6), f"qpos at step {step}"
        assert torch.allclose(after.qvel.double(), their_qvel, atol=1e-5, rtol=1e-5), (
            f"qvel at step {step}: {(after.qvel - their_qvel).abs().max():.2e}"
        )
        assert bool(environment.terminated(after)) == terminated
        checked += 1
        if terminated or truncated:
            reference.reset(seed=100 + step)
    assert checked == 120


@pytest.mark.parametrize("name", NAMES)
def test_start_states_have_gymnasiums_distribution(name: str) -> None:
    """Mean, spread and extremes of many start states agree entry by entry."""
    environment, reference = pair(name)
    count = 1500
    drawn = environment.initial(count, torch.Generator().manual_seed(0))
    ours = torch.cat(drawn, dim=1).numpy()
    theirs = []
    for seed in range(count):
        reference.unwrapped._np_random = np.random.default_rng(seed)
        base = reference.unwrapped
        base.reset_model()
        theirs.append(np.concatenate([base.data.qpos, base.data.qvel]))
    reset = np.stack(theirs)
    spread = reset.std(axis=0)
    noise = spread / math.sqrt(count)
    assert (np.abs(ours.mean(axis=0) - reset.mean(axis=0)) <= 6 * noise + 1e-9).all()
    assert np.allclose(ours.std(axis=0), spread, rtol=0.15, atol=1e-9)
    assert np.allclose(ours.max(axis=0), reset.max(axis=0), atol=spread.max() * 1.5)


def test_hopper_observation_clamps_velocities() -> None:
    """A velocity beyond 10 shows as 10, as in Gymnasium."""
    environment = load_environment("hopper")
    physics = Physics(torch.zeros(1, 6), torch.full((1, 6), 25.0), torch.zeros(1, 4))
    assert torch.equal(environment.observation(physics)[0, 5:], torch.full((6,), 10.0))


def test_pendulum_observes_the_force_of_the_rails_end() -> None:
    """At either end of the rail the constraint force has Gymnasium's size and sign."""
    environment, reference = pair("inverted_double_pendulum")
    simulation = environment.make_simulation()
    simulation.add(1)
    for side in (-1.0, 1.0):
        qpos, qvel = torch.tensor([[side * 1.002, 0.0, 0.0]]), torch.tensor([[side * 0.1, 0, 0]])
        simulation.reset(torch.tensor([0]), qpos, qvel)
        theirs = put("inverted_double_pendulum", reference, qpos, qvel)
        ours = environment.observation(simulation.physics())[0].numpy()
        assert abs(theirs[8]) > 1
        assert np.allclose(ours, theirs, atol=1e-4)


def evaluate(text: str, state: Any, action: torch.Tensor, next_state: Any) -> float:
    """Return a reward file's total for one transition, its formula combined by Python."""
    scope: dict[str, Any] = {"torch": torch}
    exec(text, scope)
    formula = scope["FORMULA"]
    names = set(re.findall(r"[a-z_]+", formula))
    values = {name: scope[name](state, action, next_state).item() for name in names}
    return float(eval(formula, {}, values))


class Fields:
    """Attribute access to a state, as reward code has it."""

    def __init__(self, values: dict[str, torch.Tensor]) -> None:
        self.__dict__.update(values)


def recomputed(name: str, reference: gymnasium.Env, x_before: float, action: np.ndarray) -> float:
    """Return Gymnasium's reward of its last step with bodies where the new state has them.

    After a Runge-Kutta step Gymnasium reads bodies and sites from the integrator's last stage,
    which is not quite the new state that we (and its own observation of qpos) use.
    """
    base = reference.unwrapped
    mujoco.mj_forward(base.model, base.data)
    if name == "inverted_double_pendulum":
        x, _, height = base.data.site_xpos[0]
        return float(base._get_rew(x, height, height <= 1)[0])
    if name == "reacher":
        return float(base._get_rew(action)[0])
    return float(base._get_rew((base.data.qpos[0] - x_before) / base.dt, action)[0])


@pytest.mark.parametrize("name", NAMES)
def test_expert_reward_equals_gymnasiums(name: str) -> None:
    """expert.py pays what Gymnasium pays, ends of episodes included."""
    environment, reference = pair(name)
    text = FOLDERS[name].read("expert.py")
    simulation = environment.make_simulation()
    simulation.add(1)
    generator = torch.Generator().manual_seed(11)
    # How far the last Runge-Kutta stage (see `recomputed`) is from the new state, as reward.
    stage = {"ant": 0.1, "reacher": 1e-2, "inverted_double_pendulum": 1e-3}.get(name, 1e-4)
    ends, rows = 0, torch.tensor([0])
    reference.reset(seed=1)
    for step in range(60):
        qpos, qvel = state_of(reference)
        simulation.reset(rows, qpos, qvel)
        before = Fields(environment.state(simulation.physics()))
        action = torch.rand(1, environment.action_dim, generator=generator) * 2 - 1
        simulation.step(environment.ctrl(action))
        after = Fields(environment.state(simulation.physics()))
        _, reward, terminated, truncated, _ = reference.step(action[0].numpy())
        ours = evaluate(text, before, action, after)
        assert ours == pytest.approx(reward, abs=stage)
        exact = recomputed(name, reference, qpos[0, 0].item(), action[0].numpy())
        assert ours == pytest.approx(exact, abs=2e-5)
        if terminated or truncated:
            ends += 1
            reference.reset(seed=50 + step)
    assert ends > 0 or name in ("half_cheetah", "ant")


def test_truncation_is_gymnasiums_time_limit() -> None:
    """The reacher's episode is cut off after exactly 50 steps, not terminated."""
    environment = load_environment("reacher")
    vector = VectorEnvironment(environment, FOLDERS["reacher"].horizon)
    vector.add_group(2, torch.Generator().manual_seed(0))
    steps = [vector.step(torch.zeros(2, 2)) for _ in range(50)]
    assert not any(step.terminated.any() for step in steps)
    assert [int(step.truncated.sum()) for step in steps] == [0] * 49 + [2]
    assert vector.episode_step.tolist() == [0, 0]
