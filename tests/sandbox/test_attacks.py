"""Every attack in `attacks/` fails on every sandbox; every honest reward in `honest/` passes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from arena import LIMITS, Arena, opened
from attack_files import SCHEMA, Attack, attacks, honest, honest_files
from security_table import check

from autoreward.agents.critic import review
from autoreward.sandbox.registry import Sandbox

BACKENDS = (pytest.param("docker", marks=pytest.mark.docker), "bubblewrap", "process")
QUICK = frozenset(
    [
        "bomb_printed",
        "crash_result_then_exit",
        "files_opened",
        "frames_fail_deep_json",
        "frames_values_everywhere",
        "hook_exit",
        "inputs_in_place",
        "keys_environment_of_others",
        "kernel_namespaces",
        "kill_neighbour",
        "native_machine_code",
        "net_unix_path",
        "proc_daemon",
        "server_walked_frames",
        "text_error_escapes",
        "toctou_third_call",
        "value_pickle_as_numbers",
    ]
)
"""Tried on every sandbox in every run of the tests; the others take ten minutes: `-m slow`."""
WITHIN_RULES = frozenset(
    [
        "bomb_tensor_doubling",
        "hang_within_rules",
        "text_docstring_orders",
        "text_names_of_scores",
        "value_double_bits",
        "value_huge",
        "value_infinite",
        "value_nan_later",
        "value_wrong_length",
    ]
)
"""Attacks on resources and values and by words: nothing in them is forbidden."""
ENDINGS = ("timeout", "memory", "crashed", "output", "protocol", "bad-values")
"""How a jail ends that has reached a limit."""
TEXTS = ("error", "shape", "components", "mutated-inputs")
"""What a reward may be told about its own code."""


def every_pair() -> list[object]:
    """Return all attacks on all sandboxes as parameters; most are slow."""
    pairs: list[object] = []
    for kind in ("docker", "bubblewrap", "process"):
        for attack in attacks():
            slow = attack.name not in QUICK
            marks = [pytest.mark.slow] * slow + [pytest.mark.docker] * (kind == "docker")
            pairs.append(pytest.param(kind, attack, id=f"{kind}-{attack.name}", marks=marks))
    return pairs


def every_honest_file() -> list[object]:
    """Return all honest rewards as parameters; most are slow."""
    files = honest_files()
    return [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if index % 16 else ())
        for index, path in enumerate(files)
    ]


def required(kind: str) -> Sandbox:
    """Return a backend; skip the test with the reason where it does not work."""
    sandbox = opened(kind)
    if isinstance(sandbox, str):
        pytest.skip(f"{kind}: {sandbox}")
    return sandbox


@pytest.fixture(scope="module")
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Return an arena around each backend in turn, one for all attacks."""
    with Arena(required(request.param)) as ready:
        yield ready


@pytest.mark.parametrize(("arena", "attack"), every_pair(), indirect=["arena"])
def test_an_attack_does_not_get_through(arena: Arena, attack: Attack) -> None:
    """It is stopped, or it reaches nothing; and it fails at a wall, not over its own mistakes."""
    outcome = arena.run(attack)
    assert outcome.verdict != "gets through", f"{attack.holds}: {outcome.detail}"
    code = outcome.detail.partition(":")[0]
    if attack.witness == "claim":
        assert outcome.detail == "refused" or code in ENDINGS
    elif attack.witness == "limit":
        assert outcome.detail == "refused" or code in ENDINGS + TEXTS


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("path", every_honest_file())
def test_an_honest_reward_passes(kind: str, path: Path) -> None:
    """Neither the rules nor the trial in a jail have anything against it.

    Some of them do hold a component that never changes: of that the trial warns.
    """
    findings = honest(path, required(kind))
    known = ("note", "constant-component")
    assert not [str(f) for f in findings if f.severity not in known and f.code not in known]


def test_no_rule_is_against_an_honest_reward() -> None:
    """The critic accepts all of them, without a warning."""
    said = {
        path.stem: [
            str(f) for f in review(path.read_text(), SCHEMA).findings if f.severity != "note"
        ]
        for path in honest_files()
    }
    assert len(said) >= 40
    assert {name: found for name, found in said.items() if found} == {}


def test_the_critic_sees_all_but_those_that_keep_to_the_rules() -> None:
    """A filter, not a wall: what passes it is known by name and aims at resources and values."""
    caught = {attack.name for attack in attacks() if attack.caught}
    assert len(caught) >= 40
    assert {attack.name for attack in attacks()} - caught == WITHIN_RULES


def test_the_quick_attacks_are_there() -> None:
    """No name in the lists of this file is out of date."""
    assert {attack.name for attack in attacks()} >= QUICK | WITHIN_RULES


def test_the_arena_can_see_attacks_succeed() -> None:
    """Without the inner walls a plain process holds none of these, and the arena says so."""
    wanted = ["files_opened", "kill_host_process", "net_tcp", "net_udp"]
    if os.geteuid() == 0:  # others may not fork by their limits
        wanted += ["proc_daemon", "proc_fork"]
    with Arena(required("process"), replace(LIMITS, inner=())) as bare:
        outcomes = {a.name: bare.run(a) for a in attacks() if a.name in wanted}
    assert set(outcomes) == set(wanted)
    assert {name: o.verdict for name, o in outcomes.items()} == dict.fromkeys(
        wanted, "gets through"
    ), outcomes


def test_the_page_names_every_attack() -> None:
    """The table in docs/security.md is of these very attacks."""
    assert check() == 0
