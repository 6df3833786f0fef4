"""Tests of running a reward file."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import pytest
import torch
from attack_rewards import ATTACKS, component
from honest_rewards import HONEST, SCHEMA
from torch import Tensor

from autoreward.assets import asset_root
from autoreward.rewards.runtime import ContractViolation, State, load_reward
from autoreward.rewards.source import parse_reward

ROWS = 5


def batch(seed: int = 0) -> dict[str, Tensor]:
    """Return random values of every state field."""
    generator = torch.Generator().manual_seed(seed)
    return {f.name: torch.randn(ROWS, *f.shape, generator=generator) for f in SCHEMA.state}


def run(text: str, memory: dict[str, Any] | None = None) -> dict[str, Tensor]:
    """Load a reward and call it once on fixed inputs."""
    action = torch.linspace(-1, 1, ROWS * 3).view(ROWS, 3)
    return load_reward(text, SCHEMA).compute(batch(1), action, batch(2), memory)


def returning(expression: str) -> str:
    """Return a file whose one component returns an expression."""
    return f"def a(state, action, next_state):\n    return {expression}\n"


@pytest.mark.parametrize("name", HONEST)
def test_honest_files_run(name: str) -> None:
    """Each gives float32 values per row for the components that the text shows."""
    reward = load_reward(HONEST[name], SCHEMA)
    values = run(HONEST[name])
    assert tuple(values) == reward.components
    for value in values.values():
        assert value.shape == (ROWS,)
        assert value.dtype == torch.float32
        assert torch.isfinite(value).all()


@pytest.mark.parametrize("name", HONEST)
def test_declared_fields_suffice(name: str) -> None:
    """A file runs on the fields that it is said to read, and the values are the same."""
    source = parse_reward(HONEST[name])
    fields = frozenset[str]().union(*(part.state_fields for part in source.components))
    before, after = ({n: batch(seed)[n] for n in fields} for seed in (1, 2))
    action = torch.linspace(-1, 1, ROWS * 3).view(ROWS, 3)
    values = load_reward(HONEST[name], SCHEMA).compute(before, action, after, {})
    for name_, value in run(HONEST[name]).items():
        assert torch.equal(values[name_], value)


@pytest.mark.parametrize("name", HONEST)
def test_undeclared_inputs_do_not_matter(name: str) -> None:
    """Changing a parameter that a component is said not to read leaves its values as they are."""
    reward = load_reward(HONEST[name], SCHEMA)
    inputs = {"state": batch(1), "action": torch.rand(ROWS, 3), "next_state": batch(2)}
    others = {"state": batch(3), "action": torch.rand(ROWS, 3), "next_state": batch(4)}
    values = reward.compute(**inputs, memory={})
    for part in parse_reward(HONEST[name]).components:
        mixed = {key: (inputs if key in part.reads else others)[key] for key in inputs}
        assert torch.equal(reward.compute(**mixed, memory={})[part.name], values[part.name])


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_do_not_load(name: str) -> None:
    """The rules hold in the jail as well."""
    with pytest.raises(ContractViolation) as refused:
        load_reward(ATTACKS[name][0], SCHEMA)
    assert refused.value.code in ("forbidden", "unknown-name")


def test_only_listed_names_are_in_scope() -> None:
    """Were a rule to fail, the functions of files and processes would still not be there."""
    scope = load_reward(component(), SCHEMA)._functions["a"].__globals__
    assert not hasattr(scope["torch"], "load")
    assert not hasattr(scope["torch"], "ops")
    assert {"open", "eval", "exec", "getattr", "print"}.isdisjoint(scope["__builtins__"])
    with pytest.raises(ImportError, match="no_such"):
        scope["__builtins__"]["__import__"]("no_such_module")


def test_packaged_rewards_agree_with_hand_computed_values() -> None:
    """The point-mass expert's components are the squares they say they are."""
    text = (asset_root("envs") / "point_mass" / "expert.py").read_text()
    fields = text.replace("next_state.velocity", "next_state.goal")
    values = run(fields)
    after = batch(2)
    torch.testing.assert_close(values["distance"], after["position"].square().sum(dim=-1))
    torch.testing.assert_close(values["speed"], after["goal"].square().sum(dim=-1))


@pytest.mark.parametrize(
    ("expression", "code", "word"),
    [
        ("next_state.height.unsqueeze(-1)", "shape", ".squeeze(-1)"),
        ("next_state.height.mean()", "shape", "dim=-1"),
        ("next_state.position", "shape", "[B, 3]"),
        ("next_state.position[:2, 0]", "shape", "[2]"),
        ("0.5", "shape", "one value per row"),
        ("True", "shape", "one value per row"),
        ("(next_state.height, next_state.speed)", "shape", "tuple"),
        ("{'x': next_state.height}", "shape", "dict"),
        ("None", "missing-return", "return"),
        ("next_state.height * torch.tensor(-1.0).to(torch.complex64)", "forbidden", "complex64"),
        ("next_state.heigth", "unknown-name", "'height'"),
        ("next_state.position[:, 5]", "bad-index", "line 2"),
        ("unknown_name", "unknown-name", "line 2"),
    ],
)
def test_wrong_results_are_named(expression: str, code: str, word: str) -> None:
    """Each kind of wrong result has its code and a sentence with the fix."""
    with pytest.raises(ContractViolation) as refused:
        run(returning(expression))
    assert refused.value.code == code
    assert word in str(refused.value)


def test_return_on_one_path_only() -> None:
    """A function that falls off its end returns nothing."""
    text = "def a(state, action, next_state):\n    if False:\n        return next_state.height\n"
    with pytest.raises(ContractViolation) as refused:
        run(text)
    assert refused.value.code == "missing-return"


@pytest.mark.parametrize(
    "expression",
    [
        "next_state.height > 0",
        "next_state.height.double()",
        "(next_state.height > 0).long()",
        "next_state.height.to(torch.float16)",
    ],
)
def test_other_dtypes_are_cast(expression: str) -> None:
    """Masks, integers and other floats become float32."""
    assert run(returning(expression))["a"].dtype == torch.float32


def test_augmented_assignment_leaves_inputs_alone() -> None:
    """`x -= 1` on an alias of a field makes a new tensor."""
    text = component("x = next_state.height", "x -= 1.0", "x *= 2")
    text = text.replace("return next_state.height", "return x")
    after = batch(2)
    reward = load_reward(text, SCHEMA)
    values = reward.compute(batch(1), torch.zeros(ROWS, 3), after, None)
    torch.testing.assert_close(values["a"], (batch(2)["height"] - 1.0) * 2)
    assert torch.equal(after["height"], batch(2)["height"])


def test_memory_is_kept_per_component() -> None:
    """Two components may use one key; each sees what it stored itself."""
    text = """
def first(state, action, next_state, memory):
    memory["sum"] = memory.get("sum", 0.0) + action[:, 0]
    return memory["sum"]

def second(state, action, next_state, memory):
    memory["sum"] = memory.get("sum", 0.0) + 1.0 + 0.0 * action[:, 0]
    return memory["sum"]

def third(state, action, next_state):
    return next_state.height
"""
    reward = load_reward(text, SCHEMA)
    assert reward.uses_memory
    memory: dict[str, Any] = {}
    action = torch.ones(ROWS, 3) * 3
    reward.compute(batch(), action, batch(), memory)
    values = reward.compute(batch(), action, batch(), memory)
    assert values["first"].tolist() == [6.0] * ROWS
    assert values["second"].tolist() == [2.0] * ROWS
    assert set(memory) == {"first", "second"}
    fresh = reward.compute(batch(), action, batch(), None)
    assert fresh["first"].tolist() == [3.0] * ROWS


KEEPING = """
def a(state, action, next_state, memory):
    memory["k"] = VALUE
    return next_state.height
"""


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("0.0", "Python float"),
        ("1", "Python int"),
        ("[next_state.height]", "Python list"),
        ("{}", "Python dict"),
        ("None", "Python NoneType"),
        ("torch.tensor(0.0)", "shape []"),
        ("action.mean(dim=0)", "shape [3]"),
        ("action[:2]", "shape [2, 3]"),
    ],
)
def test_memory_holds_tensors_with_one_entry_per_row(value: str, word: str) -> None:
    """Anything else could not be cleared where an episode starts; the sentence has the fix."""
    with pytest.raises(ContractViolation) as refused:
        run(KEEPING.replace("VALUE", value))
    assert refused.value.code == "memory-value"
    assert word in str(refused.value)
    assert "a keeps" in str(refused.value)
    assert "memory['k']" in str(refused.value)
    assert "torch.zeros_like(next_state." in str(refused.value)


@pytest.mark.parametrize(
    "value",
    ["next_state.height > 0", "action", "torch.ones_like(action).long()", "action.double()"],
)
def test_memory_takes_floats_masks_and_counts(value: str) -> None:
    """Every type of tensor that can be zeroed row by row is kept as it is."""
    memory: dict[str, Any] = {}
    run(KEEPING.replace("VALUE", value), memory)
    assert memory["a"]["k"].shape[0] == ROWS


def test_memory_is_checked_in_later_calls_too() -> None:
    """A value of another batch cannot be carried over, nor a key that is a tensor."""
    reward = load_reward(HONEST["memory"], SCHEMA)
    memory: dict[str, Any] = {"steady": {"old": torch.zeros(ROWS + 1)}}
    with pytest.raises(ContractViolation) as refused:
        reward.compute(batch(), torch.ones(ROWS, 3), batch(), memory)
    assert refused.value.code == "memory-value"
    with pytest.raises(ContractViolation, match="use a text as key"):
        run(KEEPING.replace('"k"', "action").replace("VALUE", "action"))


def test_memory_shares_nothing_with_the_inputs() -> None:
    """An input that is kept stays as it was when its owner writes over it."""
    text = KEEPING.replace("VALUE", "next_state.position[:, 1:]").replace(
        "    return", '    memory["e"] = action[:, :1].expand(-1, 4)\n    return'
    )
    reward, memory = load_reward(text, SCHEMA), dict[str, Any]()
    action, after = torch.ones(ROWS, 3, requires_grad=True), batch(2)
    expected = after["position"][:, 1:].clone()
    reward.compute(batch(1), action, after, memory)
    action.data.zero_()
    after["position"].zero_()
    assert not memory["a"]["e"].requires_grad
    assert torch.equal(memory["a"]["k"], expected)
    assert memory["a"]["e"].tolist() == [[1.0] * 4] * ROWS
    kept = memory["a"]["k"]
    assert kept.untyped_storage().nbytes() == kept.nbytes, "no larger tensor is held on to"


def test_memory_that_does_not_change_is_not_copied() -> None:
    """A value that stays from step to step costs nothing."""
    text = KEEPING.replace("VALUE", "memory.get('k', next_state.height)")
    reward, memory = load_reward(text, SCHEMA), dict[str, Any]()
    reward.compute(batch(1), torch.ones(ROWS, 3), batch(2), memory)
    first = memory["a"]["k"]
    reward.compute(batch(1), torch.ones(ROWS, 3), batch(3), memory)
    assert memory["a"]["k"] is first


def test_no_memory_unless_it_is_used() -> None:
    """A reward whose components keep nothing is told apart, so that it need not be scanned."""
    assert not load_reward(HONEST["helpers"], SCHEMA).uses_memory
    unused = "def a(state, action, next_state, memory):\n    return next_state.height\n"
    assert not load_reward(unused, SCHEMA).uses_memory
    assert run(unused)["a"].shape == (ROWS,)


def test_compute_reward_splits_into_components() -> None:
    """The dict's entries come first, in its order, then the total."""
    values = run(HONEST["eureka"])
    assert list(values) == ["speed_reward", "cost", "total"]
    torch.testing.assert_close(values["total"], values["speed_reward"] + values["cost"])


@pytest.mark.parametrize(
    ("returned", "code", "word"),
    [
        ("x, [x]", "shape", "list"),
        ("x, {1: x}", "components", "1"),
        ("x, {'a b': x}", "components", "a b"),
        ("x, {'in': x}", "components", "keyword"),
        ("x, {'part': 1.0}", "shape", "part"),
        ("x.mean(), {'part': x}", "shape", "total"),
        ("{'part': x}", "shape", "(total, dict)"),
        ("{'part': x, 'total': x.mean()}", "shape", "total"),
        ("x, {'part': x, 'total': x}", "components", "drop the entry"),
        ("x, _parts(x)", "components", "drop the entry"),
    ],
)
def test_compute_reward_contract(returned: str, code: str, word: str) -> None:
    """Wrong totals, dicts and names of a `compute_reward` file are named."""
    text = (
        "def _parts(x):\n    return {'part': x, 'total': x}\n\n"
        "def compute_reward(state, action, next_state):\n"
        f"    x = next_state.height\n    return {returned}\n"
    )
    with pytest.raises(ContractViolation) as refused:
        run(text)
    assert refused.value.code == code
    assert word in str(refused.value)


def test_the_total_may_stand_in_the_dict() -> None:
    """A dict alone has its total as an entry; it comes last, as ever."""
    values = run(HONEST["eureka_total_in_the_dict"])
    assert list(values) == ["speed", "effort", "total"]
    torch.testing.assert_close(values["total"], values["speed"] + values["effort"])


def test_components_must_stay_the_same() -> None:
    """A `compute_reward` file whose dict depends on the data is refused at the second call."""
    text = """
def compute_reward(state, action, next_state):
    parts = {"one": next_state.height}
    if (action > 0).all():
        parts["two"] = next_state.height
    return next_state.height, parts
"""
    reward = load_reward(text, SCHEMA)
    reward.compute(batch(), torch.ones(ROWS, 3), batch(), None)
    assert reward.components == ("one", "two", "total")
    with pytest.raises(ContractViolation) as refused:
        reward.compute(batch(), -torch.ones(ROWS, 3), batch(), None)
    assert refused.value.code == "components"
    assert "two" in str(refused.value)


def test_a_loop_that_turns_out_long_is_ended() -> None:
    """A range that was guessed from a shape cannot go over the rows of the batch."""
    text = component("for i in range(action.mT.shape[1]):", "    x = i")
    reward = load_reward(text, SCHEMA)
    small = {name: value[:2] for name, value in batch().items()}
    assert reward.compute(small, torch.ones(2, 3), small, None)["a"].shape == (2,)
    large = {name: value[:1].expand(500, *value.shape[1:]) for name, value in batch().items()}
    with pytest.raises(ContractViolation, match="500 steps") as refused:
        reward.compute(large, torch.ones(500, 3), large, None)
    assert refused.value.code == "forbidden"


def test_state_is_read_only() -> None:
    """Fields are attributes; they cannot be replaced, removed or invented."""
    state = State({"height": torch.ones(2)}, ("height", "speed"))
    assert state.height.tolist() == [1.0, 1.0]
    with pytest.raises(ContractViolation) as refused:
        state.height = torch.zeros(2)
    assert refused.value.code == "mutated-inputs"
    with pytest.raises(ContractViolation):
        del state.height
    with pytest.raises(ContractViolation, match="did you mean 'height'"):
        _ = state.heigth
    with pytest.raises(ContractViolation, match="handed over"):
        _ = state.speed


def test_tracebacks_show_the_rewards_own_line() -> None:
    """An exception inside a reward points at its line and text."""
    text = component("x = next_state.height", "y = x @ action[:2]")
    with pytest.raises(RuntimeError) as failed:
        run(text)
    frames = [f for f in traceback.extract_tb(failed.value.__traceback__) if f.filename[0] == "<"]
    assert [(f.filename, f.lineno, f.line) for f in frames] == [
        ("<reward>", 3, "y = x @ action[:2]")
    ]


def test_deepest_allowed_code_loads_under_a_low_recursion_limit() -> None:
    """The rules refuse deep code before it can exhaust a jail's stack."""
    limit = sys.getrecursionlimit()
    depth = len(traceback.extract_stack())
    outcomes = set()
    try:
        sys.setrecursionlimit(depth + 480)
        for terms in range(2, 70):
            text = returning("torch.abs(" * terms + "next_state.height" + ")" * terms)
            try:
                outcomes.add(len(load_reward(text, SCHEMA).components))
            except ContractViolation as error:
                outcomes.add(error.code)
    finally:
        sys.setrecursionlimit(limit)
    assert outcomes == {1, "forbidden"}
