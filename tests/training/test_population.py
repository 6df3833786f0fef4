"""Learners together: independence, containment, slots, checkpoints."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from autoreward.config import TrainingSettings
from autoreward.environments.environment import load_environment
from autoreward.rewards.formula import parse_formula
from autoreward.sandbox.contract import Batch, JailFailure
from autoreward.seeds import TrainingSeed
from autoreward.training.lane import Lane
from autoreward.training.lane_process import LaneProcess, start_lanes
from autoreward.training.learner import LearnerSpec
from autoreward.training.population import Population

SETTINGS = TrainingSettings(envs=4, rollout=16, minibatches=2, epochs=2)
FIELD = "forward_velocity"


def forward(batch: Batch) -> dict[str, np.ndarray]:
    """Forward velocity, as a language model's reward would compute it."""
    return {"forward": batch.next_state[FIELD].astype(np.float32)}


def spec(job: str, seed: int = 0, steps: int = 10**9, formula: str = "forward") -> LearnerSpec:
    """Return a learner that never ends by itself."""
    return LearnerSpec(job, "", parse_formula(formula), TrainingSeed(0, seed), steps)


Populations = Callable[..., Population]


@pytest.fixture
def population() -> Iterator[Populations]:
    """Return a function that makes empty populations, of two lanes unless told otherwise."""
    torch.set_num_threads(1)  # as in a trainer: sums are split among threads
    made: list[Population] = []

    def make(source: Any, env: str = "half_cheetah", threads: int = 2) -> Population:
        lanes = start_lanes(load_environment(env), 200, SETTINGS, threads)
        made.append(Population(lanes, SETTINGS, source))
        return made[-1]

    yield make
    for one in made:
        one.close()


def act(policy: dict[str, torch.Tensor], observation: torch.Tensor) -> torch.Tensor:
    """Return the action without exploration noise."""
    x = (observation - policy["observation.mean"]) * policy["observation.scale"]
    layers = [name for name in policy if name.startswith("actor") and name.endswith("weight")]
    for name in layers:
        x = x @ policy[name] + policy[name.replace("weight", "bias")]
        x = x if name == layers[-1] else x.tanh()
    return x


def test_learning_in_company_equals_learning_alone(
    function_source: Any, population: Populations
) -> None:
    """The same seed gives bit-equal curve and policy alone and beside two other learners."""
    source = function_source({name: forward for name in "abc"}, (FIELD,))
    alone, company = population(source), population(source)
    alone.admit(spec("a", 7))
    for name, seed in (("b", 1), ("a", 7), ("c", 2)):
        company.admit(spec(name, seed))
    for _ in range(4):
        alone.iterate()
        company.iterate()
    assert alone.learners[0].curve == company.learners[1].curve
    for name, weight in alone.policy(0).items():
        assert torch.equal(weight, company.policy(1)[name]), name


def test_company_may_come_and_go(function_source: Any, population: Populations) -> None:
    """Admitting and evicting neighbours between iterations does not touch a learner."""
    source = function_source({name: forward for name in "abc"}, (FIELD,))
    alone, changing = population(source), population(source)
    alone.admit(spec("a", 7))
    changing.admit(spec("b", 1))
    changing.admit(spec("a", 7))
    for step in range(4):
        if step == 1:
            changing.evict(0)
        if step == 2:
            changing.admit(spec("c", 3))
        alone.iterate()
        changing.iterate()
    index = [learner.spec.job for learner in changing.learners].index("a")
    for name, weight in alone.policy(0).items():
        assert torch.equal(weight, changing.policy(index)[name]), name


def test_a_failing_reward_ends_its_own_learner(
    function_source: Any, population: Populations
) -> None:
    """A reward that breaks is evicted with a finding; its neighbour trains as if alone."""

    def broken(batch: Batch) -> dict[str, np.ndarray]:
        raise JailFailure("timeout", "no answer within 1 s")

    source = function_source({"good": forward, "bad": broken}, (FIELD,))
    alone, company = population(source), population(source)
    alone.admit(spec("good", 7))
    company.admit(spec("bad", 1))
    company.admit(spec("good", 7))
    alone.iterate()
    ended = company.iterate()
    assert [(e.learner.spec.job, e.finding.code) for e in ended if e.finding] == [
        ("bad", "timeout")
    ]
    assert [learner.spec.job for learner in company.learners] == ["good"]
    for name, weight in alone.policy(0).items():
        assert torch.equal(weight, company.policy(0)[name]), name


def test_nan_is_contained(function_source: Any, population: Populations) -> None:
    """One learner's formula is not finite: it ends with a finding, the batch goes on."""

    def huge(batch: Batch) -> dict[str, np.ndarray]:
        return {"forward": np.full(batch.starts.shape, 3e38, dtype=np.float32)}

    source = function_source({"good": forward, "bad": huge}, (FIELD,))
    learners = population(source)
    learners.admit(spec("bad", 1, formula="forward * forward"))
    learners.admit(spec("good", 7))
    ended = learners.iterate()
    assert [e.finding.code for e in ended if e.finding] == ["bad-values"]
    for _ in range(2):
        assert learners.iterate() == []
    assert all(bool(torch.isfinite(w).all()) for w in learners.policy(0).values())


def test_nan_parameters_end_their_own_learner(
    function_source: Any, population: Populations
) -> None:
    """A policy that became NaN is taken out with the finding `nan-policy`."""
    source = function_source({"a": forward, "b": forward}, (FIELD,))
    learners = population(source)
    learners.admit(spec("a", 1))
    learners.admit(spec("b", 2))
    learners.iterate()
    state = learners.checkpoint(0)
    state["parameters.flat"][0] = float("nan")
    learners.restore(0, state)
    ended = learners.iterate()
    assert [(e.learner.spec.job, e.finding and e.finding.code) for e in ended] == [
        ("a", "nan-policy")
    ]
    assert learners.iterate() == []


def test_a_learner_ends_with_its_steps(function_source: Any, population: Populations) -> None:
    """A learner leaves its slot when it has had its steps, and only then."""
    source = function_source({"short": forward, "long": forward}, (FIELD,))
    learners = population(source)
    learners.admit(spec("short", 1, steps=2 * learners.steps_per_iteration))
    learners.admit(spec("long", 2, steps=3 * learners.steps_per_iteration))
    left = [[e.learner.spec.job for e in learners.iterate()] for _ in range(3)]
    assert left == [[], ["short"], ["long"]]
    assert len(learners) == 0


def test_checkpoint_continues_bit_for_bit(function_source: Any, population: Populations) -> None:
    """A learner restored in a new population ends with the very same parameters."""
    formula = "normalize(forward) + 0.1 * potential(forward)"
    source = function_source({"a": forward, "other": forward}, (FIELD,))
    whole = population(source)
    whole.admit(spec("a", 7, formula=formula))
    for _ in range(2):
        whole.iterate()
    tensors, metadata = whole.checkpoint(0), whole.learners[0].metadata()
    later = population(source)
    learner = later.admit(spec("a", 7, formula=formula))
    later.restore(0, tensors)
    learner.load_metadata(metadata)
    for _ in range(2):
        whole.iterate()
        later.iterate()
    last = later.checkpoint(0)
    assert all(torch.equal(value, last[name]) for name, value in whole.checkpoint(0).items())
    assert whole.learners[0].curve == later.learners[0].curve


def test_a_new_learner_may_begin_with_anothers_policy(
    function_source: Any, population: Populations
) -> None:
    """It acts as the other does, in the right row; its optimizer, scaler and counters are new."""
    source = function_source({name: forward for name in "abc"}, (FIELD,))
    parents = population(source)
    parents.admit(spec("a", 7))
    for _ in range(3):
        parents.iterate()
    ended = parents.leave(0)
    assert len(parents) == 0
    heirs = population(source)
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        heirs.admit(spec(name, seed))
    before = heirs.checkpoint(0), heirs.checkpoint(2)
    fresh = heirs.checkpoint(1)
    heirs.inherit(1, ended.state)
    observation = torch.randn(5, load_environment("half_cheetah").obs_dim)
    assert torch.equal(act(ended.policy, observation), act(heirs.policy(1), observation))
    state = heirs.checkpoint(1)
    for name, value in state.items():
        inherited = name.startswith(("parameters", "observed"))
        assert torch.equal(value, (ended.state if inherited else fresh)[name]), name
    for index, other in zip((0, 2), before, strict=True):
        assert all(torch.equal(v, other[k]) for k, v in heirs.checkpoint(index).items())
    assert heirs.learners[1].steps == heirs.learners[1].iteration == 0
    assert heirs.iterate() == []


def test_reward_scale_does_not_matter(function_source: Any, population: Populations) -> None:
    """Rewards are normalised per learner: a thousandfold reward trains the same policy."""
    source = function_source({"a": forward, "b": forward}, (FIELD,))
    learners = population(source)
    learners.admit(spec("a", 7))
    learners.admit(spec("b", 7, formula="1000 * forward"))
    for _ in range(3):
        learners.iterate()
    for name, weight in learners.policy(0).items():
        assert torch.allclose(weight, learners.policy(1)[name], atol=1e-3), name


@pytest.mark.parametrize("env", ["half_cheetah", "inverted_double_pendulum"])
def test_the_number_of_lanes_changes_nothing(
    env: str, function_source: Any, population: Populations
) -> None:
    """One lane in this process, two or three processes: bit-equal curves and states."""

    def still(batch: Batch) -> dict[str, np.ndarray]:
        return {"forward": batch.action[..., 0] ** 2}

    found = []
    for threads in (1, 2, 3):
        learners = population(
            function_source({name: still for name in "abc"}, ()), env=env, threads=threads
        )
        for seed, name in enumerate("abc"):
            learners.admit(spec(name, seed))
        for _ in range(3):
            assert learners.iterate() == []
        by_job = {learner.spec.job: learner.curve for learner in learners.learners}
        found.append((by_job, [learners.checkpoint(index) for index in range(3)]))
    for curves, states in found[1:]:
        assert curves == found[0][0]
        for mine, first in zip(states, found[0][1], strict=True):
            assert all(torch.equal(value, first[name]) for name, value in mine.items())


def test_lanes_are_kept_even(function_source: Any, population: Populations) -> None:
    """Where one lane runs empty it takes over a learner, which does not notice."""
    source = function_source({name: forward for name in "abcd"}, (FIELD,))
    alone, learners = population(source), population(source)
    alone.admit(spec("d", 7))
    for name, seed in (("a", 1), ("b", 2), ("c", 3), ("d", 7)):
        learners.admit(spec(name, seed))
    alone.iterate()
    learners.iterate()
    for name in "ac":  # both of one lane
        jobs = [learner.spec.job for learner in learners.learners]
        learners.evict(jobs.index(name))
    assert len(set(learners._homes)) == 1
    for _ in range(2):
        alone.iterate()
        learners.iterate()
    assert len(set(learners._homes)) == 2
    index = [learner.spec.job for learner in learners.learners].index("d")
    assert alone.learners[0].curve == learners.learners[index].curve
    for name, value in alone.checkpoint(0).items():
        assert torch.equal(value, learners.checkpoint(index)[name]), name


def test_a_killed_lane_is_noticed(function_source: Any, population: Populations) -> None:
    """Its learners cannot go on, and nobody waits for it."""
    source = function_source({"a": forward, "b": forward}, (FIELD,))
    learners = population(source)
    for seed, name in enumerate("ab"):
        learners.admit(spec(name, seed))
    lane = learners._lanes[1]
    assert isinstance(lane, LaneProcess)
    os.kill(lane.pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="was ended"):
        learners.iterate()


def test_what_goes_wrong_in_a_lane_is_told(function_source: Any, population: Populations) -> None:
    """The error of the other process is in the message, and the lane answers the next call."""
    source = function_source({"a": forward}, (FIELD,))
    learners = population(source)
    learners.admit(spec("a"))
    with pytest.raises(ChildProcessError, match=r"KeyError: 'adam\.first'"):
        learners.restore(0, {"parameters.flat": learners.checkpoint(0)["parameters.flat"]})
    assert learners.iterate() == []


def test_a_lane_that_cannot_be_made_says_why() -> None:
    """Not that its process has ended: the reason is in the message, as its last line."""

    def broken() -> Lane:
        raise ValueError("the model has no legs")

    lane = LaneProcess(broken)
    with pytest.raises(ChildProcessError, match=r"ValueError: the model has no legs\n*$"):
        lane.checkpoint(0)
    lane.close()
