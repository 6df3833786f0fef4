"""Finds the shelves a user edits (envs/, prompts/ ...): in the wheel or in the checkout."""

from __future__ import annotations

from pathlib import Path


def asset_root(shelf: str) -> Path:
    """Return a shelf that came with this installation: `envs`, `prompts`, `benchmarks/suites` ...

    A wheel carries them inside the package (`autoreward/assets/`); in a checkout and in an editable
    install they stand beside it.

    Raises:
        FileNotFoundError: The installation is damaged.
    """
    package = Path(__file__).resolve().parent
    for path in (package / "assets" / shelf, package.parent / shelf):
        if path.is_dir():
            return path
    raise FileNotFoundError(f"the {shelf}/ folder of autoreward is missing beside {package}")
