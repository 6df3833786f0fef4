"""The agents' prompts: Jinja templates, worked examples, proven rewards; users may edit them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2

from autoreward.assets import asset_root
from autoreward.environments.folder import EnvironmentFolder
from autoreward.errors import RewardFileError, UsageError
from autoreward.llm.fences import extract_code
from autoreward.rewards.source import parse_reward

_EXAMPLES = "examples"
_LIBRARY = "library"


@dataclass(frozen=True)
class Example:
    """A task of a made-up environment and a reward file for it."""

    name: str
    text: str
    """The whole page: the environment in brief, the task, the reward file in a fence."""
    fields: frozenset[str]
    """State fields that the reward reads."""


class PromptLibrary:
    """Templates `*.j2`, `examples/*.md` and `library/*.md` of one directory.

    Args:
        directory: A run's snapshot, or any edited copy; None takes those of the installation.

    Raises:
        UsageError: The directory holds no templates.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = asset_root("prompts") if directory is None else directory
        if not any(self.directory.glob("*.j2")):
            raise UsageError(f"{self.directory} holds no prompt templates (*.j2)")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self.directory),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # plain text for a model, not HTML
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, **variables: object) -> str:
        """Return the prompt made of the template `name`.j2.

        Raises:
            UsageError: No such template, an error in it, or a variable that does not exist.
        """
        try:
            text = self._templates.get_template(f"{name}.j2").render(**variables)
        except jinja2.TemplateSyntaxError as error:
            raise UsageError(f"{error.filename or name}, line {error.lineno}: {error}") from None
        except jinja2.TemplateNotFound as error:
            raise UsageError(f"{self.directory} has no template {error.name}") from None
        except jinja2.TemplateError as error:
            raise UsageError(f"{self.directory / name}.j2: {error}") from None
        return text.strip() + "\n"

    @property
    def library(self) -> Path:
        """Folder of the proven rewards; it need not exist."""
        return self.directory / _LIBRARY

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The worked examples, by file name.

        Raises:
            UsageError: One of them holds no valid reward file.
        """
        return tuple(_read_example(path) for path in sorted(self._example_files()))

    def example_for(self, folder: EnvironmentFolder) -> Example:
        """Return the example that has least in common with an environment, never its own.

        A model shall see what an answer looks like, not half of the answer.

        Raises:
            UsageError: There is none.
        """
        strange = [example for example in self.examples if example.name != folder.name]
        if not strange:
            raise UsageError(
                f"{self.directory / _EXAMPLES} needs an example from another environment than "
                f"{folder.name}"
            )
        return min(strange, key=lambda example: len(example.fields & set(folder.schema.names)))

    @property
    def digest(self) -> str:
        """SHA-256 of all templates, examples and proven rewards, 64 hex digits."""
        digest = hashlib.sha256()
        for path in self._files():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self.directory)}\n{len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def snapshot(self, to: Path) -> None:
        """Copy all files to `to`, whole or not at all, for a prompt library of its own.

        Args:
            to: A directory that does not exist yet.
        """
        unfinished = to.with_name(f".{to.name}.tmp")
        shutil.rmtree(unfinished, ignore_errors=True)
        for path in self._files():
            target = unfinished / path.relative_to(self.directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        unfinished.rename(to)

    def _files(self) -> list[Path]:
        pages = (*self._example_files(), *self.library.glob("*.md"))
        return sorted([*self.directory.glob("*.j2"), *pages])

    def _example_files(self) -> list[Path]:
        return list((self.directory / _EXAMPLES).glob("*.md"))


def _read_example(path: Path) -> Example:
    text = path.read_text(encoding="utf-8").strip()
    try:
        source = parse_reward(extract_code(text) or "")
    except RewardFileError as error:
        raise UsageError(f"{path}: the example is no reward file: {error}") from None
    fields = frozenset[str]().union(*(part.state_fields for part in source.components))
    return Example(path.stem, text, fields)
