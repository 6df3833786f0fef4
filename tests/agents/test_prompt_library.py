from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoreward.agents.critic import review
from autoreward.agents.prompts import PromptLibrary
from autoreward.assets import asset_root
from autoreward.environments.folder import find_environments, open_environment
from autoreward.errors import UsageError
from autoreward.llm.fences import extract_code
from autoreward.rewards.runtime import load_reward
from autoreward.schema import Actuator, Field, StateSchema

MADE_UP = {"position": (3,), "velocity": (3,), "marker_position": (3,)}
"""Vector fields of the examples' environments; all others are scalars."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(asset_root("prompts"), tmp_path / "prompts"))


def test_unknown_variable_fails_loudly(copy: Path) -> None:
    """A template that asks for what does not exist is an error with file and name."""
    (copy / "draft.j2").write_text("Task: {{ taks }}")
    with pytest.raises(UsageError, match=r"draft\.j2.*'taks' is undefined"):
        PromptLibrary(copy).render("draft", task="run")


def test_broken_template_fails_loudly(copy: Path) -> None:
    """A syntax error in a template names file and line."""
    (copy / "draft.j2").write_text("one\n{% if %}")
    with pytest.raises(UsageError, match=r"draft\.j2, line 2"):
        PromptLibrary(copy).render("draft")


def test_missing_templates_fail_loudly(copy: Path, tmp_path: Path) -> None:
    """A missing template, and a directory that holds none at all, are said."""
    (copy / "cross.j2").unlink()
    with pytest.raises(UsageError, match=r"no template cross\.j2"):
        PromptLibrary(copy).render("cross")
    with pytest.raises(UsageError, match="no prompt templates"):
        PromptLibrary(tmp_path)


def test_values_are_not_templates(copy: Path) -> None:
    """What a user or a model wrote is shown as it is, braces and angle brackets included."""
    (copy / "draft.j2").write_text("{{ text }}")
    text = "{{ 7 * 7 }} <b> & {% raw %}"
    assert PromptLibrary(copy).render("draft", text=text) == text + "\n"


def test_snapshot_is_a_library_of_its_own(copy: Path, tmp_path: Path) -> None:
    """A snapshot renders as the original did, whatever happens to that later."""
    library = PromptLibrary(copy)
    library.snapshot(tmp_path / "run")
    frozen = PromptLibrary(tmp_path / "run")
    assert frozen.digest == library.digest == PromptLibrary().digest
    assert [e.text for e in frozen.examples] == [e.text for e in library.examples]
    (copy / "system.j2").write_text("changed")
    assert frozen.digest != PromptLibrary(copy).digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prompts", "run"]


def test_digest_covers_examples(copy: Path) -> None:
    """An edited example is another set of prompts."""
    before = PromptLibrary(copy).digest
    page = copy / "examples" / "drone.md"
    page.write_text(page.read_text() + "\n")
    assert PromptLibrary(copy).digest != before


def test_proven_rewards_belong_to_the_prompts(copy: Path, tmp_path: Path) -> None:
    """A run's snapshot holds them, and an edited one is another set of prompts."""
    library = PromptLibrary(copy)
    before = library.digest
    library.snapshot(tmp_path / "run")
    assert PromptLibrary(tmp_path / "run").digest == before
    page = next((tmp_path / "run" / "library").glob("*.md"))
    page.write_text(page.read_text() + "\n")
    assert PromptLibrary(tmp_path / "run").digest != before


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_example_is_of_another_environment(name: str) -> None:
    """The example shares neither name nor state fields with the environment of the prompt."""
    folder = open_environment(name)
    example = PromptLibrary().example_for(folder)
    assert example.name != name
    assert not example.fields & {f.name for f in folder.schema.state if not f.shape}


def test_an_environment_never_sees_its_own_example(copy: Path) -> None:
    """Even the only example left is refused if it is the environment's own."""
    (copy / "examples" / "cart_pole.md").unlink()
    (copy / "examples" / "drone.md").rename(copy / "examples" / "hopper.md")
    with pytest.raises(UsageError, match="another environment than hopper"):
        PromptLibrary(copy).example_for(open_environment("hopper"))


def test_bad_example_is_refused(copy: Path) -> None:
    """An edited example that is no reward file any more would teach mistakes."""
    (copy / "examples" / "drone.md").write_text("```python\nimport os\n```")
    with pytest.raises(UsageError, match=r"drone\.md"):
        _ = PromptLibrary(copy).examples


@pytest.mark.parametrize("example", PromptLibrary().examples, ids=lambda example: example.name)
def test_examples_keep_every_rule(example) -> None:
    """The examples pass the critic with notes at most, and load."""
    fields = tuple(
        Field(name, "", "m", "", shape=MADE_UP.get(name, ())) for name in sorted(example.fields)
    )
    schema = StateSchema(fields, (Actuator("push", "N", ""),), 0.05)
    code = extract_code(example.text)
    assert code is not None
    assert {finding.severity for finding in review(code, schema).findings} <= {"note"}
    assert len(load_reward(code, schema).components) >= 4
