"""Functions taken out of a file's text, or put into another: the rest stays as it was."""

from __future__ import annotations

import pytest

from autoreward.rewards.pieces import Pieces, transplant, without_functions
from autoreward.rewards.source import parse_reward

HEAD = "def {}(state, action, next_state):\n    return {}\n"
FILE = '''"""What it is for."""

FORMULA = "left + right"

# Used by both.
SCALE = 2.0
# Used by one.
ONLY = 3.0


def _half(x, by=ONLY):
    return x / by


def left(state, action, next_state):
    scale = next_state.x  # a local
    return _half(scale) * SCALE


# Section two.


def right(state, action, next_state):
    SHADOW = next_state.y
    return SHADOW * SCALE
'''


def taken_apart(text: str) -> Pieces:
    return Pieces(parse_reward(text))


def test_what_nothing_needs_any_more_is_cut() -> None:
    """A component goes with its comment, helper and constant; other lines stay to the letter."""
    cut = without_functions(parse_reward(FILE), ["left"])
    for gone in ("left(", "_half", "ONLY", "Used by one"):
        assert gone not in cut
    kept = ("# Used by both.\nSCALE = 2.0\n", "# Section two.", FILE[FILE.index("def right") :])
    for text in (*kept, 'FORMULA = "left + right"'):
        assert text in cut


def test_a_file_that_cannot_be_cut_by_lines_stays() -> None:
    """Two statements on a line are left alone, and nothing is put into such a file."""
    text = "A = 1.0; B = 2.0\n\n\n" + HEAD.format("one", "next_state.x * A") + HEAD.format(
        "two", "next_state.x * B"
    )  # fmt: skip
    assert without_functions(parse_reward(text), ["one"]) == text
    assert transplant(taken_apart(text), taken_apart(FILE), ["left"]) is None
    assert transplant(taken_apart(FILE), taken_apart(text), ["one"]) is None


def test_meaning_does_not_hang_on_names() -> None:
    """Renamed helpers, constants and locals make no difference; numbers do."""
    other = FILE.replace("_half", "_part").replace("ONLY", "OTHER").replace("left", "west")
    assert taken_apart(FILE).meaning("left") == taken_apart(other).meaning("west")
    changed = taken_apart(FILE.replace("ONLY = 3.0", "ONLY = 4.0"))
    assert taken_apart(FILE).meaning("left") != changed.meaning("left")
    assert taken_apart(FILE).meaning("right") == changed.meaning("right")


def test_names_that_are_taken_get_a_number() -> None:
    """In code, defaults and calls; a local of the same name stays, equal helpers are shared."""
    receiver = '"""R."""\n\nSCALE = 5.0\nSHADOW = 1.0\nONLY = 3.0\n\n\n' + HEAD.format(
        "left", "next_state.x * SCALE * SHADOW * ONLY"
    )
    made = transplant(taken_apart(receiver), taken_apart(FILE), ["left", "right"])
    assert made is not None
    assert made.names == {"left": "left_2", "right": "right"}
    parse_reward(made.text)
    assert made.text.count("ONLY = 3.0") == 1
    for wanted in (
        "SCALE_2 = 2.0", "by=ONLY)", "_half(scale) * SCALE_2", "SHADOW * SCALE_2",
        "SHADOW = next_state.y", "# Used by both.",
    ):  # fmt: skip
        assert wanted in made.text


def test_imports_come_along() -> None:
    """Only those that are needed and missing, below the others."""
    donor = "import torch.nn.functional as F\nfrom torch.linalg import cross, vector_norm as size\n"
    donor += "\n\n" + HEAD.format("one", "F.relu(size(next_state.x, dim=-1)) + math.pi")
    receiver = '"""R."""\n\nimport math\n\n\n' + HEAD.format("two", "next_state.x * math.pi")
    made = transplant(taken_apart(receiver), taken_apart(donor), ["one"])
    assert made is not None
    assert made.text.startswith(
        '"""R."""\n\nimport math\nimport torch.nn.functional as F\n'
        "from torch.linalg import vector_norm as size\n"
    )
    parse_reward(made.text)


@pytest.mark.parametrize(
    ("receiver", "donor"),
    [
        ("from torch import relu as F\n", "import torch.nn.functional as F\n"),
        ("F = 3.0\n", "import torch.nn.functional as F\n"),
    ],
)
def test_an_imported_name_with_another_meaning_is_refused(receiver: str, donor: str) -> None:
    """Imports are not renamed."""
    into = receiver + "\n\n" + HEAD.format("two", "next_state.x * 2.0")
    out = donor + "\n\n" + HEAD.format("one", "F.relu(next_state.x)")
    assert transplant(taken_apart(into), taken_apart(out), ["one"]) is None


def test_a_helper_that_everybody_has_is_not_shadowed() -> None:
    """A component called like a helper of the language changes neither file's meaning."""
    named = HEAD.format("distance", "next_state.x * 2.0")
    user = HEAD.format("far", "distance(next_state.x, state.x)")
    assert transplant(taken_apart(named), taken_apart(user), ["far"]) is None
    made = transplant(taken_apart(user), taken_apart(named), ["distance"])
    assert made is not None
    assert made.names == {"distance": "distance_2"}
