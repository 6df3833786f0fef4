"""The presets: how much a run does, laid under the user's own settings."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # About five minutes on two cores: the defaults of `config`.
    "quick": {},
    # An hour or two on a desktop machine; smaller policy changes than in a short training.
    "standard": {
        "search": {
            "generations": 8,
            "population": 12,
            "finalists": 2,
            "confirm_seeds": 5,
        },
        "training": {"steps": 1_000_000, "target_kl": 0.01},
        "validation": {"episodes": 50, "rung_episodes": 20, "test_episodes": 100},
    },
    # A night.
    "thorough": {
        "search": {
            "generations": 12,
            "population": 16,
            "elites": 4,
            "finalists": 3,
            "confirm_seeds": 8,
        },
        "training": {"steps": 3_000_000, "target_kl": 0.01},
        "validation": {"episodes": 100, "rung_episodes": 30, "test_episodes": 200},
    },
}
"""Values laid under the user's own."""
