"""PURE. The words of a G-code command: letters with or without a number."""

import re

__all__ = ["axes_named", "integer", "parse_words", "split_code"]

_WORD = re.compile(r"([A-Z]) *([-+]?(?:\d+\.?\d*|\.\d+))?")
_CODE = re.compile(r"([GMT]) *(\d{1,4})(\.\d+)? *")


def split_code(text: str) -> tuple[str, str]:
    """The command code in its plain form (`G01X5` -> `G1`) and the rest; no code is empty."""
    found = _CODE.match(text)
    if found is None:
        return "", text
    return f"{found[1]}{int(found[2])}{found[3] or ''}", text[found.end() :]


def parse_words(args: str) -> dict[str, float | None]:
    """The value of each letter, None for a bare letter; the first of a repeated letter counts."""
    words: dict[str, float | None] = {}
    for letter, value in _WORD.findall(args):
        if letter not in words:
            words[letter] = float(value) if value else None
    return words


def integer(words: dict[str, float | None], letter: str) -> int | None:
    """The whole number of a word, None when it has none."""
    value = words.get(letter)
    return None if value is None else int(value)


def axes_named(words: dict[str, float | None]) -> set[int]:
    """Which of X, Y and Z are mentioned, as indices."""
    return {axis for axis, letter in enumerate("XYZ") if letter in words}
