"""Over every backend: it conforms, computes the same bits, knows no key, and has its walls."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autoreward.config import SandboxSettings
from autoreward.sandbox.contract import Batch, JailFailure, Limits
from autoreward.sandbox.lockdown import OUTER_WALLS, SECCOMP_WALLS
from autoreward.sandbox.registry import Sandbox, start_jail
from autoreward.schema import Actuator, Field, StateSchema
from autoreward.testing.sandboxes import check_sandbox

SCHEMA = StateSchema(
    (
        Field("height", "qpos[0]", "m", "height of the torso", low=0, high=2),
        Field("velocity", "qvel[0:3]", "m/s", "velocity", shape=(3,)),
    ),
    (Actuator("hip", "N m", "torque"), Actuator("knee", "N m", "torque")),
    0.01,
)
WALLS = {
    "docker": OUTER_WALLS | SECCOMP_WALLS,
    "bubblewrap": OUTER_WALLS | SECCOMP_WALLS,
    "process": SECCOMP_WALLS,
}
STEPS, ROWS = 32, 16

NUMERIC = """
def mixing(state, action, next_state):
    outer = next_state.velocity.unsqueeze(-1) * state.velocity.unsqueeze(-2)
    mixed = torch.matmul(outer, next_state.velocity.unsqueeze(-1)).squeeze(-1)
    return torch.linalg.norm(mixed, dim=-1)

def bell_of_speed(state, action, next_state):
    return torch.exp(-next_state.velocity.square().sum(dim=-1)) * torch.tanh(next_state.height)

def running(state, action, next_state):
    both = torch.cat([next_state.velocity, action], dim=-1)
    return torch.cumsum(both, dim=-1).mean(dim=-1) + torch.softmax(both, dim=-1)[:, 0]

def heavy(state, action, next_state):
    x = torch.matmul(next_state.velocity, next_state.velocity.T)
    return torch.sin(x).sum(dim=-1) / x.shape[0]

FORMULA = "mixing + bell_of_speed - running + heavy"
"""


def block(seed: int = 0) -> Batch:
    """Return random transitions of many magnitudes."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> NDArray[np.float32]:
        scale = 10.0 ** random.uniform(-3, 1, (STEPS, ROWS, *shape))
        return (scale * random.standard_normal((STEPS, ROWS, *shape))).astype(np.float32)

    state = {"height": draw(), "velocity": draw(3)}
    following = {"height": draw(), "velocity": draw(3)}
    action = np.tanh(draw(2))
    return Batch(state, action, following, np.zeros((STEPS, ROWS), np.float32))


def in_this_process(batch: Batch) -> dict[str, NDArray[np.float32]]:
    """Return the components of NUMERIC, computed by the very code that the reward server uses."""
    import torch

    from autoreward.rewards.runtime import load_reward
    from autoreward.sandbox.warm_up import warm_up

    def flat(array: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(array).flatten(0, 1)

    threads, mkldnn = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1)
    warm_up()
    try:
        state = {name: flat(value) for name, value in batch.state.items()}
        following = {name: flat(value) for name, value in batch.next_state.items()}
        values = load_reward(NUMERIC, SCHEMA).compute(state, flat(batch.action), following, {})
        return {name: value.view(STEPS, ROWS).numpy() for name, value in values.items()}
    finally:
        torch.set_num_threads(threads)
        torch._C._set_mkldnn_enabled(mkldnn)


def values_of(
    backend: Sandbox, limits: Limits, code: str, batch: Batch, **options: Any
) -> dict[str, NDArray[np.float32]]:
    """Return what a reward computes in a jail of its own."""
    with start_jail(backend, limits) as jail:
        jail.load(code, SCHEMA, **options)
        return jail.call(batch)[0]


@pytest.mark.timeout(180)
def test_it_conforms(backend: Sandbox) -> None:
    """The conformance suite finds nothing, and has tried the things it says it tries."""
    report = check_sandbox(SandboxSettings(kind=backend.name))
    assert report.problems == ()
    assert report.ok and report.checks > 12
    assert set(report.walls) >= WALLS[backend.name]


@pytest.mark.parametrize("seed", [0, 1])
def test_values_are_the_same_bits_inside_and_outside(
    backend: Sandbox, limits: Limits, seed: int
) -> None:
    """A reward that goes through matmul, exp and sums gives bit for bit what it gives unjailed."""
    batch = block(seed)
    expected = in_this_process(batch)
    found = values_of(backend, limits, NUMERIC, batch)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.isfinite(values).all() and values.std() > 0, name
        assert np.array_equal(found[name], values), name


HUNT = """
import ctypes, gc, os, re
planted = '-'.join(['sk', 'canary', 32 * 'a']) if {planted} else ''
pattern = re.compile(rb'sk[-]canary[-][0-9a-f]{{32}}')  # does not match its own text

def _environments():
    yield repr(dict(os.environ)).encode()
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            yield open(f'/proc/{{name}}/environ', 'rb').read()
        except OSError:
            pass

def _objects():
    for thing in gc.get_objects():
        parts = thing.values() if isinstance(thing, dict) else thing
        if isinstance(thing, (dict, list, tuple, set)):
            for part in tuple(parts):
                if isinstance(part, (str, bytes)):
                    yield part.encode(errors='replace') if isinstance(part, str) else part

def _memory():
    try:
        memory = open('/proc/self/mem', 'rb', 0)
    except OSError:
        memory = None
    for line in open('/proc/self/maps').read().splitlines():
        ends, rights = line.split()[:2]
        low, high = (int(end, 16) for end in ends.split('-'))
        if rights[:2] != 'rw' or high - low > 1 << 28:
            continue
        if memory is None:
            yield ctypes.string_at(low, high - low)
        else:
            memory.seek(low)
            yield memory.read(high - low)

def _reached(places):
    looked = False
    try:
        for text in places():
            looked = True
            if pattern.search(text):
                return 'found'
    except OSError:
        pass
    return 'not found' if looked else 'refused'

def hunt(state, action, next_state):
    os.write(2, repr([_reached(p) for p in (_environments, _objects, _memory)]).encode())
    os._exit(7)
"""


def hunted(backend: Sandbox, limits: Limits, planted: bool = False) -> list[str]:
    """Return where a reward with all of Python in reach finds a key: environments, objects, memory.

    It says so in its log, and ends.
    """
    with start_jail(backend, limits) as jail:
        with pytest.raises(JailFailure) as failure:
            jail.load(HUNT.format(planted=planted), SCHEMA, checked=False)
        assert failure.value.message == "exited with code 7"
        jail._drain_all = None  # type: ignore[attr-defined]
        found = jail._log.decode()
    answers: list[str] = ast.literal_eval(found[found.rindex("[") :])
    return answers


@pytest.mark.parametrize("inner", [True, False], ids=["all walls", "outer walls alone"])
def test_a_key_of_the_host_is_nowhere_in_the_jail(
    backend: Sandbox, limits: Limits, inner: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in its environment or another's, among its objects or anywhere in its memory."""
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-canary-{secrets.token_hex(16)}")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/sk-canary-{secrets.token_hex(16)}")
    chosen = limits if inner else replace(limits, inner=())
    if not inner and backend.name == "process":
        pytest.skip("process has inner walls alone")
    assert hunted(backend, chosen)[1] == "not found"
    assert "found" not in hunted(backend, chosen)
