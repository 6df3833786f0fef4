"""Settings: strict, layered, and every mistake named with its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from autoreward.config import PRESETS, LLMSettings, Settings, load_settings, settings_from
from autoreward.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(*args: object, **kwargs: object) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(*args, **kwargs)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_are_the_quick_preset() -> None:
    """Nothing said is the quick preset, and that is the fields' own defaults."""
    assert load_settings() == load_settings("quick") == Settings()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_load_and_grow(preset: str) -> None:
    """Every preset is valid and no smaller than the quick one."""
    settings = load_settings(preset)
    assert settings.training.steps >= Settings().training.steps
    assert settings.search.confirm_seeds >= Settings().search.confirm_seeds


def test_precedence(tmp_path: Path) -> None:
    """File over preset, flag over file, --set over flag; untouched neighbours stay."""
    path = write(tmp_path, "training: {steps: 10, envs: 8}\nseed: 1\n")
    settings = load_settings(
        "standard", path, ["seed=3"], seed=2, training={"envs": 4, "slots": None}, env=None
    )
    assert (settings.seed, settings.training.envs, settings.training.steps) == (3, 4, 10)
    assert settings.training.target_kl == PRESETS["standard"]["training"]["target_kl"]
    assert settings.env == Settings().env


def test_yaml_round_trip(tmp_path: Path) -> None:
    """What `to_dict` returns reads back, also from a file, as equal settings."""
    settings = load_settings(
        "standard",
        overrides=["training.hidden=[32, 16]", "llm.price={input: 1, output: 2.5}", "budget.usd=3"],
        description='läuft: "schnell"',
        llm={"model": "openai/gpt-x"},
    )
    assert settings.training.hidden == (32, 16)
    assert (
        load_settings(config_file=write(tmp_path, yaml.safe_dump(settings.to_dict()))) == settings
    )
    assert settings_from(settings.to_dict(), "run x") == settings


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    """2e6 and 2_000_000 are whole numbers where one is wanted; 1e-3 and 1 are floats."""
    path = write(tmp_path, "training:\n  steps: 2e6\n  learning_rate: 1e-3\n")
    assert load_settings(config_file=path).training.steps == 2_000_000
    assert load_settings(config_file=path).training.learning_rate == 1e-3
    assert load_settings(overrides=["training.steps=2_000_000"]).training.steps == 2_000_000
    assert load_settings(overrides=["budget.usd=1"]).budget.usd == 1.0


def test_free_text_is_not_yaml() -> None:
    """A description with a colon, or that reads like a number or a truth, stays text."""
    for text in ("hop: high", "no", "12", "[a"):
        assert load_settings(overrides=[f"description={text}"]).description == text
    assert load_settings(overrides=["task=null"], task="run").task is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("training: {step: 5}", ["my.yaml", "'training.step'", "did you mean 'steps'"]),
        ("steps: 5", ["my.yaml", "did you mean 'training.steps'"]),
        ("bogus: 5", ["my.yaml", "'bogus'", "known:", "training"]),
        ("training: 5", ["my.yaml", "training", "section"]),
        ("training: {steps: many}", ["my.yaml", "training.steps", "integer", "'many'"]),
        ("training: {steps: 1.5}", ["training.steps", "integer", "1.5"]),
        ("training: {steps: 0}", ["training.steps", "greater than or equal to 1"]),
        ("training: {steps: true}", ["training.steps", "True"]),
        ("training: {gamma: 1.5}", ["training.gamma", "less than or equal to 1"]),
        ("training: {hidden: [64, x]}", ["my.yaml", "training.hidden.1", "integer"]),
        ("training: {minibatches: 3}", ["training.minibatches must divide"]),
        ("search: {elites: 6, population: 6}", ["search.elites must be smaller"]),
        ("designer: {kind: magic}", ["designer.kind", "'builtin' or 'llm'"]),
        ("designer: {kind: llm}", ["designer.kind", "--model"]),
        ("critic: {kind: llm}", ["critic.kind", "--model"]),
        ("llm: {price: {input: 1}}", ["my.yaml", "llm.price.output", "required"]),
        ("budget: {usd: .nan}", ["budget.usd"]),
        ("description: 5", ["description", "string"]),
        ("seed: 1\nseed: 2", ["line 2", "'seed'", "twice"]),
        ("env: hopper\ntraining: [1\nseed: 3", ["my.yaml, line 3"]),
        ("- a\n- b", ["my.yaml", "list"]),
        ("1: a", ["my.yaml", "1"]),
        ("env: \x01", ["my.yaml", "not YAML"]),
        ("&a [*a", ["my.yaml"]),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    """A mistake in the file names the file, the setting, and what was meant."""
    message = refusal(config_file=write(tmp_path, text))
    for word in words:
        assert word in message


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text are usage errors."""
    assert "No such file" in refusal(config_file=tmp_path / "none.yaml")
    assert "cannot be read" in refusal(config_file=tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refusal(config_file=tmp_path / "b.yaml")


def test_empty_file_and_empty_section(tmp_path: Path) -> None:
    """An empty file and a section with nothing below it change nothing."""
    assert load_settings(config_file=write(tmp_path, "# nothing\n")) == Settings()
    assert load_settings(config_file=write(tmp_path, "training:\n  # steps: 1\n")) == Settings()


def test_wrong_overrides_name_the_flag() -> None:
    """A wrong --set says which one and how to write it."""
    assert "--set training.step: no setting" in refusal(overrides=["training.step=1"])
    assert "--set training.steps: training.steps" in refusal(overrides=["training.steps=x"])
    assert "NAME=VALUE" in refusal(overrides=["training.steps"])
    assert "NAME=VALUE" in refusal(overrides=["training.=3"])
    assert "--set training.hidden" in refusal(overrides=["training.hidden=[1"])
    assert "did you mean 'quick'" in refusal("quik")


def test_naming_a_model_chooses_the_llm_designer(tmp_path: Path) -> None:
    """A model named later than the designer's kind wins over it; one named with it does not."""
    assert load_settings().designer.kind == "builtin"
    assert load_settings(llm={"model": "manual"}).designer.kind == "llm"
    saved = write(tmp_path, yaml.safe_dump(Settings().to_dict()))
    assert load_settings(config_file=saved, llm={"model": "manual"}).designer.kind == "llm"
    both = {"llm": {"model": "manual"}, "designer": {"kind": "builtin"}}
    assert load_settings(**both).designer.kind == "builtin"
    sets = ["designer.kind=builtin", "llm.model=manual"]
    assert load_settings(overrides=sets).designer.kind == "builtin"


def test_a_pasted_key_is_refused_and_not_repeated() -> None:
    """The field wants the name of a variable; an error must not print the key."""
    message = refusal(llm={"model": "openai/x", "api_key_env": "sk-proj-123"})
    assert "api_key_env" in message and "sk-proj-123" not in message
    assert "sk-proj" not in refusal(overrides=["llm.api_key=sk-proj-123"])
    assert LLMSettings(api_key_env="MY_KEY").api_key_env == "MY_KEY"


def test_settings_are_frozen() -> None:
    """Settings cannot be changed after reading."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().training.steps = 3  # type: ignore[misc]


def test_import_is_cheap() -> None:
    """Reading settings loads no tensor library and takes no noticeable time."""
    program = (
        "import sys, time; start = time.process_time(); import autoreward.config; "
        "assert not {'torch', 'mujoco', 'numpy'} & set(sys.modules); "
        "print(time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.35


def test_lists_of_texts_are_yaml() -> None:
    """A list can be given by --set, as its documentation says."""
    settings = load_settings(overrides=["designer.notes=[keep upright, be quiet]"])
    assert settings.designer.notes == ("keep upright", "be quiet")
