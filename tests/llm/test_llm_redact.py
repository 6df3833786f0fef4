"""What counts as a secret, and what does not."""

from __future__ import annotations

import pytest

from autoreward.llm.redact import redact, redact_tree, remember


def test_values_of_key_variables_leave_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names with KEY, TOKEN, SECRET or PASSWORD hide their values, longer ones first."""
    monkeypatch.setenv("MY_API_KEY", "0123456789")
    monkeypatch.setenv("db_password", "0123456789-and-more")
    monkeypatch.setenv("PLAIN", "nothing-to-hide")
    text = redact("a 0123456789 b 0123456789-and-more c nothing-to-hide")
    assert text == "a <MY_API_KEY> b <db_password> c nothing-to-hide"


def test_short_values_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`MAX_TOKENS=8192` does not blank every 8192."""
    monkeypatch.setenv("MAX_TOKENS", "8192")
    assert redact("8192 tokens") == "8192 tokens"


def test_remembered_values_need_no_telling_name() -> None:
    """A key handed to a provider is hidden whatever its variable is called."""
    remember("MY_MODEL_ACCESS", "swordfish-and-chips")
    assert redact("use swordfish-and-chips") == "use <MY_MODEL_ACCESS>"


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-Ab3dEf6hIj9kLmNoPqRs",
        "sk-ant-api03-Ab3dEf6hIj9kLmNoPqRs-_x",
        "gsk_Ab3dEf6hIj9kLmNoPqRsTuVw",
        "hf_Ab3dEf6hIj9kLmNoPqRsTuVwXyZ",
        "ghp_Ab3dEf6hIj9kLmNoPqRsTuVwXyZ012345",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_well_known_shapes_are_hidden(key: str) -> None:
    """Keys are recognised by their look, without any environment."""
    assert redact(f"key={key}.") == "key=<secret>."


def test_bearer_tokens_are_hidden() -> None:
    """The word stays, the token goes."""
    assert redact("Authorization: Bearer abc.def-123456") == "Authorization: Bearer <secret>"


@pytest.mark.parametrize(
    "code",
    [
        "hf_knee_angle_velocity = state.hf_knee_angle_velocity",
        "reward = task-specific - risk-adjusted-return-of-the-torso",
        "pk_distance_to_target, sk_learning_rate_of_policy",
        "x = sk-1",
    ],
)
def test_reward_code_is_left_alone(code: str) -> None:
    """Names that begin like keys are no keys."""
    assert redact(code) == code


def test_tree_is_redacted_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings in lists and dicts are redacted, other values stay."""
    monkeypatch.setenv("A_TOKEN", "abcdefgh")
    assert redact_tree({"a": ["abcdefgh", 1, None], "b": {"c": "x abcdefgh"}}) == {
        "a": ["<A_TOKEN>", 1, None],
        "b": {"c": "x <A_TOKEN>"},
    }
