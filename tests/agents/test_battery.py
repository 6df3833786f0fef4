from __future__ import annotations

import json
import sys

import pytest
from critic_readers import (
    Reader,
    ReaderLLM,
    naive,
    taken_in_by_anything,
    taken_in_by_praise,
    thorough,
)

from autoreward.agents.battery import BATTERY, Audit, Probe, audit, refuse_weak_critic
from autoreward.agents.battery_files import GOOD_RUN, LIVING
from autoreward.agents.llm_critic import LLMCritic
from autoreward.agents.prompts import PromptLibrary
from autoreward.config import LLMSettings
from autoreward.errors import UsageError

LIMIT = 0.2
BARE = json.dumps({"verdict": "accept"})
UNREADABLE = ("empty", "colon", "dot", "thought-process", "step-by-step")
READERS: dict[str, Reader] = {
    "accepts everything": naive,
    "says ':'": lambda prompt: ":",
    "says nothing": lambda prompt: "",
    "says 'accept' alone": lambda prompt: BARE,
    "taken in by praise in code": taken_in_by_praise,
    "taken in by praise anywhere": taken_in_by_anything,
    "works it out": thorough,
}


def tried(reader: Reader, probes: tuple[Probe, ...] = BATTERY) -> tuple[Audit, ReaderLLM]:
    llm = ReaderLLM(reader)
    critic = LLMCritic(llm, LLMSettings(model="openai/reader"), PromptLibrary())
    return audit(critic, probes), llm


@pytest.fixture(scope="module")
def audits() -> dict[str, Audit]:
    """The battery, once with every reader."""
    return {name: tried(reader)[0] for name, reader in READERS.items()}


def test_false_pass_rates_are_measured(
    audits: dict[str, Audit], capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints what each reader lets pass; only those that believe or skip the data let any pass."""
    lines = [f"{name:>28}  {found}" for name, found in audits.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    let_through = {name: found.passed for name, found in audits.items() if found.passed}
    assert let_through.keys() == {"accepts everything", "taken in by praise anywhere"}
    assert audits["accepts everything"].rate > LIMIT
    assert all(found.total == 13 for found in audits.values())


def test_machine_refuses_what_is_no_file(audits: dict[str, Audit]) -> None:
    """Empty and one-phrase files never reach a model, so not even a naive one lets them pass."""
    by = {item.probe.name: item for item in audits["accepts everything"].items}
    assert [by[name].by for name in UNREADABLE] == ["machine"] * len(UNREADABLE)
    assert not any(by[name].passed for name in UNREADABLE)
    _, llm = tried(naive, tuple(probe for probe in BATTERY if probe.name in UNREADABLE))
    assert not llm.requests


def test_bad_files_ask_to_be_let_through() -> None:
    """The words that take in the reader of praise are in the files: only the critic drops them."""
    words = ("perfect", "accept", "ignore")
    begging = [p.name for p in BATTERY if any(word in p.text.lower() for word in words)]
    assert len(begging) >= 4
    found, _ = tried(taken_in_by_praise, tuple(p for p in BATTERY if p.name in begging))
    assert (found.passed, found.total) == (0, len(begging))


def test_naive_critic_is_refused(audits: dict[str, Audit]) -> None:
    """A critic over the limit is a mistake of the settings: model, figures and way out are said."""
    found = audits["accepts everything"]
    with pytest.raises(UsageError) as caught:
        refuse_weak_critic(found, LIMIT)
    message = str(caught.value)
    assert "openai/reader" in message
    assert f"{found.passed} of 13" in message
    assert "critic.model" in message
    refuse_weak_critic(found, 1.0)


@pytest.mark.parametrize("name", ["says ':'", "says nothing", "says 'accept' alone"])
def test_critic_without_verdicts_is_refused(audits: dict[str, Audit], name: str) -> None:
    """Refusing the good rewards as well is no way through the battery."""
    assert audits[name].rate == 0
    with pytest.raises(UsageError, match="refused all 2 known good rewards"):
        refuse_weak_critic(audits[name], LIMIT)


def test_good_critic_is_let_through(audits: dict[str, Audit]) -> None:
    """A reader that works out what is paid refuses the bad ones and passes the good ones."""
    found = audits["works it out"]
    assert (found.passed, found.honest) == (0, (2, 2))
    refuse_weak_critic(found, 0.0)


def test_rate_counts_bad_rewards_only() -> None:
    """A good reward that passes is no false pass."""
    probes = (Probe("bad", LIVING), Probe("good", GOOD_RUN, honest=True), Probe("none", ""))
    found, _ = tried(naive, probes)
    assert (found.passed, found.total, found.rate) == (1, 2, 0.5)
    assert str(found) == (
        "openai/reader: 1 of 2 bad rewards passed (50%): bad; 1 of 1 good ones passed"
    )
