"""Runs every attack on every sandbox of this machine and writes the table in docs/security.md.

python tests/sandbox/security_table.py            half an hour
python tests/sandbox/security_table.py --check    whether the table names the attacks there are
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from arena import LIMITS, Arena, Outcome, opened
from attack_files import SCHEMA, attacks, honest, honest_files

from autoreward.agents.critic import review
from autoreward.sandbox.registry import Sandbox

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attacks:begin -->", "<!-- attacks:end -->"
BACKENDS = ("docker", "bubblewrap", "process")
ALONE = ", outer walls alone"
MISSING = "-"

Column = dict[str, Outcome]


def main() -> int:
    """Write the table, or compare its names; 1 if they differ."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--check", action="store_true", help="run nothing, compare names only")
    if options.parse_args().check:
        return check()
    columns: dict[str, Column] = {}
    reasons: list[str] = []
    sandboxes = {kind: opened(kind) for kind in BACKENDS}
    for suffix, limits in (("", LIMITS), (ALONE, replace(LIMITS, inner=()))):
        for kind, sandbox in sandboxes.items():
            if isinstance(sandbox, str):
                columns[kind + suffix] = {}
                reasons.append(f"{kind}: not run here: {sandbox}")
                continue
            with Arena(sandbox, limits) as arena:
                columns[kind + suffix] = run_all(arena, kind + suffix)
    facts = [*machine(), *dict.fromkeys(reasons), honesty(sandboxes)]
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    lines = [BEGIN, *rows(columns), "", *(f"- {fact}" for fact in facts), END]
    PAGE.write_text(before + "\n".join(lines) + rest.partition(END)[2], encoding="utf-8")
    return 0


def check() -> int:
    """Compare the names in the table with the files; 1 if they differ."""
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    written = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    there = {attack.name for attack in attacks()}
    for name in sorted(written ^ there):
        print(f"{name}: {'not in the table' if name in there else 'no such attack'}")
    return int(written != there)


def run_all(arena: Arena, title: str) -> Column:
    """Run every attack; print each outcome."""
    column = {}
    for attack in attacks():
        started = time.monotonic()
        outcome = column[attack.name] = arena.run(attack)
        seconds = time.monotonic() - started
        print(f"{title:36} {attack.name:34} {seconds:4.1f} s  {outcome.verdict}: {outcome.detail}")
        sys.stdout.flush()
    return column


def rows(columns: dict[str, Column]) -> list[str]:
    """Return the table in Markdown, totals first."""
    titles = ["attack", "what it tries", "static critic", *columns]
    caught = sum(bool(attack.caught) for attack in attacks())
    totals = ["**all**", f"{len(attacks())} attacks", f"{caught} caught"]
    totals += [total(column) for column in columns.values()]
    table = [titles, ["---"] * len(titles), totals]
    for attack in attacks():
        words = attack.tries.replace("|", "\\|").replace("<", "&lt;")
        outcomes = [cell(column.get(attack.name)) for column in columns.values()]
        table.append(
            [f"`{attack.name}`", words, "caught" if attack.caught else "passes", *outcomes]
        )
    return [f"| {' | '.join(row)} |" for row in table]


def total(column: Column) -> str:
    """Return how many came to what."""
    counts = Counter(outcome.verdict for outcome in column.values())
    if not column:
        return MISSING
    through = f"**{counts['gets through']} get through**"
    return f"{counts['stopped']} stopped, {counts['no effect']} no effect, {through}"


def cell(outcome: Outcome | None) -> str:
    """Return a short word for an outcome: the failure's code where there is one."""
    if outcome is None:
        return MISSING
    if outcome.verdict == "gets through":
        return "**gets through**"
    if outcome.verdict == "no effect":
        return "no effect"
    return f"stopped ({outcome.detail.partition(':')[0]})"


def machine() -> list[str]:
    """Return what the outcomes depend on."""
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    facts = [f"Linux {platform.release()}, {platform.machine()}; run by {user}"]
    facts.append(f"Python {platform.python_version()}, torch {torch.__version__}")
    sandbox = opened("docker")
    if not isinstance(sandbox, str):
        engine = sandbox.client().version()  # type: ignore[attr-defined]
        facts.append(f"Docker engine {engine['Version']}, its own runtime")
    if not isinstance(opened("bubblewrap"), str):
        done = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=True)
        facts.append(done.stdout.strip())
    return facts


def honesty(sandboxes: dict[str, Sandbox | str]) -> str:
    """Return how many honest rewards there are, and which are rejected by rules or in a jail."""
    works = [sandbox for sandbox in sandboxes.values() if not isinstance(sandbox, str)]
    rejected = {
        path.stem
        for path in honest_files()
        if not review(path.read_text(encoding="utf-8"), SCHEMA).accepted
    }
    for sandbox in works:
        for path in honest_files():
            findings = honest(path, sandbox)
            if any(finding.severity == "error" for finding in findings):
                rejected.add(path.stem)
    names = f": {', '.join(sorted(rejected))}" if rejected else ""
    return f"honest rewards: {len(honest_files())}, of which {len(rejected)} rejected{names}"


if __name__ == "__main__":
    raise SystemExit(main())
