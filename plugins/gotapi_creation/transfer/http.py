"""Files over HTTP, for Starlette: a plain PUT, resumable uploads (tus 1.0.0), and downloads.

A file's address holds a key of its own, so whoever has it needs no token; it is good for one file.
An upload is made at the very address: POST tells its length, HEAD the offset, PATCH brings bytes.
"""

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from gotapi_core.protocol import tus
from gotapi_core.protocol.errors import GotapiError
from gotapi_creation.transfer.failures import (
    AlreadyThere,
    BrokenRules,
    Cut,
    Mismatch,
    StorageFull,
    TooLarge,
    TransferError,
    UnknownFile,
)
from gotapi_creation.transfer.slots import Filling, Slot
from gotapi_creation.transfer.ws_server import Outgoing
from gotapi_creation.wire.codes import CreationError

PIECE_TIME: Final = 30.0  # seconds without a byte; then the client is gone
WHOLE_TIME: Final = 900.0  # seconds of one request; 10 MB at 12 kB/s
REST: Final = 32 << 20  # bytes of a body that are read although it is refused; three pictures
REST_TIME: Final = 3.0  # seconds for that
_BLOCK: Final = 1 << 18  # bytes written at once
_EXTENSIONS: Final = "creation,expiration,termination"
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):")  # RFC 9530
_STATUS: Final[dict[type[TransferError], int]] = {
    AlreadyThere: 409,
    Cut: 408,
    Mismatch: 422,
    StorageFull: 507,
    TooLarge: 413,
    UnknownFile: 404,
}
NO_STORE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

Find = Callable[[Request], Awaitable[Slot | Outgoing]]
"""Returns what an address may write or read; raises TransferError."""


class HttpDesk:
    """Answers requests for files."""

    def __init__(
        self, find: Find, *, piece_time: float = PIECE_TIME, whole_time: float = WHOLE_TIME
    ) -> None:
        self._find = find
        self._piece_time = piece_time
        self._whole_time = whole_time
        self._busy: set[Path] = set()

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            place = await self._find(request)
            if isinstance(place, Outgoing):
                return _download(request, place)
            return await self._upload(request, place)
        except TransferError as error:
            status = _STATUS.get(type(error), error.status)
            answer = _failure(status, int(error.code), error.message)
        except CreationError as error:
            answer = _failure(error.status, int(error.code), error.message)
        except GotapiError as error:
            answer = _failure(error.status, int(error.code), error.message)
        return await end_body(request, answer)

    async def _upload(self, request: Request, slot: Slot) -> Response:
        method = tus.effective_method(request.method, request.headers)
        if tus.is_tus(request.headers):
            tus.check_version(request.headers)
        match method:
            case "OPTIONS":
                return _empty(204, tus_max_size=str(slot.limit), tus_extension=_EXTENSIONS)
            case "HEAD":
                return await asyncio.to_thread(_head, slot)
            case "POST":
                return await asyncio.to_thread(_create, request, slot)
            case "PATCH":
                return await self._patch(request, slot)
            case "PUT":
                return await self._put(request, slot)
            case "DELETE":
                with self._alone(slot):
                    await asyncio.to_thread(slot.forget)
                return _empty(204)
        answer = _failure(405, 3, "Send the file with PUT, or with tus: POST, HEAD and PATCH")
        return await end_body(request, answer)

    async def _put(self, request: Request, slot: Slot) -> Response:
        size = _content_length(request)
        with self._alone(slot):
            if not slot.whole:
                await asyncio.to_thread(slot.forget)
            return await self._take(request, slot, size, _digest(request))

    async def _patch(self, request: Request, slot: Slot) -> Response:
        tus.check_content_type(request.headers)
        offset = tus.parse_offset(request.headers)
        with self._alone(slot):
            if offset != slot.have:
                raise tus.WrongOffset(f"The file has {slot.have} bytes here, not {offset}")
            size = slot.announced
            if size is None:  # tus, Upload-Defer-Length: then the first PATCH tells it
                size = tus.parse_wish(request.headers).length
            return await self._take(request, slot, size, slot.sha256 or _digest(request))

    async def _take(self, request: Request, slot: Slot, size: int | None, sha256: str) -> Response:
        with await asyncio.to_thread(Filling, slot) as filling:
            await asyncio.to_thread(filling.need, slot.limit if size is None else size)
            async with contextlib.aclosing(self._pieces(request)) as pieces:
                async for piece in pieces:
                    if size is not None and filling.offset + len(piece) > size:
                        raise BrokenRules(f"More than the {size} bytes arrived that were announced")
                    await asyncio.to_thread(filling.write, piece)
            if size is not None and filling.offset < size:
                if request.method == "PUT":
                    raise Cut(f"Only {filling.offset} of {size} bytes arrived; send it again")
                return _empty(204, upload_offset=str(filling.offset))
            found = await asyncio.to_thread(filling.finish, sha256)
        return _empty(204, upload_offset=str(slot.have), etag=f'"{found}"')

    async def _pieces(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the body in larger pieces; raises Cut where it stalls, after what had arrived."""
        stream = aiter(request.stream())
        ends = time.monotonic() + self._whole_time
        gathered = bytearray()
        cut = ""
        while not cut:
            try:
                async with asyncio.timeout(min(self._piece_time, ends - time.monotonic())):
                    gathered += await anext(stream)
            except StopAsyncIteration:
                break
            except TimeoutError:
                cut = "The body stopped arriving; ask for the offset and go on"
            except ClientDisconnect:
                cut = "The connection went away"
            if len(gathered) >= _BLOCK:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)
        if cut:
            raise Cut(cut)

    @contextlib.contextmanager
    def _alone(self, slot: Slot) -> Iterator[None]:
        if slot.path in self._busy:
            raise tus.UploadBusy
        self._busy.add(slot.path)
        try:
            yield
        finally:
            self._busy.discard(slot.path)


async def end_body(request: Request, answer: Response) -> Response:
    """Read what is left of a body, so that its sender gets to read the answer.

    A connection that is closed with bytes unread is reset. Who sends without end is cut off.
    """
    left = REST
    with contextlib.suppress(RuntimeError, ClientDisconnect):  # nothing is left, or nobody
        try:
            async with asyncio.timeout(REST_TIME):
                async for piece in request.stream():
                    left -= len(piece)
                    if left < 0:
                        break
        except TimeoutError:
            left = -1
    if left < 0:
        answer.headers["Connection"] = "close"
    return answer


def _head(slot: Slot) -> Response:
    length = slot.have if slot.whole else slot.announced
    fields = {"upload_offset": str(slot.have)}
    if length is None:
        return _empty(200, **fields, upload_defer_length="1")
    return _empty(200, **fields, upload_length=str(length))


def _create(request: Request, slot: Slot) -> Response:
    if slot.whole:
        raise AlreadyThere("This file has arrived already; ask filetransfer for a new one")
    wish = tus.parse_wish(request.headers)
    if wish.length > slot.limit:
        raise TooLarge(f"The file has {wish.length} bytes; at most {slot.limit} are allowed for it")
    if slot.announced != wish.length or slot.sha256 != wish.sha256:
        slot.forget()  # of another file than now
        slot.announce(wish.length, wish.sha256)
    return _empty(201, location=str(request.url.replace(query="")), upload_offset=str(slot.have))


def _download(request: Request, place: Outgoing) -> Response:
    if request.method not in ("GET", "HEAD"):
        return _failure(405, 3, "This file can only be fetched, with GET")
    headers = {**NO_STORE, "ETag": f'"{place.sha256}"'}
    return FileResponse(place.path, media_type=place.type or None, headers=headers)


def _content_length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else None


def _digest(request: Request) -> str:
    found = _DIGEST.search(request.headers.get("repr-digest", ""))
    return base64.b64decode(found[1]).hex() if found else ""


def _empty(status: int, **fields: str) -> Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    common = {"Tus-Resumable": tus.VERSION, **NO_STORE}
    return Response(status_code=status, headers={**common, **headers})


def _failure(status: int, result: int, message: str) -> Response:
    body = {"result": result, "errorMessage": message}
    headers = {"Tus-Resumable": tus.VERSION, **NO_STORE}
    return JSONResponse(body, status, headers)
