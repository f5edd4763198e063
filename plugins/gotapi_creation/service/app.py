"""The service as an ASGI application: which address does what, and how failures are answered."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from gotapi_creation.service.model import Limits
from gotapi_creation.service.operations import Operations
from gotapi_creation.service.reports import Reporter
from gotapi_creation.service.shelf import Shelf
from gotapi_creation.service.silhouettes import Guides
from gotapi_creation.transfer.http import NO_STORE, HttpDesk, end_body
from gotapi_creation.transfer.ws_server import Desk
from gotapi_creation.wire import Code, CreationError, read_request, write_answer, write_error
from gotapi_creation.wire.answers import Members
from gotapi_creation.wire.requests import Request as Asked
from gotapi_creation.wire.requests import query_pairs
from gotapi_creation.wire.words import fold, int_of

log = logging.getLogger(__name__)

_BODY: Final = 16384  # bytes of a form
_BODY_TIME: Final = 10.0  # seconds until a form must have come
_FORM: Final = "application/x-www-form-urlencoded"
_HELLO: Final = (
    "This is a 3D contents creation service (OMA 3DCAPI 1.0), for hubs rather than for people.\n"
    "Its requests are below /3dcapi/ and need its access token.\n"
)
_EVERY: Final = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]


def make_app(
    operations: Operations,
    reporter: Reporter,
    shelf: Shelf,
    guides: Guides,
    limits: Limits,
    address: str = "",
) -> Starlette:
    """Return the application; `address` is what answers name instead of the request's own host."""

    async def operation(request: Request) -> Response:
        asked: Asked | None = None
        try:
            asked = await _read(request)
            answer = await operations.answer(asked, address or _base(request))
            body = write_answer(answer, asked.request_code)
        except CreationError as error:
            body = write_error(error, asked.request_code if asked else _code(request))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # the boundary: whatever it was, the client gets an answer
            log.exception("a request failed by a fault of the service")
            failure = CreationError(Code.ERROR, "The service failed; its log says why.")
            body = write_error(failure, _code(request))
        return await end_body(request, _json(body))

    async def silhouette(request: Request) -> Response:
        path = await guides.path(request.path_params["name"])
        if path is None:
            return PlainTextResponse("There is no such silhouette.\n", 404)
        return FileResponse(path, media_type="image/png", headers={"Cache-Control": "max-age=3600"})

    async def hello(request: Request) -> Response:
        return PlainTextResponse(_HELLO)

    sockets = Desk(shelf.by_opening)

    async def file_socket(socket: WebSocket) -> None:
        # The address holds a key of its own: applications do not have the hub's secureToken.
        await sockets.serve(socket, lambda _: shelf.by_address(socket))

    crowd = _Crowd(limits.sockets)
    files = HttpDesk(shelf.by_address)
    return Starlette(
        routes=[
            Route("/", hello),
            Route("/silhouettes/{name}", silhouette),
            Route("/files/{file_id:int}/{key}", files.answer, methods=_EVERY),
            WebSocketRoute("/3dcapi/files", crowd(sockets.serve)),
            WebSocketRoute("/3dcapi/files/{file_id:int}/{key}", crowd(file_socket)),
            WebSocketRoute("/3dcapi/websocket", crowd(reporter.serve)),
            WebSocketRoute("/3dcapi/websocket/{job_id}", crowd(reporter.serve)),
            Route("/3dcapi/{rest:path}", operation, methods=_EVERY),
        ]
    )


class _Crowd:
    """Lets so many sockets in and no more."""

    def __init__(self, most: int) -> None:
        self._left = most

    def __call__(
        self, serve: Callable[[WebSocket], Awaitable[None]]
    ) -> Callable[[WebSocket], Awaitable[None]]:
        async def counted(socket: WebSocket) -> None:
            if self._left <= 0:
                await socket.close(1013)  # before the handshake: it becomes a 403
                return
            self._left -= 1
            try:
                await serve(socket)
            finally:
                self._left += 1

        return counted


async def _read(request: Request) -> Asked:
    """Return the request; parameters may also come as a form, the token as a header."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope["query_string"]
    form = b""
    if request.method in ("PUT", "POST") and request.headers.get("content-type", "").startswith(
        _FORM
    ):
        form = await _form(request)
    joined = b"&".join(part for part in (query, form) if part)
    query_pairs(joined)  # too much is refused before anything is read
    asked = read_request(request.method, raw.decode("latin-1"), joined)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not asked.access_token and scheme.lower() == "bearer":
        return msgspec.structs.replace(asked, access_token=token.strip())
    return asked


async def _form(request: Request) -> bytes:
    found = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIME):
            async for piece in request.stream():
                found += piece
                if len(found) > _BODY:
                    raise CreationError(
                        Code.INVALID_PARAMETER, f"The form is longer than {_BODY} bytes"
                    )
    except TimeoutError:
        raise CreationError(Code.TIMEOUT, "The form did not arrive in time") from None
    return bytes(found)


def _code(request: Request) -> int | None:
    """Return the requestCode of a request that cannot be read otherwise."""
    with suppress(CreationError):
        for name, value in query_pairs(request.scope["query_string"]):
            if fold(name) == "requestcode":
                return int_of(value)
    return None


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _json(members: Members) -> Response:
    return Response(
        json.dumps(members, ensure_ascii=False).encode(),
        media_type="application/json",
        headers=NO_STORE,
    )
