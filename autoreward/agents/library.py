"""Proven rewards of other tasks, to be shown as examples; never one of the task itself.

As in Text2Reward (Xie et al. 2024, arXiv:2309.11489) a prompt may hold the nearest pairs of
instruction and reward. Nearness is that of shared words and shared state fields, not of embeddings:
it needs no model and can be followed by eye.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from autoreward.environments.folder import EnvironmentFolder, Task, choose_task
from autoreward.errors import RewardFileError, UsageError
from autoreward.llm.fences import extract_code
from autoreward.rewards.source import parse_reward
from autoreward.strict_yaml import parse_yaml

_HEAD = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_STOP_WORDS = (
    "a an and as at be by can do for from in into is it its make of on or possible robot so that "
    "the then to with without you your"
)


class _Head(BaseModel):
    """What stands between the two lines `---` at the top of a page."""

    model_config = ConfigDict(extra="forbid", strict=True)

    environment: str
    gymnasium_id: str | None = None
    task: str
    fitness: str
    instruction: str
    measured: str


@dataclass(frozen=True)
class Entry:
    """A reward that was trained and measured: a page `*.md`, a head in YAML and then text."""

    environment: str
    """Name of the environment's folder."""
    gymnasium_id: str | None
    """Gymnasium's name of the same environment, if any: folders that share it are one robot."""
    task: str
    fitness: str
    """Name of the task's deciding measurement."""
    instruction: str
    measured: str
    """What came out: fitness with its interval, training seeds, steps."""
    text: str
    """The page without its head: robot and fields in brief, the reward file in a fence."""
    fields: frozenset[str]
    """State fields that the reward reads."""


class Library:
    """The proven rewards of one folder.

    Args:
        directory: Holds pages `*.md`; one that does not exist is an empty library.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, by file name.

        Raises:
            UsageError: A page has no head, a bad one, or no valid reward file.
        """
        return tuple(_read_page(path) for path in sorted(self.directory.glob("*.md")))

    def similar(
        self, folder: EnvironmentFolder, task: Task, description: str, k: int
    ) -> tuple[Entry, ...]:
        """Return at most `k` entries, the nearest first, none of which could be the answer.

        Never offered is an entry of the same robot whose task, or whose measurement, is that of
        `task` or of the task that the description means; nor, whatever the robot, one whose
        instruction is the description or the task's own instruction, in the same words.

        Args:
            folder: The environment that a reward is wanted for.
            task: The chosen task.
            description: What the user asks for.
            k: How many entries to return at most.

        Raises:
            UsageError: A page of the library is broken.
        """
        if k <= 0:
            return ()
        wanted = {_words(description), _words(task.instruction)}
        meant = (task, *_meant(folder, description))
        fit = [
            entry
            for entry in self.entries
            if _words(entry.instruction) not in wanted
            and not (_same_robot(entry, folder) and any(_answers(entry, t) for t in meant))
        ]
        words, fields = frozenset().union(*wanted), frozenset(folder.schema.names)
        fit.sort(
            key=lambda entry: (
                -_overlap(_words(entry.instruction), words) - len(entry.fields & fields) * 0.1
            )
        )
        return tuple(fit[:k])


def _meant(folder: EnvironmentFolder, description: str) -> tuple[Task, ...]:
    """Return the task that a description would choose by itself, if any."""
    try:
        return (choose_task(folder, description)[0],)
    except UsageError:
        return ()


def _same_robot(entry: Entry, folder: EnvironmentFolder) -> bool:
    same_id = entry.gymnasium_id is not None and entry.gymnasium_id == folder.gymnasium_id
    return same_id or entry.environment == folder.name


def _answers(entry: Entry, task: Task) -> bool:
    return entry.task == task.name or entry.fitness == task.fitness


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of words that two texts have in common, in [0, 1] (Jaccard 1912)."""
    return len(first & second) / max(len(first | second), 1)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower())) - set(_STOP_WORDS.split())


def _read_page(path: Path) -> Entry:
    match = _HEAD.match(path.read_text(encoding="utf-8").replace("\r\n", "\n"))
    if match is None:
        raise UsageError(f"{path}: a page begins with `name: value` lines between two lines ---")
    try:
        head = _Head.model_validate(parse_yaml(match["head"], str(path)))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the head"
        raise UsageError(f"{path}: {name}: {first['msg']}") from None
    try:
        source = parse_reward(extract_code(match["body"]) or "")
    except RewardFileError as error:
        raise UsageError(f"{path}: it holds no valid reward file: {error}") from None
    fields = frozenset[str]().union(*(part.state_fields for part in source.components))
    return Entry(**head.model_dump(), text=match["body"].strip(), fields=fields)
