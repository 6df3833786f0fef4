"""Every detector finds what is planted for it, with true evidence, and leaves honest trainings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from analysis_records import (
    COUNT,
    FOLDER,
    HORIZON,
    POINTS,
    curve,
    film,
    noise,
    record,
    rising,
    table,
)

from autoreward.evaluation.analysis.analyzer import DETECTORS, analyze
from autoreward.evaluation.analysis.measuring import measure
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.taxonomy import TAXONOMY
from autoreward.pointers import find_pointers

FAST = np.abs(table(2.0, spread=0.5, seed=3))


def honest(size: float = 0.0, points: int = POINTS) -> Record:
    """All components rise with the fitness."""
    speed = rising(0.1, 2.0, points, size)
    parts = {"forward": speed, "upright": rising(0.3, 0.9, points, size / 4)}
    film_of_it = film(FAST, components={"forward": FAST, "upright": 0.9})
    return record(film_of_it, curve(speed, parts, points=points), "forward + upright")


def guarded() -> Record:
    """A guard stands at its maximum all the time."""
    speed = rising(0.1, 2.0, size=0.02)
    episodes = film(FAST, components={"forward": FAST, "guard": 1.0}, reward=FAST)
    snapshots = curve(speed, {"forward": speed, "guard": 1.0}, reward=speed)
    return record(episodes, snapshots, "forward * guard")


def with_bonus() -> Record:
    """A bonus for living dwarfs the pay for speed; lives get longer, and it runs."""
    speed = rising(0.1, 2.0, size=0.02)
    episodes = film(FAST, components={"alive": 5.0, "forward": FAST})
    snapshots = curve(speed, {"alive": 5.0, "forward": speed}, length=rising(20, HORIZON))
    return record(episodes, snapshots, "alive + forward")


def faster_and_shorter() -> Record:
    """It runs three times as fast and therefore falls sooner; an episode goes further."""
    speed = rising(0.1, 3.0, size=0.02)
    quick = table(3.0, spread=0.3)
    episodes = film(quick, length=130, components={"forward": quick})
    snapshots = curve(speed, {"forward": speed}, length=HORIZON - rising(0, 70))
    return record(episodes, snapshots, "forward")


def unlearnt() -> Record:
    """Nothing has been learnt yet: reward and fitness wander at the level of the start."""
    wandering = noise(POINTS, size=0.05, seed=9)
    slow = table(0.0, spread=0.5)
    episodes = film(slow, length=30, components={"forward": slow})
    return record(episodes, curve(wandering, {"forward": wandering}, length=30), "forward")


def saving() -> Record:
    """So far it has only learnt to act less, which its reward charges for a little."""
    action = noise(HORIZON, COUNT, 3, size=0.1, seed=5)
    effort = np.square(action).sum(axis=-1)
    slow = table(0.0, spread=0.3)
    episodes = film(
        slow, components={"forward": slow, "effort": effort}, reward=slow - effort, action=action
    )
    speed, cost = noise(POINTS, size=0.02), 2.0 - rising(0.0, 1.9)
    snapshots = curve(speed, {"forward": speed, "effort": cost}, reward=speed - cost)
    return record(episodes, snapshots, "forward - effort")


def farmed() -> Record:
    """Component `shake` is farmed, most in episode 5 from step 100 on; it does not run."""
    shake = table(3.0, spread=0.2)
    shake[100:120, 5] += 2.0
    episodes = film(table(0.0, spread=0.1), components={"shake": shake, "forward": 0.01})
    snapshots = curve(noise(POINTS, size=0.02), {"shake": rising(0.5, 3.0), "forward": 0.01})
    return record(episodes, snapshots, "shake + forward")


def passed_peak(points: int = POINTS, peak: float = 0.4, size: float = 0.02) -> Record:
    """The reward rises to the end, the fitness falls after a peak."""
    x = np.arange(points) / points
    speed = 2.0 - 4.0 * np.abs(x - peak) + noise(points, size=size, seed=4)
    half = table(0.8, spread=0.3)
    snapshots = curve(speed, {"pose": 1.0 + x + noise(points, size=size / 4)}, points=points)
    return record(film(half, components={"pose": 1.9}), snapshots, "pose")


def still() -> Record:
    """It stands there."""
    nothing = np.zeros((HORIZON + 1, COUNT, 3))
    episodes = film(0.0, state={"joint_velocity": nothing}, components={"upright": 1.0})
    return record(episodes, curve(0.0, {"upright": rising(0.3, 1.0)}), "upright")


def dying() -> Record:
    """Every step costs, so it dies as soon as it can."""
    slow = table(0.0, spread=0.3)
    episodes = film(slow, length=6, components={"cost": -8.0})
    snapshots = curve(-0.1, {"cost": -8.0}, length=30 - rising(0, 24, size=0.3))
    return record(episodes, snapshots, "cost")


def falling() -> Record:
    """It leans forward until the rule ends it at step 60."""
    pitch = np.broadcast_to(np.linspace(0, 0.7, HORIZON + 1)[:, None], (HORIZON + 1, COUNT))
    episodes = film(FAST, length=60, state={"pitch": pitch}, components={"forward": FAST})
    speed = rising(0.1, 2.0)
    return record(episodes, curve(speed, {"forward": speed}, length=60), "forward")


def flooded() -> Record:
    """It is paid 5 whatever it does."""
    slow = table(0.0, spread=0.3)
    paid = noise(POINTS, size=0.01) + 5.0
    return record(film(slow, components={"alive": 5.0}), curve(0.0, {"alive": paid}), "alive")


def weak() -> Record:
    """Success is never earned."""
    speed = rising(0.1, 2.0)
    episodes = film(FAST, components={"forward": FAST, "success": 0.0})
    return record(episodes, curve(speed, {"forward": speed, "success": 0.0}), "forward + success")


def stalled() -> Record:
    """A little is learnt at first, then nothing."""
    reward = np.concatenate([np.linspace(0, 0.5, 10), np.full(20, 0.5)]) + noise(POINTS, size=0.02)
    slow = table(0.0, spread=0.3)
    episodes = film(slow, components={"near": 0.5})
    return record(episodes, curve(noise(POINTS, size=0.02), {"near": reward}), "near")


def jittering() -> Record:
    """The knee swings between its extremes."""
    action = np.zeros((HORIZON, COUNT, 3))
    action[:, 4, 1] = 0.9 * (-1.0) ** np.arange(HORIZON)
    base = honest()
    return replace(base, episodes=replace(base.episodes, action=action.astype(np.float32)))


def too_quick() -> Record:
    """The pitch rate is ten times what is usual for a while."""
    rate = np.zeros((HORIZON + 1, COUNT))
    rate[50:80, 3] = 40.0
    return record(film(FAST, state={"pitch_rate": rate}), curve(rising(0.1, 2.0)), "forward")


def jumping() -> Record:
    """Contacts throw the torso up, and that is what pays."""
    up = np.zeros((HORIZON + 1, COUNT))
    up[21:181:20, 2] = 9.0
    pay = table(0.1) + 5.0 * (up[1:] > 5.0)
    episodes = film(FAST, state={"vertical_velocity": up}, components={"hop": pay})
    return record(episodes, curve(rising(0.1, 2.0), {"hop": rising(0.1, 0.5)}), "hop")


def lucky() -> Record:
    """One episode of eight runs."""
    speed = table([0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0], spread=0.1)
    rise = rising(0.0, 0.4)
    return record(
        film(speed, components={"forward": speed}), curve(rise, {"forward": rise}), "forward"
    )


def backward() -> Record:
    """It runs the wrong way."""
    episodes = film(-FAST, components={"back": FAST})
    return record(episodes, curve(rising(0, -2), {"back": rising(0, 2)}), "back")


PLANTED: dict[str, Callable[[], Record]] = {
    "reward-hacking": farmed,
    "over-optimisation": passed_peak,
    "wrong-direction": backward,
    "standing-still": still,
    "early-end": dying,
    "falls": falling,
    "flooding": flooded,
    "weak-shaping": weak,
    "stall": stalled,
    "jitter": jittering,
    "velocity-exploit": too_quick,
    "contact-exploit": jumping,
    "lucky-seed": lucky,
}
HONEST = (honest, guarded, with_bonus, faster_and_shorter, unlearnt, saving)


def codes(training: Record) -> list[str]:
    """Return the codes of all findings."""
    return [finding.code for finding in analyze(training).findings]


def test_every_code_has_a_detector_and_a_plant() -> None:
    """The taxonomy, the detectors and these tests speak of the same failures."""
    assert set(PLANTED) == set(TAXONOMY)
    assert len(DETECTORS) == len(TAXONOMY)


@pytest.mark.parametrize("code", PLANTED)
def test_what_is_planted_is_found_with_true_evidence(code: str) -> None:
    """The finding is there, and every number in its evidence is what stands at its pointer."""
    training = PLANTED[code]()
    found = [finding for finding in analyze(training).findings if finding.code == code]
    assert len(found) == 1
    pointers = find_pointers(found[0].evidence)
    assert pointers
    for pointer in pointers:
        value = measure(pointer, training)
        assert value is not None
        assert pointer.value == pytest.approx(value, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("make", HONEST)
def test_honest_trainings_are_left_alone(make: Callable[[], Record]) -> None:
    """Honest rewards are accused of nothing but what is plain to see: short lives, no progress."""
    assert set(codes(make())) <= {"falls", "stall"}


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_finding(seed: int) -> None:
    """Noisy curves of an honest training raise no alarm, however the noise falls."""
    base = honest()
    shake = noise(2, POINTS, size=0.15, seed=seed)
    speed = rising(0.1, 2.0) + shake[0]
    parts = {"forward": speed, "upright": rising(0.3, 0.9) + 0.1 * shake[1]}
    assert codes(replace(base, snapshots=curve(speed, parts))) == []


def test_the_hack_is_shown_where_it_is_farmed_most() -> None:
    """The first pointer leads the clip to the right episode and steps, and names the component."""
    finding = analyze(farmed()).findings[0]
    assert finding.code == "reward-hacking"
    pointer = find_pointers(finding.evidence)[0]
    assert (pointer.episode, pointer.quantity) == (5, "component:shake")
    assert 95 <= pointer.first <= pointer.last <= 125


@pytest.mark.parametrize("points", [10, 30, 80])
@pytest.mark.parametrize("peak", [0.2, 0.4, 0.6])
def test_the_peak_is_found_within_two_snapshots(points: int, peak: float) -> None:
    """Over-optimisation is dated rightly, on short and on long curves."""
    found = [
        f for f in analyze(passed_peak(points, peak)).findings if f.code == "over-optimisation"
    ]
    assert len(found) == 1
    dated = int(found[0].message.split("snapshot ")[1].split()[0])
    assert abs(dated - (peak * points + 1)) <= 2


@pytest.mark.parametrize("points", [6, 10, 30, 80])
def test_monotone_curves_raise_no_alarm(points: int) -> None:
    """A fitness that rises, or levels off, with or without noise, has passed no peak."""
    for size in (0.0, 0.05):
        assert "over-optimisation" not in codes(honest(size, points))


def test_a_fall_along_with_the_reward_is_no_over_optimisation() -> None:
    """A training that collapses loses reward and fitness alike."""
    x = np.linspace(0, 1, POINTS)
    speed = 2.0 - 4.0 * np.abs(x - 0.4)
    training = record(
        film(FAST, components={"forward": FAST}), curve(speed, {"forward": speed}), "forward"
    )
    assert "over-optimisation" not in codes(training)


def test_the_cause_of_falls_is_the_field_that_left_first() -> None:
    """What falls says names the field of the rule, how many episodes, and the typical step."""
    finding = next(f for f in analyze(falling()).findings if f.code == "falls")
    assert "8 of 8" in finding.message and "step 60" in finding.message
    assert "in 8 of them pitch" in finding.message
    assert "torso_height <= 0.7" in finding.suggestion


def test_one_snapshot_and_no_reward_are_enough() -> None:
    """A training of which little was recorded is analysed as far as it goes, without an error."""
    short = record(film(FAST), curve(0.1, {"forward": 0.1}, points=1), "forward")
    bare = replace(short, zero=None, random=None)
    for training in (short, bare, replace(bare, snapshots=[])):
        assert str(FOLDER.fitness_named("forward_speed").unit) in analyze(training).paragraph
