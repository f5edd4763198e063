"""A look into the scene store that costs no numpy: which layers there are, and their changes.

The hub lists its services and answers most GetCapabilities with this alone.
"""

from pathlib import Path

import msgspec

from gotapi_portrayal.data.sqlite_files import Files
from gotapi_portrayal.data.types import Layer

_LAYER = msgspec.json.Decoder(Layer)


class Glance:
    """Reads the file of the store, once there is one; calls block for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: Files | None = None

    def sequence(self) -> int:
        """Return a number that is higher after each change, 0 before there was any."""
        files = self._open()
        if files is None:
            return 0
        with files.reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
        return int(row[0])

    def layers(self) -> tuple[int, tuple[Layer, ...]]:
        """Return the sequence and the layers that go with it, by name."""
        files = self._open()
        if files is None:
            return 0, ()
        with files.reading() as connection:
            (value,) = connection.execute(
                "SELECT value FROM meta WHERE name = 'sequence'"
            ).fetchone()
            rows = connection.execute("SELECT document FROM layers ORDER BY name").fetchall()
        return int(value), tuple(_LAYER.decode(document) for (document,) in rows)

    def close(self) -> None:
        """Let go of the file."""
        if self._files is not None:
            self._files.close()
            self._files = None

    def _open(self) -> Files | None:
        if self._files is None and self._path.exists():
            self._files = Files(self._path)
        return self._files
