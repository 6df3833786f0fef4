"""Thompson sampling over operators and models, on planted success rates and costs."""

from __future__ import annotations

from collections import Counter
from random import Random

from autoreward.agents.designer import Operator
from autoreward.search.operator_policy import Arm, Pull, choose, in_turn

RATES: dict[Operator, float] = {
    "mutate": 0.25, "rewrite": 0.05, "cross": 0.12, "tune": 0.15, "ablate": 0.04,
}  # fmt: skip
FREE: tuple[Operator, ...] = ("tune", "ablate")
SKILL = {"small": 0.7, "middle": 1.0, "large": 1.3}
USD = {"small": 0.01, "middle": 0.05, "large": 0.4}
TRAINING = 0.02
ARMS = [
    *(Arm(operator, model) for operator in RATES if operator not in FREE for model in SKILL),
    *(Arm(operator, None) for operator in FREE),
]
PULLS, RUNS = 100, 200


def outcome(arm: Arm, random: Random) -> Pull:
    skill = SKILL[arm.model] if arm.model else 1.0
    cost = TRAINING + (USD[arm.model] if arm.model else 0.0)
    return Pull(arm, random.random() < RATES[arm.operator] * skill, cost)


def simulate(learning: bool) -> tuple[float, float]:
    """Return wins and cost of 100 pulls, averaged over 200 runs."""
    wins, cost = 0, 0.0
    for run in range(RUNS):
        random = Random(f"simulation/{run}")
        pulls: list[Pull] = []
        for _ in range(PULLS):
            arm = choose(ARMS, pulls, random) if learning else random.choice(ARMS)
            pulls.append(outcome(arm, random))
        wins += sum(pull.success for pull in pulls)
        cost += sum(pull.cost for pull in pulls)
    return wins / RUNS, cost / RUNS


def test_it_wins_more_for_less() -> None:
    """Over 100 choices it wins more than an even choice, and clearly more per cost."""
    wins, cost = simulate(learning=True)
    even_wins, even_cost = simulate(learning=False)
    assert wins > even_wins
    assert wins / cost > 1.5 * even_wins / even_cost


def test_it_is_even_at_first() -> None:
    """Without pulls all operators are alike, and all models of an operator."""
    random = Random(0)
    drawn = Counter(choose(ARMS, (), random) for _ in range(6000))
    operators = Counter[str]()
    for arm, count in drawn.items():
        operators[arm.operator] += count
    assert all(abs(count - 1200) < 150 for count in operators.values())
    models = [count for arm, count in drawn.items() if arm.model]
    assert all(abs(count - 400) < 100 for count in models)


def shares(pulls: list[Pull], arms: list[Arm]) -> Counter[Arm]:
    return Counter(choose(arms, pulls, Random(seed)) for seed in range(1000))


def test_what_a_model_learns_holds_for_all_its_operators() -> None:
    """A model that won with one operator is asked more with another one, too."""
    good, bad = Arm("mutate", "good"), Arm("mutate", "bad")
    pulls = [Pull(arm, arm is good, 1.0) for _ in range(5) for arm in (good, bad)]
    drawn = shares(pulls, [Arm("cross", "good"), Arm("cross", "bad")])
    assert drawn[Arm("cross", "good")] > 850


def test_the_past_fades() -> None:
    """Equal records: the one whose successes are recent is chosen more often."""
    old, new = Arm("tune", None), Arm("ablate", None)
    first = [Pull(arm, arm is old, 1.0) for _ in range(10) for arm in (old, new)]
    later = [Pull(arm, arm is new, 1.0) for _ in range(10) for arm in (old, new)]
    drawn = shares([*first, *later], [old, new])
    assert drawn[new] > 1.1 * drawn[old]


def test_the_dear_must_win_more() -> None:
    """At equal success the cheap one is chosen more often; a cost of nothing does no harm."""
    cheap, dear = Arm("tune", None), Arm("cross", "large")
    pulls = [Pull(arm, i % 3 == 0, 0.0 if arm is cheap else 1.0)
             for i in range(9) for arm in (cheap, dear)]  # fmt: skip
    drawn = shares(pulls, [cheap, dear])
    assert drawn[cheap] > 800
    free = [Pull(pull.arm, pull.success, 0.0) for pull in pulls]
    assert 350 < shares(free, [cheap, dear])[cheap] < 650


def test_one_arm_needs_no_draw() -> None:
    """Where there is no choice, none is made; equal generators give equal choices."""
    only = Arm("draft", "model")
    assert choose([only], [Pull(only, False, 1.0)], Random(0)) == only
    pulls = [outcome(arm, Random(1)) for arm in ARMS]
    assert choose(ARMS, pulls, Random(5)) == choose(ARMS, pulls, Random(5))


def test_in_turn_all_arms_come_up() -> None:
    """Without learning, proposals go round."""
    assert [in_turn(ARMS, k) for k in range(2 * len(ARMS))] == [*ARMS, *ARMS]
