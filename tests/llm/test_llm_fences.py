"""The reward file in a reply."""

from __future__ import annotations

import pytest

from autoreward.llm.fences import extract_code

CODE = "import torch\n\n\ndef forward(state):\n    return state.vx\n"
SHORT = "def f(x):\n    return x\n"
BROKEN = "def forward(state:\n    return state.vx\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"Here it is:\n\n```python\n{CODE}```\nGood luck!",
        f"```py\n{CODE}```",
        f"```Python\n{CODE}\n```",
        f'```python title="reward.py"\n{CODE}```',
        f"```{{.python}}\n{CODE}```",
        f"```\n{CODE}```",
        f"~~~python\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"``` python\n{CODE}```   ",
        f"```python\n{CODE}",
        f"```python\r\n{CODE}```".replace("\n", "\r\n").replace("\r\r", "\r"),
        "1. Reward:\n   ```python\n" + "".join(f"   {x}\n" for x in CODE.splitlines()) + "   ```\n",
        CODE,
        f"\n\n{CODE}\n",
    ],
)
def test_sloppy_fences(reply: str) -> None:
    """However a model fences it, the same file comes out."""
    code = extract_code(reply)
    assert code is not None
    assert [line for line in code.splitlines() if line] == [x for x in CODE.splitlines() if x]


def test_longest_block_with_a_function_wins() -> None:
    """Excerpts, shell lines and longer prose blocks beside the file do not matter."""
    prose = "```text\n" + "many words and no code\n" * 30 + "```\n"
    reply = (
        f"```python\n{SHORT}```\nfull file:\n```python\n{CODE}```\n{prose}```bash\npip install\n```"
    )
    assert extract_code(reply) == CODE


def test_code_that_parses_beats_longer_code_that_does_not() -> None:
    """A broken draft before the file is passed over."""
    reply = f"```python\n{BROKEN * 5}```\nsorry, corrected:\n```python\n{CODE}```"
    assert extract_code(reply) == CODE


def test_broken_code_is_returned_for_repair() -> None:
    """A single block with a syntax error comes out as it is, so that its error can be shown."""
    assert extract_code(f"Here:\n```python\n{BROKEN}```") == BROKEN


def test_unclosed_block_ends_where_the_next_begins() -> None:
    """A missing closing fence does not swallow the block after it."""
    assert extract_code(f"```python\n{SHORT}\nNow in full:\n```python\n{CODE}```") == CODE


def test_fences_inside_a_longer_fence_are_content() -> None:
    """A docstring may hold a fence when the outer one is longer, or of the other kind."""
    code = 'def f(x):\n    """Doc.\n\n    ```\n    x\n    ```\n    """\n    return x\n'
    assert extract_code(f"````python\n{code}````") == code
    assert extract_code(f"~~~python\n{code}~~~") == code


def test_thoughts_are_no_answer() -> None:
    """A longer draft inside the model's thinking is not the file."""
    thought = f"<think>first\n```python\n{CODE}{CODE}\n```\n</think>\n"
    assert extract_code(f"{thought}```python\n{SHORT}```") == SHORT


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   \n",
        "I cannot help with that.",
        "hello",
        "x = 1",
        '```json\n{"a": 1}\n```',
        "```python\n```",
        f"Here is the file:\n{CODE}",
    ],
)
def test_no_code_is_none(reply: str) -> None:
    """A reply without a file is told apart from one with a bad file."""
    assert extract_code(reply) is None
