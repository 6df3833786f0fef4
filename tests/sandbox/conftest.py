"""Fixtures: every backend that works on this machine, and the limits of the tests' jails."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.registry import Sandbox, open_sandbox, self_check

LIMITS = Limits(memory_mb=1500, call_timeout_s=10.0, output_mb=0.1)


@cache
def opened(kind: str) -> Sandbox | str:
    """Return a backend, or why it does not work here."""
    sandbox = open_sandbox(SandboxSettings(kind=kind))
    try:
        self_check(sandbox, LIMITS)
    except SandboxError as error:
        return str(error)
    return sandbox


def required(kind: str) -> Sandbox:
    """Return a backend; skip the test with the reason where it does not work."""
    sandbox = opened(kind)
    if isinstance(sandbox, str):
        pytest.skip(f"{kind}: {sandbox}")
    return sandbox


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "bubblewrap", "process"])
def backend(request: pytest.FixtureRequest) -> Sandbox:
    """Return each backend in turn."""
    return required(request.param)


@pytest.fixture
def require() -> Callable[[str], Sandbox]:
    """Return a function that gives a backend by its name, or skips the test."""
    return required


@pytest.fixture(scope="session")
def docker_backend() -> Sandbox:
    """Return the docker backend, whose engine answers."""
    return required("docker")


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Return what a jail of a test may use."""
    return LIMITS
