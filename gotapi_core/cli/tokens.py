"""What the command line was allowed by which hub: `client.json` in the user's config folder."""

from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.client import Token
from gotapi_core.whole_file import replacing

MAX_FILE: Final = 256 * 1024  # bytes; an entry has about 200
MAX_HUBS: Final = 100  # the oldest entries go first


class Access(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known for one hub; `repr` leaves the token out."""

    client_id: str = ""
    token: str = ""
    scopes: tuple[str, ...] = ()
    expires: float = 0.0  # seconds since 1970
    proved: bool = False  # this user's own hub: from then on it has to prove that

    def __repr__(self) -> str:
        return f"Access(scopes={self.scopes!r}, expires={self.expires!r})"

    def to_token(self) -> Token | None:
        """Return the token, None where there is none."""
        return Token(self.token, self.client_id, self.scopes, self.expires) if self.token else None


class _File(msgspec.Struct, frozen=True):
    version: int = 1
    hubs: dict[str, Access] = {}


class TokenCache:
    """Reads and writes the file; one that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, url: str) -> Access:
        """Return what is known for a hub, an empty Access if nothing is."""
        return self._read().hubs.get(url, Access())

    def save(self, url: str, access: Access) -> None:
        """Note what a hub allows; raises OSError. The file is its owner's only, and never half."""
        hubs = {known: value for known, value in self._read().hubs.items() if known != url}
        hubs[url] = access
        newest = dict(list(hubs.items())[-MAX_HUBS:])
        self._write(msgspec.json.format(msgspec.json.encode(_File(hubs=newest))) + b"\n")

    def forget_token(self, url: str) -> None:
        """Drop a token that is not good any more; the clientId stays, so that asking joins."""
        access = self.load(url)
        if access.token:
            self.save(url, Access(client_id=access.client_id, proved=access.proved))

    def _read(self) -> _File:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE + 1)
            if len(raw) > MAX_FILE:
                return _File()
            found = msgspec.json.decode(raw, type=_File)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _File()  # the worst of it: the user is asked again
        return found if found.version == 1 else _File()

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as file:
            file.write(content)
