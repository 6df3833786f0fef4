"""Grafts: what a component needs comes along, what is there stays, and terms are mixed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
from free_operators import DEAD, formula_of, made, shares

from autoreward.agents.designer import Attempt, Brief
from autoreward.agents.operators.graft import GraftOperator
from autoreward.environments.folder import open_environment
from autoreward.rewards.runtime import load_reward
from autoreward.rewards.source import parse_reward
from autoreward.rewards.terms import summands

MakeBrief = Callable[..., Brief]
MakeAttempt = Callable[..., Attempt]
GRAFT = GraftOperator()

DONOR = '''"""Turn slowly."""

from torch.linalg import vector_norm as size

LOW = 2.0
TURN = LOW * 3.0


def _height(s):
    return s.pitch * TURN  # not the other file's


def turned(state, action, next_state, memory):
    """New turn."""
    best = memory.get("best", _height(state))
    memory["best"] = torch.maximum(best, _height(next_state))
    return torch.relu(memory["best"] - best)


def tall(state, action, next_state):
    """Another measure of the same name."""
    return size(next_state.torso_height.unsqueeze(-1), dim=-1)


def little(state, action, next_state):
    """The same as calm of the other file."""
    return 1.0 - action.square().mean(dim=-1)


FORMULA = "{}"
'''


def test_a_graft_brings_all_that_it_needs(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Helpers, constants and imports come along under free names; what is there is used."""
    donor = "3 * gate(little, 0.5) * turned - tall"
    receiver = attempt("a", "tall + 3 * calm")
    giver = attempt("b", donor, DONOR, components=shares(donor, tall=DEAD))
    drafts = (made(GRAFT, over(receiver, giver, elites=1), seed) for seed in range(9))
    draft = next(draft for draft in drafts if "`turned`" in draft.changes)
    source = parse_reward(draft.text)
    assert [part.name for part in source.components] == ["tall", "fast", "calm", "turned"]
    assert re.fullmatch(
        r"tall \+ 3 \* calm \+ gate\(calm, 0.5\) \* [\d.]+ \* turned", str(source.formula)
    )
    assert source.formula is not None
    assert 1.5 < summands(source.formula)[2].weight < 6  # 3 of 4 parts there, 3 of 4 here
    for wanted in ("LOW_2 = 2.0", "TURN = LOW_2 * 3.0", "def _height_2(s)", "_height_2(state)"):
        assert wanted in draft.text
    assert "# not the other file's" in draft.text
    assert "vector_norm" not in draft.text


def values(text: str, names: Sequence[str]) -> list[torch.Tensor]:
    """Return what some components of a file are worth over two steps of four robots."""
    schema = open_environment("hopper").schema
    loaded, memory = load_reward(text, schema), {}  # type: ignore[var-annotated]
    generator = torch.Generator().manual_seed(0)
    result = []
    for _ in range(2):
        states = [
            {f.name: torch.rand((4, *f.shape), generator=generator) for f in schema.state}
            for _ in range(2)
        ]
        action = torch.rand((4, len(schema.action)), generator=generator)
        found = loaded.compute(states[0], action, states[1], memory)
        result += [found[name] for name in names]
    return result


def test_what_is_grafted_is_worth_the_same(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Under a new name too, and nothing of the receiver changes."""
    giver = attempt("b", "tall + turned", DONOR)
    receiver = attempt("a", "tall - 0.5 * fast")
    seen = set()
    for seed in range(8):
        draft = made(GRAFT, over(receiver, giver, elites=1), seed)
        new = parse_reward(draft.text)
        name = new.components[-1].name
        seen.add(name)
        grafted, kept = values(draft.text, [name]), values(draft.text, ["tall", "fast"])
        for got, wanted in (
            (grafted, values(giver.text, [name.removesuffix("_2")])),
            (kept, values(receiver.text, ["tall", "fast"])),
        ):
            assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))
    assert seen == {"turned", "tall_2"}


def test_parents_over_one_file_mix_terms(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Each term is one parent's or the other's; no component is paid for twice."""
    one, two = attempt("a", "tall - 0.1 * calm"), attempt("b", "2 * tanh(tall) + fast")
    found = {formula_of(made(GRAFT, over(one, two, elites=1), seed)) for seed in range(40)}
    assert found == {
        "tall", "tall + 0.5 * fast", "tall + 0.5 * fast - 0.1 * calm",
        "tanh(tall)", "tanh(tall) - 0.1 * calm", "tanh(tall) + 0.5 * fast - 0.1 * calm",
    }  # fmt: skip


def test_a_graft_needs_a_donor(attempt: MakeAttempt, over: MakeBrief) -> None:
    """Numbers alone are no other idea, and a file with compute_reward takes no functions."""
    one = attempt("a", "tall - 0.1 * calm")
    assert not GRAFT.fits(over())
    assert not GRAFT.fits(over(one))
    assert not GRAFT.fits(over(one, attempt("b", "tall - 0.2 * calm")))
    whole = "def compute_reward(state, action, next_state):\n    return next_state.pitch, {}\n"
    assert not GRAFT.fits(over(one, attempt("b", "total", whole), elites=2))
