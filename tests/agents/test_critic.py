from __future__ import annotations

import pytest

from autoreward.agents.critic import MOST_REFUSALS, review
from autoreward.environments.folder import EnvironmentFolder, open_environment

TALL = '''"""Stand tall."""


def tall(state, action, next_state):
    """Torso height, in [0, 1]."""
    return tolerance(next_state.torso_height, lower=1.2, upper=inf, margin=0.5)

'''
FORMULA = '\nFORMULA = "tall"\n'


def test_good_file_passes_without_a_word(hopper: EnvironmentFolder) -> None:
    """A file that keeps the contract has no findings."""
    found = review(TALL + FORMULA, hopper.schema)
    assert found.accepted
    assert found.findings == ()
    assert found.source is not None
    assert str(found.source.formula) == "tall"


def test_all_human_rewards_pass(hopper: EnvironmentFolder) -> None:
    """The rewards that come with an environment are accepted."""
    for name in ("expert.py", "sparse.py"):
        assert review(hopper.read(name), hopper.schema).accepted


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "empty", "empty"),
        ("def tall(:\n", "syntax", "line 1"),
        ("import os\n" + TALL + FORMULA, "forbidden", "line 1"),
        (TALL.replace("torso_height", "torso_heigth") + FORMULA, "unknown-name", "'torso_height'"),
        (TALL, "formula", "no FORMULA"),
        (TALL + '\nFORMULA = "tal"\n', "formula", "'tall'"),
        (TALL + '\nFORMULA = "gate(tall)"\n', "formula", "gate"),
        (TALL + '\nFORMULA = "tall +"\n', "formula", "FORMULA"),
        ("X = 1\n", "no-component", "component"),
    ],
)
def test_refusals_say_what_and_where(
    hopper: EnvironmentFolder, text: str, code: str, words: str
) -> None:
    """Each broken contract is an error finding with the place or the near miss."""
    found = review(text, hopper.schema)
    errors = [finding for finding in found.findings if finding.severity == "error"]
    assert not found.accepted
    assert errors[0].code == code
    assert words in str(errors[0])


def test_broken_rules_are_reported_together(hopper: EnvironmentFolder) -> None:
    """One repair sees all forbidden things, up to a limit."""
    bad = TALL + "import os\nimport sys\nimport json\n" + FORMULA
    assert [f.evidence for f in review(bad, hopper.schema).findings] == [
        "line 8",
        "line 9",
        "line 10",
    ]
    worse = TALL + "".join(f"import module_{i}\n" for i in range(30)) + FORMULA
    assert len(review(worse, hopper.schema).findings) == MOST_REFUSALS


def test_unknown_part_of_a_compute_reward_is_no_error(hopper: EnvironmentFolder) -> None:
    """Its parts are known only once it has run, so a formula over them is let through."""
    text = (
        "def compute_reward(state, action, next_state):\n"
        "    parts = _parts(next_state)\n"
        "    return parts['tall'], parts\n\n\n"
        "def _parts(now):\n"
        "    return {'tall': now.torso_height}\n\n\n"
        'FORMULA = "0.5 * tall"\n'
    )
    assert review(text, hopper.schema).accepted


def test_warnings_do_not_refuse(hopper: EnvironmentFolder) -> None:
    """Unused and constant components and long files are worth a word, no more."""
    text = (
        TALL
        + '\ndef idle(state, action, next_state):\n    """One."""\n    return torch.ones(1)\n'
        + FORMULA
        + "#\n" * 200
    )
    found = review(text, hopper.schema)
    assert found.accepted
    codes = {finding.code: finding for finding in found.findings}
    assert set(codes) == {"unused-component", "constant-component", "long-file"}
    assert {finding.severity for finding in found.findings} == {"warning"}
    assert "idle" in codes["unused-component"].message
    assert "tall" not in codes["unused-component"].message


def body(line: str, name: str = "tall") -> str:
    return f"def {name}(state, action, next_state):\n    return {line}\n\n\n"


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("next_state.pitch - next_state.pitch.mean()", True),
        ("next_state.joint_velocity.sum(dim=-1) / next_state.joint_velocity.abs().max()", True),
        ("next_state.pitch * torch.norm(action)", True),
        (
            "torch.linalg.norm(next_state.joint_velocity - state.joint_velocity) * action[:, 0]",
            True,
        ),
        ("next_state.joint_velocity.abs().max(dim=-1).values", False),
        ("torch.norm(action, dim=-1)", False),
        ("torch.max(next_state.pitch, next_state.torso_height)", False),
        ("next_state.pitch * torch.tensor([1.0, 2.0]).sum()", False),
        ("torch.stack([next_state.pitch, next_state.torso_height]).mean(0)", False),
    ],
)
def test_visible_reductions_over_the_batch_are_errors(
    hopper: EnvironmentFolder, line: str, whole: bool
) -> None:
    """A reduction of all rows is refused without a run; one over entries is not."""
    found = review(body(line) + FORMULA, hopper.schema).findings
    assert ("batch-mixing" in {finding.code for finding in found}) is whole


@pytest.mark.parametrize(
    ("formula", "noted"),
    [
        ("fast + 0.5 * tall", True),
        ("fast - (-2 * tall)", True),
        ("fast + potential(tall)", False),
        ("fast * tall", False),
        ("fast - tall", False),
        ("tall", False),
        ("fast + there", False),
    ],
)
def test_a_raw_dense_score_of_the_state_is_a_note(
    hopper: EnvironmentFolder, formula: str, noted: bool
) -> None:
    """A score of the state added at every step beside others is pointed out, never refused."""
    text = (
        body("torch.tanh(next_state.torso_height)")
        + body("next_state.forward_velocity", "fast")
        + body("(next_state.torso_height > 1.3).float()", "there")
        + f'FORMULA = "{formula}"\n'
    )
    found = review(text, hopper.schema)
    severities = {f.severity for f in found.findings if f.code == "dense-score"}
    assert found.accepted
    assert severities == ({"note"} if noted else set())


@pytest.mark.parametrize(
    ("task", "missing"),
    [
        ("Hop in place as high as you can.", True),
        ("Hop on one foot contact at a time.", True),
        ("Hop and land a backflip.", False),
        ("Do something nice.", False),
        ("", False),
    ],
)
def test_a_quantity_that_the_task_names_must_be_read(
    hopper: EnvironmentFolder, task: str, missing: bool
) -> None:
    """A task about height, and nothing that measures it: a warning with the fields to read."""
    text = body("bell(next_state.pitch, 0.2)", "level") + 'FORMULA = "level"\n'
    found = review(text, hopper.schema, task)
    warnings = [f for f in found.findings if f.code == "unused-state"]
    assert found.accepted
    assert bool(warnings) is missing
    assert all(f.severity == "warning" and "foot_contact" in f.evidence for f in warnings)


def test_speed_may_be_measured_by_two_positions(hopper: EnvironmentFolder) -> None:
    """The change of a position is a speed."""
    text = body("next_state.torso_x - state.torso_x", "gain") + 'FORMULA = "gain"\n'
    assert not review(text, hopper.schema, "Hop as fast as you can.").findings


def test_a_score_of_the_state_that_shall_be_held_is_right() -> None:
    """Where the task says to keep or to lie, nobody is told to make a potential of it."""
    folder = open_environment("reacher")
    text = (
        "def near(state, action, next_state):\n"
        "    return tolerance(next_state.fingertip_distance, margin=0.2)\n"
        "def effort(state, action, next_state):\n"
        "    return action.square().mean(dim=-1)\n"
        'FORMULA = "near - 0.1 * effort"\n'
    )

    def codes(task: str) -> set[str]:
        return {finding.code for finding in review(text, folder.schema, task).findings}

    assert "dense-score" in codes("bring the fingertip to the target")
    assert "dense-score" not in codes("keep the fingertip on the target")
