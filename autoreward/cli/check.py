"""`check`: what the critic and a trial in a jail say about a reward file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autoreward.cli import options
from autoreward.cli.output import Output

if TYPE_CHECKING:
    from autoreward.evaluation.bank import Prediction


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    file: options.RewardFile,
    env: options.Env = None,
    task: options.Task = None,
    bank: Annotated[
        str | None,
        typer.Option(
            "--bank",
            metavar="RUN",
            help="Predict its quality on the episodes of that run. [default: the task's latest]",
        ),
    ] = None,
    config: options.Config = None,
    overrides: options.Set = None,
    sandbox: options.SandboxKind = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Check reward FILE without training.

    Its code is reviewed; if nothing is wrong with it, it is tried in a jail on recorded behaviour,
    and on the policies of an earlier run. Exits with 1 if it would be refused.
    """
    from autoreward.config import load_settings
    from autoreward.report.pages import findings_list, trial_table
    from autoreward.search.banking import open_bank, recent_bank
    from autoreward.search.evaluating import check_text, prepare_file, read_reward

    settings = load_settings(
        "quick", config, overrides or (), env=env, task=task, sandbox={"kind": sandbox}
    )
    output = Output(as_json)
    text = read_reward(file)
    setup = prepare_file(settings, file, env_path or ())
    found = recent_bank(setup.folder.name, setup.task.name) if bank is None else None
    name = bank or (found[0] if found else None)
    episodes = open_bank(bank) if bank else (found[1] if found else None)
    checked = check_text(setup, text, episodes)
    result = {
        "file": str(file),
        "environment": setup.folder.name,
        "task": setup.task.name,
        "bank": name,
        **checked.to_dict(),
    }
    if not as_json:
        if result["findings"]:
            output.lines(findings_list(result["findings"]))
        if checked.trial and checked.trial.components:
            output.show(trial_table(checked.trial.components), "")
            output.show(_prediction(checked.prediction, name, setup.task.name), "")
    verdict = "ok: it may be trained" if checked.ok else "refused: correct the errors above"
    output.result(result, f"{file}: {verdict}")
    if not checked.ok:
        raise typer.Exit(1)


def _prediction(prediction: Prediction | None, bank: str | None, task: str) -> str:
    """Return the line about the trajectory bank."""
    if prediction is not None:
        return f"predicted quality: it {prediction}, recorded in {bank}"
    if bank is None:
        why = f"there is no run of {task} yet whose policies could tell"
    else:
        why = f"{bank} holds too few policies that differ"
    return f"predicted quality: unknown, {why}"
