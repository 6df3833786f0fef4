"""How many planted bugs the machine critic finds, and how often it is wrong about honest rewards.

    python benchmarks/critic.py           # about two minutes on one core

12 rewards with one bug each, as language models make them, and 40 honest ones, all on real
environments (tests/evaluation/checks); each gets the static review and a trial in a `process` jail.
A bug counts as found if its code is among the errors or warnings.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "evaluation" / "checks"))

from critic_arena import honest, planted, tally  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "critic.md"


def main() -> None:
    bugs, fair = tally(planted()), tally(honest())
    lines = ["# The machine critic", "", "Made by `python benchmarks/critic.py`.", ""]
    lines += ["| planted bug | expected | found | all errors and warnings |", "|---|---|---|---|"]
    for one in bugs:
        codes = sorted({f.code for f in one.findings if f.severity != "note"})
        found = "yes" if one.found else "NO"
        lines.append(
            f"| {one.case.path.stem} ({one.case.environment}) | {one.case.expected} | {found} "
            f"| {', '.join(codes)} |"
        )
    alarms = [one for one in fair if one.count("error")]
    warnings = sum(one.count("warning") for one in fair)
    notes = sum(one.count("note") for one in fair)
    kinds = Counter(f.code for one in fair for f in one.findings if f.severity != "note")
    lines += [
        "",
        f"* found: {sum(one.found for one in bugs)}/{len(bugs)}",
        f"* false alarms of severity error: {len(alarms)}/{len(fair)}"
        + "".join(f"; {one.case.name}" for one in alarms),
        f"* warnings per honest file: {warnings / len(fair):.2f} ({warnings} in {len(fair)}), "
        f"notes: {notes / len(fair):.2f}",
        f"* of honest files: {', '.join(f'{code} {n}' for code, n in kinds.items()) or 'nothing'}",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
