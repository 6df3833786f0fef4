"""Bad input: one clear sentence, a non-zero exit code, no traceback, nothing lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoreward.store.journal import Journal

DESIGN = ("design", "go to the goal", "--env", "point_mass")

HEAD = '"""A reward."""\n\n\ndef a(state, action, next_state):\n    """A component."""\n'
TAIL = '\n\nFORMULA = "a"\n'
BODIES = {
    "unknown field": ("    return next_state.distence\n", "did you mean 'distance'"),
    "wrong shape": ("    return next_state.position\n", r"\[B, 2\] and must return \[B\]"),
    "NaN": ("    return (next_state.distance - 99.0).log()\n", "NaN"),
    "constant": ("    return next_state.distance * 0.0 + 1.0\n", "constant"),
    "infinite loop": ("    while True:\n        pass\n    return next_state.distance\n", "`while`"),
    "huge loop": (
        "    x = torch.eye(4000)\n"
        "    for i in range(190):\n"
        "        for j in range(100):\n"
        "            x = x @ x\n"
        "    return next_state.distance * x[0, 0]\n",
        r"no answer within 1\.5 s",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bad_rewards_are_refused_with_a_reason(cli: Any, tmp_path: Path, name: str) -> None:
    """`check` prints a finding and exits with 1; `evaluate` gives the same as an error."""
    body, reason = BODIES[name]
    path = tmp_path / "reward.py"
    path.write_text(HEAD + body + TAIL)
    seconds = 1.5 if name == "huge loop" else 20.0
    options = ("--env", "point_mass", "--set", f"sandbox.call_timeout_s={seconds}")
    done = cli("check", path, *options)
    assert done.code == 1
    findings = [line for line in done.out.splitlines() if line.startswith("error: ")]
    assert findings
    assert re.search(reason, findings[0])
    assert "refused" in done.out
    done = cli("evaluate", path, *options, "--json")
    assert done.code == 2
    assert re.search(reason, done.sentence)
    assert re.search(reason, done.json["error"])
    assert cli("runs", "--json").json["runs"] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [("def a(:\n", "syntax"), ("", "empty"), ("x = 1\n", "no-component")],
)
def test_files_that_are_no_rewards(cli: Any, tmp_path: Path, text: str, code: str) -> None:
    """The finding's code says what is wrong, in `check --json` and `evaluate --json`."""
    path = tmp_path / "reward.py"
    path.write_text(text)
    done = cli("check", path, "--env", "point_mass", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert code in [finding["code"] for finding in done.json["findings"]]
    done = cli("evaluate", path, "--env", "point_mass", "--json")
    assert (done.code, done.json["code"]) == (2, code)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("design", "go", "--env", "point_mas"), r"no environment 'point_mas'; did you mean"),
        (("design", "", "--env", "point_mass"), r"the description is empty"),
        (("design", "  ", "--env", "point_mass"), r"the description is empty"),
        (("design", "fly a kite", "--env", "hopper"), r"fits no task of hopper.*--task"),
        ((*DESIGN, "--task", "reech"), r"no task 'reech'; did you mean 'reach'"),
        ((*DESIGN, "--set", "traning.steps=3"), r"'traning'; did you mean 'training'"),
        ((*DESIGN, "--set", "training.steps"), r"NAME=VALUE"),
        ((*DESIGN, "--preset", "quik"), r"no preset called 'quik'; did you mean 'quick'"),
        ((*DESIGN, "--sandbox", "proces"), r"no sandbox called 'proces'; did you mean"),
        ((*DESIGN, "--designer", "llm"), r"give --model"),
        ((*DESIGN, "--name", "a/b"), r"cannot be a run's name"),
        ((*DESIGN, "--config", "missing.yaml"), r"missing\.yaml"),
        ((*DESIGN, "--env-path", "nowhere"), r"nowhere holds no environment"),
        ((*DESIGN, "--set", "budget.env_steps=10"), r"budget\.env_steps is 10"),
        (("check", "none.py", "--env", "point_mass"), r"there is no reward file none\.py"),
        (("envs", "hoper"), r"no environment 'hoper'; did you mean 'hopper'"),
        (("compare", "abc", "def"), r"neither a reward file nor a candidate"),
    ],
)
def test_mistakes_are_sentences(cli: Any, arguments: tuple[str, ...], sentence: str) -> None:
    """Each says what is wrong and what was meant; no run is left behind."""
    done = cli(*arguments)
    assert done.code == 2
    assert re.search(sentence, done.sentence)
    done = cli(*arguments, "--json")
    assert re.search(sentence, done.json["error"])
    assert done.json["code"] == "usage"
    assert cli("runs", "--json").json["runs"] == []


def test_comparing_something_that_is_no_reward(cli: Any, tmp_path: Path) -> None:
    """The sentence says which of the two it is."""
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(HEAD + "    return next_state.distance\n" + TAIL)
    bad.write_text("def a(:\n")
    assert "bad.py is no reward file: line 1" in cli("compare", good, bad).sentence
    assert cli("compare", good, good, "--json").json["same_code"] is True


@pytest.mark.parametrize(
    "command",
    [("resume", "nothing"), ("status", "nothing"), ("show", "nothing"), ("export", "nothing")],
)
def test_a_run_that_does_not_exist(cli: Any, command: tuple[str, ...]) -> None:
    """Every command that takes a run says that there is none."""
    done = cli(*command, "--json")
    assert done.code == 1
    assert "no run called 'nothing'" in done.sentence
    assert done.json["code"] == "run"


def test_a_missing_key_leaves_no_run(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable to set."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = cli(*DESIGN, "--model", "openai/gpt-x", "--json")
    assert done.code == 1
    assert "OPENAI_API_KEY" in done.sentence
    assert done.json["code"] == "llm"
    assert cli("runs", "--json").json["runs"] == []


def test_an_unreachable_model_keeps_the_run(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the address; the proposals stay open and the run can be resumed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-this-test")
    done = cli(
        *(*DESIGN, "--model", "openai/gpt-x", "--api-base", "http://127.0.0.1:9/v1"),
        *("--set", "llm.attempts=1", "--name", "away"),
    )
    assert done.code == 1
    assert "127.0.0.1:9" in done.sentence
    assert "autoreward resume away" in done.out
    assert "sk-secret" not in done.out + done.err
    run = cli("status", "away", "--json").json
    assert run["state"] == "stopped"
    assert run["proposals"]["open"] > 0


@pytest.fixture
def begun(cli: Any, tmp_path: Path) -> Path:
    """Return the folder of a run that was made but not worked on yet."""
    from autoreward.config import load_settings
    from autoreward.search.opening import create_run
    from autoreward.search.setup import prepare

    settings = load_settings(env="point_mass", description="go to the goal")
    with create_run(prepare(settings), "design", name="begun") as journal:
        return journal.directory


def test_a_locked_run_names_its_owner(cli: Any, begun: Path) -> None:
    """Reading goes on; a second writer gets a sentence."""
    with Journal.open(begun):
        done = cli("resume", "begun", "--json")
        assert done.code == 1
        assert re.search(r"being worked on by process \d+", done.sentence)
        assert cli("status", "begun", "--json").json["state"] == "running"
    assert cli("status", "begun", "--json").json["state"] == "stopped"


def spoil_settings(directory: Path) -> None:
    """Give the journal settings with an unknown key."""
    with Journal.open(directory) as journal:
        journal.set_meta("config", {**journal.meta("config"), "bogus": 1})


def spoil_config(directory: Path) -> None:
    """Give the journal something else in the place of settings."""
    with Journal.open(directory) as journal:
        journal.set_meta("config", "nonsense")


def spoil_database(directory: Path) -> None:
    """Overwrite the journal's file."""
    (directory / "run.db").write_bytes(b"this is no database" * 100)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_settings, r"the settings in .*run\.db: no setting called 'bogus'"),
        (spoil_config, r"holds no settings"),
        (spoil_database, r"run\.db"),
    ],
)
def test_a_corrupt_run(cli: Any, begun: Path, spoil: Callable[[Path], None], sentence: str) -> None:
    """`resume` says what is damaged; `runs` still lists everything."""
    spoil(begun)
    done = cli("resume", "begun", "--json")
    assert done.code in (1, 2)
    assert re.search(sentence, done.sentence)
    assert [run["run"] for run in cli("runs", "--json").json["runs"]] == ["begun"]


def test_a_corrupt_config_file(cli: Any, tmp_path: Path) -> None:
    """YAML that cannot be read, and settings that do not exist, with the file's name."""
    path = tmp_path / "settings.yaml"
    for text, part in (("training: [1\n", "settings.yaml"), ("trainin: {}\n", "'trainin'")):
        path.write_text(text)
        done = cli(*DESIGN, "--config", path)
        assert done.code == 2
        assert part in done.sentence
    assert json.loads(cli("runs", "--json").out)["runs"] == []
