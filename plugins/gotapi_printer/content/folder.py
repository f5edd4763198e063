"""The hub's own content server: a folder of files, read with secure tokens."""

import asyncio
import hashlib
import mimetypes
import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

import msgspec

from gotapi_core.plugin import SurfaceReply, SurfaceRequest

PATH = "/contents"
NAME = "Files of this hub"
LIFETIME = 12 * 3600.0  # seconds a token is good; a day's work
MOST_TOKENS = 1000  # at once; an application gets its own again and again
MOST_FILES = 1000  # in the list; more is no folder a person keeps by hand
DEPTH = 4  # folders below the folder


class ContentFile(msgspec.Struct, frozen=True, rename="camel"):
    """One file in the list."""

    name: str
    """Its path below the folder."""
    size: int  # bytes
    modified: str  # ISO 8601
    url: str


class Listing(msgspec.Struct, frozen=True):
    """The answer to GET /contents."""

    servicename: str
    files: tuple[ContentFile, ...]


class FileTokens:
    """Secure tokens by application; only their hashes are kept, and only while the hub runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._holders: dict[bytes, tuple[str, float]] = {}

    def issue(self, application: str) -> str:
        """Return a new token for an application."""
        now = self._clock()
        self._holders = {key: held for key, held in self._holders.items() if held[1] > now}
        while len(self._holders) >= MOST_TOKENS:
            del self._holders[next(iter(self._holders))]  # the oldest
        token = secrets.token_urlsafe(32)
        self._holders[_digest(token)] = application, now + LIFETIME
        return token

    def holder(self, token: str) -> str | None:
        """Return the application that a token was given to, while it is good."""
        held = self._holders.get(_digest(token))
        return held[0] if held is not None and self._clock() < held[1] else None


class ContentFolder:
    """Answers everything below /contents; nothing is ever written."""

    def __init__(self, folder: Path, tokens: FileTokens) -> None:
        self._folder = folder
        self.tokens = tokens

    def open(self) -> None:
        """Make the folder, where there is none."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def answer(self, request: SurfaceRequest) -> SurfaceReply:
        """Answer a request: the list, a file, or why not."""
        if request.method not in ("GET", "HEAD"):
            return _say(405, "These files can only be read.", ("allow", "GET, HEAD"))
        if self.tokens.holder(_token(request)) is None:
            return _say(
                401,
                "A secureToken is needed; GET /gotapi/3dp/serviceconnecting gives one.",
                ("www-authenticate", "Bearer"),
            )
        name = unquote(request.path.removeprefix(PATH)).strip("/")
        if not name:
            return await asyncio.to_thread(self._list)
        file = await asyncio.to_thread(self.find, name)
        if file is None:
            return _say(404, "There is no such file.")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        # Never shown by a browser in the hub's own name, whatever is in it.
        headers = (("content-type", kind), ("content-disposition", "attachment"))
        return SurfaceReply(headers=headers, file=str(file))

    def find(self, name: str) -> Path | None:
        """Return a file by its path below the folder; None for anything that is none of them."""
        if "\0" in name or "\\" in name or len(name) > 1000:
            return None
        parts = name.split("/")
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            return None
        root = self._folder.resolve()
        try:
            path = root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: links in a circle
            return None
        # A link may lead anywhere; what is outside is not for applications.
        return path if path.is_relative_to(root) and path.is_file() else None

    def _list(self) -> SurfaceReply:
        found = [one for _, one in zip(range(MOST_FILES), self._files(), strict=False)]
        listing = Listing(NAME, tuple(sorted(found, key=lambda one: one.name)))
        body = msgspec.json.encode(listing)
        return SurfaceReply(headers=(("content-type", "application/json"),), body=body)

    def _files(self) -> Iterator[ContentFile]:
        root = self._folder.resolve()
        for folder, folders, names in os.walk(root):
            below = Path(folder).relative_to(root)
            deep = len(below.parts) >= DEPTH
            folders[:] = [] if deep else sorted(n for n in folders if not n.startswith("."))
            for name in sorted(names):
                own = (below / name).as_posix()
                path = self.find(own)
                if path is not None:
                    yield _entry(own, path)


def _entry(name: str, path: Path) -> ContentFile:
    found = path.stat()
    at = datetime.fromtimestamp(int(found.st_mtime), UTC).isoformat()
    return ContentFile(name, found.st_size, at, f"{PATH}/{quote(name)}")


def _token(request: SurfaceRequest) -> str:
    for name, value in request.headers:
        if name == "authorization" and value[:7].lower() == "bearer ":
            return value[7:].strip()
    given = parse_qs(request.query.decode("latin-1")).get("secureToken", [""])
    return given[0]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _say(status: int, message: str, *headers: tuple[str, str]) -> SurfaceReply:
    body = msgspec.json.encode({"message": message})
    return SurfaceReply(
        status=status, headers=(("content-type", "application/json"), *headers), body=body
    )
