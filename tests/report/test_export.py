"""Exports: importable without autoreward, and the same reward as in training, number for number."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autoreward.assets import asset_root
from autoreward.config import load_settings
from autoreward.errors import UsageError
from autoreward.report.export import export_text
from autoreward.rewards.evaluate import Moments, Signals, evaluate
from autoreward.rewards.formula import parse_formula
from autoreward.rewards.functions import FUNCTIONS
from autoreward.rewards.source import parse_reward
from autoreward.search.setup import Setup, prepare

ALONE = "import sys; sys.modules['autoreward'] = None; "
"""Makes `import autoreward` fail, editable install or not."""

FORMULAS = {
    "clip": "clip(a, -0.5, 0.5)",
    "tanh": "tanh(2 * a)",
    "sigmoid": "sigmoid(-a)",
    "bell": "bell(a, 0.7)",
    "sign": "sign(a) + 0.1 * sign(b)",
    "tiers": "tiers(a, -1, 3, 0, 2, 1, 1, -0.5)",
    "par": "par(a, 0.3) + par(b, -0.2, 4)",
    "lsc": "lsc(a, 1) + lsc(b, -30)",
    "normalize": "normalize(a) - 2 * normalize(a) / normalize(b * b)",
    "gate": "gate(a, 0) * b",
    "krc": "krc(a, b, c)",
    "product": "product(a, b, 0.5)",
    "minimum": "minimum(a, b, 1)",
    "progress": "progress(a, b, c)",
    "potential": "a + potential(tanh(c) * 2) - 0.5 * potential(c)",
}
ARITHMETIC = [
    "a / b",
    "a / (b - b)",
    "1 / a - -b",
    "-(a + b) * c - (a - (b - c))",
    "2 * 3 / 4 + a / 0.5",
    "a - b * (c + 1) / (2 - a) / 3",
    "a + b * 2 + tanh(a) + tanh(b) + tanh(c) + (a + b) - (a - b) - (b + c) - clip(a, 0, 1) * 0.125",
]


def setup_for(env: str, task: str | None = None) -> Setup:
    """Return the fixed parts of a run with default settings."""
    return prepare(load_settings(env=env, task=task, description="run fast or reach it"))


def facts(setup: Setup, **changes: Any) -> dict[str, Any]:
    """Return a provenance as `report.export.provenance` makes it."""
    form = {"mean": 1.5, "interval": [1.25, 1.75], "seeds": 3}
    fitness = {f.name: form for f in setup.folder.fitness}
    base = {
        "run": "20260102-030405-run",
        "candidate": "0123456789ab",
        "description": setup.settings.description,
        "formula": "forward",
        "model": None,
        "primary": setup.primary.name,
        "fitness": fitness,
        "baselines": {"sparse": fitness},
        "scored_on": "test episodes",
        "candidates_tried": 12,
        "training_steps": 200_000,
        "exported": "2026-01-02 03:04",
        "versions": {"mujoco": "3.11.0"},
    }
    return base | changes


def write_export(path: Path, env: str, text: str, task: str | None = None, **changes: Any) -> Path:
    """Write the export of a reward file and return its path."""
    setup = setup_for(env, task)
    path.write_text(export_text(text, setup, facts(setup, **changes)), encoding="utf-8")
    return path


def run_alone(program: str, *arguments: str) -> Any:
    """Run a program in a process that cannot import autoreward; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE + program, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


LOAD = (
    "import importlib.util, json\n"
    "spec = importlib.util.spec_from_file_location('exported', sys.argv[1])\n"
    "module = importlib.util.module_from_spec(spec); sys.modules['exported'] = module\n"
    "spec.loader.exec_module(module)\n"
)
STEPS = LOAD + (
    "env = module.make(); env.reset(seed=1); env.action_space.seed(1)\n"
    "pairs, ends = [], 0\n"
    "for _ in range(50):\n"
    "    _, reward, terminated, truncated, info = env.step(env.action_space.sample())\n"
    "    pairs.append([reward, float(info['gymnasium_reward'])])\n"
    "    if terminated or truncated: env.reset(); ends += 1\n"
    "print(json.dumps({'pairs': pairs, 'ends': ends}))\n"
)


@pytest.mark.parametrize("env", ["half_cheetah", "hopper", "reacher"])
def test_exported_expert_pays_what_gymnasium_pays(tmp_path: Path, env: str) -> None:
    """The export of Gymnasium's own reward agrees with Gymnasium, step by step, over resets."""
    text = (asset_root("envs") / env / "expert.py").read_text()
    path = write_export(tmp_path / "reward.py", env, text)
    result = run_alone(STEPS, str(path))
    ours, theirs = np.array(result["pairs"]).T
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    if env == "hopper":
        assert result["ends"] > 0


SENSING = '''"""Reads a sensor and a derived field."""


def clearance(state, action, next_state):
    """Gap under the foot."""
    return next_state.foot_clearance


def contact(state, action, next_state):
    """Contact points."""
    return next_state.foot_contact


def steps(state, action, next_state, memory):
    """Steps of the episode so far."""
    memory["n"] = memory.get("n", torch.zeros_like(action[:, 0])) + 1
    return memory["n"]


FORMULA = "clearance + contact + steps"
'''


def test_sensors_derived_fields_and_memory_work_in_the_wrapper(tmp_path: Path) -> None:
    """The foot starts 4 cm above the ground without contact, lands, and memory counts the steps."""
    path = write_export(tmp_path / "reward.py", "hopper", SENSING, "hop_high")
    program = LOAD + (
        "import numpy as np\n"
        "env = module.make(); rows = []\n"
        "for episode in range(2):\n"
        "    env.reset(seed=episode)\n"
        "    for _ in range(20):\n"
        "        _, _, end, _, info = env.step(np.zeros(3))\n"
        "        rows.append({**info['reward_components'], 'end': bool(end)})\n"
        "print(json.dumps(rows))\n"
    )
    rows = run_alone(program, str(path))
    for episode in (rows[:20], rows[20:]):
        assert [row["steps"] for row in episode] == list(range(1, 21))
        assert 0.02 < episode[0]["clearance"] < 0.06
        assert episode[0]["contact"] == 0
        assert episode[-1]["contact"] > 0
        assert episode[-1]["clearance"] < 1e-3


def test_a_task_with_its_own_end_is_exported_with_it(tmp_path: Path) -> None:
    """Where the task lets the robot lean over, the wrapper does, though Gymnasium would end."""
    text = (asset_root("envs") / "hopper" / "sparse_backflip.py").read_text()
    path = write_export(tmp_path / "reward.py", "hopper", text, "backflip")
    program = LOAD + (
        "import numpy as np\n"
        "env = module.make(); env.reset(seed=0); data = env.unwrapped.data\n"
        "position = data.qpos.copy(); position[1], position[2] = 2.0, 1.0\n"
        "env.unwrapped.set_state(position, data.qvel.copy())\n"
        "leaning = env.step(np.zeros(3))[2]\n"
        "position[1] = 0.3; env.unwrapped.set_state(position, data.qvel.copy())\n"
        "print(json.dumps([bool(leaning), bool(env.step(np.zeros(3))[2])]))\n"
    )
    assert run_alone(program, str(path)) == [False, True]


def load_here(path: Path) -> dict[str, Any]:
    """Import an exported file in this process: it is this test's own."""
    spec = importlib.util.spec_from_file_location("exported_reward", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return vars(module)


COMPONENTS = '''"""Three plain components of the next state."""


def a(state, action, next_state):
    """First coordinate."""
    return next_state.position[:, 0]


def b(state, action, next_state):
    """Second coordinate."""
    return next_state.position[:, 1]


def c(state, action, next_state):
    """Distance, wide."""
    return next_state.distance - 0.5


FORMULA = "%s"
'''


def random_state(rows: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Return fields of point_mass with zeros among them."""
    position = torch.randn(rows, 2, generator=generator).round(decimals=2)
    position[:5] = 0.0
    return {"position": position, "distance": position.norm(dim=-1)}


def test_every_function_of_the_formula_language_is_covered() -> None:
    """A function that is added to the language must be added to the test below."""
    assert FORMULAS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("formula", [*FORMULAS.values(), *ARITHMETIC])
def test_compiled_formula_equals_the_evaluated_one(tmp_path: Path, formula: str) -> None:
    """On random tensors, twice in a row, with and without an end of the episode."""
    path = write_export(tmp_path / "reward.py", "point_mass", COMPONENTS % formula)
    module = load_here(path)
    generator = torch.Generator().manual_seed(0)
    tree, kept, exported_moments = parse_formula(formula), dict[str, Moments](), dict[str, Any]()
    for _ in range(2):
        before, after = random_state(64, generator), random_state(64, generator)
        terminated = torch.rand(64, generator=generator) < 0.3

        def components(fields: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            position = fields["position"]
            return {"a": position[:, 0], "b": position[:, 1], "c": fields["distance"] - 0.5}

        signals = Signals(components(after), components(before), terminated, 0.99, kept)
        expected = evaluate(tree, signals)
        found, values = module["compute"](
            module["State"](**before),
            torch.zeros(64, 2),
            module["State"](**after),
            terminated,
            moments=exported_moments,
        )
        assert found.dtype == torch.float32
        assert values.keys() == {"a", "b", "c"}
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert expected.std() > 0


IN_PLACE = '''"""Uses += on what may be the input itself, helpers, and a constant."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from autoreward.rewards.helpers import tolerance

_SCALE = 2.0


def near(state, action, next_state):
    """Closeness to the goal."""
    x = next_state.distance
    x *= (_SCALE -
          0.5)
    x += 1.0; x -= 1.0
    return tolerance(x, upper=0.1, margin=1.0) + F.relu(norm(action)) * 0.0


FORMULA = "near"
'''


def test_reward_code_is_kept_but_for_what_only_autoreward_knows(tmp_path: Path) -> None:
    """In-place operators leave the inputs alone, helpers come along, imports of autoreward go."""
    path = write_export(tmp_path / "reward.py", "point_mass", IN_PLACE)
    module = load_here(path)
    distance = torch.tensor([0.0, 1.0])
    state = module["State"](distance=distance)
    reward, _ = module["compute"](state, torch.zeros(2, 2), state)
    assert distance.tolist() == [0.0, 1.0]
    assert reward[0] == 1.0
    assert reward[1] == pytest.approx(0.1 ** (1.4**2))
    assert "autoreward.rewards" not in path.read_text()


EUREKA = '''"""One function, as other tools write it."""


def compute_reward(state, action, next_state):
    """Return total and parts."""
    near = (-next_state.distance).exp()
    slow = -0.1 * next_state.speed
    return near + slow, {"near": near, "slow": slow}
'''


EUREKA_DICT = EUREKA.replace(
    'near + slow, {"near": near, "slow": slow}',
    '{"near": near, "slow": slow, "total": near + slow}',
)


@pytest.mark.parametrize("text", [EUREKA, EUREKA_DICT])
def test_compute_reward_files_export_too(tmp_path: Path, text: str) -> None:
    """Their parts become components, the total is what is paid."""
    module = load_here(write_export(tmp_path / "reward.py", "point_mass", text))
    state = module["State"](distance=torch.tensor([0.0]), speed=torch.tensor([2.0]))
    reward, values = module["compute"](state, torch.zeros(1, 2), state)
    assert reward.tolist() == pytest.approx([0.8])
    assert {name: round(float(v), 3) for name, v in values.items()} == {
        "near": 1.0,
        "slow": -0.2,
        "total": 0.8,
    }


def test_header_tells_where_the_reward_comes_from(tmp_path: Path) -> None:
    """Run, candidate, task, formula, scores with intervals and seeds; odd texts cannot break it."""
    description = 'go "far" \\ """ now\nand stay'
    text = (asset_root("envs") / "hopper" / "expert.py").read_text()
    path = write_export(tmp_path / "r.py", "hopper", text, "run", description=description)
    tree = ast.parse(path.read_text())
    header = ast.get_docstring(tree) or ""
    for part in ("20260102-030405-run", "0123456789ab", "3 training seeds", "1.50 [1.25, 1.75]"):
        assert part in header
    assert "sparse 1.50 [1.25, 1.75] m/s" in header
    program = LOAD + "print(json.dumps(module.PROVENANCE))"
    assert run_alone(program, str(path))["description"] == description


def test_a_name_that_the_export_needs_is_refused() -> None:
    """A component called like a part of the exported file gives a sentence, not a broken file."""
    setup = setup_for("point_mass", "reach")
    text = (COMPONENTS % "a").replace("def b(", "def compute(")
    assert parse_reward(text)
    with pytest.raises(UsageError, match="compute in the reward file"):
        export_text(text, setup, facts(setup))
