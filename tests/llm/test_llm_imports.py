"""Importing the package is cheap."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import autoreward.llm
for module in pkgutil.walk_packages(autoreward.llm.__path__, "autoreward.llm."):
    importlib.import_module(module.name)
print(*sorted({"openai", "anthropic", "litellm", "torch", "numpy", "httpx"} & set(sys.modules)))
print("autoreward.llm.providers.anthropic" in sys.modules)
"""


def test_no_module_imports_an_sdk_or_torch() -> None:
    """Every module of the package loads without OpenAI's, Anthropic's and LiteLLM's, or torch."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["", "True"]
