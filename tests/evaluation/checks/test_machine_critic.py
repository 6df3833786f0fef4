"""The machine critic's checks: each one finds its planted bug and leaves an honest reward alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from critic_arena import Case, findings, honest, material, planted, tally, trial

from autoreward.environments.folder import open_environment
from autoreward.evaluation.checks.formula import formula_findings
from autoreward.evaluation.checks.material import Material, ranges
from autoreward.evaluation.checks.trial import Trial, try_reward
from autoreward.findings import Finding
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.source import parse_reward
from autoreward.schema import Actuator, Field, StateSchema

CHEETAH = '''
def forward(state, action, next_state):
    """Forward speed, m/s."""
    return next_state.forward_velocity

def fast(state, action, next_state):
    """Speed of running, m/s."""
    return -next_state.forward_velocity

def posture(state, action, next_state):
    return tolerance(next_state.pitch, lower=-0.2, upper=0.2, margin=0.3)

def calm(state, action, next_state):
    return torch.exp(-0.5 * next_state.joint_velocity.square().mean(dim=-1))

def energy(state, action, next_state):
    return action.square().sum(dim=-1)

def smoothness(state, action, next_state):
    return torch.exp(-action.square().sum(dim=-1))

def tilt_penalty(state, action, next_state):
    return next_state.pitch.square()

def none(state, action, next_state):
    return torch.zeros_like(next_state.pitch)

def height(state, action, next_state):
    return next_state.torso_height

def sharp(state, action, next_state):
    return torch.exp(-5.0 * (next_state.forward_velocity - 5.0).abs())

FORMULA = "forward"
'''


@cache
def cheetah() -> Trial:
    return trial(CHEETAH, material("half_cheetah", "run"))


def codes(found: list[Finding], *severities: str) -> set[str]:
    wanted = severities or ("error", "warning", "note")
    return {finding.code for finding in found if finding.severity in wanted}


def of_formula(formula: str, tried: Trial | None = None) -> set[str]:
    return codes(formula_findings(tried or cheetah(), parse_formula(formula)))


@pytest.mark.parametrize(
    ("code", "planted_formula", "honest_formula"),
    [
        ("bad-values", "10000 * calm / none", "calm / 2"),
        ("constant", "1 + none", "1 + calm"),
        ("dominating", "100 * forward + height", "forward + height"),
        ("wrong-sign", "forward + 0.1 * energy", "forward - 0.1 * energy"),
        ("wrong-sign", "forward - 0.1 * smoothness", "forward + 0.1 * smoothness"),
        ("wrong-sign", "forward + tilt_penalty", "forward - tilt_penalty"),
        ("wrong-sign", "forward * -1 + 0.1 * calm", "forward + 0.1 * calm"),
        ("wrong-sign", "fast", "-1 * fast"),
        ("flooding", "10 + 0.1 * forward", "0.1 + forward"),
        ("standing-still", "posture + calm - 0.3 * energy", "forward + 0.1 * posture"),
        ("standing-still", "forward - 20 * energy", "forward - 0.1 * energy"),
    ],
)
def test_formula_checks(code: str, planted_formula: str, honest_formula: str) -> None:
    """A formula with the bug is named by its code; the same components well used are not."""
    assert code in of_formula(planted_formula)
    assert code not in of_formula(honest_formula)


@pytest.mark.parametrize(
    ("code", "component", "honest_component"),
    [("constant-component", "none", "calm"), ("saturated", "sharp", "posture")],
)
def test_component_checks(code: str, component: str, honest_component: str) -> None:
    """A component that says nothing is named; one that does is not."""
    said = [str(finding) for finding in cheetah().findings if finding.code == code]
    assert any(repr(component) in text for text in said)
    assert not any(repr(honest_component) in text for text in said)


def test_a_best_policy_that_earns_no_more_than_idling_is_a_warning() -> None:
    """With a better policy known, a reward must pay it more than doing nothing."""
    stuff = material("half_cheetah", "run")
    assert stuff.zero is not None
    zero = stuff.zero
    steps = np.arange(zero.steps + 1, dtype=np.float32)[:, None]
    running = {
        "forward_velocity": zero.state["forward_velocity"] + 2.0,
        "torso_x": zero.state["torso_x"] + 0.1 * steps,
    }
    fitness = {name: values + 2.0 for name, values in zero.fitness.items()}
    best = replace(zero, state={**zero.state, **running}, fitness=fitness)
    tried = trial(CHEETAH, replace(stuff, best=best))
    assert "standing-still" in of_formula("posture + height", tried)
    assert "standing-still" not in of_formula("forward + 0.1 * posture", tried)


def test_early_end_needs_an_end_and_costs() -> None:
    """Costs at every step are a warning where an episode can end, not where none does."""
    hopper = """
def error(state, action, next_state):
    return (next_state.forward_velocity - 3.0).abs()

FORMULA = "-1 * error"
"""
    tried = trial(hopper, material("hopper", "run"))
    assert "early-end" in of_formula("-1 * error", tried)
    assert "early-end" not in of_formula("4 - error", tried)
    assert "early-end" not in of_formula("-1 * energy")


def test_paying_each_step_of_a_survival_task_is_no_flooding() -> None:
    """Where to live is the task, a constant payment is the reward."""
    text = (
        "def alive(state, action, next_state):\n"
        "    return 5.0 + 0.1 * next_state.tip_height\n\n"
        'FORMULA = "alive"\n'
    )
    assert "flooding" not in of_formula(
        "alive", trial(text, material("inverted_double_pendulum", "balance"))
    )


def test_a_potential_is_evaluated_at_both_states() -> None:
    """A shaped score of the state neither floods nor pays for standing still."""
    found = of_formula("10 * potential(height) + 0.1 * forward")
    assert not found & {"flooding", "standing-still", "unknown-name"}


def test_the_reward_file_itself_is_honest() -> None:
    """A plain formula over good components has no finding."""
    assert of_formula("forward + 0.2 * posture - 0.05 * energy") == set()


def test_memory_and_compute_reward_are_tried_in_time_order() -> None:
    """A reward with memory, and one with parts in a dict, pass whole episodes without a word."""
    for case in honest():
        if case.path.stem in ("hopper_run_smooth", "hopper_run_eureka"):
            found = findings(case.path.read_text(), case.environment, case.task)
            assert not codes(found, "error", "warning")


def test_effort_in_the_parts_of_compute_reward_is_probed() -> None:
    """Where parts have no weight of their own, the total must not rise with effort."""
    text = """
def compute_reward(state, action, next_state):
    energy = 0.1 * action.square().sum(dim=-1)
    forward = next_state.forward_velocity
    return forward SIGN energy, {"forward": forward, "energy": energy}
"""
    stuff = material("half_cheetah", "run")
    for sign, wrong in (("+", True), ("-", False)):
        tried = trial(text.replace("SIGN", sign), stuff)
        assert ("wrong-sign" in of_formula("total", tried)) is wrong


class FakeJail:
    """A jail whose answers change from call to call."""

    components = ("a",)
    seconds, ended = 0.1, False

    def __init__(self, drift: float) -> None:
        self._drift, self._calls = drift, 0

    def load(self, text: str, schema: StateSchema) -> None:
        pass

    def call(self, batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._calls += 1
        return {"a": next(iter(batch.next_state.values())) + self._drift * self._calls}, {}


@pytest.mark.parametrize(("drift", "impure"), [(0.5, True), (0.0, False)])
def test_two_calls_must_agree(drift: float, impure: bool) -> None:
    """The same input with another answer is an error, whatever made the difference."""
    hopper = material("hopper", "run")
    schema = StateSchema((hopper.schema.field("pitch"),), (Actuator("a", "N", ""),), 0.05)
    shown = {"pitch": hopper.transitions.next_state["pitch"]}
    data = replace(hopper.transitions, state=shown, next_state=shown)
    source = parse_reward(
        "def a(state, action, next_state):\n    return next_state.pitch\n\nFORMULA = 'a'\n"
    )
    tried = try_reward(source, Material(schema, data), FakeJail(drift))  # type: ignore[arg-type]
    assert ("impure" in codes(tried.findings, "error")) is impure


def test_far_probes_respect_what_cannot_be_negative() -> None:
    """Beyond the usual range a distance stays positive and a share in its range."""
    schema = StateSchema(
        (
            Field("distance", "qpos[0]", "m", "", low=0.1, high=2.0),
            Field("cosine", "qpos[0]", "1", "", low=-1.0, high=1.0),
            Field("speed", "qvel[0]", "m/s", "", low=-1.0, high=3.0),
        ),
        (Actuator("a", "N", ""),),
        0.05,
    )
    far = ranges(schema, 32, 3.0).next_state
    assert far["distance"].min() > 0 and far["distance"].max() == 6.0
    assert set(np.unique(far["cosine"])) == {-1.0, 1.0}
    assert set(np.unique(far["speed"])) == {-5.0, 7.0}


@pytest.mark.parametrize("case", planted(), ids=lambda case: case.path.stem)
def test_planted_bugs_are_found(case: Case) -> None:
    """Each of the twelve bugs is named by its code, as more than a note."""
    (one,) = tally([case])
    assert one.found, [str(finding) for finding in one.findings]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_honest_rewards_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 40 honest rewards at most one has an error, and less than every second a warning."""
    fair = tally(honest())
    alarms = [one.case.name for one in fair if one.count("error")]
    warnings = sum(one.count("warning") for one in fair)
    with capsys.disabled():
        print(f"\nerrors in {len(alarms)}/{len(fair)} honest rewards, warnings: {warnings}")
    assert len(planted()) == 12 and len(fair) >= 40
    assert len(alarms) <= 1, alarms
    assert warnings < 0.5 * len(fair)


def test_the_environments_of_the_planted_bugs_are_four() -> None:
    """The list is not about one robot."""
    names = {case.environment for case in planted()}
    assert names == {"hopper", "half_cheetah", "ant", "reacher"}
    for case in (*planted(), *honest()):
        assert case.task in open_environment(case.environment).tasks
