"""The published table of result codes is the one that is used."""

from pathlib import Path

from gotapi_creation.wire import TABLE

PAGE = Path(__file__).parents[3] / "docs" / "creation.md"


def test_every_result_code_is_published():
    text = PAGE.read_text()
    rows = [
        f"| {int(code)} | `{code.name}` | {status} | {words} |"
        for code, (words, status) in TABLE.items()
    ]
    assert "\n".join(rows) in text
