"""The content servers that the operator registered: in the settings, and by `gotapi printers`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from gotapi_core.whole_file import replacing
from gotapi_printer.content.rules import MAX_URL, UrlError, site_of

FILE = "content.json"
MOST = 32  # servers; each is asked for a token when an application connects
SECRET_SIZE = 4096  # bytes of a file with a secret; a token has some hundred


class ContentServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One content server; the files hold secrets that settings must not."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_URL)]
    login_file: str = ""  # its first line is `user:password`
    token_file: str = ""  # its first line is a bearer token
    ca_file: str = ""  # PEM; instead of the authorities of this computer


class ServerError(ValueError):
    """A content server that cannot be registered or used; the text says what to do."""


def check(server: ContentServer) -> None:
    """Raise ServerError for a server that cannot be."""
    try:
        msgspec.convert(msgspec.to_builtins(server), ContentServer)  # the lengths
        site_of(server.url)
    except (UrlError, msgspec.ValidationError) as error:
        raise ServerError(f"content server '{server.name}': {error}") from error
    if server.login_file and server.token_file:
        raise ServerError(
            f"content server '{server.name}': give login_file or token_file, not both"
        )


def secret(path: str) -> str:
    """Return the first line of a file; raises ServerError where there is none to read."""
    try:
        with Path(path).expanduser().open("rb") as file:
            line = file.read(SECRET_SIZE).partition(b"\n")[0].strip().decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ServerError(f"{path} cannot be read: {why}") from error
    if not line:
        raise ServerError(f"the first line of {path} is empty")
    return line


class Registered:
    """Those that `gotapi printers content add` put into a file of the plug-in's folder.

    The file is read whenever it is needed, so that a running hub sees a change at once.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def read(self) -> tuple[ContentServer, ...]:
        """Return them; raises ServerError for a file that is damaged."""
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ServerError(f"{self._path} cannot be read: {error.strerror}") from error
        try:
            return msgspec.json.decode(body, type=tuple[ContentServer, ...])
        except msgspec.DecodeError as error:
            raise ServerError(
                f"{self._path} is damaged ({error}); remove it and register the servers again"
            ) from error

    def add(self, server: ContentServer) -> None:
        """Register a server, in the place of one with its name; raises ServerError."""
        check(server)
        others = tuple(one for one in self.read() if one.name != server.name)
        if len(others) >= MOST:
            raise ServerError(f"{MOST} content servers are registered; remove one first")
        self._write((*others, server))

    def remove(self, name: str) -> None:
        """Forget a server; raises ServerError where there is none of the name."""
        known = self.read()
        others = tuple(one for one in known if one.name != name)
        if len(others) == len(known):
            names = ", ".join(one.name for one in known) or "none"
            raise ServerError(f"there is no content server '{name}' here; there is: {names}")
        self._write(others)

    def _write(self, servers: Sequence[ContentServer]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(self._path) as file:
                file.write(msgspec.json.format(msgspec.json.encode(tuple(servers))))
        except OSError as error:
            raise ServerError(f"{self._path} cannot be written: {error.strerror}") from error
