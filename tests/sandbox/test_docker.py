"""Containers on a real engine: how they are made, whose they are, and what the engine refuses."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from docker.errors import APIError

from autoreward.config import DockerSettings, SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox import seccomp
from autoreward.sandbox.backends.docker import LABEL, DockerSandbox
from autoreward.sandbox.child import ENVIRONMENT
from autoreward.sandbox.contract import JailFailure, Labels, Limits
from autoreward.sandbox.engine import Stream
from autoreward.sandbox.image import image_name
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.lockdown import FIRST_UID, UIDS
from autoreward.sandbox.owner import owner_mark
from autoreward.sandbox.registry import start_jail
from autoreward.testing.sandboxes import SCHEMA

RUN = "test-docker-run"
HONEST = "def a(state, action, next_state):\n    return next_state.height\n\nFORMULA = 'a'\n"


def container_of(jail: Jail) -> str:
    """Return the id of a jail's container."""
    return str(jail._process.container)  # type: ignore[attr-defined]


def ours(client: Any, run: str) -> set[str]:
    """Return the containers that carry the label of a run, running or not."""
    found = client.containers(all=True, filters={"label": f"{LABEL}.run={run}"})
    return {container["Id"] for container in found}


@pytest.fixture(scope="module")
def engine(docker_backend: DockerSandbox) -> Any:
    """Return the engine's client."""
    return docker_backend.client()


@pytest.fixture(scope="module")
def inspected(
    docker_backend: DockerSandbox, engine: Any, limits: Limits
) -> Iterator[dict[str, Any]]:
    """Return what the engine says of a running jail."""
    with start_jail(docker_backend, limits, Labels(RUN, "job-1")) as jail:
        yield engine.inspect_container(container_of(jail))


@pytest.mark.docker
def test_a_container_is_made_as_it_should_be(inspected: dict[str, Any], limits: Limits) -> None:
    """Every outer wall and limit stands in the engine's own description of a running jail."""
    host, config = inspected["HostConfig"], inspected["Config"]
    memory = limits.memory_mb << 20
    expected = {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "Privileged": False,
        "IpcMode": "none",
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": DockerSettings().pids,
        "NanoCpus": int(DockerSettings().cpus * 1e9),
        "PublishAllPorts": False,
    }
    assert {name: host[name] for name in expected} == expected
    for name in ("CapAdd", "Binds", "Devices", "DeviceRequests", "VolumesFrom", "PortBindings"):
        assert not host[name], name
    assert host["LogConfig"]["Type"] == "none"
    # no namespace of the host, nor of another container
    assert host["PidMode"] == host["UTSMode"] == host["UsernsMode"] == ""
    assert inspected["Mounts"] == []
    assert not config.get("Volumes")
    assert list(host["Tmpfs"]) == ["/tmp"]
    options = set(host["Tmpfs"]["/tmp"].split(","))
    assert {"nosuid", "nodev", "noexec", "size=16m"} <= options
    ulimits = {u["Name"]: (u["Soft"], u["Hard"]) for u in host["Ulimits"]}
    assert ulimits["core"] == ulimits["memlock"] == (0, 0)
    assert ulimits["nofile"] == (128, 128)
    assert ulimits["fsize"][1] <= 16 << 20
    assert ulimits["nproc"][1] <= 64
    assert config["Tty"] is False and config["OpenStdin"] is True


@pytest.mark.docker
def test_a_container_cannot_gain_anything(inspected: dict[str, Any]) -> None:
    """No new privileges, our own seccomp list, and a user that no account has."""
    options = inspected["HostConfig"]["SecurityOpt"]
    assert any(option.startswith("no-new-privileges") for option in options)
    (profile,) = (o.removeprefix("seccomp=") for o in options if o.startswith("seccomp="))
    assert json.loads(profile) == seccomp.docker_profile()
    user, group = map(int, inspected["Config"]["User"].split(":"))
    assert user == group
    assert FIRST_UID <= user < FIRST_UID + UIDS


@pytest.mark.docker
def test_a_container_says_whose_it_is_and_knows_nothing_else(inspected: dict[str, Any]) -> None:
    """Labels name run, job and owner; its environment is ours and its image's, with no key."""
    labels = inspected["Config"]["Labels"]
    assert labels[f"{LABEL}.run"] == RUN
    assert labels[f"{LABEL}.job"] == "job-1"
    assert labels[f"{LABEL}.owner"] == owner_mark()
    variables = dict(v.split("=", 1) for v in inspected["Config"]["Env"])
    assert {name: variables[name] for name in ENVIRONMENT} == ENVIRONMENT
    strange = set(variables) - set(ENVIRONMENT)
    assert {name for name in strange if not name.startswith(("PYTHON", "GPG_KEY", "LANG"))} == set()
    assert inspected["Config"]["Image"] == image_name()


@pytest.mark.docker
def test_the_kernel_holds_what_the_engine_says(
    docker_backend: DockerSandbox, engine: Any, limits: Limits
) -> None:
    """The jail's main process, seen from the host: filtered, without rights, in its own spaces."""
    with start_jail(docker_backend, replace(limits, inner=())) as jail:
        pid = engine.inspect_container(container_of(jail))["State"]["Pid"]
        try:
            with open(f"/proc/{pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        except OSError:
            pytest.skip("the engine's processes cannot be seen from here")
        assert status["Seccomp"] == "2"
        assert status["NoNewPrivs"] == "1"
        assert {int(status[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {
            0
        }
        assert FIRST_UID <= int(status["Uid"].split()[0]) < FIRST_UID + UIDS
        if os.geteuid() == 0:
            for name in ("net", "pid", "mnt", "ipc", "uts"):
                theirs, mine = (os.readlink(f"/proc/{p}/ns/{name}") for p in (pid, "self"))
                assert theirs != mine, name


@pytest.mark.docker
def test_two_jails_are_two_containers(
    docker_backend: DockerSandbox, engine: Any, limits: Limits
) -> None:
    """At the same time, with users of their own; closing one removes it and leaves the other."""
    run = f"{RUN}-two"
    first, second = (docker_backend.launch(limits, Labels(run, str(n))) for n in range(2))
    with first, second:
        first.wait_ready()
        second.wait_ready()
        assert ours(engine, run) == {container_of(first), container_of(second)}
        first.close()
        assert ours(engine, run) == {container_of(second)}
        first.close()  # again: nothing happens
        assert second.load(HONEST, SCHEMA) == ("a",)
    assert ours(engine, run) == set()


@pytest.mark.docker
@pytest.mark.parametrize("ending", ["starting", "hung", "crashed"])
def test_close_removes_the_container(
    docker_backend: DockerSandbox, engine: Any, limits: Limits, ending: str
) -> None:
    """However far it came: nothing is left on the engine, running or ended."""
    run = f"{RUN}-{ending}"
    body = {"hung": "while True: pass", "crashed": "import os; os._exit(3)"}.get(ending)
    with docker_backend.launch(replace(limits, call_timeout_s=1.0), Labels(run)) as jail:
        assert len(ours(engine, run)) == 1
        if ending != "starting":
            jail.wait_ready()
        if body:
            with pytest.raises(JailFailure):
                jail.load(f"def a(state, action, next_state):\n    {body}\n", SCHEMA, False)
    assert ours(engine, run) == set()


OWNER = f"""
import sys, time
from autoreward.config import SandboxSettings
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.registry import open_sandbox, start_jail
settings = SandboxSettings.model_validate_json(sys.argv[1])
jail = start_jail(open_sandbox(settings), Limits(memory_mb=1500), Labels({RUN!r} + "-swept"))
print(jail._process.container, flush=True)
time.sleep(120)
"""


@pytest.mark.docker
def test_a_sweep_ends_what_the_dead_left_and_spares_the_living(
    docker_backend: DockerSandbox, engine: Any, limits: Limits
) -> None:
    """A container whose owner was killed goes; that of a living other process and ours stay."""
    run = f"{RUN}-swept"
    docker_backend.sweep()
    settings = SandboxSettings(kind="docker").model_dump_json()
    owners = [
        subprocess.Popen([sys.executable, "-c", OWNER, settings], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        dead, living = (owner.stdout.readline().strip() for owner in owners if owner.stdout)
        with start_jail(docker_backend, limits, Labels(run)) as jail:
            owners[0].send_signal(signal.SIGKILL)
            owners[0].wait()
            assert dead in ours(engine, run)
            docker_backend.sweep()
            assert ours(engine, run) == {living, container_of(jail)}
            assert engine.inspect_container(living)["State"]["Running"]
    finally:
        for owner in owners:
            owner.kill()
            owner.communicate()
        docker_backend.sweep()
    assert ours(engine, run) == set()


class FakeEngine:
    """Lists containers with these marks of owners; those in `stuck` cannot be removed."""

    def __init__(self, marks: dict[str, str], stuck: tuple[str, ...] = ()) -> None:
        self.marks, self.stuck = marks, stuck
        self.removed: list[str] = []

    def containers(self, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        """Return the list; the sweep must ask for ended ones as well, and for ours alone."""
        assert all and filters == {"label": f"{LABEL}.owner"}
        return [{"Id": i, "Labels": {f"{LABEL}.owner": m}} for i, m in self.marks.items()]

    def remove_container(self, container: str, force: bool) -> None:
        """Take one away, as the engine does or does not."""
        assert force
        if container in self.stuck:
            raise APIError("removal is already in progress")
        self.removed.append(container)


def test_a_sweep_counts_what_it_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the dead alone; one that the engine does not let go is neither counted nor an error."""
    mine = owner_mark()
    dead, elsewhere = mine.rpartition("/")[0] + "/1", f"another-machine/{mine.partition('/')[2]}"
    marks = {"own": mine, "dead": dead, "stuck": dead, "elsewhere": elsewhere, "odd": "no mark"}
    engine = FakeEngine(marks, stuck=("stuck",))
    sandbox = DockerSandbox(SandboxSettings())
    monkeypatch.setattr(sandbox, "client", lambda: engine)
    assert sandbox.sweep() == 1
    assert engine.removed == ["dead"]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"runtime": "no-such-runtime"}, "no-such-runtime"),
        ({"image": "no-such-image:1"}, "no-such-image:1"),
        ({"image": "NOT A NAME"}, "NOT A NAME|reference"),
        ({"cpus": 100_000}, "CPUs"),
    ],
)
def test_what_the_engine_refuses_is_one_sentence(
    docker_backend: DockerSandbox,
    engine: Any,
    limits: Limits,
    change: dict[str, Any],
    named: str,
) -> None:
    """It names what was asked for, before any reward is blamed, and leaves no container behind."""
    run = f"{RUN}-refused"
    sandbox = DockerSandbox(SandboxSettings(docker=DockerSettings(**change)))
    with pytest.raises(SandboxError, match=named) as failure:
        sandbox.launch(limits, Labels(run))
    assert "\n" not in str(failure.value)
    assert ours(engine, run) == set()


@pytest.mark.docker
def test_a_gpu_that_is_not_there_is_one_sentence(engine: Any, limits: Limits) -> None:
    """Asked for on an engine without one, the container does not start, and is removed."""
    if "nvidia" in engine.info().get("Runtimes", {}):
        pytest.skip("this engine may have GPUs")
    run = f"{RUN}-gpu"
    for gpus in ("all", "0,1"):
        sandbox = DockerSandbox(SandboxSettings(docker=DockerSettings(gpus=gpus)))
        with pytest.raises(SandboxError, match="gpu"):
            sandbox.launch(limits, Labels(run))
    assert ours(engine, run) == set()


@pytest.mark.parametrize(
    "host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense", "unix://"]
)
def test_an_engine_that_does_not_answer_is_one_sentence(limits: Limits, host: str) -> None:
    """It says where none answers, and what to install or choose instead."""
    sandbox = DockerSandbox(SandboxSettings(docker=DockerSettings(host=host)))
    for attempt in (lambda: sandbox.launch(limits, Labels()), sandbox.sweep):
        with pytest.raises(SandboxError) as failure:
            attempt()
        text = str(failure.value)
        assert f"no Docker engine answers at {host}" in text
        assert "--sandbox bubblewrap" in text
        assert "\n" not in text


class FakeAttach:
    """Gives one end of a socket pair in the place of an engine's attached stream."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.params: dict[str, Any] = {}

    def attach_socket(self, container: str, params: dict[str, Any]) -> socket.socket:
        """Return the near end."""
        self.params = params
        return self.near


@pytest.fixture
def attached() -> Iterator[tuple[Stream, Callable[[bytes], None], FakeAttach]]:
    """Return a stream, a function that sends as the engine does, and the engine."""
    fake = FakeAttach()
    stream = Stream(fake, "c0ffee", "stdout", "stderr")
    yield stream, fake.far.sendall, fake
    stream.close()
    fake.far.close()


FRAMES = [(1, b"hello"), (2, b"x"), (1, b""), (1, bytes(range(256))), (2, b"\x01\0\0\0\0\0\0\x05")]
SENT = b"".join(struct.pack(">BxxxI", kind, len(text)) + text for kind, text in FRAMES)
TEXT = b"".join(text for _, text in FRAMES)


def read_all(stream: Stream) -> bytes:
    """Return what can be read now."""
    parts = []
    while True:
        try:
            parts.append(stream.read())
        except BlockingIOError:
            return b"".join(parts)
        assert parts[-1], "an end was read where there was none"


def test_frame_headers_are_stripped_wherever_they_are_split(
    attached: tuple[Stream, Callable[[bytes], None], FakeAttach],
) -> None:
    """Cut at every byte, once and byte by byte, the same text comes out; no part means an end."""
    stream, send, fake = attached
    assert fake.params == {"stdout": 1, "stderr": 1, "stream": 1}
    for cut in range(len(SENT) + 1):
        found = b""
        for part in (SENT[:cut], SENT[cut:]):
            send(part)
            found += read_all(stream)
        assert found == TEXT, cut
    found = b""
    for byte in SENT:
        send(bytes([byte]))
        found += read_all(stream)
    assert found == TEXT
    for first, second in itertools.pairwise(range(0, len(SENT), 3)):
        send(SENT[first:second])
    send(SENT[second:])
    assert read_all(stream) == TEXT


def test_the_end_of_a_stream_is_empty_and_stays_so(
    attached: tuple[Stream, Callable[[bytes], None], FakeAttach],
) -> None:
    """What came before it is read first; an end within a header gives nothing made up."""
    stream, send, fake = attached
    send(SENT + b"\x01\0\0")
    assert read_all(stream) == TEXT
    fake.far.close()
    assert stream.read() == stream.read() == b""
