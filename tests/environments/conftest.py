"""A small environment folder to copy and to break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autoreward.assets import asset_root

Edit = Callable[..., Path]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a shelf that holds a copy of point_mass under the name `puck`."""
    shutil.copytree(
        asset_root("envs") / "point_mass",
        tmp_path / "shelf" / "puck",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return tmp_path / "shelf"


@pytest.fixture
def edit(shelf: Path) -> Edit:
    """Return a function that replaces text in a file of `puck` and gives the shelf."""

    def change(filename: str, old: str, new: str) -> Path:
        path = shelf / "puck" / filename
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return shelf

    return change
