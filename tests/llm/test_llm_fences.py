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


FORMULA = 'FORMULA = "forward"'
FULL = f"{CODE}\n\n{FORMULA}\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{CODE}```\nand then\n```python\n{FORMULA}\n```",
        f"```python\n{CODE}```\nThe formula:\n\n{FORMULA}\n",
        f"```python\n{CODE}```\nThe formula:\n`{FORMULA}`\n",
        f"```python\n{CODE}```\n```text\n{FORMULA}\n```",
    ],
)
def test_a_file_in_pieces_is_put_together(reply: str) -> None:
    """A FORMULA in a block of its own, or beside the block, belongs to the file."""
    assert extract_code(reply) is not None
    assert (extract_code(reply) or "").split() == FULL.split()


def test_components_in_blocks_of_their_own() -> None:
    """Each function in its own block makes one file, in the order of the reply."""
    other = "def tall(state):\n    return state.z\n"
    reply = f"```python\n{CODE}```\nNext:\n```python\n{other}```\n```python\n{FORMULA}\n```"
    assert (extract_code(reply) or "").split() == f"{CODE}{other}{FORMULA}".split()


def test_the_last_complete_file_wins() -> None:
    """A parent that is quoted before the answer is not the answer, even if it is longer."""
    quoted = FULL + "\n\ndef _helper(x):\n    return x\n"
    assert extract_code(f"Now:\n```python\n{quoted}```\nBetter:\n```python\n{FULL}```") == FULL


def test_excerpts_after_the_file_are_no_answer() -> None:
    """A single function that is discussed after the file does not replace it."""
    assert extract_code(f"```python\n{FULL}```\nNote:\n```python\n{SHORT}```") == FULL


def test_a_complete_file_between_prose_without_fences() -> None:
    """Fences may be missing altogether where the file ends in its FORMULA."""
    assert extract_code(f"Here is the file:\n\n{FULL}\nIt pays speed.") == FULL
    assert extract_code(f"Here is the file:\n\n{FULL.replace('(state)', '(state')}") is None


def test_thoughts_without_an_opening_mark() -> None:
    """Some servers swallow `<think>`: what stands before `</think>` is no answer."""
    assert (
        extract_code(f"first\n```python\n{FULL}{FULL}```\n</think>\n```python\n{SHORT}```") == SHORT
    )
