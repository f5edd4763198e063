"""Paths that belong to plug-ins: the raw request goes in, status, headers and body come out."""

import asyncio
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from gotapi_core.blobs import RESERVE
from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError, StorageFull, UnknownError, error_body
from gotapi_core.protocol.identity import lineage_of
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route
from gotapi_core.server.asgi import (
    Headers,
    RawHeaders,
    Receive,
    Scope,
    Send,
    body_pieces,
    check_announced,
    content_length,
    send_json,
)
from gotapi_core.server.cors import cors_headers
from gotapi_core.server.surface_caller import caller_of, token_in

log = logging.getLogger(__name__)

_IN_MEMORY = 1 << 20  # bytes; a larger body goes to a spool file
_PIECE = 1 << 16  # bytes sent of a file at a time
# What frames the message, and what says who may read it, is for the hub to say.
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "vary"})
# Surfaces share the hub's origin with the operator's page: what they answer must not act as it.
_ORIGIN = frozenset(
    {"set-cookie", "clear-site-data", "service-worker-allowed", "strict-transport-security"}
)
_SANDBOX = b"sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
_CORS = "access-control-"
_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 5.6.2: token
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5: field-content
_EMPTY = frozenset({204, 304})  # RFC 9110 6.4.1: statuses without content


class Surfaces:
    """Answers a request to a path outside `/gotapi` that a plug-in owns."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def answer(
        self,
        owner: tuple[Supervisor, Route],
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> None:
        """Pass one request to its plug-in; a file it sends back stays the plug-in's."""
        supervisor, route = owner
        spool: str | None = None
        try:
            body, spool = await self._body(headers, receive)
            request = self._request(route, scope, headers, body, spool)
            reply = await supervisor.surface(route, request)
            fields = [*_fields(supervisor.id, reply), *cors_headers(headers)]
            file = await _open(supervisor.id, reply)
        except GotapiError as error:
            status, members = error_body(error, lineage_of(headers))
            await send_json(send, status, members, cors_headers(headers))
        else:
            await _send_reply(send, reply, fields, file)
        finally:
            _remove(spool)

    def _request(
        self, route: Route, scope: Scope, headers: Headers, body: bytes, spool: str | None
    ) -> SurfaceRequest:
        path, query, caller = scope["raw_path"], scope["query_string"], None
        dropped = {b"cookie"}  # the operator's session is nobody else's business
        if route.scope:
            token, path, query = token_in(path, query)
            what = f"{scope['method']} {route.path}"
            caller = caller_of(self._hub, route.scope, token, headers, what)
            dropped.add(b"authorization")
        return SurfaceRequest(
            method=scope["method"],
            path=path.decode("latin-1"),
            query=query,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in scope["headers"]
                if name not in dropped
            ),
            body=body,
            file=spool,
            caller=caller,
            base_url=f"{scope['scheme']}://{headers['host']}",
        )

    async def _body(self, headers: Headers, receive: Receive) -> tuple[bytes, str | None]:
        server = self._hub.settings.server
        check_announced(content_length(headers), server.upload_size)
        # Beside the blobs: the run folder may be memory, and a restart clears their *.part.
        spool = _Spool(self._hub.paths.blobs)
        try:
            async for piece in body_pieces(receive, server.body_idle_time):
                check_announced(spool.size + len(piece), server.upload_size)
                await spool.add(piece)
            return await spool.finish()
        except BaseException:
            _remove(spool.path)
            raise


class _Spool:
    """Collects a body: in memory while it is small, then in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending = bytearray()
        self.path: str | None = None
        self.size = 0

    async def add(self, piece: bytes) -> None:
        self._pending += piece
        self.size += len(piece)
        if len(self._pending) > _IN_MEMORY:
            await self._flush()

    async def finish(self) -> tuple[bytes, str | None]:
        if self.path is None:
            return bytes(self._pending), None
        await self._flush()
        return b"", self.path

    async def _flush(self) -> None:
        piece = bytes(self._pending)
        self._pending.clear()
        # A cancelled request must not leave a file whose name nobody knows yet.
        if self.path is None:
            self.path = _new_file(self._folder)
        await asyncio.to_thread(_append, self.path, piece)


def _new_file(folder: Path) -> str:
    try:
        handle, path = tempfile.mkstemp(prefix="surface-", suffix=".part", dir=folder)
    except OSError as error:
        raise _not_stored(error) from error
    os.close(handle)
    return path


def _append(path: str, piece: bytes) -> None:
    try:
        if shutil.disk_usage(path).free < len(piece) + RESERVE:
            raise StorageFull("There is no room for the body; free some disk space and try again")
        with open(path, "ab") as file:
            file.write(piece)
    except OSError as error:
        raise _not_stored(error) from error


def _not_stored(error: OSError) -> StorageFull:
    return StorageFull(f"The body cannot be stored: {error.strerror}")


def _remove(path: str | None) -> None:
    if path is not None:
        Path(path).unlink(missing_ok=True)


def _fields(plugin_id: str, reply: SurfaceReply) -> RawHeaders:
    """Return a plug-in's headers; raises UnknownError where HTTP cannot carry them."""
    if not 200 <= reply.status <= 599:
        raise _fault(plugin_id, f"status {reply.status}")
    fields: RawHeaders = [
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", _SANDBOX),  # one of the plug-in's own narrows it further
    ]
    for name, value in reply.headers:
        raw = _latin(name.lower()), _latin(value)
        if not _NAME.fullmatch(raw[0]) or not _VALUE.fullmatch(raw[1]):
            raise _fault(plugin_id, f"header {name!r}")
        if name.lower() not in _OURS | _ORIGIN and not name.lower().startswith(_CORS):
            fields.append(raw)
    if not any(name == b"cache-control" for name, _ in fields):
        fields.append((b"cache-control", b"no-store"))
    return fields


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return b"\0"  # no header can have it, so the check after this refuses it


async def _open(plugin_id: str, reply: SurfaceReply) -> BinaryIO | None:
    if reply.file is None:
        return None
    try:
        return await asyncio.to_thread(open, reply.file, "rb")
    except OSError as error:
        raise _fault(plugin_id, f"a file that cannot be read ({error.strerror})") from error


def _fault(plugin_id: str, what: str) -> UnknownError:
    log.error("plug-in %s answered with %s", plugin_id, what)
    return UnknownError(f"plug-in '{plugin_id}' answered with {what}; this is a fault in it")


async def _send_reply(
    send: Send, reply: SurfaceReply, fields: RawHeaders, file: BinaryIO | None
) -> None:
    start = {"type": "http.response.start", "status": reply.status, "headers": fields}
    if file is None:
        body = b"" if reply.status in _EMPTY else reply.body
        if reply.status not in _EMPTY:
            fields.append((b"content-length", b"%d" % len(body)))
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    with file:
        left = os.fstat(file.fileno()).st_size
        fields.append((b"content-length", b"%d" % left))
        await send(start)
        while left and (piece := await asyncio.to_thread(file.read, min(left, _PIECE))):
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
