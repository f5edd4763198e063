"""Files of applications over HTTP: POST /blobs/ stores one, GET /blobs/<id> gives it back.

Big ones come with tus (`server.tus`). GET with a signed link needs no token; POST to
/blobs/<id>/link makes one. GET /gotapi/files?uri= is DeviceConnect's way to a file.
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from gotapi_core import __version__
from gotapi_core.blobs import PATH as BLOBS
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidMethod,
    InvalidParameter,
    InvalidUrl,
    error_body,
)
from gotapi_core.protocol.identity import identify, lineage_of
from gotapi_core.protocol.links import Use, is_link
from gotapi_core.protocol.messages import success_body
from gotapi_core.protocol.params import parse_query, safe_filename, take_common
from gotapi_core.protocol.tus import is_tus
from gotapi_core.server.asgi import (
    Headers,
    Receive,
    Scope,
    Send,
    body_pieces,
    content_length,
    send_json,
)
from gotapi_core.server.cors import cors_headers, send_preflight
from gotapi_core.server.downloads import send_blob
from gotapi_core.server.tus import Tus

Members = Mapping[str, object]

PATH = "/gotapi/files"  # where DeviceConnect's applications read a file
LINK = "/link"  # ends the path at which a signed link is made
_LIFETIME_DIGITS = 9  # of a link's seconds; longer than a day is cut to a day


class Files:
    """Answers everything below `/blobs/`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tus = Tus(hub)

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = scope["method"]
        tus = is_tus(headers) and method != "GET"
        reading = method in ("GET", "HEAD") and not tus
        try:
            if method == "OPTIONS":
                await send_preflight(send, headers, self._tus.capabilities())
            elif tus:
                query = parse_query(scope["query_string"])
                application = self._application(query, headers, scope["method"])
                await self._tus.answer(scope, headers, receive, send, application)
            elif reading:
                await self._download(scope, headers, receive, send)
            else:
                members = await self._members(scope, headers, receive)
                body = success_body("gotapi-hub", __version__, members)
                await send_json(send, 200, body, cors_headers(headers))
        except GotapiError as error:
            if tus:
                await self._tus.refuse(send, error, headers)
                return
            status, body = error_body(error, lineage_of(headers))
            if reading:
                status = error.status  # whoever reads a file would store a 200 as the file
            await send_json(send, status, body, cors_headers(headers))

    async def relay(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer for the file whose uri is a parameter as if that had been asked for."""
        try:
            query = parse_query(scope["query_string"])
            if scope["method"] not in ("GET", "HEAD"):
                raise InvalidMethod(f"{PATH} takes GET with a uri")
            parts = urlsplit(query.pop("uri", ""))
            if not parts.path.startswith(BLOBS) or parts.path == BLOBS:
                raise InvalidParameter("uri must be that of a file of this hub")
        except (GotapiError, ValueError) as error:
            known = error if isinstance(error, GotapiError) else InvalidParameter(f"uri: {error}")
            status, body = error_body(known, lineage_of(headers))
            status = known.status  # as below: whoever reads a file would store a 200 as the file
            await send_json(send, status, body, cors_headers(headers))
            return
        linked = parts.query.encode("ascii", "replace")
        more = linked if is_link(linked) else urlencode(query).encode()
        inner = {**scope, "path": parts.path, "query_string": more}
        await self.answer(inner, headers, receive, send)

    async def _members(self, scope: Scope, headers: Headers, receive: Receive) -> Members:
        method, path = scope["method"], scope["path"]
        if method == "POST" and path.endswith(LINK):
            return await self._link(scope, headers)
        if method == "DELETE":
            query = parse_query(scope["query_string"])
            application = self._application(query, headers, scope["method"])
            await self._hub.blobs.delete(path.removeprefix(BLOBS), application)
            return {}
        return await self._upload(scope, headers, receive)

    async def _link(self, scope: Scope, headers: Headers) -> Members:
        """Make a signed link to a file of the application; parameters: `lifetime` and `use`."""
        query = parse_query(scope["query_string"])
        application = self._application(query, headers, scope["method"])
        blob_id = scope["path"].removeprefix(BLOBS).removesuffix(LINK)
        blob = await self._hub.blobs.find(blob_id, application)
        lifetime, use = _lifetime(query.get("lifetime")), query.get("use", "show")
        if use not in ("show", "save"):
            raise InvalidParameter(f"use must be show or save, not {use[:20]!r}")
        uri = self._hub.blobs.signed_uri(blob_id, lifetime, name=blob.name, use=Use(use))
        return {"uri": f"{scope['scheme']}://{headers['host']}{uri}"}

    async def _upload(self, scope: Scope, headers: Headers, receive: Receive) -> Members:
        """Store the body as it is; parameters: `name`, and `sha256` to have it checked."""
        if scope["method"] != "POST":
            raise InvalidMethod(f"{BLOBS} takes POST with the file as the body")
        if scope["path"] != BLOBS:
            raise InvalidUrl(f"A file is uploaded to {BLOBS}; the hub chooses its name")
        query = parse_query(scope["query_string"])
        application = self._application(query, headers, scope["method"])
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
        uri = f"{scope['scheme']}://{headers['host']}{BLOBS}{blob.id}"
        return {"uri": uri, "size": blob.size, "sha256": blob.sha256, "name": blob.name}

    async def _download(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        blob_id = scope["path"].removeprefix(BLOBS)
        try:
            if is_link(scope["query_string"]):
                blob_id = blob_id.partition("/")[0]  # after it the file's name may follow
                blob, use = await self._hub.blobs.find_linked(blob_id, query)
            else:
                blob = await self._hub.blobs.find(
                    blob_id, self._application(query, headers, scope["method"])
                )
                use = None
        except InvalidParameter as error:
            error.status = 404
            raise
        await send_blob(scope, headers, receive, send, blob, use)

    def _application(self, query: Mapping[str, str], headers: Headers, method: str) -> str:
        token = take_common(query).access_token or bearer(headers)
        access = self._hub.auth.authenticate(token, identify(headers))
        self._hub.auth.past_use.note(access.application_id, f"{method} blobs")
        return access.application_id


def bearer(headers: Headers) -> str | None:
    """Return the token of an `Authorization: Bearer` header (RFC 6750 2.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _lifetime(text: str | None) -> float | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= _LIFETIME_DIGITS):
        raise InvalidParameter(f"lifetime must be a number of seconds, not {text[:20]!r}")
    return float(text)
