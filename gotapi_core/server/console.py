"""The web console's files, where they were built: which there are, and how browsers keep them.

They hold nothing of this hub, so they are open to whoever reaches it; what the console shows comes
from the operator's API, which asks for the proofs of the operator page.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from gotapi_core.server.asgi import RawHeaders, Scope, Send
from gotapi_core.server.operator_pages import guarded

PREFIX: Final = "/console"
_ASSETS: Final = f"{PREFIX}/assets/"  # their names have a hash of what is in them
_FOR_EVER: Final = b"public, max-age=31536000, immutable"
_ASK_AGAIN: Final = b"no-cache"
_DEPTH: Final = 3  # folders looked into; the build makes one

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self' blob:",  # blob: is how textures inside of models are read
        "worker-src 'self'",
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        # Only the library's static templates and the addresses of our workers get through; a text
        # of a device cannot become markup, even by a mistake.
        "require-trusted-types-for 'script'",
        "trusted-types lit-html gotapi-worker",
    )
)
_TYPES: Final[Mapping[str, bytes]] = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "json": b"application/json",
    "ts": b"text/plain; charset=utf-8",
    "txt": b"text/plain; charset=utf-8",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "webmanifest": b"application/manifest+json",
    "wasm": b"application/wasm",
    "woff2": b"font/woff2",
}


class Console:
    """The built files; only what is there at the start is ever sent."""

    def __init__(self, folder: Traversable) -> None:
        self._files = {f"{PREFIX}/{name}": file for name, file in _found(folder, "", _DEPTH)}

    @property
    def built(self) -> bool:
        """Tell whether there is a console at all."""
        return f"{PREFIX}/index.html" in self._files

    async def answer(self, scope: Scope, send: Send) -> bool:
        """Answer a GET or HEAD of `/` or below the prefix; False where there is nothing."""
        path: str = scope["path"]
        file = self._files.get(path)
        if file is None and _is_route(path):
            path = f"{PREFIX}/index.html"
            file = self._files.get(path)
        if file is None:
            return False
        body = file.read_bytes()  # of this machine's disk, and kept by the browser
        await _send(send, body, path, scope["method"] == "HEAD")
        return True


@cache
def bundled() -> Console:
    """Return the console that came with the hub."""
    return Console(files("gotapi_core.server").joinpath("console"))


def is_console(path: str) -> bool:
    """Tell whether a path is the console's, built or not."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _is_route(path: str) -> bool:
    """Tell whether the console itself shows what is there, by its address."""
    return path == "/" or (is_console(path) and "." not in path.rpartition("/")[2])


def _found(folder: Traversable, prefix: str, depth: int) -> list[tuple[str, Traversable]]:
    if depth == 0 or not folder.is_dir():
        return []
    found: list[tuple[str, Traversable]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _found(one, f"{prefix}{one.name}/", depth - 1)
        elif one.name.rpartition(".")[2] in _TYPES:
            found.append((prefix + one.name, one))
    return found


async def _send(send: Send, body: bytes, path: str, head: bool) -> None:
    fields: RawHeaders = [
        (b"content-type", _TYPES[path.rpartition(".")[2]]),
        (b"cache-control", _FOR_EVER if path.startswith(_ASSETS) else _ASK_AGAIN),
        (b"x-content-type-options", b"nosniff"),
        *guarded(POLICY),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if head else body})
