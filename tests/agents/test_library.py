"""The library of proven rewards: what it offers, and what it never may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoreward.agents.critic import review
from autoreward.agents.library import Entry, Library
from autoreward.agents.prompts import PromptLibrary
from autoreward.environments.folder import find_environments, open_environment
from autoreward.errors import UsageError
from autoreward.llm.fences import extract_code
from autoreward.rewards.source import parse_reward

LIBRARY = Library(PromptLibrary().library)
FOLDERS = {name: open_environment(name) for name in find_environments()}
TASKS = [(name, task) for name, folder in FOLDERS.items() for task in folder.tasks]
PAGE = """---
environment: hopper
gymnasium_id: Hopper-v5
task: run
fitness: forward_speed
instruction: Hop on.
measured: forward_speed 1 [0.9, 1.1] m/s
---
A hopper.

```python
def fast(state, action, next_state):
    return next_state.forward_velocity


FORMULA = "fast"
```
"""


def wordings(entry: Entry) -> list[str]:
    """Ways in which a person may ask for the task of an entry."""
    task = FOLDERS[entry.environment].tasks[entry.task]
    return [
        entry.instruction,
        entry.instruction.upper(),
        f"please, {entry.instruction.rstrip('.')}!",
        task.instruction,
        " ".join(task.keywords),
        *task.keywords,
        "something else entirely",
    ]


@pytest.mark.parametrize("entry", LIBRARY.entries, ids=lambda e: f"{e.environment}-{e.task}")
def test_the_task_itself_is_never_offered(entry: Entry) -> None:
    """However the task of an entry is named, neither it nor one with its measurement comes up."""
    folder = FOLDERS[entry.environment]
    for text in wordings(entry):
        for k in (1, 99):
            offered = LIBRARY.similar(folder, folder.tasks[entry.task], text, k)
            assert entry not in offered
            assert not [
                other
                for other in offered
                if other.environment == entry.environment and other.fitness == entry.fitness
            ]


@pytest.mark.parametrize("entry", LIBRARY.entries, ids=lambda e: f"{e.environment}-{e.task}")
@pytest.mark.parametrize(("environment", "task"), TASKS)
def test_what_the_description_means_is_never_offered(
    entry: Entry, environment: str, task: str
) -> None:
    """The words count whatever task was chosen: its instruction bars an entry in every robot."""
    folder = FOLDERS[environment]
    assert entry not in LIBRARY.similar(folder, folder.tasks[task], entry.instruction, 99)


def test_a_description_in_other_words_is_understood() -> None:
    """Where the words mean another task than the chosen one, neither of the two is offered."""
    folder = FOLDERS["hopper"]
    for text in ("jump up and down on the spot", "as high as it goes"):
        offered = LIBRARY.similar(folder, folder.tasks["run"], text, 99)
        assert offered
        assert "hopper" not in {entry.environment for entry in offered}


@pytest.mark.parametrize("entry", LIBRARY.entries, ids=lambda e: f"{e.environment}-{e.task}")
def test_a_copy_of_the_environment_is_the_same_robot(entry: Entry) -> None:
    """A folder of another name around the same Gymnasium environment does not get the answer."""
    folder = FOLDERS[entry.environment]
    copied = replace(folder, name="mine", path=Path("/nowhere/mine"))
    task = replace(folder.tasks[entry.task], name="other", instruction="Go.")
    assert entry not in LIBRARY.similar(copied, task, "go", 99)


def test_other_tasks_are_offered_nearest_first() -> None:
    """Running robots get the other running robots before an arm that reaches."""
    folder = FOLDERS["ant"]
    offered = LIBRARY.similar(folder, folder.tasks["run"], "run forward as fast as you can", 99)
    assert offered
    assert offered[-1].environment == "reacher"
    first = LIBRARY.similar(folder, folder.tasks["run"], "run forward as fast as you can", 1)
    assert first == offered[:1]
    assert LIBRARY.similar(folder, folder.tasks["run"], "run", 0) == ()


def test_every_environment_gets_an_example() -> None:
    """No task is left without a proven reward of another one."""
    for name, task in TASKS:
        chosen = FOLDERS[name].tasks[task]
        assert LIBRARY.similar(FOLDERS[name], chosen, chosen.instruction, 1)


@pytest.mark.parametrize("entry", LIBRARY.entries, ids=lambda e: f"{e.environment}-{e.task}")
def test_entries_are_what_they_say(entry: Entry) -> None:
    """A page names a task that exists, in its words, and its reward passes the critic."""
    folder = FOLDERS[entry.environment]
    task = folder.tasks[entry.task]
    assert (entry.fitness, entry.instruction) == (task.fitness, task.instruction)
    assert entry.gymnasium_id == folder.gymnasium_id
    assert entry.measured.startswith(f"{entry.fitness} ")
    code = extract_code(entry.text) or ""
    assert {finding.severity for finding in review(code, folder.schema).findings} <= {"note"}
    docs = {part.name: part.doc for part in parse_reward(code).components}
    assert not [name for name, doc in docs.items() if " in [" not in doc and name != "alive"]
    assert entry.fields <= set(folder.schema.names)


def test_a_missing_folder_is_an_empty_library(tmp_path: Path) -> None:
    """A run's snapshot from before there were proven rewards goes on without."""
    folder = FOLDERS["hopper"]
    library = Library(tmp_path / "none")
    assert library.entries == ()
    assert library.similar(folder, folder.tasks["run"], "run", 3) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\nenvironment", "environment", "begins with"),
        ("task: run\n", "", "task: Field required"),
        ("task: run", "tasks: run", "Field required"),
        ("task: run", "task: [run", "page.md"),
        ("def fast(", "def fast(:", "no valid reward file"),
        ("```python", "", "no valid reward file"),
    ],
)
def test_a_bad_page_is_refused_in_one_sentence(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    """File and reason are named."""
    (tmp_path / "page.md").write_text(PAGE.replace(old, new, 1))
    with pytest.raises(UsageError, match=message) as caught:
        _ = Library(tmp_path).entries
    assert "page.md" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_page_of_ones_own_is_read(tmp_path: Path) -> None:
    """Head, text and the fields of the reward come out."""
    (tmp_path / "page.md").write_text(PAGE)
    (entry,) = Library(tmp_path).entries
    assert (entry.task, entry.fields) == ("run", {"forward_velocity"})
    assert entry.text.startswith("A hopper.")
