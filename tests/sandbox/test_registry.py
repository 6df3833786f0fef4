"""Which sandbox is taken: the strongest that works, and never one whose walls do not hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from autoreward.config import DockerSettings, SandboxSettings
from autoreward.errors import SandboxError, UsageError
from autoreward.sandbox import registry
from autoreward.sandbox.child import ChildProcess, server_command
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.lockdown import OUTER_WALLS, SECCOMP_WALLS
from autoreward.sandbox.registry import (
    Sandbox,
    choose_sandbox,
    open_sandbox,
    require_sandbox,
    sandboxes,
    self_check,
)

DEAD = DockerSettings(host="unix:///nowhere/docker.sock")


def settings(kind: str = "auto") -> SandboxSettings:
    """Return settings whose engine does not answer."""
    return SandboxSettings(kind=kind, memory_mb=1500, docker=DEAD)


@pytest.fixture
def no_bwrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take every program out of reach, bwrap among them."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_backends_are_found_and_ordered() -> None:
    """One for each file of `backends/`, the strongest first, each with a line for people."""
    found = sandboxes(SandboxSettings())
    assert list(found) == ["docker", "bubblewrap", "process"]
    strengths = [sandbox.strength for sandbox in found.values()]
    assert strengths == sorted(set(strengths), reverse=True)
    for name, sandbox in found.items():
        assert sandbox.name == name
        assert sandbox.summary and "\n" not in sandbox.summary


def test_auto_takes_the_strongest_that_works(require: Callable[[str], Sandbox]) -> None:
    """Without an engine it is bubblewrap; why it is not docker is said."""
    require("bubblewrap")
    choice = choose_sandbox(settings())
    assert choice.sandbox.name == "bubblewrap"
    assert set(choice.walls) >= OUTER_WALLS | SECCOMP_WALLS
    assert list(choice.passed_over) == ["docker"]
    assert "no Docker engine answers at unix:///nowhere" in choice.passed_over["docker"]
    assert "not docker: no Docker engine answers" in choice.described
    assert choice.described.startswith("bubblewrap: ")


@pytest.mark.usefixtures("no_bwrap")
def test_auto_falls_to_process_and_says_so() -> None:
    """With neither engine nor bwrap the weak one is taken by its name, with both reasons."""
    choice = choose_sandbox(settings())
    assert choice.sandbox.name == "process"
    assert set(choice.walls) >= SECCOMP_WALLS
    assert list(choice.passed_over) == ["docker", "bubblewrap"]
    assert "apt-get install bubblewrap" in choice.passed_over["bubblewrap"]
    assert "weak" in choice.described
    assert "not docker: " in choice.described and "not bubblewrap: " in choice.described


@pytest.mark.docker
def test_auto_takes_docker_where_it_works(docker_backend: Sandbox) -> None:
    """Nothing is stronger, so nothing is passed over."""
    choice = choose_sandbox(SandboxSettings(memory_mb=1500))
    assert choice.sandbox.name == docker_backend.name
    assert choice.passed_over == {}
    assert set(choice.walls) >= OUTER_WALLS | SECCOMP_WALLS


@pytest.mark.usefixtures("no_bwrap")
@pytest.mark.parametrize(
    ("kind", "advice"), [("docker", "install Docker"), ("bubblewrap", "apt-get install bubblewrap")]
)
def test_a_named_sandbox_that_fails_is_never_replaced(kind: str, advice: str) -> None:
    """One sentence says that it does not work here, and what to install."""
    with pytest.raises(SandboxError, match=advice) as failure:
        choose_sandbox(settings(kind))
    assert f"sandbox {kind} does not work here" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_an_unknown_sandbox_is_a_mistake() -> None:
    """The nearest name is suggested; nothing is started."""
    for kind, near in (("dokcer", "docker"), ("buble_wrap", "bubblewrap"), ("proces", "process")):
        for call in (require_sandbox, open_sandbox, choose_sandbox):
            with pytest.raises(UsageError, match=kind) as mistake:
                call(settings(kind))
            assert near in str(mistake.value)
    with pytest.raises(UsageError, match="nonsense"):
        require_sandbox(settings("nonsense"))
    require_sandbox(settings("auto"))


@dataclasses.dataclass
class Promising:
    """The process backend's command behind promises of walls."""

    promises: frozenset[str]
    name: str = "promising"
    strength: int = 9
    summary: str = "promises"
    command: tuple[str, ...] = ()
    jails: list[Jail] = dataclasses.field(default_factory=list)

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a plain process."""
        process = ChildProcess(self.command or server_command(limits))
        self.jails.append(Jail(process, limits, self.promises))
        return self.jails[-1]

    def sweep(self) -> int:
        """Return that nothing was left."""
        return 0


@pytest.mark.parametrize("wall", ["own-network", "own-processes"])
def test_a_promised_wall_that_does_not_hold_is_found(limits: Limits, wall: str) -> None:
    """The jail tries its walls itself: it is refused by the wall's name, and ended."""
    sandbox = Promising(frozenset({wall, "no-files"}))
    with pytest.raises(SandboxError, match=f"walls do not hold here: {wall}"):
        self_check(sandbox, limits)
    assert sandbox.jails[0].ended


def test_a_promised_wall_that_holds_is_fine(limits: Limits) -> None:
    """Also where seccomp is left out on purpose: its walls are not asked for then."""
    sandbox = Promising(SECCOMP_WALLS)
    assert set(self_check(sandbox, limits)) >= SECCOMP_WALLS
    assert "no-files" not in self_check(sandbox, dataclasses.replace(limits, inner=()))
    assert all(jail.ended for jail in sandbox.jails)


def test_auto_passes_over_one_that_breaks_its_promise(
    monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    """The strongest by its own word is not taken if a wall is missing."""
    liar = Promising(frozenset({"own-network"}))
    honest = sandboxes(settings())["process"]
    monkeypatch.setattr(registry, "sandboxes", lambda _: {"promising": liar, "process": honest})
    choice = choose_sandbox(settings())
    assert choice.sandbox is honest
    assert "own-network" in choice.passed_over["promising"]


def test_where_none_works_every_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` without any is one sentence with all reasons, not the weakest by default."""
    dead = Promising(frozenset(), command=("/bin/false",))
    gone = Promising(frozenset(), command=("/no/such/program",))
    monkeypatch.setattr(registry, "sandboxes", lambda _: {"dead": dead, "gone": gone})
    with pytest.raises(SandboxError, match=r"no sandbox works here: dead: .*; gone: ") as failure:
        choose_sandbox(settings())
    assert "exited with code 1" in str(failure.value)
    assert "/no/such/program" in str(failure.value)


def test_what_was_left_behind_is_swept_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every backend, also those that are not taken; one that does not work left nothing."""

    class Left(Promising):
        def sweep(self) -> int:
            return 3

    class Dead(Promising):
        def sweep(self) -> int:
            raise SandboxError("no engine")

    found = {
        "dead": Dead(frozenset(), command=("/bin/false",)),
        "process": sandboxes(settings())["process"],
        "left": Left(frozenset()),
    }
    monkeypatch.setattr(registry, "sandboxes", lambda _: found)
    choice = choose_sandbox(settings())
    assert choice.swept == 3
    assert "3" in choice.described
