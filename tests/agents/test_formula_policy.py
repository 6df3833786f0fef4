from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from safetensors.torch import load_file, save_file

from autoreward.agents.formulas.choices import says_nothing
from autoreward.agents.formulas.grammar import Gate, Term, Terms, normal_form, read, write
from autoreward.agents.formulas.outcomes import Outcome
from autoreward.agents.formulas.parts import Part
from autoreward.agents.formulas.policy import FormulaPolicy, learned
from autoreward.agents.formulas.prior import WEIGHTS
from autoreward.errors import UsageError
from autoreward.rewards.formula import check_formula, parse_formula

EFFORT, ALIVE = Part("effort", 0.0, 1.0, "effort"), Part("alive", 1.0, 1.0, "alive")
PARTS = (
    Part("speed", -1.0, 1.0, correlation=0.9),
    Part("height", 0.4, 1.0, correlation=0.1),
    Part("spin", -1.0, 1.0, correlation=-0.9),
    Part("contact", 0.0, 0.0),
    EFFORT,
    ALIVE,
)
Fitness = Callable[[Terms], float]


def formula(text: str) -> Terms:
    terms = read(parse_formula(text))
    assert terms is not None
    return terms


def cosine(target: dict[str, float]) -> Fitness:
    """A fitness that is 1 for the weights of `target` and -1 for their opposite."""

    def fitness(terms: Terms) -> float:
        found = {
            t.primitive: t.weight * (1.0 if t.kind == "linear" else 0.6) * (0.6 if t.gate else 1.0)
            for t in terms
        }
        length = math.hypot(*found.values()) * math.hypot(*target.values())
        return sum(found.get(name, 0.0) * weight for name, weight in target.items()) / length

    return fitness


def outcome(terms: Terms, parts: tuple[Part, ...], score: float, error: float = 0.05) -> Outcome:
    text = write(normal_form(terms, [part.name for part in parts]))
    return Outcome(text, parts, (score,), (error,))


def search(
    parts: tuple[Part, ...], fitness: Fitness, seed: int, groups: int = 10
) -> tuple[FormulaPolicy, list[float]]:
    """Let a fresh policy learn from groups of 8; return it and each group's mean fitness."""
    random, policy, means = Random(seed), FormulaPolicy(), []
    for _ in range(groups):
        drawn = [policy.sample(parts, random) for _ in range(8)]
        scores = [fitness(terms) for terms in drawn]
        means.append(fmean(scores))
        noisy = [score + random.gauss(0.0, 0.1) for score in scores]
        policy = policy.learn(
            [[outcome(terms, parts, score) for terms, score in zip(drawn, noisy, strict=True)]]
        )
    return policy, means


def mean_fitness(policy: FormulaPolicy, parts: Sequence[Part], fitness: Fitness) -> float:
    random = Random(5)
    return fmean(fitness(policy.sample(parts, random)) for _ in range(100))


@pytest.fixture(scope="module")
def trained() -> FormulaPolicy:
    """A policy that has learned to want effort and height, and no more speed."""
    good, bad = formula("height + 0.1 * effort"), formula("speed - spin - 0.1 * effort")
    group = [outcome(good, PARTS, 1.0), outcome(bad, PARTS, 0.0)]
    return FormulaPolicy().learn([group] * 4)


def test_a_flipped_sign_is_learned_and_random_search_is_beaten() -> None:
    """Of a component that hurts the coefficient becomes negative, though nothing told so before."""
    parts = (*(Part(f"g{i}", -1.0, 1.0) for i in range(1, 5)), EFFORT)
    fitness = cosine({"g1": 1.0, "g2": -0.8, "g3": 0.5, "effort": -0.1})
    negative, last = 0, []
    for seed in range(30):
        policy, means = search(parts, fitness, seed)
        random = Random(seed)
        drawn = [policy.sample(parts, random) for _ in range(30)]
        weights = [term.weight for terms in drawn for term in terms if term.primitive == "g2"]
        negative += len(weights) > 5 and sum(weight < 0 for weight in weights) > len(weights) / 2
        last.append(means[-1])
    assert negative >= 27
    assert fmean(last) > 0.7
    assert mean_fitness(FormulaPolicy(), parts, fitness) < 0.2


def test_fresh_policy_is_the_prior() -> None:
    """Without outcomes the probabilities are those of the hand-made prior."""
    one, policy = (Part("speed", -1.0, 1.0, correlation=0.5), EFFORT), FormulaPolicy()
    # Included, without effort (which is in 0.6 of the formulas), positive, linear.
    alone = math.log(0.4 * 0.725 * 0.6)
    assert policy.log_prob(formula("speed"), one) == pytest.approx(alone)
    assert policy.log_prob(formula("3 * speed"), one) == pytest.approx(alone)
    minus = alone + math.log(0.275 / 0.725)
    assert policy.log_prob(formula("-speed"), one) == pytest.approx(minus)
    costly = policy.log_prob(formula("speed - 0.1 * effort"), one)
    assert costly - policy.log_prob(formula("speed + 0.1 * effort"), one) == pytest.approx(
        math.log(0.95 / 0.05)
    )
    assert costly > policy.log_prob(formula("speed - effort"), one)


def test_mode_is_the_likeliest_formula() -> None:
    """What correlates is in, with the correlation's sign; effort costs a little, living pays."""
    assert write(FormulaPolicy().mode(PARTS)) == "speed - spin - 0.1 * effort + 0.3 * alive"
    unknown = (Part("here", 0.0, 1.0), EFFORT)
    assert write(FormulaPolicy().mode(unknown)) == "here - 0.3 * effort"


@pytest.mark.parametrize("uniform", [False, True])
def test_probabilities_sum_to_one(uniform: bool) -> None:
    """Over all formulas of a small set of components, and only over those that say something."""
    parts = (Part("reached", 0.0, 0.0), EFFORT, ALIVE)
    policy = FormulaPolicy(uniform=uniform)
    total, signed = 0.0, [sign * weight for weight in WEIGHTS for sign in (1, -1)]
    for count in (1, 2, 3):
        for chosen in itertools.combinations(parts, count):
            if says_nothing(part.role for part in chosen):
                continue
            for weights in itertools.product(signed, repeat=count):
                if max(map(abs, weights)) == 1.0:
                    terms = tuple(Term(p.name, w) for p, w in zip(chosen, weights, strict=True))
                    total += math.exp(policy.log_prob(terms, parts))
    assert total == pytest.approx(1.0)


def test_every_sample_is_valid(trained: FormulaPolicy) -> None:
    """All formulas parse, pass the checks, say something and have at most four terms."""
    random = Random(0)
    roles = {part.name: part.role for part in PARTS}
    reads = {name: frozenset({"next_state"}) for name in roles}
    wide = (*(Part(f"c{i}", -5.0, 100.0) for i in range(30)), *PARTS)
    for policy in (FormulaPolicy(), FormulaPolicy(uniform=True), trained):
        for number in range(667):
            parts = wide if number % 10 == 0 else PARTS
            terms = policy.sample(parts, random)
            names = [term.primitive for term in terms]
            parsed = parse_formula(write(normal_form(terms, [part.name for part in parts])))
            assert len(set(names)) == len(names) <= 4
            assert not says_nothing(roles.get(name, "measure") for name in names)
            assert read(parsed) is not None
            for term in terms:
                assert term.kind == "linear" or term.primitive not in ("effort", "alive", "contact")
                if term.gate is not None:
                    assert term.gate.primitive not in (term.primitive, "contact", "effort", "alive")
            if parts is PARTS:
                assert check_formula(parsed, reads) == []
                assert policy.log_prob(terms, parts) > -50.0  # nothing barred


@pytest.mark.parametrize(
    "parts",
    [
        (Part("only", 0.0, 1.0),),
        (Part("never", 0.0, 0.0),),
        (EFFORT, ALIVE),
        (EFFORT,),
        (ALIVE,),
        (Part("far", -1e9, 1e9), Part("near", -1e-9, 0.0)),
    ],
)
def test_any_components_can_be_used(parts: tuple[Part, ...]) -> None:
    """Few, constant, huge and tiny components have formulas, too."""
    random = Random(0)
    for policy in (FormulaPolicy(), FormulaPolicy(uniform=True)):
        assert policy.mode(parts)
        for _ in range(50):
            text = write(normal_form(policy.sample(parts, random), [part.name for part in parts]))
            assert read(parse_formula(text)) is not None


@pytest.mark.parametrize(
    "text", ["effort", "gate(speed, 0.5) * speed", "bell(contact, 0.1)", "gate(effort, 2) * alive"]
)
def test_what_is_never_drawn_has_a_probability(text: str) -> None:
    """Formulas that others wrote can be learned from, whatever they are."""
    policy = FormulaPolicy()
    assert -1000.0 < policy.log_prob(formula(text), PARTS) < -30.0
    group = [outcome(formula(text), PARTS, 1.0), outcome(formula("speed"), PARTS, 0.0)]
    assert math.isfinite(policy.learn([group]).log_prob(formula("speed"), PARTS))


def test_formulas_outside_the_grammar_have_none() -> None:
    """What has no choices is refused, and counts in its group's baseline alone."""
    with pytest.raises(ValueError, match="no formula of the grammar"):
        FormulaPolicy().log_prob(formula("unknown"), PARTS)
    other = Outcome("product(speed, height)", PARTS, (1.0,), (0.05,))
    mine = outcome(formula("speed"), PARTS, 0.0)
    policy = FormulaPolicy().learn([[other, mine]])
    assert policy.log_prob(formula("speed"), PARTS) < FormulaPolicy().log_prob(
        formula("speed"), PARTS
    )


def test_good_formulas_become_likelier(trained: FormulaPolicy) -> None:
    """What did better than its group gains probability, what did worse loses it."""
    fresh = FormulaPolicy()
    good, bad = formula("height + 0.1 * effort"), formula("speed - spin - 0.1 * effort")
    assert trained.log_prob(good, PARTS) > fresh.log_prob(good, PARTS) + 1.0
    assert trained.log_prob(bad, PARTS) < fresh.log_prob(bad, PARTS) - 1.0


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("-height", "height"),
        ("speed + 0.1 * height", "speed + height"),
        ("bell(speed, 0.2)", "speed"),
        ("bell(speed - 0.6, 0.2)", "bell(speed + 0.6, 0.2)"),
        ("bell(speed, 0.1)", "bell(speed, 0.8)"),
        ("tanh(4 * speed)", "tanh(speed)"),
        ("gate(height, 0.6) * speed", "speed"),
        ("gate(height, 0.6) * speed", "gate(spin, 0.2) * speed"),
        ("gate(height, 0.52) * speed", "gate(height, 0.88) * speed"),
    ],
)
def test_every_choice_is_learned(good: str, bad: str) -> None:
    """Signs, weights, shapes, their numbers, gates and thresholds: each by itself."""
    one, other = formula(good), formula(bad)
    policy = FormulaPolicy().learn([[outcome(one, PARTS, 1.0), outcome(other, PARTS, 0.0)]] * 4)

    def lead(policy: FormulaPolicy) -> float:
        return policy.log_prob(one, PARTS) - policy.log_prob(other, PARTS)

    assert lead(policy) > lead(FormulaPolicy()) + 1.0


def test_degenerate_formulas_lose_probability() -> None:
    """A refused formula has no score, and is unlearned all the same."""
    bad, good = formula("speed"), formula("height")
    broken = Outcome("speed", PARTS, degenerate=True)
    group = [broken, outcome(good, PARTS, 0.3), outcome(good, PARTS, 0.3)]
    fresh, policy = FormulaPolicy(), FormulaPolicy().learn([group])
    assert policy.log_prob(bad, PARTS) < fresh.log_prob(bad, PARTS)
    assert policy.log_prob(good, PARTS) > fresh.log_prob(good, PARTS)


def test_nothing_is_learned_from_nothing() -> None:
    """Groups with one member, with equal scores, or without scores change nothing."""
    one, two = outcome(formula("speed"), PARTS, 1.0), outcome(formula("height"), PARTS, 1.0)
    unknown = Outcome("spin", PARTS)
    policy = FormulaPolicy().learn([[], [one], [one, two], [one, unknown]])
    for text in ("speed", "height", "spin"):
        terms = formula(text)
        assert policy.log_prob(terms, PARTS) == FormulaPolicy().log_prob(terms, PARTS)


def test_what_was_learned_serves_other_components() -> None:
    """A policy knows what to do with components that it meets for the first time."""

    def scene(names: str, correlations: Sequence[float]) -> tuple[Part, ...]:
        known = zip(names, correlations, strict=True)
        measured = (Part(name, -1.0, 1.0, correlation=r) for name, r in known)
        return (*measured, Part(f"cost_{names}", 0.0, 1.0, "effort"))

    def truth(parts: Sequence[Part]) -> Fitness:
        return cosine({p.name: p.correlation if p.role == "measure" else -0.5 for p in parts})

    first = scene("abcde", (0.8, -0.6, 0.1, 0.0, 0.3))
    second = scene("vwxyz", (0.0, 0.7, -0.5, 0.2, -0.1))
    fresh = mean_fitness(FormulaPolicy(), second, truth(second))
    gains = []
    for seed in range(5):
        policy, _ = search(first, truth(first), seed)
        gains.append(mean_fitness(policy, second, truth(second)) - fresh)
    assert fmean(gains) > 0.05
    assert sum(gain > 0 for gain in gains) >= 4


def test_replay_is_exact(trained: FormulaPolicy) -> None:
    """Learning at once and group by group end in the same policy, and draw the same formulas."""
    group = [outcome(formula("speed"), PARTS, 1.0), outcome(formula("height"), PARTS, 0.0)]
    other = [outcome(formula("spin"), (*PARTS, Part("new", 0.0, 1.0)), 1.0), *group]
    at_once = FormulaPolicy().learn([group, other, group])
    policy = FormulaPolicy()
    for one in (group, other, group):
        policy = policy.learn([one])
    groups = (tuple(group), tuple(other), tuple(group))
    assert learned(None, groups).mode(PARTS) == policy.mode(PARTS)
    for seed in range(10):
        terms = at_once.sample(PARTS, Random(seed))
        assert policy.sample(PARTS, Random(seed)) == terms
        assert policy.log_prob(terms, PARTS) == at_once.log_prob(terms, PARTS)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path, trained: FormulaPolicy) -> None:
    """A file carries what was learned to another run, which holds on to it."""
    path = tmp_path / "policy.safetensors"
    trained.save(path)
    loaded = FormulaPolicy.load(path)
    for seed in range(10):
        assert loaded.sample(PARTS, Random(seed)) == trained.sample(PARTS, Random(seed))
    terms = formula("gate(spin, 0.2) * height")
    assert loaded.log_prob(terms, PARTS) == trained.log_prob(terms, PARTS)
    group = (outcome(terms, PARTS, 1.0), outcome(formula("speed"), PARTS, 0.0))
    started = learned(path, (group,))
    assert started.log_prob(terms, PARTS) > loaded.log_prob(terms, PARTS)
    assert started.log_prob(terms, PARTS) == loaded.learn([group]).log_prob(terms, PARTS)


def test_damaged_files_are_one_sentence(tmp_path: Path, trained: FormulaPolicy) -> None:
    """What is missing, cut off, of another kind or version is said, with the file's name."""
    path = tmp_path / "policy.safetensors"
    with pytest.raises(UsageError, match=r"there is no formula policy .*policy\.safetensors"):
        FormulaPolicy.load(path)
    trained.save(path)
    whole, tensors = path.read_bytes(), load_file(path)
    for content in (b"", b"{}", whole[: len(whole) // 2], whole.replace(b"speed", b'sp"ed')):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"policy\.safetensors is no formula policy"):
            FormulaPolicy.load(path)
    rows = len(tensors["names"])
    about = {"formula_policy": "1", "names": str([f"n{i}" for i in range(rows)]).replace("'", '"')}
    for changed, metadata in (
        (tensors, about | {"formula_policy": "0"}),
        (tensors, about | {"names": "[]"}),
        (tensors | {"b2": tensors["b2"] / 0.0}, about),
        (tensors | {"w1": tensors["w1"][:, 1:].contiguous()}, about),
    ):
        save_file(changed, path, metadata)
        with pytest.raises(UsageError, match="another version, or damaged"):
            FormulaPolicy.load(path)
    save_file(tensors, path, about)
    assert FormulaPolicy.load(path).mode(PARTS)


def test_a_gate_needs_a_threshold_that_divides() -> None:
    """Thresholds and centres stay inside the usual range."""
    random, policy = Random(3), FormulaPolicy(uniform=True)
    low = {part.name: part.low for part in PARTS}
    seen = 0
    for _ in range(300):
        for term in policy.sample(PARTS, random):
            gates = [term.gate] if isinstance(term.gate, Gate) else []
            seen += len(gates)
            assert all(low[gate.primitive] < gate.threshold < 1.0 for gate in gates)
            assert term.kind != "bell" or low[term.primitive] <= term.center <= 1.0
    assert seen > 100
