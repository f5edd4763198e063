"""HTTP as the checks need it: bounded in size and time, nothing followed, nothing hidden."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, Protocol

import httpx2

from gotapi_core.conformance import Target
from gotapi_core.conformance.model import Failed
from gotapi_portrayal.conformance.reply import Reply

PATIENCE: Final = 60.0  # seconds for one answer; a scene of a large city is made in some
MAX_BODY: Final = 96 * 1024 * 1024  # bytes; what is larger is not read to its end
_SHOWN: Final = 300  # characters of a request in a report


class TooLarge(Failed):
    """An answer was larger than the checks read."""


class Transport(Protocol):
    """How checks reach a server."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; raises Failed where nothing comes back."""


class HttpLink:
    """Reaches a server over the network; an async context manager."""

    def __init__(self, target: Target) -> None:
        tls: ssl.SSLContext | bool = True
        if target.ca is not None:
            tls = ssl.create_default_context(cafile=str(target.ca))
        elif not target.url.startswith("https:"):
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not used; loading authorities is slow
        self._client = httpx2.AsyncClient(trust_env=False, verify=tls, timeout=PATIENCE)
        self._own = {"Authorization": f"Bearer {target.token}"} if target.token else {}
        if target.origin:  # GotAPI: a token counts for the origin that it was given to
            self._own["Origin"] = target.origin

    async def __aenter__(self) -> "HttpLink":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request."""
        fields = {**headers, **self._own}
        asked = f"{method} {url[:_SHOWN]}{'...' if len(url) > _SHOWN else ''}"
        try:
            async with (
                asyncio.timeout(PATIENCE),
                self._client.stream(method, url, headers=fields, content=body or None) as got,
            ):
                return Reply(asked, got.status_code, dict(got.headers), await _read(got, asked))
        except (TimeoutError, httpx2.TimeoutException):
            raise Failed(f"not answered in {PATIENCE:g} s [{asked}]") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Failed(f"no answer: {error!r} [{asked}]") from None


async def _read(got: httpx2.Response, asked: str) -> bytes:
    body = bytearray()
    async for piece in got.aiter_bytes():
        body += piece
        if len(body) > MAX_BODY:
            raise TooLarge(f"the answer is larger than {MAX_BODY >> 20} MiB [{asked}]")
    return bytes(body)
