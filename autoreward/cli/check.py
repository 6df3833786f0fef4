"""`check`: what the critic and a trial in a jail say about a reward file."""

from __future__ import annotations

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    file: options.RewardFile,
    env: options.Env = None,
    task: options.Task = None,
    config: options.Config = None,
    overrides: options.Set = None,
    sandbox: options.SandboxKind = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Check reward FILE without training.

    Its code is reviewed; if nothing is wrong with it, it is tried in a jail on recorded behaviour.
    Exits with 1 if it would be refused.
    """
    from autoreward.config import load_settings
    from autoreward.report.pages import findings_list, trial_table
    from autoreward.search.evaluating import check_text, prepare_file, read_reward

    settings = load_settings(
        "quick", config, overrides or (), env=env, task=task, sandbox={"kind": sandbox}
    )
    output = Output(as_json)
    text = read_reward(file)
    setup = prepare_file(settings, file, env_path or ())
    checked = check_text(setup, text)
    result = {"file": str(file), "environment": setup.folder.name, **checked.to_dict()}
    if not as_json:
        if result["findings"]:
            output.lines(findings_list(result["findings"]))
        if checked.trial and checked.trial.components:
            output.show(trial_table(checked.trial.components), "")
    verdict = "ok: it may be trained" if checked.ok else "refused: correct the errors above"
    output.result(result, f"{file}: {verdict}")
    if not checked.ok:
        raise typer.Exit(1)
