"""For all tests: nothing of this machine's user is read or written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what `doctor --bench` once found out of the settings of tests, and of children."""
    with pytest.MonkeyPatch.context() as patch:
        if "WARP_CACHE_PATH" not in os.environ:  # compiled kernels: they take a minute to make
            patch.setenv("WARP_CACHE_PATH", str(Path.home() / ".cache" / "warp"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
