"""Paths that belong to plug-ins: the raw request goes in, status, headers and body come out."""

import asyncio
import os
import tempfile
from pathlib import Path

from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError, PayloadTooLarge, error_body
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
    send_bytes,
    send_json,
)
from gotapi_core.server.cors import cors_headers

_IN_MEMORY = 1 << 20  # bytes; a larger body goes to a spool file
_PIECE = 1 << 16  # bytes sent of a file at a time
_OURS = frozenset({"content-length", "transfer-encoding", "connection"})


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
            body, spool = await self._body(receive)
            request = SurfaceRequest(
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                query=scope["query_string"],
                headers=tuple(headers.items()),
                body=body,
                file=spool,
            )
            reply = await supervisor.surface(route, request)
        except GotapiError as error:
            status, members = error_body(error, lineage_of(headers))
            await send_json(send, status, members, cors_headers(headers))
        else:
            await _send_reply(send, reply, headers)
        finally:
            _remove(spool)

    async def _body(self, receive: Receive) -> tuple[bytes, str | None]:
        server = self._hub.settings.server
        spool = _Spool(str(self._hub.paths.run))
        try:
            async for piece in body_pieces(receive, server.body_idle_time):
                await spool.add(piece)
                if spool.size > server.upload_size:
                    raise PayloadTooLarge(
                        f"The body is larger than the {server.upload_size} bytes accepted here"
                    )
            return await spool.finish()
        except BaseException:
            _remove(spool.path)
            raise


class _Spool:
    """Collects a body: in memory while it is small, then in a file."""

    def __init__(self, folder: str) -> None:
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
        self.path = await asyncio.to_thread(_append, self.path, self._folder, piece)


def _append(path: str | None, folder: str, piece: bytes) -> str:
    if path is None:
        handle, path = tempfile.mkstemp(prefix="surface-", dir=folder)
        os.close(handle)
    with open(path, "ab") as file:
        file.write(piece)
    return path


def _remove(path: str | None) -> None:
    if path is not None:
        Path(path).unlink(missing_ok=True)


async def _send_reply(send: Send, reply: SurfaceReply, headers: Headers) -> None:
    fields: RawHeaders = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in reply.headers
        if name.lower() not in _OURS
    ]
    fields += cors_headers(headers)
    if reply.file is None:
        await send_bytes(send, reply.status, reply.body, fields)
        return
    file = await asyncio.to_thread(open, reply.file, "rb")
    with file:
        fields.append((b"content-length", b"%d" % os.fstat(file.fileno()).st_size))
        await send({"type": "http.response.start", "status": reply.status, "headers": fields})
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
