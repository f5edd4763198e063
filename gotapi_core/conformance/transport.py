"""HTTP and WebSocket as they are needed to check a hub: nothing is added, nothing is hidden."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import Failed

PATIENCE: Final = 5.0  # seconds for an answer that waits for nobody
MAX_ANSWER: Final = 8 * 1024 * 1024  # bytes
_CLOSING: Final = 1.0  # seconds


class Wire(Protocol):
    """One open WebSocket."""

    async def send(self, text: str) -> None:
        """Send a text frame; one that was closed meanwhile is no error."""

    async def receive(self, within: float) -> str | None:
        """Return the next text frame; None where none comes in time or the socket closed."""

    async def closed(self, within: float) -> bool:
        """Return whether the hub closes the socket in time."""


class Transport(Protocol):
    """How checks reach a hub."""

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, within: float
    ) -> Answer:
        """Send one request; raises Failed where nothing comes back."""

    def socket(self, target: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Wire]:
        """Open a WebSocket; raises Refused where the hub does not take it."""


class NotAnswered(Failed):
    """The hub did not answer in time."""


class Refused(Failed):
    """The hub did not take a WebSocket."""


class HttpTransport:
    """Reaches a hub over the network; an async context manager."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        self._url = url
        self._tls = _context(ca) if url.startswith("https:") else None
        self._client = httpx2.AsyncClient(
            base_url=url,
            trust_env=False,
            verify=self._tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    async def __aenter__(self) -> "HttpTransport":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, within: float
    ) -> Answer:
        """Send one request."""
        request = self._client.build_request(
            method,
            "/",
            content=body or None,
            headers=dict(headers),
            extensions={"target": target.encode("ascii")},
            timeout=within,
        )
        for name in ("user-agent", "accept"):
            if name not in headers:
                del request.headers[name]
        try:
            async with asyncio.timeout(within):
                got = await self._client.send(request)
        except (TimeoutError, httpx2.TimeoutException):
            raise NotAnswered(
                f"{method} {_shown(target)} was not answered in {within:g} s"
            ) from None
        except httpx2.HTTPError as error:
            raise Failed(f"{method} {_shown(target)} got no answer: {error!r}") from None
        return Answer(got.status_code, dict(got.headers), got.content[:MAX_ANSWER])

    @asynccontextmanager
    async def socket(self, target: str, headers: Mapping[str, str]) -> AsyncIterator[Wire]:
        """Open a WebSocket."""
        try:
            opened = await connect(
                f"ws{self._url.removeprefix('http')}{target}",
                additional_headers=dict(headers),
                proxy=None,
                compression=None,
                open_timeout=PATIENCE,
                close_timeout=_CLOSING,
                max_size=MAX_ANSWER,
                user_agent_header=None,
                ssl=self._tls,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise Refused(f"the WebSocket {_shown(target)} was not opened: {error}") from None
        try:
            yield _Socket(opened)
        finally:
            await opened.close()


class _Socket:
    def __init__(self, opened: ClientConnection) -> None:
        self._opened = opened

    async def send(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._opened.send(text)

    async def receive(self, within: float) -> str | None:
        try:
            async with asyncio.timeout(within):
                frame = await self._opened.recv()
        except (TimeoutError, ConnectionClosed):
            return None
        return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")

    async def closed(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._opened.wait_closed()
        except TimeoutError:
            return False
        return True


def _context(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def _shown(target: str) -> str:
    return target.partition("?")[0]  # what follows may be a token
