"""Over every backend: it conforms, computes the same bits, knows no key, and has its walls."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
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
Require = Callable[[str], Sandbox]

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

def flags(state, action, next_state):
    return next_state.height > 0

def heavy(state, action, next_state):
    x = torch.matmul(next_state.velocity, next_state.velocity.T)
    return torch.sin(x).sum(dim=-1) / x.shape[0]

FORMULA = "mixing + bell_of_speed - running + flags + heavy"
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


def test_values_are_the_same_bits_inside_and_outside(backend: Sandbox, limits: Limits) -> None:
    """A reward that goes through matmul, exp and sums gives bit for bit what it gives unjailed."""
    with start_jail(backend, limits) as jail:
        jail.load(NUMERIC, SCHEMA)
        for seed in range(5):
            batch = block(seed)
            expected, found = in_this_process(batch), jail.call(batch)[0]
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
                return 1.0
    except OSError:
        pass
    return 0.0 if looked else 2.0

def environments(state, action, next_state):
    return torch.full_like(next_state.height, _reached(_environments))

def objects(state, action, next_state):
    return torch.full_like(next_state.height, _reached(_objects))

def memory(state, action, next_state):
    return torch.full_like(next_state.height, _reached(_memory))
"""
ANSWERS = ("not found", "found", "refused")


def hunted(backend: Sandbox, limits: Limits, planted: bool = False) -> dict[str, str]:
    """Return what a reward with all of Python in reach makes of a hunt for a key."""
    values = values_of(backend, limits, HUNT.format(planted=planted), block(), checked=False)
    return {name: ANSWERS[int(value.max())] for name, value in values.items()}


@pytest.mark.parametrize(
    ("kind", "inner"),
    [
        pytest.param("docker", True, marks=pytest.mark.docker),
        pytest.param("docker", False, marks=pytest.mark.docker),
        ("bubblewrap", True),
        ("bubblewrap", False),
        ("process", True),
    ],
)
def test_a_key_of_the_host_is_nowhere_in_the_jail(
    kind: str, inner: bool, require: Require, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in its environment or another's, among its objects or anywhere in its memory."""
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-canary-{secrets.token_hex(16)}")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/sk-canary-{secrets.token_hex(16)}")
    found = hunted(require(kind), limits if inner else replace(limits, inner=()))
    assert "found" not in found.values()
    assert found["objects"] == "not found"
    if not inner:  # it could look
        assert found["memory"] == found["environments"] == "not found"


def test_the_hunt_finds_what_is_there(require: Require, limits: Limits) -> None:
    """The same reward finds a key that it was given: among its objects and in its memory."""
    found = hunted(require("process"), replace(limits, inner=()), planted=True)
    assert found["objects"] == found["memory"] == "found"


def test_without_the_inner_walls_the_outer_ones_stand(backend: Sandbox, limits: Limits) -> None:
    """What docker and bubblewrap build does not rest on what the process takes from itself."""
    with start_jail(backend, replace(limits, inner=())) as jail:
        standing = set(jail.walls)
    assert standing & OUTER_WALLS == WALLS[backend.name] & OUTER_WALLS
    assert "no-files" not in standing  # the inner walls were left out indeed


OUTSIDE = """
import os, socket
def _refused(attempt):
    try:
        attempt()
    except OSError:
        return 1.0
    return 0.0
def sockets(state, action, next_state):
    kinds = [(socket.AF_UNIX, 1), (socket.AF_INET, 1), (socket.AF_INET, 2), (socket.AF_NETLINK, 3)]
    refused = min(_refused(lambda k=k: socket.socket(*k)) for k in kinds)
    return torch.full_like(next_state.height, refused)
def writing(state, action, next_state):
    places = ['/', '/etc', '/usr', '/dev/shm', '/proc/sys/kernel', '/opt', '/home', '/root', '/var']
    tries = [_refused(lambda p=p: open(p + '/made-by-a-jail', 'w')) for p in places]
    return torch.full_like(next_state.height, min(tries))
def hosts_files(state, action, next_state):
    there = [{file!r}, '/root/.ssh', '/run/docker.sock', '/var/run/docker.sock']
    return torch.full_like(next_state.height, min(_refused(lambda f=f: os.stat(f)) for f in there))
def hosts_processes(state, action, next_state):
    visible = [int(name) for name in os.listdir('/proc') if name.isdigit()]
    return torch.full_like(next_state.height, float(len(visible) <= 3))
def becoming_root(state, action, next_state):
    return torch.full_like(next_state.height, _refused(lambda: os.setuid(0)))
"""


@pytest.mark.parametrize("kind", [pytest.param("docker", marks=pytest.mark.docker), "bubblewrap"])
def test_the_outer_walls_hold_alone(
    kind: str, require: Require, limits: Limits, tmp_path: Path
) -> None:
    """Without the inner ones: no socket, no file written, none of the host's, nobody else seen."""
    secret = tmp_path / "secret"
    secret.write_text("a file of the host")
    code = OUTSIDE.format(file=str(secret))
    values = values_of(require(kind), replace(limits, inner=()), code, block(), checked=False)
    held = {name: bool(value.all()) for name, value in values.items()}
    assert held == dict.fromkeys(held, True)
    assert len(held) == 5


HOARD = """
def hoard(state, action, next_state):
    x = next_state.height
    for _ in range(40):
        x = torch.cat([x, x])
    return x[:2]

FORMULA = "hoard"
"""


def test_a_full_memory_ends_the_jail_and_nothing_else(backend: Sandbox, limits: Limits) -> None:
    """It ends with `memory`; a jail beside it, of the same backend, gives its values still."""
    batch = block()
    with start_jail(backend, limits) as neighbour:
        neighbour.load(NUMERIC, SCHEMA)
        before = neighbour.call(batch)[0]
        with start_jail(backend, replace(limits, memory_mb=1000)) as jail:
            with pytest.raises(JailFailure) as failure:
                jail.load(HOARD, SCHEMA)
            assert failure.value.code == "memory"
            assert jail.ended
        after = neighbour.call(batch)[0]
    assert all(np.array_equal(before[name], after[name]) for name in before)


KINDS = ("shape", "dtype", "error", "bad-values", "missing-return")
ODD_VALUES = {
    "None": "None",
    "on no device": "torch.empty(action.shape[0], device='meta')",
    "complex": "torch.complex(action[:, 0], action[:, 0])",
    "sparse": "action[:, 0].to_sparse()",
    "far too large": "action[:, 0] * 0.0 + 1e30",
}


@pytest.mark.parametrize("name", ODD_VALUES)
def test_values_of_a_wrong_kind_end_as_a_finding(
    require: Require, limits: Limits, name: str
) -> None:
    """Whatever a reward returns in the place of a column of numbers, its owner gets a finding."""
    with start_jail(require("process"), limits) as jail:
        code = f"def a(state, action, next_state):\n    return {ODD_VALUES[name]}\n"
        with pytest.raises(JailFailure) as failure:
            jail.load(code, SCHEMA, checked=False)
            jail.call(block())
    assert failure.value.code in KINDS
    assert len(failure.value.message) <= 2000
