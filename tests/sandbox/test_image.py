"""The docker sandbox's image: holds what the server imports, is named after it, says what fails."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoreward.errors import SandboxError, UsageError
from autoreward.sandbox import image
from autoreward.sandbox.child import PACKAGE


def server_modules() -> set[str]:
    """Return the package's files that the reward server's imports reach, read from the sources."""
    path = Path(__file__).parents[1] / "test_architecture.py"
    spec = importlib.util.spec_from_file_location("reader_of_imports", path)
    assert spec is not None and spec.loader is not None
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    files = reader.module_files(PACKAGE)
    reached = reader.closure(reader.import_graph(PACKAGE), "autoreward.sandbox.reward_server")
    return {str(files[module].relative_to(PACKAGE)) for module in reached}


def image_files() -> set[str]:
    """Return the package's files that go into the image."""
    prefix = "server/autoreward/"
    return {path.removeprefix(prefix) for path, _ in image._context() if path.startswith(prefix)}


def test_the_image_holds_what_the_server_imports() -> None:
    """Every module that the reward server reaches, and no other but rewards' own folder."""
    needed, held = server_modules(), image_files()
    assert "sandbox/reward_server.py" in needed
    assert needed - held == set()
    assert {path for path in held - needed if not path.startswith("rewards/")} == set()


def test_the_image_holds_no_host() -> None:
    """No backend, search, trainer, store or model client, by the paths themselves."""
    rooms = {path.partition("/")[0] for path in image_files() if "/" in path}
    assert rooms == {"rewards", "sandbox"}
    assert not any("backends" in path or "engine" in path for path in image_files())


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the package that the image is made of now."""
    package = tmp_path / "autoreward"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(image, "PACKAGE", package)
    return package


def test_the_name_is_that_of_the_sources(copied: Path) -> None:
    """The same sources elsewhere give the same name; it is a plain `name:tag`."""
    there = image.image_name()
    image.PACKAGE = PACKAGE
    assert image.image_name() == there == image.image_name()
    repository, _, tag = there.partition(":")
    assert repository == image.REPOSITORY
    assert len(tag) == 12 and int(tag, 16) >= 0


@pytest.mark.parametrize(
    "path", ["sandbox/lockdown.py", "rewards/runtime.py", "schema.py", "sandbox/supervisor.py"]
)
def test_a_changed_source_makes_another_image(copied: Path, path: str) -> None:
    """One more comment in a file that is inside gives a new name: an old image is never used."""
    before = image.image_name()
    (copied / path).write_text((copied / path).read_text() + "\n# changed\n")
    assert image.image_name() != before


def test_a_source_that_is_not_inside_does_not_change_the_name(copied: Path) -> None:
    """What only the host runs makes no new image necessary."""
    before = image.image_name()
    for path in ("cli/main.py", "sandbox/engine.py", "sandbox/backends/docker.py"):
        (copied / path).write_text("# changed\n")
    assert image.image_name() == before


def test_another_torch_makes_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewards shall compute the same inside and outside."""
    before = image.image_name()
    monkeypatch.setattr(image, "version", lambda name: "1.2.3+cpu")
    assert image.image_name() != before
    assert dict(image._context())["requirements.txt"] == b"torch==1.2.3\nnumpy==1.2.3\n"


class FakeBuilder:
    """Answers `build` with lines; keeps what it was asked for and what the folder held."""

    def __init__(self, *lines: dict[str, Any]) -> None:
        self.lines = lines
        self.asked: dict[str, Any] = {}
        self.folder = Path()
        self.seen: set[str] = set()

    def build(self, **options: Any) -> Iterator[dict[str, Any]]:
        """Yield the lines as the engine does."""
        self.asked, self.folder = options, Path(options["path"])
        self.seen = names_below(self.folder)
        yield from self.lines


def names_below(folder: Path) -> set[str]:
    """Return the files of a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_builder_gets_the_whole_context_and_nothing_more() -> None:
    """Dockerfile, versions, the server's files; the folder is gone afterwards."""
    client = FakeBuilder({"stream": "Step 1\n"}, {"stream": "\n"})
    assert list(image.build(client)) == ["Step 1"]
    expected = {path for path, _ in image._context()} | {"wheels/README"}
    assert client.seen == expected
    assert not client.folder.exists()
    assert client.asked["tag"] == image.image_name()
    assert client.asked["buildargs"] == {}
    assert client.asked["network_mode"] is None


def test_with_wheels_the_build_uses_no_network(tmp_path: Path) -> None:
    """They are copied into the folder, and the builder gets no network to fall back to."""
    for name in ("torch-2.whl", "numpy-2.whl", "notes.txt"):
        (tmp_path / name).write_text(name)
    client = FakeBuilder()
    assert list(image.build(client, base="mine:1", wheels=tmp_path)) == []
    assert {path for path in client.seen if path.startswith("wheels/")} == {
        *("wheels/README", "wheels/torch-2.whl", "wheels/numpy-2.whl")
    }
    assert client.asked["network_mode"] == "none"
    assert client.asked["buildargs"] == {"BASE": "mine:1", "OFFLINE": "1"}


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_wheels_is_a_mistake(tmp_path: Path, there: bool) -> None:
    """One sentence names the folder and the command that fills it; nothing is built."""
    folder = tmp_path if there else tmp_path / "nowhere"
    client = FakeBuilder()
    with pytest.raises(UsageError, match="pip download torch==") as mistake:
        list(image.build(client, wheels=folder))
    assert str(folder) in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert client.asked == {}


def test_a_build_that_fails_says_what_the_builder_said() -> None:
    """Its error with the last line before it; the folder is gone."""
    client = FakeBuilder(
        {"stream": "Step 1/9\n"},
        {"stream": "no matching distribution\n"},
        {"error": "The command returned a non-zero code: 1", "errorDetail": {}},
        {"stream": "never shown"},
    )
    lines = image.build(client)
    assert [next(lines), next(lines)] == ["Step 1/9", "no matching distribution"]
    with pytest.raises(SandboxError) as failure:
        next(lines)
    assert "non-zero code: 1" in str(failure.value)
    assert "no matching distribution" in str(failure.value)
    assert not client.folder.exists()
