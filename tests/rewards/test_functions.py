"""The defining property of each function of the formula language."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from autoreward.rewards.evaluate import Moments, Signals, evaluate
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.functions import FUNCTIONS, describe_functions

LINE = torch.linspace(-8, 8, 321)


def reward(
    text: str,
    terminated: Tensor | None = None,
    at_state: dict[str, Tensor] | None = None,
    gamma: float = 0.9,
    moments: dict[str, Moments] | None = None,
    **components: Tensor,
) -> Tensor:
    """Evaluate a formula on the given components."""
    shape = next(iter(components.values())).shape
    ended = torch.zeros(shape, dtype=torch.bool) if terminated is None else terminated
    known = {} if moments is None else moments
    signals = Signals(components, at_state or {}, ended, gamma, known)
    return evaluate(parse_formula(text), signals)


def test_clip_bounds() -> None:
    """Values stay inside the bounds, and those already inside stay as they are."""
    clipped = reward("clip(x, -1, 2)", x=LINE)
    assert (clipped.min(), clipped.max()) == (-1, 2)
    inside = (LINE > -1) & (LINE < 2)
    assert torch.equal(clipped[inside], LINE[inside])


def test_tanh_is_bounded_odd_and_increasing() -> None:
    """Squashes to (-1, 1), keeps the sign and the order."""
    y = reward("tanh(x)", x=LINE)
    assert torch.allclose(y, -y.flip(0), atol=1e-6)
    assert y.abs().max() <= 1
    assert (y[120:200].diff() > 0).all()
    assert torch.equal(y.sign(), LINE.sign())


def test_sigmoid_is_centred_and_bounded() -> None:
    """0 maps to a half; sigmoid(-x) = 1 - sigmoid(x)."""
    y = reward("sigmoid(x)", x=LINE)
    assert y[160] == 0.5
    assert torch.allclose(y + y.flip(0), torch.ones_like(y), atol=1e-6)
    assert (y.diff() > 0).all()
    assert 0 < y.min() < y.max() < 1


def test_bell_peaks_at_zero_and_is_symmetric() -> None:
    """1 at no error, flat there, alike on both sides, exp(-1/2) one sigma away."""
    y = reward("bell(x, 2)", x=LINE)
    assert y.argmax() == 160
    assert y[160] == 1
    assert abs(float(y[161] - y[159])) < 1e-6
    assert torch.allclose(y, y.flip(0))
    assert reward("bell(x, 2)", x=torch.tensor([2.0])).item() == pytest.approx(math.exp(-0.5))


def test_sign_has_three_values() -> None:
    """Negative, zero and positive give -1, 0 and 1."""
    assert reward("sign(x)", x=torch.tensor([-3.0, 0.0, 1e-9])).tolist() == [-1, 0, 1]


def test_tiers_pay_in_steps() -> None:
    """Values fall with distance, the edges belong outwards, an inner tier lowers no outer one."""
    d = torch.linspace(0, 3, 301)
    two = reward("tiers(d, 1, 1, 2, 0.5, 0.25)", d=d)
    assert (two.diff() <= 0).all()
    assert set(two.tolist()) == {1.0, 0.5, 0.25}
    three = reward("tiers(d, 0.5, 2, 1, 1, 2, 0.5, 0.25)", d=d)
    assert (three >= two).all()
    assert torch.equal(three[d >= 0.5], two[d >= 0.5])
    edges = torch.tensor([0.999, 1.0, 1.999, 2.0])
    assert reward("tiers(d, 1, 1, 2, 0.5, 0.25)", d=edges).tolist() == [1, 0.5, 0.5, 0.25]


def test_par_is_centred_increasing_and_bounded() -> None:
    """A half at the reference, strictly increasing, steepest there with slope k/4, and bounded."""
    assert reward("par(x, 1.5)", x=torch.tensor([1.5])).item() == 0.5
    line = LINE.to(torch.float64)  # float32 saturates beyond about 8
    y = FUNCTIONS["par"].value([line], [0.0, 2.0])
    assert (y.diff() > 0).all()
    slope = y.diff() / line.diff()
    assert slope.argmax().item() in (159, 160)
    assert slope.max().item() == pytest.approx(2 / 4, abs=1e-3)
    inflated = reward("par(x, 0, 2)", x=LINE * 1e6)
    assert 0 <= inflated.min() < inflated.max() <= 1
    assert torch.equal(reward("par(x, 1)", x=LINE), reward("par(x, 1, 1)", x=LINE))


def test_lsc_is_a_logical_and() -> None:
    """The sum is the log of the product of sigmoids; improving the worst term raises it most."""
    x = torch.tensor([-2.0, 0.5, 3.0])
    a, b, c = (value.reshape(1) for value in x)
    total = reward("lsc(a, 0.1) + lsc(b, 0.2) + lsc(c, 0.3)", a=a, b=b, c=c)
    offsets = x - torch.tensor([0.1, 0.2, 0.3])
    assert total.item() == pytest.approx(offsets.sigmoid().prod().log().item(), rel=1e-5)
    worst = reward("lsc(a, 0.1) + lsc(b, 0.2) + lsc(c, 0.3)", a=a + 1, b=b, c=c)
    best = reward("lsc(a, 0.1) + lsc(b, 0.2) + lsc(c, 0.3)", a=a, b=b, c=c + 1)
    assert worst - total > best - total > 0
    far = reward("lsc(x, 0)", x=torch.tensor([-1e4, 0.0, 1e4]))
    assert far.tolist() == pytest.approx([-1e4, -math.log(2), 0.0])


def test_normalize_centres_a_stream() -> None:
    """After some batches a stream comes out with mean 0 and standard deviation 1."""
    generator = torch.Generator().manual_seed(0)
    moments: dict[str, Moments] = {}
    out = torch.zeros(0)
    for _ in range(20):
        batch = torch.randn(64, 8, generator=generator) * 3 + 50
        out = torch.cat([out, reward("normalize(x)", moments=moments, x=batch).flatten()])
    assert abs(float(out.mean())) < 0.1
    assert float(out.std()) == pytest.approx(1, abs=0.1)
    assert moments["normalize(x)"].count == 20 * 64 * 8


@pytest.mark.parametrize("scale", [100.0, 1e-6])
def test_normalize_forgets_scale(scale: float) -> None:
    """A component a hundred times (or a millionth of) the size pays the same."""
    generator = torch.Generator().manual_seed(1)
    one: dict[str, Moments] = {}
    other: dict[str, Moments] = {}
    for _ in range(3):
        x = torch.randn(32, 4, generator=generator) + 1
        plain = reward("normalize(x)", moments=one, x=x)
        scaled = reward("normalize(x)", moments=other, x=x * scale)
        assert torch.allclose(plain, scaled, atol=1e-4)


def test_normalize_of_what_never_varies_is_zero() -> None:
    """A constant component, zero or not, neither divides by zero nor amplifies rounding."""
    for value in (0.0, 0.1, -1e7):
        constant = torch.full((50, 3), value)
        assert torch.equal(reward("normalize(x)", x=constant), torch.zeros(50, 3))
    rounded = torch.full((100,), 1000.0)
    rounded[::2] = 1000.0 + 2**-13  # two last-bit errors
    assert torch.equal(reward("normalize(x)", x=rounded), torch.zeros(100))


def test_normalize_bounds_rare_events() -> None:
    """One success in a hundred thousand steps pays 10, not hundreds."""
    rare = torch.zeros(100_000)
    rare[7] = 1
    assert reward("normalize(x)", x=rare).max() == 10


def test_gate_stops_farming() -> None:
    """Below the threshold the gated term pays nothing however much it is farmed; equality opens."""
    high = torch.tensor([0.0, 0.49, 0.5, 0.51])
    low = torch.full((4,), 1e6)
    assert torch.equal(
        reward("high + gate(high, 0.5) * low", high=high, low=low),
        torch.tensor([0.0, 0.49, 1e6 + 0.5, 1e6 + 0.51]),
    )
    assert reward("gate(high, 0.5)", high=high).tolist() == [0, 0, 1, 1]


def test_krc_is_a_signed_geometric_mean() -> None:
    """One poor term makes the whole poor, one negative or zero term takes the credit away."""

    def krc(*values: float) -> float:
        names = ["a", "b", "c"][: len(values)]
        parts = {name: torch.tensor([v]) for name, v in zip(names, values, strict=True)}
        return reward(f"krc({', '.join(names)})", **parts).item()

    assert krc(1, 1, 0.001) == pytest.approx(0.1, rel=1e-4)
    assert krc(4, 1) == pytest.approx(2)
    assert krc(0.9, -0.4, 0.9) < 0
    assert krc(-4, -1) == pytest.approx(-2)
    assert krc(0, 1, 1) == 0
    assert krc(1e30, 1e30, 1e30) == pytest.approx(1e30, rel=1e-4)


def test_product_and_minimum() -> None:
    """A product multiplies all; a minimum pays the worst, so excelling elsewhere wins nothing."""
    parts = {"a": torch.tensor([0.5, 2.0]), "b": torch.tensor([0.5, -1.0]), "c": torch.ones(2) * 3}
    assert reward("product(a, b, c)", **parts).tolist() == [0.75, -6.0]
    assert reward("minimum(a, b, c)", **parts).tolist() == [0.5, -1.0]
    assert reward("minimum(a, b, c)", **(parts | {"c": torch.ones(2) * 9})).tolist() == [0.5, -1.0]


def test_progress_without_infraction_is_total_progress() -> None:
    """Kept rules leave the return as it is, a broken one takes that step's progress, none adds."""
    p = torch.tensor([0.5, 1.0, 0.25, 2.0])
    kept = torch.tensor([1.0, 1.0, 7.0, 1.0])
    assert reward("progress(p, q, r)", p=p, q=kept, r=kept).sum() == p.sum()
    broken = torch.tensor([1.0, 0.0, 0.5, -3.0])
    assert reward("progress(p, q, r)", p=p, q=kept, r=broken).tolist() == [0.5, 0, 0.125, 0]


@pytest.mark.parametrize("terminal", [True, False])
def test_potential_telescopes(terminal: bool) -> None:
    """Discounted, shaping sums to -phi(s0), plus gamma^T phi(sT) where an episode was cut off."""
    generator = torch.Generator().manual_seed(2)
    phi = torch.rand(31, 5, generator=generator)  # states s0..s30 of 5 episodes
    ended = torch.zeros(30, 5, dtype=torch.bool)
    ended[-1] = terminal
    paid = reward("potential(p)", ended, {"p": phi[:-1]}, 0.9, p=phi[1:])
    total = (paid * 0.9 ** torch.arange(30.0).unsqueeze(1)).sum(0)
    rest = 0 if terminal else 0.9**30 * phi[-1]
    assert torch.allclose(total, rest - phi[0], atol=1e-5)


def test_potential_leaves_optimal_policies_alone() -> None:
    """Value iteration finds the same policies with shaping, but not with the raw score added."""
    changed = 0
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        states, actions, gamma = 6, 3, 0.9
        shape = (states, actions, states)
        transition = torch.rand(shape, generator=generator).square()
        transition /= transition.sum(-1, keepdim=True)
        base = torch.rand(shape, generator=generator)
        score = torch.randn(states, generator=generator) * 5
        ended = (torch.arange(states) == states - 1).expand(shape)
        at_next, at_state = score.expand(shape), score.view(-1, 1, 1).expand(shape)

        def q_values(text: str) -> Tensor:
            paid = reward(text, ended, {"phi": at_state}, gamma, base=base, phi=at_next)  # noqa: B023
            q = torch.zeros(states, actions)  # noqa: B023
            for _ in range(300):
                following = torch.where(ended, 0.0, q.max(-1).values)  # noqa: B023
                q = (transition * (paid + gamma * following)).sum(-1)  # noqa: B023
            return q

        plain, shaped = q_values("base"), q_values("base + 2 * potential(tanh(phi) - phi)")
        phi = 2 * (score.tanh() - score)
        assert torch.allclose(shaped, plain - phi.unsqueeze(1), atol=1e-3)
        assert torch.equal(shaped.argmax(-1)[:-1], plain.argmax(-1)[:-1])
        raw = q_values("base + 2 * phi")
        changed += not torch.equal(raw.argmax(-1)[:-1], plain.argmax(-1)[:-1])
    assert changed > 5


def test_every_function_is_described() -> None:
    """The list for people and prompts has one line per function, with its call and its meaning."""
    lines = describe_functions().splitlines()
    assert len(lines) == len(FUNCTIONS) == 15
    for line, function in zip(lines, FUNCTIONS.values(), strict=True):
        assert line == f"* `{function.signature}` ({function.family}): {function.formula}"
        assert function.signature.startswith(f"{function.name}(")
        assert function.family in ("transform", "combinator", "shaping")
    assert FUNCTIONS["par"].signature == "par(x, ref[, k])"


def test_functions_hide_no_broken_values() -> None:
    """Not-a-number in a component comes out as not-a-number, so that it is found."""
    nan = torch.tensor([math.nan, 1.0, 2.0])
    one = torch.ones(3)
    calls = ["clip(x, 0, 1)", "tanh(x)", "sigmoid(x)", "bell(x, 1)", "tiers(x, 0, 1, 2)"]
    calls += ["par(x, 0)", "lsc(x, 0)", "normalize(x)", "gate(x, 0)", "krc(x, y)", "sign(x)"]
    calls += ["product(y, x)", "minimum(y, x)", "progress(y, x)", "potential(x)", "1 / x", "-x"]
    assert {call.partition("(")[0] for call in calls} >= set(FUNCTIONS)
    for call in calls:
        assert reward(call, None, {"x": nan}, x=nan, y=one)[0].isnan(), call


def test_reading_formulas_needs_no_tensor_library() -> None:
    """Parsing and describing formulas does not load torch."""
    program = (
        "import sys, autoreward.rewards.formula, autoreward.rewards.functions as f\n"
        "f.describe_functions(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
