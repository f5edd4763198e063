"""PURE: MTL files, the materials of an OBJ: colours, opacity and pictures."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gotapi_meshes.paint import MOST_LOOKS, MOST_PICTURES, Look, Picture

MOST_BYTES: Final = 8 << 20
"""Bytes of a file; a thousand materials have some hundred thousand."""
_VALUES: Final = {
    "-blendu": 1, "-blendv": 1, "-boost": 1, "-mm": 2, "-texres": 1, "-bm": 1, "-imfchan": 1,
    "-type": 1, "-cc": 1, "-clamp": 1,
}  # fmt: skip
_UP_TO_THREE: Final = frozenset(("-o", "-s", "-t"))


class Materials:
    """The materials of some files by their names, and the pictures that they name."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.pictures: list[Picture] = []
        self.numbers: dict[str, int] = {}
        self._known: dict[str, int] = {}  # pictures by their names

    def read(self, data: bytes) -> None:
        """Take a file; a line that cannot be read is passed over."""
        now = -1
        for word, rest in _lines(data[:MOST_BYTES]):
            if word == "newmtl":
                now = self._begin(rest)
            elif now >= 0:
                self.looks[now] = self._with(self.looks[now], word, rest)

    def _begin(self, name: str) -> int:
        if name in self.numbers or len(self.looks) >= MOST_LOOKS:
            return -1  # the first one counts
        self.numbers[name] = len(self.looks)
        self.looks.append(Look(name=name[:200]))
        return self.numbers[name]

    def _with(self, look: Look, word: str, rest: str) -> Look:
        if word == "map_kd":
            return self._pictured(look, rest)
        numbers = _numbers(rest)
        if word in ("kd", "ke") and len(numbers) >= 3:
            red, green, blue = numbers[:3]
            colour = (red, green, blue)
            return replace(look, colour=colour) if word == "kd" else replace(look, emissive=colour)
        if word in ("d", "tr") and numbers:
            return replace(look, opacity=numbers[-1] if word == "d" else 1 - numbers[-1])
        return look

    def _pictured(self, look: Look, rest: str) -> Look:
        name, clamped = _picture_name(rest)
        number = self._known.get(name, len(self.pictures))
        if not name or number >= MOST_PICTURES:
            return look
        if number == len(self.pictures):
            self._known[name] = number
            self.pictures.append(Picture(name))
        return replace(look, picture=number, wrap="clamp" if clamped else "repeat")


def _lines(data: bytes) -> Iterator[tuple[str, str]]:
    for line in data.decode("utf-8", "replace").splitlines():
        word, _, rest = line.partition("#")[0].strip().partition(" ")
        if word:
            yield word.lower(), rest.strip()


def _numbers(text: str) -> list[float]:
    """Return numbers from 0 to 1, none where there is something else."""
    found = []
    for word in text.split()[:4]:
        if word == "-halo":
            continue
        try:
            value = float(word)
        except ValueError:
            return []
        found.append(min(max(value, 0.0), 1.0) if value == value else 0.0)  # NaN is not itself
    return found


def _picture_name(text: str) -> tuple[str, bool]:
    """Return the name after the options, and whether one says `-clamp on`; names have blanks."""
    words, clamped = text.split(), False
    while words and words[0].startswith("-"):
        option = words.pop(0).lower()
        if option in _UP_TO_THREE:
            count = next((n for n, one in enumerate(words[:3]) if not _is_number(one)), 3)
        else:
            count = _VALUES.get(option, 0)
        clamped = clamped or (option == "-clamp" and words[:1] == ["on"])
        del words[:count]
    return " ".join(words), clamped


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
