"""Environment folders: finding and reading them, without torch and without running their code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoreward.assets import asset_root
from autoreward.environments.yaml_files import SchemaFile, SensorSpec, TasksFile, read_yaml
from autoreward.errors import UsageError, did_you_mean
from autoreward.schema import Fitness, StateSchema

_STOP_WORDS = (
    "a an and as at be by can do for from in into is it its make of on or so that the then to with "
    "you your robot possible"
)


@dataclass(frozen=True)
class Task:
    """One thing to do in an environment."""

    name: str
    instruction: str
    """What a person would ask for."""
    keywords: tuple[str, ...]
    """Words that make a free text mean this task."""
    fitness: str
    """Name of the primary fitness."""
    horizon: int
    """Environment steps after which an episode is cut off."""
    success: str
    """One line: what counts as success."""
    terminate: str
    """Which of the environment's ways to end an episode holds."""
    human: str | None
    """File name of the field's human-written reward; None where there is none."""
    sparse: str | None
    """File name of the success indicator as a reward."""


@dataclass(frozen=True)
class EnvironmentFolder:
    """All that is known about one environment, as data."""

    name: str
    path: Path
    title: str
    summary: str
    """What the robot is, in a few sentences."""
    schema: StateSchema
    fitness: tuple[Fitness, ...]
    horizon: int
    gymnasium_id: str | None
    xml: str | None
    """File name of the MuJoCo model, in the folder or among Gymnasium's; None for closed forms."""
    frame_skip: int
    sensors: Mapping[str, SensorSpec]
    termination: Mapping[str, str]
    """Ways an episode may end early, each a sentence; the first is the default."""
    card: str
    """card.md: what a person would tell a colleague."""
    tasks: Mapping[str, Task]

    def read(self, filename: str) -> str:
        """Return the text of a file of the folder.

        Raises:
            UsageError: There is no such file in the folder.
        """
        try:
            return (self.path / filename).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            near = did_you_mean(filename, (p.name for p in self.path.iterdir()))
            raise UsageError(f"{self.path} has no readable file {filename!r}{near}") from None

    def fitness_named(self, name: str) -> Fitness:
        """Return the fitness called `name`.

        Raises:
            UsageError: There is none; names near misses.
        """
        for fitness in self.fitness:
            if fitness.name == name:
                return fitness
        near = did_you_mean(name, (f.name for f in self.fitness))
        raise UsageError(f"{self.name} has no fitness {name!r}{near}")

    def task_named(self, name: str) -> Task:
        """Return the task called `name`.

        Raises:
            UsageError: There is none; names near misses.
        """
        if name in self.tasks:
            return self.tasks[name]
        raise UsageError(f"{self.name} has no task {name!r}{did_you_mean(name, self.tasks)}")


def find_environments(extra_paths: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the folders of all environments by name.

    Searched in this order, the first to have a name wins: `extra_paths`, `./envs`, the shelf that
    came with the installation. An entry of `extra_paths` may be a shelf or one environment folder.

    Raises:
        UsageError: An entry of `extra_paths` is no folder or holds no environment.
    """
    found: dict[str, Path] = {}
    for path in map(Path, extra_paths):
        here = _environments_in(path)
        if not here:
            raise UsageError(f"{path} holds no environment (a folder with schema.yaml and env.py)")
        found = here | found
    for path in (Path("envs"), asset_root("envs")):
        found = _environments_in(path) | found
    return dict(sorted(found.items()))


def open_environment(name: str, extra_paths: Iterable[Path] = ()) -> EnvironmentFolder:
    """Read the environment called `name`.

    Raises:
        UsageError: There is none of that name (near misses are named), or one of its files is bad.
    """
    found = find_environments(extra_paths)
    if name not in found:
        raise UsageError(f"no environment {name!r}{did_you_mean(name, found)}")
    return read_folder(found[name])


def read_folder(path: Path) -> EnvironmentFolder:
    """Read one environment folder.

    Raises:
        UsageError: A file is missing or breaks its format; names file and place.
    """
    path = path.resolve()
    schema_file = read_yaml(path / "schema.yaml", SchemaFile)
    fitness = schema_file.fitness_vector()
    card = path / "card.md"
    if not card.is_file():
        raise UsageError(f"{path} has no card.md")
    return EnvironmentFolder(
        name=path.name,
        path=path,
        title=schema_file.title,
        summary=" ".join(schema_file.summary.split()),
        schema=schema_file.state_schema(),
        fitness=fitness,
        horizon=schema_file.horizon,
        gymnasium_id=schema_file.gymnasium_id,
        xml=schema_file.xml,
        frame_skip=schema_file.frame_skip,
        sensors=schema_file.sensors,
        termination={k: " ".join(v.split()) for k, v in schema_file.termination.items()},
        card=card.read_text(encoding="utf-8"),
        tasks=_read_tasks(path / "tasks.yaml", schema_file),
    )


def choose_task(folder: EnvironmentFolder, text: str, name: str | None = None) -> tuple[Task, str]:
    """Return the task a free text means and, in words, why.

    An explicit `name` wins; else the task whose keywords (and, weaker, instruction) share most
    words with the text.

    Raises:
        UsageError: `name` is unknown, or the text has no word in common with any task.
    """
    if name is not None:
        return folder.task_named(name), "named by --task"
    words = _words(text)
    best, best_score, shared = None, 0.0, frozenset[str]()
    for task in folder.tasks.values():
        keywords = _words(" ".join(task.keywords))
        hits, weak = words & keywords, words & (_words(task.instruction) - keywords)
        # Keywords count twice; fewer keywords break ties in favour of the more special task.
        score = 2 * len(hits) + len(weak) - 0.001 * len(keywords)
        if hits | weak and score > best_score:
            best, best_score, shared = task, score, hits | weak
    if best is None:
        options = "; ".join(f"{t.name} ({t.instruction})" for t in folder.tasks.values())
        raise UsageError(
            f"the description fits no task of {folder.name}: choose one with --task: {options}"
        )
    return best, f"the description says {', '.join(sorted(shared))}"


def _environments_in(path: Path) -> dict[str, Path]:
    """Return the environments of a shelf, or the one that `path` itself is."""
    if (path / "schema.yaml").is_file():
        return {path.resolve().name: path.resolve()}
    if not path.is_dir():
        return {}
    inside = (p for p in path.iterdir() if (p / "schema.yaml").is_file())
    return {p.name: p.resolve() for p in inside}


def _read_tasks(path: Path, schema_file: SchemaFile) -> dict[str, Task]:
    specs = read_yaml(path, TasksFile).tasks
    if not specs:
        raise UsageError(f"{path}: tasks is empty")
    tasks = {}
    for name, spec in specs.items():
        where = f"{path}: tasks.{name}"
        if spec.fitness not in schema_file.fitness:
            near = did_you_mean(spec.fitness, schema_file.fitness)
            raise UsageError(f"{where}: no fitness {spec.fitness!r}{near}")
        terminate = spec.terminate or next(iter(schema_file.termination))
        if terminate not in schema_file.termination:
            near = did_you_mean(terminate, schema_file.termination)
            raise UsageError(f"{where}: no termination {terminate!r}{near}")
        for filename in filter(None, (spec.human, spec.sparse)):
            if not (path.parent / filename).is_file():
                raise UsageError(f"{where}: there is no file {filename} in {path.parent}")
        horizon = schema_file.horizon if spec.horizon is None else spec.horizon
        if horizon <= 0:
            raise UsageError(f"{where}: horizon must be above 0")
        tasks[name] = Task(
            name=name,
            instruction=spec.instruction,
            keywords=tuple(spec.keywords),
            fitness=spec.fitness,
            horizon=horizon,
            success=spec.success,
            terminate=terminate,
            human=spec.human,
            sparse=spec.sparse,
        )
    return tasks


def _words(text: str) -> frozenset[str]:
    """Return the text's words, lower case, without common endings and stop words."""
    words = re.findall(r"[a-z]+", text.lower().replace("_", " "))
    return frozenset(_stem(word) for word in set(words) - set(_STOP_WORDS.split()))


def _stem(word: str) -> str:
    for ending in ("ing", "est", "er", "ly", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3:
            return stem[:-1] if stem[-1] == stem[-2] and len(stem) > 3 else stem
    return word
