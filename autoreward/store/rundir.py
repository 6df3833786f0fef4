"""Where runs live, what stands in a run's folder, and how files are written without tearing."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from autoreward.errors import RunError, UsageError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class RunFiles:
    """The layout of a run's folder."""

    directory: Path

    @property
    def database(self) -> Path:
        """The journal."""
        return self.directory / "run.db"

    @property
    def draft(self) -> Path:
        """The journal of a run that is just being made."""
        return self.directory / ".run.db.new"

    @property
    def config(self) -> Path:
        """The settings, complete."""
        return self.directory / "config.yaml"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the run."""
        return self.directory / "run.lock"

    @property
    def moment(self) -> Path:
        """What the process that works on the run sees just now."""
        return self.directory / "moment.json"

    @property
    def llm(self) -> Path:
        """What language models were asked by hand, and their answers."""
        return self.directory / "llm"

    def answer(self, key: str) -> Path:
        """The kept answer to the request of a key."""
        return self.llm / "cache" / f"{key}.json"

    @property
    def prompts(self) -> Path:
        """The prompt templates the run uses."""
        return self.directory / "prompts"

    @property
    def transitions(self) -> Path:
        """Recorded random behaviour that rewards are tried on."""
        return self.directory / "transitions.safetensors"

    def behaviour(self, name: str) -> Path:
        """Recorded episodes of a policy that nobody trained: `zero` or `random`."""
        return self.directory / f"{name}.safetensors"

    @property
    def bank(self) -> Path:
        """The trajectory bank that rewards of this run are tried on."""
        return self.directory / "bank.safetensors"

    @property
    def formula_policy(self) -> Path:
        """What the formula policy has learned from this run."""
        return self.directory / "formula-policy.safetensors"

    @property
    def clips(self) -> Path:
        """Moving pictures of policies."""
        return self.directory / "clips"

    @property
    def trainer_log(self) -> Path:
        """What the trainer process printed."""
        return self.directory / "trainer.log"

    def candidate(self, candidate_id: str) -> Path:
        """The reward file of a candidate."""
        return self.directory / "candidates" / f"{candidate_id}.py"

    def fingerprint(self, candidate_id: str) -> Path:
        """A candidate's values on recorded transitions."""
        return self.directory / "candidates" / f"{candidate_id}.npy"

    def job(self, job_id: str) -> Path:
        """The folder of one training."""
        return self.directory / "jobs" / job_id


def runs_root() -> Path:
    """Return the folder of all runs: `$AUTOREWARD_RUNS`, else `runs/` in the current folder."""
    return Path(os.environ.get("AUTOREWARD_RUNS") or "runs")


def check_name(name: str) -> None:
    """Hold that a name can be a folder's in `runs_root()`.

    Raises:
        UsageError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a run's name; use letters, digits, dots, dashes and underscores"
        )


def new_run_directory(name: str | None, slug: str, root: Path | None = None) -> Path:
    """Make the folder of a new run.

    Args:
        name: The user's choice; None makes one from the date and `slug`.
        slug: A few words about the run; anything but letters and digits becomes a dash.
        root: The folder to make it in; None is `runs_root()`.

    Raises:
        UsageError: The name is not usable as a folder's name.
        RunError: It is taken, or the folder cannot be made.
    """
    if name is not None:
        check_name(name)
    root = root or runs_root()
    words = re.sub(r"[^a-z0-9]+", "-", slug.lower())[:40].strip("-")
    made = "-".join(filter(None, [time.strftime("%Y%m%d-%H%M%S"), words]))
    for number in itertools.count(1):
        path = root / (name or (made if number == 1 else f"{made}-{number}"))
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if name is None and root.is_dir():
                continue
            if _is_unfinished(path):
                return path
            raise RunError(
                f"{path} exists; `autoreward resume {path.name}` continues a run, "
                f"another --name starts a new one"
            ) from None
        except OSError as error:
            raise RunError(f"cannot make the folder {path}: {error.strerror}") from None
        return path
    raise AssertionError("unreachable")


def list_runs() -> list[Path]:
    """Return the folders of all runs, the one written to last first."""
    found = [path for path in runs_root().glob("*/run.db") if path.is_file()]
    return [path.parent for path in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True)]


def find_run(name: str) -> Path:
    """Return the folder of a run, by its name, the unique start of its name, or its path.

    Raises:
        RunError: There is no such run, or several; says which are near.
    """
    directory = Path(name)
    if RunFiles(directory).database.is_file():
        return directory
    runs = {path.name: path for path in list_runs()}
    if name in runs:
        return runs[name]
    starts = sorted(run for run in runs if name and run.startswith(name))
    if len(starts) == 1:
        return runs[starts[0]]
    if starts:
        raise RunError(f"several runs begin with {name!r}: {', '.join(starts)}")
    if not runs:
        raise RunError(f"no run called {name!r}: there are no runs in {runs_root()}")
    raise RunError(f"no run called {name!r} in {runs_root()}{did_you_mean(name, runs)}")


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that a crash at any moment leaves the old content or the new, never a part.

    Args:
        path: Its folders are made where missing.
        data: Text is written as UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        rename_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rename_durably(old: Path, new: Path) -> None:
    """Rename a file within its folder, so that this survives a power loss too."""
    os.replace(old, new)
    folder = os.open(new.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _is_unfinished(directory: Path) -> bool:
    """Return whether a run was killed while it was being made: nothing is in it yet."""
    files = RunFiles(directory)
    made = {files.lock.name, files.config.name}
    return directory.is_dir() and all(
        path.name in made or path.name.startswith((files.draft.name, f".{files.config.name}."))
        for path in directory.iterdir()
    )
