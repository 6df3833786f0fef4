"""The settings of a run: what there is, what it means, its defaults; read strictly, written whole.

Precedence, lowest first: the fields' defaults (which are the quick preset), what is known of the
machine, the chosen preset, the config file, the command's own flags, `--set a.b=c`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from autoreward.errors import UsageError, did_you_mean
from autoreward.layering import Layer, Section, given, merge, override, validate
from autoreward.machine import ORIGIN, machine_settings
from autoreward.presets import PRESETS
from autoreward.quantities import Count, Fraction, NotNegative, Positive, Whole, whole
from autoreward.search_settings import SearchSettings
from autoreward.strict_yaml import read_mapping


class DesignerSettings(Section):
    """Who writes the rewards."""

    kind: Literal["builtin", "llm"] = "builtin"
    """`builtin` needs no key and no network; `llm` asks `llm.model`, and naming one chooses it."""
    notes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """What a language model should know beside the description, e.g. `[keep the torso upright]`."""
    models: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Further models beside `llm.model`; which one is asked is learned, see
    `search.operator_policy`."""
    examples: Whole = 0
    """Proven rewards of other tasks that a prompt shows; never one of the task itself."""


class CriticSettings(Section):
    """Who looks at a reward before it is trained; the machine's checks always do."""

    kind: Literal["machine", "llm"] = "machine"
    """`llm` also asks a language model, which first has to refuse known bad rewards."""
    model: str | None = None
    """The critic's model; null takes `llm.model`."""
    false_passes: Fraction = 0.2
    """Share of the known bad rewards that a model may let pass, and still be used as critic."""


class AnalyzerSettings(Section):
    """Who says what a trained policy does and why; the numbers always come from the machine."""

    kind: Literal["machine", "llm"] = "machine"
    """`llm` also lets a language model explain the best candidates; its claims are measured."""
    model: str | None = None
    """The analyzer's model; null takes `llm.model`."""


class TrainingSettings(Section):
    """Population PPO (Schulman et al. 2017), one learner per candidate and training seed."""

    steps: Count = 163_840
    """Environment steps of one learner."""
    slots: Count = 12
    """Learners trained at once. `autoreward doctor --bench` finds how many suit this machine."""
    envs: Count = 8
    """Environments of one learner (N)."""
    rollout: Count = 128
    """Steps per environment between two updates (T)."""
    epochs: Count = 5
    """Passes over one rollout."""
    minibatches: Count = 8
    """Parts one pass is split into; divides envs × rollout."""
    learning_rate: Positive = 3e-4
    """Adam's step size at the start."""
    target_kl: Positive | None = 0.02
    """Policy change per update that the learning rate is adapted to; null keeps the rate fixed."""
    gamma: Fraction = 0.99
    """Discount per environment step."""
    gae_lambda: Fraction = 0.95
    """Bias against variance of the advantage estimate (Schulman et al. 2016)."""
    clip: Positive = 0.2
    """PPO's bound on the probability ratio."""
    entropy: NotNegative = 0.0
    """Weight of the entropy bonus."""
    value_coefficient: Positive = 0.5
    """Weight of the value loss."""
    max_grad_norm: Positive = 0.5
    """Bound on each learner's gradient norm."""
    hidden: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)] = (64, 64)
    """Units per hidden layer, of the policy and of the value function."""
    checkpoint_every: Count = 20
    """Iterations between two checkpoints: what a kill can cost."""
    threads: Whole = 0
    """Simulation threads; 0 takes all cores."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where networks and rollouts are; `cuda` is a GPU, which needs `simulator=warp`."""
    simulator: Literal["mujoco", "warp"] = "mujoco"
    """`mujoco` steps on the cores; `warp` steps all learners in one batch on `device`, with
    MuJoCo Warp (`pip install 'autoreward[gpu]'`). Validation is always MuJoCo's."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainingSettings:
        if (self.envs * self.rollout) % self.minibatches:
            raise ValueError(
                f"training.minibatches must divide training.envs × training.rollout "
                f"({self.envs * self.rollout})"
            )
        if self.device == "cuda" and self.simulator != "warp":
            raise ValueError("training.device=cuda needs training.simulator=warp")
        return self


class ValidationSettings(Section):
    """How trained policies are judged."""

    episodes: Count = 10
    """Validation episodes per trained policy; candidates are compared on these."""
    rung_episodes: Count = 5
    """Validation episodes at a rung before the last, where the exploring policy is measured."""
    test_episodes: Count = 20
    """Test episodes per policy, used once, for the final table."""


class DockerSettings(Section):
    """How the `docker` sandbox runs its containers."""

    host: str | None = None
    """The engine's address, e.g. `unix:///run/docker.sock`; null takes DOCKER_HOST or the usual."""
    image: str | None = None
    """Null takes the one that `autoreward sandbox build` made from these sources."""
    runtime: str | None = None
    """Another runtime of the engine, e.g. `runsc` (gVisor) or `kata`; null is the engine's own."""
    gpus: str | None = None
    """GPUs to hand to containers: `all` or device ids as `0,1`; rewards are computed on the CPU."""
    cpus: Positive = 1.0
    """Processor cores one container may use."""
    pids: Annotated[int, BeforeValidator(whole), Field(ge=2)] = 8
    """Processes and threads in one container."""


class SandboxSettings(Section):
    """Where reward code runs, and what it may use."""

    kind: str = "auto"
    """A backend's name; `auto` takes the strongest one that works here."""
    memory_mb: Annotated[int, BeforeValidator(whole), Field(ge=256)] = 3072
    """Address space of one jail; importing torch alone takes about 700 MB of it."""
    call_timeout_s: Positive = 20.0
    """Wall-clock seconds for loading a reward, and for each exchange with it."""
    job_timeout_s: Positive = 21_600.0
    """Wall-clock seconds for one whole training."""
    startup_timeout_s: Positive = 120.0
    """Wall-clock seconds until a jail is ready; over it is our failure, not the candidate's."""
    output_mb: Positive = 1.0
    """What a reward may print before it is ended."""
    spare: Annotated[int, BeforeValidator(whole), Field(ge=0)] = 2
    """Jails that the trainer starts before they are needed."""
    docker: DockerSettings = DockerSettings()


class PriceSettings(Section):
    """What a model costs, in US dollars per million tokens."""

    input: NotNegative
    """Tokens sent."""
    output: NotNegative
    """Tokens received."""
    cached: NotNegative | None = None
    """Tokens sent that the provider had cached; null: same as `input`."""


class LLMSettings(Section):
    """The language model and how it is asked."""

    model: str | None = None
    """`openai/NAME`, `anthropic/NAME`, any name litellm knows, or `manual`."""
    api_base: str | None = None
    """Address of an OpenAI- or Anthropic-compatible server, e.g. `http://localhost:8000/v1`."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; null takes the provider's usual one."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Sampling temperature; null leaves it to the provider (some models refuse any other)."""
    max_tokens: Count = 8192
    """Bound on one answer."""
    timeout_s: Positive = 300.0
    """Wall-clock seconds for one request."""
    concurrency: Count = 4
    """Requests on the wire at once."""
    attempts: Count = 5
    """Tries of one request before it fails, where trying again can help."""
    cache: Literal["auto", "replay", "refresh"] = "auto"
    """`auto` keeps and reuses answers, `replay` asks nothing new, `refresh` asks all again."""
    price: PriceSettings | None = None
    """Needed for a dollar budget with a model whose price is unknown."""

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("is the NAME of an environment variable, never the key itself")
        return value


class BudgetSettings(Section):
    """Limits of the whole run; null is no limit."""

    usd: NotNegative | None = None
    """Dollars for language models."""
    tokens: Count | None = None
    """Tokens sent and received."""
    calls: Count | None = None
    """Calls of language models; answers that were kept are not asked for again and do not count."""
    env_steps: Count | None = None
    """Environment steps of all trainings together."""
    hours: Positive | None = None
    """Wall-clock hours, over all resumes."""
    candidates: Count | None = None
    """Rewards proposed."""


class Settings(Section):
    """Everything that decides a run."""

    env: str = "half_cheetah"
    """Environment: the name of a folder in `envs/`."""
    task: str | None = None
    """A task of the environment; null chooses the one that the description names."""
    description: str = ""
    """What the agent shall do, in words."""
    seed: Annotated[int, BeforeValidator(whole), Field(ge=0, lt=2**53)] = 0
    """Every random choice of the run follows from it."""
    designer: DesignerSettings = DesignerSettings()
    critic: CriticSettings = CriticSettings()
    analyzer: AnalyzerSettings = AnalyzerSettings()
    search: SearchSettings = SearchSettings()
    training: TrainingSettings = TrainingSettings()
    validation: ValidationSettings = ValidationSettings()
    sandbox: SandboxSettings = SandboxSettings()
    llm: LLMSettings = LLMSettings()
    budget: BudgetSettings = BudgetSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        for name, model in (
            ("designer", self.llm.model),
            ("critic", self.critic.model or self.llm.model),
            ("analyzer", self.analyzer.model or self.llm.model),
        ):
            if getattr(self, name).kind == "llm" and not model:
                raise ValueError(f"{name}.kind is llm but no model is named: give --model")
        if self.search.ordered is False and self._must_be_ordered:
            raise ValueError(
                "search.ordered=false needs designer.kind=llm and goes with neither review nor "
                "search.fitness=preference nor search.inner=population"
            )
        return self

    @property
    def _must_be_ordered(self) -> bool:
        """Whether only whole generations make sense: people take part, or nobody is waited for."""
        search, builtin = self.search, self.designer.kind == "builtin"
        people = search.review or search.fitness == "preference"
        return people or search.inner == "population" or builtin

    @property
    def ordered(self) -> bool:
        """Whether the search decides generation by generation."""
        return self._must_be_ordered or bool(self.search.ordered)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready nested dicts; `settings_from` reads them back."""
        return self.model_dump(mode="json")


def load_settings(
    preset: str = "quick",
    config_file: Path | None = None,
    overrides: Sequence[str] = (),
    **cli: Any,
) -> Settings:
    """Merge preset, config file, flags and overrides into settings.

    Args:
        preset: A key of `PRESETS`.
        config_file: A YAML file with any part of the settings.
        overrides: `a.b=c` strings, as given to `--set`; c is read as YAML.
        **cli: The command's own flags, nested like the settings; None means not given.

    Raises:
        UsageError: Unknown preset or setting, wrong type or value, unreadable file: one sentence
            that names where it was written.
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset called {preset!r}{did_you_mean(preset, PRESETS)}")
    layers = [Layer(ORIGIN, machine_settings()), Layer(f"preset {preset}", PRESETS[preset])]
    if config_file is not None:
        layers.append(Layer(str(config_file), read_mapping(config_file), rank=1))
    layers.append(Layer("command line", given(cli), rank=2))
    layers += [override(Settings, text, rank=3) for text in overrides]
    return _settings(layers)


def settings_from(data: Mapping[str, Any], origin: str, overrides: Sequence[str] = ()) -> Settings:
    """Rebuild settings from `Settings.to_dict`.

    Args:
        data: Nested settings.
        origin: Where they come from, for the error's sentence.
        overrides: As in `load_settings`.

    Raises:
        UsageError: As `load_settings`.
    """
    return _settings([Layer(origin, data), *(override(Settings, o, rank=3) for o in overrides)])


def _settings(layers: Sequence[Layer]) -> Settings:
    values, origins = merge(Settings, layers)
    model, kind = origins.get(("llm", "model")), origins.get(("designer", "kind"))
    if model and values["llm"]["model"] and (kind is None or kind.rank < model.rank):
        values.setdefault("designer", {})["kind"] = "llm"
    return validate(Settings, values, origins, hidden=("llm", "api_key_env"))
