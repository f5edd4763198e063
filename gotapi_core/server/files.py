"""Files of applications over HTTP: POST /blobs/ stores one, GET /blobs/<id> gives it back."""

import asyncio
import os
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.responses import FileResponse

from gotapi_core import __version__
from gotapi_core.blobs import PATH
from gotapi_core.hub import Hub
from gotapi_core.plugin.context import Blob
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidMethod,
    InvalidParameter,
    InvalidUrl,
    error_body,
)
from gotapi_core.protocol.identity import identify, lineage_of
from gotapi_core.protocol.messages import success_body
from gotapi_core.protocol.params import parse_query, safe_filename, take_common
from gotapi_core.server.asgi import (
    Headers,
    RawHeaders,
    Receive,
    Scope,
    Send,
    body_pieces,
    content_length,
    send_bytes,
    send_json,
)
from gotapi_core.server.cors import cors_headers

Members = Mapping[str, object]


class Files:
    """Answers everything below `/blobs/`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reading = scope["method"] in ("GET", "HEAD")
        try:
            if reading:
                await self._download(scope, headers, receive, send)
                return
            members = await self._upload(scope, headers, receive)
            status, body = 200, success_body("gotapi-hub", __version__, members)
        except GotapiError as error:
            status, body = error_body(error, lineage_of(headers))
            if reading:
                status = error.status  # whoever reads a file would store a 200 as the file
        await send_json(send, status, body, cors_headers(headers))

    async def _upload(self, scope: Scope, headers: Headers, receive: Receive) -> Members:
        """Store the body as it is; parameters: `name`, and `sha256` to have it checked."""
        if scope["method"] != "POST":
            raise InvalidMethod(f"{PATH} takes POST with the file as the body")
        if scope["path"] != PATH:
            raise InvalidUrl(f"A file is uploaded to {PATH}; the hub chooses its name")
        query = parse_query(scope["query_string"])
        application = self._application(query, headers)
        content_type = headers.get("content-type", "application/octet-stream")
        writer = self._hub.blobs.writer(
            application,
            safe_filename(query.get("name", "upload")),
            content_type,
            content_length(headers),
        )
        try:
            async for piece in body_pieces(receive, self._hub.settings.server.body_idle_time):
                await writer.write(piece)
            blob = await writer.finish(query.get("sha256"))
        finally:
            await writer.abort()
        uri = f"{scope['scheme']}://{headers['host']}{PATH}{blob.id}"
        return {"uri": uri, "size": blob.size, "sha256": blob.sha256, "name": blob.name}

    async def _download(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        blob_id = unquote(scope["path"].removeprefix(PATH))
        blob, stat = await self._find(blob_id, self._application(query, headers))
        etag = f'"{blob.sha256}"'
        extra: RawHeaders = [
            *cors_headers(headers),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"private, no-cache"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"etag", etag.encode("ascii")),
        ]
        if _matches(headers.get("if-none-match", ""), etag):
            await send_bytes(send, 304, b"", extra)
            return
        response = FileResponse(
            blob.path,
            media_type="application/octet-stream",
            filename=blob.name,
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in extra},
            stat_result=stat,
        )
        await response(scope, receive, send)

    async def _find(self, blob_id: str, application: str) -> tuple[Blob, os.stat_result]:
        try:
            blob = await self._hub.blobs.find(blob_id, application)
            return blob, await asyncio.to_thread(blob.path.stat)
        except InvalidParameter as error:
            error.status = 404
            raise
        except FileNotFoundError:
            gone = InvalidParameter(f"The file '{blob_id}' is no longer there; upload it again")
            gone.status = 404
            raise gone from None

    def _application(self, query: Mapping[str, str], headers: Headers) -> str:
        token = take_common(query).access_token or bearer(headers)
        return self._hub.auth.authenticate(token, identify(headers)).application_id


def bearer(headers: Headers) -> str | None:
    """Return the token of an `Authorization: Bearer` header (RFC 6750 2.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _matches(if_none_match: str, etag: str) -> bool:
    """Tell whether one of the entity tags is this one, compared weakly (RFC 9110 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
