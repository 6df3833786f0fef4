"""`design` and `resume`: the main job."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from autoreward.cli import options
from autoreward.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(design)
    app.command()(resume)


def design(
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="What the agent shall do, in words."),
    ] = None,
    env: options.Env = None,
    task: options.Task = None,
    preset: options.Preset = "quick",
    config: options.Config = None,
    overrides: options.Set = None,
    seed: options.Seed = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="RUN", help="Name of the run. [default: made up]"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Language model: openai/NAME, anthropic/NAME, a LiteLLM name, or manual.",
        ),
    ] = None,
    api_base: Annotated[
        str | None,
        typer.Option("--api-base", metavar="URL", help="Address of a compatible model server."),
    ] = None,
    designer: Annotated[
        str | None,
        typer.Option(
            "--designer",
            metavar="builtin|llm",
            help="Who writes the rewards. [default: builtin, or llm where --model is given]",
        ),
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Train nothing that you have not approved.")
    ] = False,
    fitness: Annotated[
        str | None,
        typer.Option(
            "--fitness",
            metavar="task|preference",
            help="Rank by the task's own measurement, or by your preferences between clips.",
        ),
    ] = None,
    bank: Annotated[
        list[str] | None,
        typer.Option(
            "--bank", metavar="RUN", help="Try rewards on the episodes of that run. Repeatable."
        ),
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(
            "--warm-start",
            metavar="RUN",
            help="Begin with the formula policy that RUN, or a file, has learned.",
        ),
    ] = None,
    sandbox: options.SandboxKind = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Design a reward for TEXT.

    Rewards are proposed, checked, and trained side by side, over several generations; the best is
    trained again on fresh seeds and measured beside the baselines on test episodes.
    """
    from autoreward.cli.running import conduct
    from autoreward.config import load_settings
    from autoreward.search.opening import create_run
    from autoreward.search.setup import prepare

    settings = load_settings(
        preset,
        config,
        overrides or (),
        env=env,
        task=task,
        description=text,
        seed=seed,
        designer={"kind": designer},
        llm={"model": model, "api_base": api_base},
        search={
            "review": review or None,
            "fitness": fitness,
            "banks": bank or None,
            "warm_start": warm_start,
        },
        sandbox={"kind": sandbox},
    )
    output = Output(as_json)
    paths = env_path or ()
    setup = prepare(settings, paths)
    slug = f"{settings.env} {settings.description}"
    with create_run(setup, "design", paths, name=name, slug=slug) as journal:
        conduct(journal, setup, output, new=True)


def resume(
    run: options.Run,
    generations: Annotated[
        int | None,
        typer.Option(
            "--generations", min=1, metavar="N", help="Search N generations more than planned."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="budget.X=Y", help="Raise or lower a limit of the run. Repeatable."
        ),
    ] = None,
    env_path: options.EnvPath = None,
    as_json: options.Json = False,
) -> None:
    """Continue an interrupted run.

    Finished trainings are not repeated. A finished run prints its result again; with --generations
    it searches on, and people's feedback on it is heard. Where a limit ended the search, a higher
    one lets it go on.
    """
    from autoreward.cli.running import conduct, print_outcome
    from autoreward.search.continuing import change_limits, extend
    from autoreward.search.opening import reopen, take_along
    from autoreward.store.journal import Journal
    from autoreward.store.rundir import find_run

    output = Output(as_json)
    path = find_run(run)
    if generations is not None or overrides:
        with Journal.open(path) as journal:
            changed = change_limits(journal, overrides or ())
            for limit, value in changed.items():
                output.show(f"{limit} is {'no limit' if value is None else value} from now on")
            if generations is not None:
                extend(journal, generations)
    with Journal.read(path) as journal:
        summary: dict[str, Any] | None = journal.meta("summary")
    if summary is not None:
        output.show(f"{path.name} is finished")
        print_outcome(summary, output)
        return
    with Journal.open(path) as journal:
        setup = reopen(journal, env_path or ())
        for words in take_along(journal, setup, env_path or ()):
            output.show(f"{words}; the numbers may differ from those of an unbroken run")
        conduct(journal, setup, output, new=False)
