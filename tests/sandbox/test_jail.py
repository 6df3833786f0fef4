"""A jail's owner trusts nothing: bad frames, floods, hangs and crashes end in findings."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox.backends.process import ProcessSandbox
from autoreward.sandbox.child import ChildProcess
from autoreward.sandbox.contract import Batch, JailFailure, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.registry import start_jail
from autoreward.schema import Actuator, Field, StateSchema

SCHEMA = StateSchema(
    (
        Field("height", "qpos[0]", "m", "height of the torso", low=0, high=2),
        Field("velocity", "qvel[0:2]", "m/s", "velocity", shape=(2,)),
    ),
    (Actuator("motor", "N m", "torque"),),
    0.01,
)
LIMITS = Limits(call_timeout_s=3.0, memory_mb=3072, output_mb=0.1)
STEPS, ROWS = 5, 3
PROCESS = ProcessSandbox(SandboxSettings())


def batch(learner: int = 0, at_state: tuple[str, ...] = (), check: bool = False) -> Batch:
    """Return a block of recognisable numbers."""
    height = np.arange(STEPS * ROWS, dtype=np.float32).reshape(STEPS, ROWS)
    velocity = np.stack([height, -height], axis=-1)
    starts = np.zeros((STEPS, ROWS), dtype=np.float32)
    starts[0] = 1.0
    state = {"height": height, "velocity": velocity}
    following = {"height": height + 1, "velocity": velocity}
    action = np.full((STEPS, ROWS, 1), 0.5, dtype=np.float32)
    return Batch(state, action, following, starts, learner, at_state, check)


@pytest.fixture
def jail() -> Iterator[Jail]:
    """Return a real jail that is ready to load a reward."""
    with start_jail(PROCESS, LIMITS) as ready:
        yield ready


HONEST = '''
def tall(state, action, next_state):
    """Height."""
    return next_state.height

def effort(state, action, next_state):
    """Effort."""
    return action.square().sum(dim=-1)

FORMULA = "tall - effort"
'''


def test_components_come_back(jail: Jail) -> None:
    """States go in, component values come out, also with s in the place of s'."""
    assert jail.load(HONEST, SCHEMA) == ("tall", "effort")
    block = batch(at_state=("tall",))
    values, at_state = jail.call(block)
    assert np.array_equal(values["tall"], block.next_state["height"])
    assert np.allclose(values["effort"], 0.25)
    assert np.array_equal(at_state["tall"], block.state["height"])


def test_memory_is_cleared_where_an_episode_starts_and_kept_between_calls(jail: Jail) -> None:
    """A counting reward counts within an episode, over calls, and for each learner alone."""
    code = """
def count(state, action, next_state, memory):
    memory["n"] = memory.get("n", torch.zeros_like(next_state.height)) + 1.0
    return memory["n"]

FORMULA = "count"
"""
    jail.load(code, SCHEMA)
    block = batch()
    block.starts[2, 1] = 1.0
    first, _ = jail.call(block)
    assert first["count"][:, 0].tolist() == [1, 2, 3, 4, 5]
    assert first["count"][:, 1].tolist() == [1, 2, 1, 2, 3]
    block.starts[:] = 0.0
    second, _ = jail.call(block)
    assert second["count"][0].tolist() == [6, 4, 6]
    other, _ = jail.call(batch(learner=1))
    assert other["count"][-1].tolist() == [5, 5, 5]


def test_memory_that_could_not_be_cleared_is_refused(jail: Jail) -> None:
    """A plain number in memory would outlive its episode: it is found at loading."""
    code = """
def count(state, action, next_state, memory):
    memory["n"] = memory.get("n", 0) + 1
    return next_state.height * memory["n"]
"""
    with pytest.raises(JailFailure, match="zeros_like") as failure:
        jail.load(code, SCHEMA)
    assert failure.value.code == "memory-value"


def test_a_hung_reward_is_killed_at_its_deadline(jail: Jail) -> None:
    """Heavy torch calls that would run for days end with `timeout` and leave no process."""
    code = """
def slow(state, action, next_state):
    x = torch.eye(4000)
    for i in range(200):
        for j in range(200):
            x = x @ x
    return next_state.height * x[0, 0]

FORMULA = "slow"
"""
    started = time.monotonic()
    with pytest.raises(JailFailure) as failure:
        jail.load(code, SCHEMA)
    assert failure.value.code == "timeout"
    assert time.monotonic() - started < LIMITS.call_timeout_s + 2
    with pytest.raises(ProcessLookupError):
        os.kill(jail._process.pid, 0)  # type: ignore[attr-defined]


def test_a_hoarding_reward_ends_with_memory() -> None:
    """Doubling a tensor until the limit ends with `memory`, not with a dead machine."""
    code = """
def hoard(state, action, next_state):
    x = next_state.height
    for _ in range(40):
        x = torch.cat([x, x])
    return x[:2]

FORMULA = "hoard"
"""
    small = Limits(memory_mb=1500, call_timeout_s=30.0)
    with start_jail(PROCESS, small) as jail, pytest.raises(JailFailure) as failure:
        jail.load(code, SCHEMA)
    assert failure.value.code == "memory"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return next_state.heigth", "unknown-name"),
        ("return next_state.velocity", "shape"),
        ("return next_state.height.unsqueeze(-1)", "shape"),
        ("return 1.0", "shape"),
        ("x = next_state.height", "missing-return"),
        ("return torch.stack([next_state.height, action])", "error"),
    ],
)
def test_mistakes_are_named(jail: Jail, body: str, code: str) -> None:
    """A reward's own mistakes come back as findings with a code."""
    with pytest.raises(JailFailure) as failure:
        jail.load(f"def a(state, action, next_state):\n    {body}\n\nFORMULA = 'a'\n", SCHEMA)
    assert failure.value.code == code


def test_an_error_shows_the_line(jail: Jail) -> None:
    """The text of a run-time error has the reward's own line in it."""
    code = (
        "def a(state, action, next_state):\n"
        "    return torch.stack([next_state.height, action])\n\nFORMULA = 'a'\n"
    )
    with pytest.raises(JailFailure, match=r"line 2: `return torch.stack\(\[next_state"):
        jail.load(code, SCHEMA)


def test_nan_is_a_finding_and_the_jail_lives_on(jail: Jail) -> None:
    """Non-finite values are refused by name; another block may still be fine."""
    jail.load(
        "def a(state, action, next_state):\n    return torch.log(next_state.height - 1)\n\n"
        "FORMULA = 'a'\n",
        SCHEMA,
    )
    with pytest.raises(JailFailure, match="'a' is NaN or infinite") as failure:
        jail.call(batch())
    assert failure.value.code == "bad-values"
    fine = batch()
    fine.next_state["height"][:] = 3.0
    assert np.allclose(jail.call(fine)[0]["a"], np.log(2.0))


def test_a_closed_jail_is_never_written_to() -> None:
    """After the end its descriptors may belong to others: a call fails and touches none of them."""
    jail = start_jail(PROCESS, LIMITS)
    jail.load(HONEST, SCHEMA)
    stale = jail._process.writer
    jail.close()
    reader, writer = os.pipe()
    try:
        os.dup2(writer, stale)  # what the system may do by itself
        with pytest.raises(JailFailure, match="has ended"):
            jail.call(batch())
        os.set_blocking(reader, False)
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    finally:
        for descriptor in {reader, writer, stale}:
            os.close(descriptor)


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the host, so no key, reaches the process."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    with start_jail(PROCESS, LIMITS) as jail:
        pid = jail._process.pid  # type: ignore[attr-defined]
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert os.getpgid(pid) == pid != os.getpgid(0)
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert b"canary" not in Path(f"/proc/{child}/environ").read_bytes()
        limits = Path(f"/proc/{child}/limits").read_text()
        assert f"{LIMITS.memory_mb << 20}" in limits
        assert len(os.listdir(f"/proc/{child}/fd")) < 10


def test_a_jail_dies_with_its_owner() -> None:
    """After `kill -9` of the owner no reward process is left."""
    program = (
        "from autoreward.config import SandboxSettings\n"
        "from autoreward.sandbox.registry import open_sandbox, start_jail\n"
        "from autoreward.sandbox.contract import Limits\n"
        "import time\n"
        "jail = start_jail(open_sandbox(SandboxSettings(kind='process')), Limits())\n"
        "print(jail._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


FRAMES = "import os, struct, time, json\nH = struct.Struct('<4sBI')\n"
HELLO = "os.write(1, H.pack(b'ARJ1', 1, 2) + b'{}')\n"
WAIT_LOAD = "os.read(0, 65536)\n"
LOADED = (
    "x = json.dumps({'components': ['a']}).encode(); os.write(1, H.pack(b'ARJ1', 3, len(x)) + x)\n"
)
WAIT_CALL = "time.sleep(0.3); os.read(0, 1 << 20)\n"


def impostor(program: str) -> Jail:
    """Return a jail whose server is the given program: what a taken-over server could do."""
    return Jail(ChildProcess([sys.executable, "-I", "-c", FRAMES + program]), LIMITS)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        pytest.param("os.write(1, b'hello, I am a result')", "protocol", id="no-frame"),
        pytest.param("os.write(1, H.pack(b'ARJ1', 5, 1 << 31))", "protocol", id="too-long"),
        pytest.param("os.write(1, H.pack(b'ARJ1', 5, 8) + bytes(8))", "protocol", id="wrong-size"),
        pytest.param("os.write(1, H.pack(b'ARJ1', 3, 2) + b'{}')", "protocol", id="out-of-turn"),
        pytest.param(
            "os.write(1, 2 * (H.pack(b'ARJ1', 5, 60) + bytes(60)))", "protocol", id="twice"
        ),
        pytest.param("os.write(1, H.pack(b'ARJ1', 6, 3) + b'not')", "protocol", id="bad-json"),
        pytest.param("os._exit(0)", "crashed", id="exit-0"),
        pytest.param("os._exit(160 + 11)", "crashed", id="segfault"),
        pytest.param("os._exit(160 + 9)", "memory", id="killed"),
        pytest.param("time.sleep(60)", "timeout", id="hang"),
        pytest.param("os.write(2, b'x' * (1 << 20)); time.sleep(60)", "output", id="flood"),
    ],
)
def test_a_server_that_misbehaves_in_a_call(program: str, code: str) -> None:
    """Whatever comes instead of a block of values ends the jail with the right code."""
    with impostor(HELLO + WAIT_LOAD + LOADED + WAIT_CALL + program) as jail:
        jail.wait_ready()
        jail.load(HONEST, SCHEMA)
        with pytest.raises(JailFailure) as failure:
            jail.call(batch())
        assert failure.value.code == code
        assert jail.ended


@pytest.mark.parametrize(
    "names", [[], ["a", "a"], ["a b"], ["__a"], [1], "a", [f"c{i}" for i in range(99)]]
)
def test_component_names_are_checked(names: object) -> None:
    """Only a short list of distinct plain names is accepted."""
    program = f"x = json.dumps({{'components': {names!r}}}).encode()\n"
    program += "os.write(1, H.pack(b'ARJ1', 3, len(x)) + x); time.sleep(9)\n"
    with impostor(HELLO + WAIT_LOAD + program) as jail:
        jail.wait_ready()
        with pytest.raises(JailFailure) as failure:
            jail.load(HONEST, SCHEMA)
        assert failure.value.code == "protocol"


def test_before_the_candidate_a_failure_is_infrastructure() -> None:
    """A server that dies before it has seen the reward is never blamed on the reward."""
    jail = impostor("os.write(2, b'no torch here'); os._exit(3)")
    with jail, pytest.raises(SandboxError, match="no torch here"):
        jail.wait_ready()


def test_error_text_is_capped_and_plain() -> None:
    """Control characters and endless texts do not reach logs or prompts."""
    program = "x = json.dumps({'code': 'error', 'text': chr(27) + '[31m' + 'x' * 9000}).encode()\n"
    program += "os.write(1, H.pack(b'ARJ1', 6, len(x)) + x); time.sleep(9)\n"
    with impostor(HELLO + WAIT_LOAD + program) as jail:
        jail.wait_ready()
        with pytest.raises(JailFailure) as failure:
            jail.load(HONEST, SCHEMA)
    assert "\x1b" not in failure.value.message
    assert len(failure.value.message) <= 2000


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param("b'[' * 16000", "protocol", id="deep"),
        pytest.param("b'[1]'", "protocol", id="no-object"),
        pytest.param('b\'{"code": "infra", "text": "x"}\'', "error", id="not-its-own-fault"),
        pytest.param('b\'{"code": "timeout"}\'', "error", id="seen-from-outside"),
        pytest.param('b\'{"code": "shape\\\\u001b[2J"}\'', "error", id="controls"),
        pytest.param('b\'{"code": [1], "text": {"a": "\\\\ud800"}}\'', "error", id="odd-types"),
    ],
)
def test_a_failure_that_is_made_up(payload: str, code: str) -> None:
    """What a jail says of its own failure is data: odd JSON and borrowed codes do no harm."""
    program = f"x = {payload}; os.write(1, H.pack(b'ARJ1', 6, len(x)) + x); time.sleep(9)\n"
    with impostor(HELLO + WAIT_LOAD + program) as jail:
        jail.wait_ready()
        with pytest.raises(JailFailure) as failure:
            jail.load(HONEST, SCHEMA)
    assert failure.value.code == code
    assert failure.value.message.isascii()


def test_an_answer_before_its_question_ends_the_jail() -> None:
    """A block of values that is sent ahead is not taken as the answer to the next call."""
    values = "H.pack(b'ARJ1', 5, 60) + bytes(60)"
    program = f"os.write(1, {values}); time.sleep(0.3); os.write(1, {values}); time.sleep(9)\n"
    with impostor(HELLO + WAIT_LOAD + LOADED + WAIT_CALL + program) as jail:
        jail.wait_ready()
        jail.load(HONEST, SCHEMA)
        jail.call(batch())
        time.sleep(0.6)
        with pytest.raises(JailFailure) as failure:
            jail.call(batch())
        assert failure.value.code == "protocol"


def test_a_jail_that_somebody_kills_is_not_its_rewards_fault(jail: Jail) -> None:
    """A supervisor that is killed from outside is infrastructure, also after loading."""
    jail.load(HONEST, SCHEMA)
    os.kill(jail._process.pid, 9)  # type: ignore[attr-defined]
    time.sleep(0.1)
    with pytest.raises(SandboxError, match="killed from outside"):
        jail.call(batch())
    assert jail.ended
