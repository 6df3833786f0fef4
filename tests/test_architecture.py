"""Holds the floors and walls of the house by reading the imports of every file."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "autoreward"

FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "errors findings pointers schema seeds assets strict_yaml layering machine presets "
        "quantities search_settings config",
        "rewards sim store",
        "environments llm sandbox",
        "training",
        "agents evaluation",
        "search",
        "report testing",
        "cli",
    )
)
HOST_PACKAGES = ("cli", "report", "search", "agents", "llm", "store", "evaluation")
HOST_MODULES = (
    "config",
    "environments.folder",
    "environments.card",
    "rewards.source",
    "rewards.rules",
    "rewards.formula",
)
LEARNING = tuple(f"agents.formulas.{name}" for name in ("scene", "network", "learning", "policy"))
"""Parts of the host that need torch: imported where they are used."""
HEAVY = ("torch", "mujoco", "litellm", "openai", "anthropic")
MAX_LINES = 400

Graph = dict[str, set[str]]


def module_files(package: Path) -> dict[str, Path]:
    """Return every module under `package` by dotted name."""
    files = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def import_graph(package: Path) -> Graph:
    """Return which modules of `package` each module imports, in function bodies too."""
    files = module_files(package)
    graph: Graph = {}
    for name, path in files.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    found.add(inner if inner in files else node.module)
        graph[name] = {target for target in found if target in files} - {name}
    return graph


def closure(graph: Graph, start: str) -> set[str]:
    """Return all modules that importing `start` runs, parents' `__init__` included."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        waiting += graph[name]
        waiting += [name.rpartition(".")[0]]
    return seen


def room(module: str) -> str:
    """Return the package or top module of `module`: that of `autoreward.store.x` is `store`."""
    return [*module.split("."), ""][1]


def floor_of(name: str) -> int:
    """Return the floor of a package or top module."""
    for number, names in enumerate(FLOORS):
        if name in names:
            return number
    raise KeyError(f"{name!r} has no floor: add it to FLOORS and to the design")


def floor_violations(graph: Graph) -> list[str]:
    """Return the imports that go up, or sideways to another package."""
    bad = []
    for module, targets in graph.items():
        for target in targets:
            here, there = room(module), room(target)
            if not here or not there or here == there:
                continue
            if floor_of(there) > floor_of(here) or floor_of(there) == floor_of(here) > 0:
                bad.append(f"{module} -> {target}")
    return sorted(bad)


def code_runners(path: Path) -> list[str]:
    """Return the calls in a file that run text as code."""
    runners = {"exec", "eval", "compile", "__import__"}
    bad = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        call = node.func
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            name = call.attr if call.value.id in ("builtins", "__builtins__") else ""
        else:
            name = call.id if isinstance(call, ast.Name) else ""
        if name in runners:
            bad.append(f"{path.name}:{node.lineno} {name}()")
    return bad


GRAPH = import_graph(PACKAGE)


def test_every_module_stands_on_a_floor() -> None:
    """A new package must be given a floor."""
    for module in GRAPH:
        if room(module):
            assert floor_of(room(module)) >= 0


def test_imports_go_down_only() -> None:
    """No module imports from a floor above it, or from another package on its own floor."""
    assert floor_violations(GRAPH) == []


def test_no_import_circles() -> None:
    """The modules can be put in an order in which each imports only earlier ones."""
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " -> ".join(error.args[1]))


def test_package_inits_are_docstrings() -> None:
    """An `__init__.py` holds a docstring and no imports, so that imports stay cheap."""
    for path in PACKAGE.rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        rest = [node for node in body[1:] if path.parent != PACKAGE or not _is_version(node)]
        assert body and ast.get_docstring(ast.Module(body, [])), f"{path}: no docstring"
        assert not rest, f"{path}: more than a docstring"


def _is_version(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"


def test_host_stays_light() -> None:
    """Importing the host's modules loads no tensor library, no simulator and no SDK."""
    wanted = [
        module
        for module in GRAPH
        if (room(module) in HOST_PACKAGES and ".llm.providers." not in module)
        or module.removeprefix("autoreward.") in HOST_MODULES
        if module.removeprefix("autoreward.") not in LEARNING
    ]
    assert wanted
    program = (
        "import importlib, json, sys\n"
        "blame = {}\n"
        "for module in json.loads(sys.argv[1]):\n"
        "    importlib.import_module(module)\n"
        "    for heavy in json.loads(sys.argv[2]):\n"
        "        if heavy in sys.modules: blame.setdefault(heavy, module)\n"
        "print(json.dumps(blame))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(wanted), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {}


def test_jail_sees_nothing_but_rewards() -> None:
    """What runs inside a jail reaches no simulator, environment, store, model client or command."""
    allowed = {"", "errors", "findings", "schema", "rewards", "sandbox"}
    for module in closure(GRAPH, "autoreward.sandbox.reward_server"):
        assert room(module) in allowed, module


def test_generated_code_is_loaded_in_the_jail_alone() -> None:
    """Only the reward server imports the module that executes reward code."""
    importers = {
        module for module, targets in GRAPH.items() if "autoreward.rewards.runtime" in targets
    }
    assert importers <= {"autoreward.sandbox.reward_server"}


def test_text_is_executed_in_one_file() -> None:
    """`exec`, `eval` and `compile` are called in rewards/runtime.py and nowhere else."""
    allowed = PACKAGE / "rewards" / "runtime.py"
    files = [path for path in module_files(PACKAGE).values() if path != allowed]
    assert [call for path in files for call in code_runners(path)] == []


def test_trainer_holds_no_keys_and_no_generated_code() -> None:
    """The trainer process reaches neither the host's packages nor the code that runs rewards.

    Of the store it knows where files stand and how they are written whole, never the journal.
    """
    forbidden = {"llm", "store", "search", "agents", "cli", "report", "evaluation"}
    layout = {"autoreward.store", "autoreward.store.rundir"}
    entries = [name for name in GRAPH if room(name) in ("training", "sim", "environments")]
    for entry in entries:
        for module in closure(GRAPH, entry) - layout:
            assert room(module) not in forbidden, f"{entry} reaches {module}"
            assert module != "autoreward.rewards.runtime", f"{entry} reaches {module}"
            assert module != "autoreward.sandbox.reward_server", f"{entry} reaches {module}"


@pytest.mark.parametrize("shelf", ["autoreward", "envs", "tests", "benchmarks"])
def test_files_are_short(shelf: str) -> None:
    """No file is longer than a person reads in one sitting."""
    for path in (ROOT / shelf).rglob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= MAX_LINES, f"{path.relative_to(ROOT)}: {lines} lines"


def test_the_reader_sees_violations(tmp_path: Path) -> None:
    """The checks above do find an import upwards, sideways, in a function, and a call of exec."""
    package = tmp_path / "autoreward"
    files = {
        "__init__": "",
        "errors": "import json",
        "rewards/__init__": "",
        "rewards/runtime": "import re\nre.compile('x')\nexec('1')\n",
        "sim/__init__": "",
        "sim/world": "def f():\n    from autoreward.rewards import runtime\n",
        "store/__init__": "",
        "store/journal": "from autoreward.cli.main import main\nfrom autoreward.errors import E\n",
        "cli/__init__": "",
        "cli/main": "import autoreward.store.journal\nfrom autoreward import errors\n",
    }
    for name, text in files.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    graph = import_graph(package)
    assert floor_violations(graph) == [
        "autoreward.sim.world -> autoreward.rewards.runtime",
        "autoreward.store.journal -> autoreward.cli.main",
    ]
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()
    assert code_runners(package / "rewards" / "runtime.py") == ["runtime.py:3 exec()"]
    assert "autoreward.store" in closure(graph, "autoreward.cli.main")
    assert "autoreward.errors" in closure(graph, "autoreward.cli.main")
    with pytest.raises(KeyError, match="no floor"):
        floor_of("cellar")
