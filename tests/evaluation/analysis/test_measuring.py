"""What stands at a pointer, and that nothing stands where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_records import COUNT, HORIZON, SPEED, curve, film, noise, record

from autoreward.evaluation.analysis.measuring import measure
from autoreward.evaluation.analysis.record import Record
from autoreward.pointers import find_pointers

FEET = np.arange(HORIZON + 1)[:, None, None] + np.array([0.0, 1000.0, 2000.0])


@pytest.fixture(scope="module")
def training() -> Record:
    """Return a training with known numbers; episode 2 ends after 50 steps."""
    length = np.full(COUNT, HORIZON)
    length[2] = 50
    episodes = film(
        np.linspace(0, 1, HORIZON)[:, None],
        length=length,
        state={"foot_position": np.broadcast_to(FEET, (HORIZON + 1, COUNT, 3))},
        components={"forward": np.arange(HORIZON)[:, None]},
        action=np.broadcast_to(np.array([0.1, 0.2, 0.3]), (HORIZON, COUNT, 3)),
    )
    snapshots = curve(np.arange(10.0), {"forward": np.arange(10.0)}, points=10)
    snapshots[0]["length"] = None
    return record(episodes, snapshots, "forward")


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("episode 0, steps 10-20, mean component:forward", 15.0),
        ("episode 0, steps 10-20, sum reward", 165.0),
        ("episode 0, steps 0-199, max fitness:forward_speed", 1.0),
        ("episode 0, step 7, first foot_position[2]", 2008.0),  # the state after the step
        ("episode 3, steps 3-9, last foot_position[0]", 10.0),
        ("episode 1, steps 0-199, mean action[1]", 0.2),
        ("episode 2, step 49, mean component:forward", 49.0),
        ("training, snapshots 1-10, mean component:forward", 4.5),
        ("training, snapshots 1-10, max component:forward", 13.5),
        ("training, snapshots 10-10, share component:forward", 1.0),
        ("training, snapshots 2-4, last fitness:forward_speed", 3.0),
        ("training, snapshots 1-3, first length", 200.0),
        ("training, snapshots 1-2, sum reward", 1.0),
    ],
)
def test_the_number_at_a_pointer(training: Record, pointer: str, value: float) -> None:
    """A pointer is measured in the quantity's own unit."""
    assert measure(find_pointers(pointer)[0], training) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "pointer",
    [
        "episode 8, steps 0-1, mean reward",
        "episode 0, steps 190-200, mean reward",
        "episode 2, steps 40-50, mean reward",
        "episode 0, steps 0-9, mean foot_position",
        "episode 0, steps 0-9, mean foot_position[3]",
        "episode 0, steps 0-9, mean pitch[0]",
        "episode 0, steps 0-9, mean wings",
        "episode 0, steps 0-9, mean component:upright",
        "episode 0, steps 0-9, share component:forward",
        "episode 0, steps 0-9, mean length",
        "training, snapshots 0-3, mean reward",
        "training, snapshots 9-11, mean reward",
        "training, snapshot 1, mean length",
        "training, snapshots 1-3, mean pitch",
        "training, snapshots 1-3, share reward",
        "training, snapshots 1-3, sum component:forward",
        "training, snapshots 1-3, mean component:upright",
        "training, snapshots 1-3, mean fitness:nothing",
    ],
)
def test_nothing_stands_where_nothing_is(training: Record, pointer: str) -> None:
    """An episode, stretch, quantity or statistic that does not exist has no number."""
    assert measure(find_pointers(pointer)[0], training) is None


def test_a_number_that_is_not_finite_is_none() -> None:
    """What cannot be compared with a claim does not stand there."""
    speed = noise(HORIZON, COUNT)
    speed[5] = np.nan
    training = record(film(speed), curve(), "forward", scores={SPEED: [0.0] * COUNT})
    assert (
        measure(find_pointers("episode 0, steps 0-9, mean fitness:forward_speed")[0], training)
        is None
    )
