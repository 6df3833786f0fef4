from __future__ import annotations

import pytest

from autoreward.pointers import Pointer, find_pointers, tidied

FORMS = [
    "episode 3, steps 118-140, mean torso_height = 0.45",
    "episode 0, step 7, last foot_position[2] = -0.25",
    "episode 12, steps 0-99, sum fitness:forward_speed",
    "episode 1, steps 0-999, max action[0] = 1",
    "training, snapshots 1-10, mean component:upright = 0.98",
    "training, snapshot 10, share component:upright = 1e-05",
]


@pytest.mark.parametrize("text", FORMS)
def test_what_is_written_is_read(text: str) -> None:
    """A pointer's text is its pointer, and back."""
    (pointer,) = find_pointers(text)
    assert str(pointer) == text


def test_parts_are_where_they_belong() -> None:
    """Place, stretch, statistic, quantity and value are told apart; training has no episode."""
    first, second = find_pointers(f"the torso sinks ({FORMS[0]}; {FORMS[5]}).")
    assert first == Pointer("torso_height", "mean", 118, 140, 3, 0.45)
    assert second == Pointer("component:upright", "share", 10, 10, None, 1e-05)


@pytest.mark.parametrize(
    "text",
    [
        "episode 3, steps 140-118, mean torso_height = 0.45",
        "episode 3, steps 118-140, median torso_height = 0.45",
        "episode three, step 1, mean torso_height = 0.45",
        "step 1, mean torso_height = 0.45",
        "",
    ],
)
def test_malformed_pointers_are_none(text: str) -> None:
    """A backward stretch, an unknown statistic, a missing place: no pointer."""
    assert find_pointers(text) == []
    assert find_pointers(tidied(text)) == []


@pytest.mark.parametrize(
    ("claimed", "measured", "agree"),
    [
        (0.45, 0.451, True),
        (0.45, 0.6, False),
        (90.0, 97.0, True),
        (90.0, 120.0, False),
        (0.0, 0.0019, True),
        (0.0, 0.009, False),
        (0.0, 0.1, False),
        (0.42, -0.42, False),
        (None, 0.0, False),
        (1.0, float("nan"), False),
        (1.0, float("inf"), False),
    ],
)
def test_agreement_is_equality_but_for_rounding(
    claimed: float | None, measured: float, agree: bool
) -> None:
    """A tenth of the value or 0.002 is rounding; a sign, no value or no number is not."""
    assert Pointer("pitch", "mean", 0, 1, 0, claimed).agrees(measured) is agree


def test_claiming_changes_the_value_alone() -> None:
    """The measured value takes the place of the claimed one."""
    pointer = Pointer("pitch", "mean", 0, 1, 0, 0.4)
    assert str(pointer.claiming(0.42)) == "episode 0, steps 0-1, mean pitch = 0.42"
    assert pointer.value == 0.4


@pytest.mark.parametrize(
    ("sloppy", "strict"),
    [
        ("`Episode 3, Steps 118-140, mean 'torso_height' = 0.45`", FORMS[0]),
        ("episode 3 steps 118 to 140: average of torso_height ≈ 0.45 m", FORMS[0]),
        ("episode 3,  steps 118 – 140,\n mean(torso_height) = 0.45", FORMS[0]),
        ("Episode #0, step 7, final foot_position[2]=−0.25", FORMS[1]),
        ("episode 1, steps 0..999, maximum action[ 0 ] is 1", FORMS[3]),
        ("Training, snapshots 1-10, mean component: upright = 0.98.", FORMS[4]),
        ("training snapshot 10, share of component:upright: 1e-05", FORMS[5]),
    ],
)
def test_sloppy_pointers_are_tidied(sloppy: str, strict: str) -> None:
    """Quotes, spaces, dashes, capitals and synonyms of models do not cost them their evidence."""
    assert [str(pointer) for pointer in find_pointers(tidied(sloppy))] == [strict]


@pytest.mark.parametrize("text", [*FORMS, "; ".join(FORMS)])
def test_tidying_leaves_pointers_alone(text: str) -> None:
    """What is in form stays so."""
    assert find_pointers(tidied(text)) == find_pointers(text)


@pytest.mark.parametrize(
    "text", ["training, step 3, mean reward = 1", "episode 3, snapshot 2, mean reward = 1"]
)
def test_mixed_places_are_not_guessed(text: str) -> None:
    """Steps belong to episodes and snapshots to training; nothing says which word is wrong."""
    assert find_pointers(tidied(text)) == []
