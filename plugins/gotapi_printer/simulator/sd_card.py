"""PURE. The card in the printer's slot: files, the one that is printed, the one being written."""

import re
from collections.abc import Iterable, Iterator

__all__ = ["MAX_CARD", "SdCard", "short_name"]

# Bytes of all files together: what a simulated print may be, and no more of the memory.
MAX_CARD = 64 * 1024 * 1024
_NOT_SHORT = re.compile(r"[^A-Z0-9_~-]")


def short_name(name: str, taken: Iterable[str]) -> str:
    """The name in 8.3 capitals as Marlin lists it, other than those taken."""
    stem, _, extension = name.upper().rpartition(".")
    if not stem:
        stem, extension = extension, "GCO"
    stem, extension = _NOT_SHORT.sub("", stem) or "FILE", _NOT_SHORT.sub("", extension)[:3]
    known = set(taken)
    short, count = stem if len(stem) <= 8 else stem[:6] + "~1", 1
    while f"{short}.{extension}" in known:
        count += 1
        short = f"{stem[: 7 - len(str(count))]}~{count}"
    return f"{short}.{extension}"


class SdCard:
    """Files by short name; a reset keeps them and forgets what is selected."""

    def __init__(self, files: Iterable[tuple[str, bytes]]) -> None:
        self._long: dict[str, str] = {}
        self._files: dict[str, bytes] = {}
        for name, content in files:
            self._add(name, content)
        self.forget()

    def forget(self) -> None:
        """As after a reset: nothing is selected, printed or written."""
        self.selected = ""
        self.position = 0
        self.printing = False
        self.saving = ""
        self._written: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes of the selected file."""
        return len(self._files.get(self.selected, b""))

    def content(self, name: str) -> bytes | None:
        """A file by its short or long name."""
        return self._files.get(self._known(name))

    def listing(self, *, long: bool) -> Iterator[str]:
        """The lines between `Begin file list` and `End file list`."""
        for short, content in self._files.items():
            yield f"{short} {len(content)}" + (f" {self._long[short]}" if long else "")

    def long_name(self, name: str) -> str:
        """The long name of a file, empty where there is none."""
        return self._long.get(self._known(name), "")

    def select(self, name: str) -> bool:
        """Choose the file to print; its beginning comes first."""
        short = self._known(name)
        if not short:
            return False
        self.selected, self.position, self.printing = short, 0, False
        return True

    def seek(self, position: int) -> None:
        """Go to a byte of the selected file."""
        self.position = min(max(position, 0), self.size)

    def start(self) -> None:
        """Print the selected file from here on."""
        self.printing = bool(self.selected)

    def line(self) -> str | None:
        """The next line without comment, None at the end, which also ends the printing."""
        data = self._files.get(self.selected, b"")
        if self.position >= len(data):
            self.printing, self.position = False, 0
            return None
        end = data.find(b"\n", self.position)
        end = len(data) if end < 0 else end
        text = data[self.position : end].partition(b";")[0]
        self.position = end + 1
        return text.decode("latin-1").strip()

    def create(self, name: str) -> None:
        """Begin to write a file."""
        self.saving, self._written = name, []

    def write(self, line: str) -> None:
        """Append a line to the file being written."""
        self._written.append(line.encode("latin-1") + b"\n")

    def close(self) -> bool:
        """End the file being written; False if the card is full."""
        name, content = self.saving, b"".join(self._written)
        self.saving, self._written = "", []
        old = self._known(name)
        if self._used(but=old) + len(content) > MAX_CARD:
            return False
        if old:
            self._files[old] = content
        else:
            self._add(name, content)
        return True

    def delete(self, name: str) -> bool:
        """Remove a file; one that is printed stays."""
        short = self._known(name)
        if not short or (self.printing and short == self.selected):
            return False
        del self._files[short], self._long[short]
        if short == self.selected:
            self.selected, self.position = "", 0
        return True

    def _add(self, name: str, content: bytes) -> None:
        short = short_name(name, self._files)
        self._long[short], self._files[short] = name, content

    def _used(self, *, but: str) -> int:
        return sum(len(content) for name, content in self._files.items() if name != but)

    def _known(self, name: str) -> str:
        wanted = name.lstrip("/").upper()
        if wanted in self._files:
            return wanted
        for short, long in self._long.items():
            if long.upper() == wanted:
                return short
        return ""
