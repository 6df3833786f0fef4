"""Jails that are forked from one template process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoreward.errors import SandboxError
from autoreward.sandbox.child import server_options
from autoreward.sandbox.contract import Limits
from autoreward.sandbox.forked import Template
from autoreward.sandbox.jail import Jail

LIMITS = Limits(lifetime_s=777.25)


@pytest.fixture
def template() -> Iterator[Template]:
    """Return a template; it is ended afterwards."""
    made = Template()
    yield made
    made.close()


def start(template: Template) -> Jail:
    """Return a jail that is ready."""
    jail = Jail(template.fork(server_options(LIMITS)), LIMITS)
    jail.wait_ready()
    return jail


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def test_jails_share_a_template_and_nothing_else(template: Template) -> None:
    """Each has a session of its own, says what it is, and holds no descriptor of another's."""
    one, other = start(template), start(template)
    pids = [jail._process.pid for jail in (one, other)]  # type: ignore[attr-defined]
    assert len({Path(f"/proc/{pid}/stat").read_text().split()[3] for pid in pids}) == 1
    for pid in pids:
        assert os.getsid(pid) == pid
        assert command_line(pid).startswith("autoreward.sandbox.reward_server {")
        assert "777.25" in command_line(pid)
        open_ones = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
        assert not any(target.startswith("socket:") for target in open_ones)
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert command_line(pids[1])
    other.close()


def test_a_killed_template_is_replaced(template: Template) -> None:
    """Its jails go on; how one of them ends is then nobody's to tell, so it is infrastructure."""
    old = start(template)
    assert template._process is not None
    os.kill(template._process.pid, signal.SIGKILL)
    template._process.wait()
    new = start(template)
    assert command_line(old._process.pid)  # type: ignore[attr-defined]
    os.kill(old._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    time.sleep(0.1)
    with pytest.raises(SandboxError):
        old.wait_ready()
    old.close()
    new.close()


def test_a_template_ends_with_its_owner(template: Template) -> None:
    """Closing it twice is no mistake."""
    start(template).close()
    assert template._process is not None
    process = template._process
    template.close()
    assert process.poll() is not None
    template.close()
