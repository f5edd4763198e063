"""One creation service as the hub reaches it: 3DCAPI-2 by HTTP, 3DCAPI-4 by WebSocket.

Every answer is bounded in size and time. What may be repeated is repeated, with the same
idempotency key, so that a service that got the first request makes no second job of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from gotapi_creation.transfer.failures import TransferError
from gotapi_creation.transfer.slots import Filling, Slot
from gotapi_creation.transfer.words import Opening
from gotapi_creation.transfer.ws_client import download as ws_download
from gotapi_creation.transfer.ws_client import upload as ws_upload
from gotapi_creation.wire import (
    Code,
    CreationError,
    FileEntry,
    Hello,
    Report,
    Request,
    file_url,
    read_answer,
    read_report,
    service_url,
    write_hello,
    write_request,
)
from gotapi_creation.wire.reports import LONGEST_MESSAGE
from gotapi_creation.wire.words import LARGEST_ANSWER, Folded

if TYPE_CHECKING:
    import httpx2

TRIES: Final = 3
_PAUSES: Final = (0.2, 1.0)  # seconds before the second and the third try
_PIECE: Final = 1 << 18
_FILE_TIME: Final = 900.0  # seconds for one file, as long as services give
_GUIDE_TIME: Final = 60.0  # seconds; a service may draw its guides when the first is wanted
_LARGEST: Final = 256 << 20  # bytes of a file; a GLB of two million triangles has 60 MB
_AGAIN: Final = frozenset({Code.SERVICE_OFFLINE, Code.SERVICE_TIMEOUT})
_QUIET = logging.getLogger("gotapi.plugin.creation.socket")
_QUIET.setLevel(logging.WARNING)  # at DEBUG the library logs frames, and with them tokens


class ServiceClient:
    """Asks one service; `key` is the access token it wants."""

    def __init__(self, http: httpx2.AsyncClient, url: str, key: str, call_time: float) -> None:
        self._http = http
        self.url = url
        self._key = key
        self._call_time = call_time
        self._host = urlsplit(url).hostname

    async def ask(
        self, request: Request, *, tries: int = TRIES, within: float | None = None
    ) -> Folded:
        """Return the members of a success; raises CreationError, with the service's own code."""
        whole = msgspec.structs.replace(request, access_token=self._key)
        for pause in (*_PAUSES[: tries - 1], None):
            try:
                return await self._once(whole, within or self._call_time)
            except CreationError as error:
                if pause is None or error.code not in _AGAIN:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _once(self, request: Request, within: float) -> Folded:
        import httpx2  # late: the hub starts without it

        method, path, query = write_request(request)
        try:
            async with asyncio.timeout(within):
                async with self._http.stream(method, f"{self.url}{path}?{query}") as answer:
                    body = await _body(answer)
                    status = answer.status_code
        except TimeoutError:
            raise self._late(within) from None
        except httpx2.TimeoutException:
            raise self._late(within) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise self._offline(error) from error
        try:
            return read_answer(body)[1]
        except CreationError as error:
            if status == 200 or error.code is not Code.BAD_ANSWER:
                raise
            code = Code.SERVICE_OFFLINE if status >= 500 else Code.BAD_ANSWER
            raise CreationError(
                code, f"The creation service at {self.url} answered with HTTP status {status}"
            ) from error

    async def send(self, entry: FileEntry, path: Path, kind: str, secure_token: str) -> None:
        """Send a picture to where the service wants it; raises CreationError."""
        url = self._address(entry)
        if entry.method == "websocket":
            await ws_upload(url, self._opening(url, entry, secure_token), path)
        elif entry.method == "http":
            await self._put(url, path, kind)
        else:
            raise _method(entry.method)

    async def _put(self, url: str, path: Path, kind: str) -> None:
        import httpx2

        data = await asyncio.to_thread(path.read_bytes)  # a picture: 10 MB at most
        try:
            async with asyncio.timeout(_FILE_TIME):
                headers = {"Content-Type": kind or "application/octet-stream"}
                async with self._http.stream("PUT", url, content=data, headers=headers) as answer:
                    body, status = await _body(answer), answer.status_code
        except (TimeoutError, httpx2.TimeoutException):
            raise self._late(_FILE_TIME) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise self._offline(error) from error
        if status // 100 != 2:
            _raise_refusal(body, f"The creation service did not take a picture (HTTP {status})")

    async def fetch(
        self, entry: FileEntry, path: Path, secure_token: str, limit: int = _LARGEST
    ) -> tuple[int, str]:
        """Fetch a file of the service; returns size and SHA-256. Raises CreationError."""
        url = self._address(entry)
        slot = Slot(path, limit)
        if entry.method == "websocket":
            found = await ws_download(url, self._opening(url, entry, secure_token), slot)
        elif entry.method == "http":
            found = await self._get(url, slot, entry.sha256)
        else:
            raise _method(entry.method)
        return slot.have, found

    async def _get(self, url: str, slot: Slot, sha256: str) -> str:
        import httpx2

        await asyncio.to_thread(slot.forget)
        try:
            async with asyncio.timeout(_FILE_TIME), self._http.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise CreationError(
                        Code.BAD_ANSWER,
                        f"The creation service answered a file with HTTP {answer.status_code}",
                    )
                with await asyncio.to_thread(Filling, slot) as filling:
                    await asyncio.to_thread(filling.need, _length(answer))
                    async for piece in answer.aiter_bytes(_PIECE):
                        await asyncio.to_thread(filling.write, piece)
                    return await asyncio.to_thread(filling.finish, sha256)
        except (TimeoutError, httpx2.TimeoutException):
            raise self._late(_FILE_TIME) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise self._offline(error) from error
        except TransferError as error:
            await asyncio.to_thread(slot.forget)
            code = error.code if error.code is Code.STORAGE_FULL else Code.BAD_RESULT
            raise CreationError(code, error.message) from error

    async def guide(self, address: str, limit: int) -> bytes:
        """Return the picture of a template; only of the service's own host. Raises CreationError.

        No token is sent: a guide is for everybody who may see the templates.
        """
        import httpx2

        url = self._own(address)
        try:
            async with (
                asyncio.timeout(_GUIDE_TIME),
                self._http.stream("GET", url, timeout=_GUIDE_TIME) as answer,
            ):
                if answer.status_code != 200:  # a redirect too: it could lead anywhere
                    raise CreationError(
                        Code.BAD_ANSWER,
                        f"The creation service does not give its guide (HTTP {answer.status_code})",
                    )
                return await _body(answer, limit)
        except (TimeoutError, httpx2.TimeoutException):
            raise self._late(_GUIDE_TIME) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise self._offline(error) from error

    def _own(self, address: str) -> str:
        """Return a full address of the service's own host; raises CreationError(BAD_ANSWER)."""
        url = service_url(f"{self.url}{address}" if address.startswith("/") else address)
        parts = urlsplit(url)
        if parts.hostname != self._host or parts.scheme not in ("http", "https"):
            raise CreationError(
                Code.BAD_ANSWER,
                "The creation service names a guide at another place than its own; the hub "
                "fetches none from there",
            )
        return url

    async def reports(
        self, url: str, secure_token: str, job_id: str
    ) -> AsyncGenerator[Report, None]:
        """Yield what a service reports until it closes the socket; raises CreationError."""
        full = service_url(urljoin(self.url.replace("http", "ws", 1), url), "ws")
        if urlsplit(full).hostname != self._host:
            raise CreationError(
                Code.BAD_ANSWER,
                "The creation service wants its tokens sent to another host; they are not",
            )
        try:
            async with connect(
                full, compression=None, max_size=LONGEST_MESSAGE, open_timeout=self._call_time,
                close_timeout=2.0, proxy=None, logger=_QUIET,
            ) as socket:  # fmt: skip
                hello = Hello(self._key, secure_token, job_id)
                await socket.send(msgspec.json.encode(write_hello(hello)).decode())
                async for message in socket:
                    yield read_report(message)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise self._offline(error) from error
        except ConnectionClosed:
            return  # whoever listens looks by HTTP what became of the job

    def _address(self, entry: FileEntry) -> str:
        """Return where a file is; a service may not point the hub at this machine or its network.

        Raises CreationError(BAD_ANSWER).
        """
        url = file_url(entry.url, entry.method, entry.file_id, self.url)
        host = urlsplit(url).hostname or ""
        if host != self._host and _inner(host):
            raise CreationError(
                Code.BAD_ANSWER,
                f"The creation service names a file at {host}, an inner address not its own",
            )
        return url

    def _opening(self, url: str, entry: FileEntry, secure_token: str) -> Opening:
        # Tokens go to the service's own host only; other addresses must hold a key themselves.
        if urlsplit(url).hostname != self._host:
            return Opening(entry.file_id)
        return Opening(entry.file_id, self._key, secure_token)

    def _offline(self, error: Exception) -> CreationError:
        # Not the error's text: it may hold the address, and with it tokens.
        return CreationError(
            Code.SERVICE_OFFLINE,
            f"The creation service at {self.url} cannot be reached ({type(error).__name__})",
        )

    def _late(self, within: float) -> CreationError:
        return CreationError(
            Code.SERVICE_TIMEOUT,
            f"The creation service at {self.url} did not answer within {within:g} s",
        )


def _inner(host: str) -> bool:
    """Tell whether a host is this machine or one of a private network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


async def _body(answer: httpx2.Response, limit: int = LARGEST_ANSWER) -> bytes:
    pieces = bytearray()
    async for piece in answer.aiter_bytes(_PIECE):
        pieces += piece
        if len(pieces) > limit:
            raise CreationError(
                Code.BAD_ANSWER,
                f"The creation service's answer is longer than {limit} bytes",
            )
    return bytes(pieces)


def _length(answer: httpx2.Response) -> int:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else 0


def _raise_refusal(body: bytes, otherwise: str) -> None:
    try:
        read_answer(body)
    except CreationError as error:
        if error.code is not Code.BAD_ANSWER:
            raise
    raise CreationError(Code.SERVICE_REFUSED, otherwise)


def _method(method: str) -> CreationError:
    return CreationError(
        Code.NOT_SUPPORTED,
        f"The creation service moves files by '{method[:40]}'; the hub does by http and websocket",
    )
