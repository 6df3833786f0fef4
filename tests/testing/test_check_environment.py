"""check_environment passes all shipped environments and sees what is wrong with others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoreward.assets import asset_root
from autoreward.environments.folder import find_environments
from autoreward.testing.environments import check_environment


@pytest.mark.parametrize("name", sorted(find_environments()))
def test_shipped_environments_conform(name: str) -> None:
    """No problems, episodes do end, and a speed is measured."""
    report = check_environment(name, seconds=0.02)
    assert report.ok, str(report)
    assert report.episodes > 0
    assert report.steps_per_second > 100
    assert str(report).startswith(f"{name}: ok: ")


def broken(tmp_path: Path, filename: str, old: str, new: str) -> list[str]:
    folder = tmp_path / "puck"
    shutil.copytree(asset_root("envs") / "point_mass", folder)
    path = folder / filename
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    report = check_environment("puck", [tmp_path], seconds=0.01)
    assert not report.ok
    assert "BROKEN" in str(report)
    return list(report.problems)


@pytest.mark.parametrize(
    ("filename", "old", "new", "problem"),
    [
        ("env.py", "generator=generator, dtype", "dtype", "something else than its generator"),
        ("env.py", "torch.zeros_like(place)", "torch.zeros(count, 3)", "initial(5) has shapes"),
        (
            "env.py",
            '"speed": physics.qvel.norm(dim=-1)',
            '"speed": physics.qvel.norm(dim=-1, keepdim=True)',
            "state.speed has shape",
        ),
        (
            "env.py",
            "outward / distance.clamp(min=1e-6)",
            "outward / (0 * distance)",
            "state.approach is not finite",
        ),
        ("env.py", '"energy": action', '"power": action', "fitness_steps() names"),
        (
            "env.py",
            "(distance < _REACHED).float()",
            "distance < _REACHED",
            "fitness success is torch.bool",
        ),
        (
            "env.py",
            "self.schema.dt * qvel, qvel",
            "self.schema.dt * qvel + 1e-3 * qpos.mean(), qvel",
            "depend on its neighbours",
        ),
        (
            "env.py",
            "self.schema.dt * qvel, qvel",
            "self.schema.dt * qvel + 1e-3 * torch.rand_like(qvel), qvel",
            "two runs of one seed",
        ),
        ("schema.yaml", "  energy:\n", "  x:\n", "the fitness 'x' is a name"),
    ],
)
def test_problems_are_found(
    tmp_path: Path, filename: str, old: str, new: str, problem: str
) -> None:
    """Each kind of fault is reported in words."""
    assert any(problem in found for found in broken(tmp_path, filename, old, new))
