"""A note on the disk while plug-ins start: who finds it knows that a start did not complete."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

_SIZE_LIMIT = 4096  # bytes; it lists some names


class StartMarker:
    """The note of one hub's folder."""

    def __init__(self, data: Path) -> None:
        self._path = data / "starting.json"

    def write(self, plugin_ids: Sequence[str]) -> None:
        """Note that these plug-ins are about to be started."""
        self._path.write_bytes(msgspec.json.encode(sorted(plugin_ids)[:50]))

    def clear(self) -> None:
        """Note that they have started, or that the hub was stopped in good order."""
        with contextlib.suppress(OSError):  # it is not worth more than a start in safe mode
            self._path.unlink(missing_ok=True)

    def found(self) -> Sequence[str] | None:
        """Return which plug-ins were being started when the hub ended; None where all went well."""
        try:
            with self._path.open("rb") as file:
                text = file.read(_SIZE_LIMIT)
        except OSError:
            return None
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.DecodeError:
            return []


def safe_mode_reason(data: Path, *, wished: bool) -> str:
    """Return why the hub must start in safe mode; empty where it need not."""
    if wished:
        return "it was started with --safe-mode"
    names = StartMarker(data).found()
    if names is None:
        return ""
    which = f" ({', '.join(names)})" if names else ""
    return f"its last start did not complete while plug-ins were starting{which}"
