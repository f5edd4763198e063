"""Which hubs were trusted, and by which key: a file that every later contact is checked against."""

from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.client.errors import HubUntrusted
from gotapi_core.whole_file import replacing

MAX_FILE: Final = 256 * 1024  # bytes; an entry has about 1 KiB
MAX_HUBS: Final = 100  # the oldest entries go first


class KnownHub(msgspec.Struct, frozen=True):
    """One hub's key: its fingerprint, and its authority's certificate in PEM."""

    fingerprint: str
    certificate: str


class _File(msgspec.Struct, frozen=True):
    version: int = 1
    hubs: dict[str, KnownHub] = {}


class KnownHubs:
    """Reads and writes the file. One that is damaged is an error: it must not mean trust anew."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, url: str) -> KnownHub | None:
        """Return what is known of a hub; raises HubUntrusted where the file cannot be used."""
        return self._read().hubs.get(url)

    def add(self, url: str, hub: KnownHub) -> None:
        """Remember a hub's key; raises HubUntrusted."""
        hubs = {known: value for known, value in self._read().hubs.items() if known != url}
        hubs[url] = hub
        self._write(_File(hubs=dict(list(hubs.items())[-MAX_HUBS:])))

    def forget(self, url: str) -> bool:
        """Forget a hub's key; False where none was known. Raises HubUntrusted."""
        hubs = self._read().hubs
        if url not in hubs:
            return False
        self._write(_File(hubs={known: hub for known, hub in hubs.items() if known != url}))
        return True

    def _read(self) -> _File:
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            return _File()
        except OSError as error:
            raise HubUntrusted(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            found = msgspec.json.decode(raw, type=_File)
        except (msgspec.DecodeError, RecursionError):
            found = _File(version=0)
        if found.version != 1 or len(raw) > MAX_FILE:
            raise HubUntrusted(
                f"{self.path} is damaged, so no hub's key can be checked. Remove the file; then "
                "each hub's key has to be compared once more"
            )
        return found

    def _write(self, content: _File) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as file:
                file.write(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
        except OSError as error:
            raise HubUntrusted(f"{self.path} cannot be written: {error.strerror}") from error
