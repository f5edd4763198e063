"""Resumable uploads over HTTP: tus 1.0.0 at /blobs/, beside the plain POST.

Creation, creation with upload, expiration, checksum and termination; `protocol.tus` has what the
headers mean. A request is one of tus when it has the header Tus-Resumable. Whatever the lineage of
the client, the status is the real one: the protocol is made of it.
"""

from gotapi_core.blobs import PATH
from gotapi_core.hub import Hub
from gotapi_core.protocol import tus
from gotapi_core.protocol.errors import GotapiError, InvalidMethod, InvalidUrl, error_body
from gotapi_core.protocol.identity import lineage_of
from gotapi_core.protocol.links import clean_type
from gotapi_core.protocol.params import safe_filename
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
from gotapi_core.uploads import Upload

Fields = list[tuple[str, str]]


class Tus:
    """Answers the tus requests of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def capabilities(self) -> RawHeaders:
        """Return the headers that tell a client what there is."""
        return _raw(tus.capabilities(self._hub.settings.server.upload_size))

    async def answer(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send, application: str
    ) -> None:
        """Answer one request of an application whose token was checked."""
        method = tus.effective_method(scope["method"], headers)
        tus.check_version(headers)
        key = scope["path"].removeprefix(PATH)
        match method:
            case "POST" if not key:
                status, fields = await self._create(scope, headers, receive, application)
            case "HEAD":
                status, fields = await self._head(key, application)
            case "PATCH":
                status, fields = await self._patch(key, headers, receive, application)
            case "DELETE":
                await self._delete(key, application)
                status, fields = 204, []
            case "POST":
                raise InvalidUrl(f"An upload is begun at {PATH}; the hub chooses its name")
            case _:
                raise InvalidMethod(f"tus takes {', '.join(sorted(tus.METHODS))} below {PATH}")
        await _send(send, status, fields, headers)

    async def refuse(self, send: Send, error: GotapiError, headers: Headers) -> None:
        """Send a failure with its real status."""
        _, body = error_body(error, lineage_of(headers))
        fields = [("tus-resumable", tus.VERSION)]
        if isinstance(error, tus.UnsupportedVersion):
            fields.append(("tus-version", tus.VERSION))
        await send_json(send, error.status, body, [*_raw(fields), *cors_headers(headers)])

    async def _create(
        self, scope: Scope, headers: Headers, receive: Receive, application: str
    ) -> tuple[int, Fields]:
        wish = tus.parse_wish(headers)
        with_upload = bool(content_length(headers)) or "transfer-encoding" in headers
        if with_upload:
            tus.check_content_type(headers)
        checksum = tus.parse_checksum(headers)
        name = safe_filename(wish.name) if wish.name else "upload"
        row = tus.Wish(wish.length, name, clean_type(wish.content_type), wish.sha256, wish.metadata)
        uploads = self._hub.blobs.uploads
        upload = await uploads.create(application, row)
        try:
            if with_upload:
                await self._append(upload, 0, headers, receive, checksum)
            fields = await self._settled(upload)
        except BaseException:  # its sender never heard of it, so nobody can go on with it
            await uploads.remove(upload)
            raise
        location = f"{scope['scheme']}://{headers['host']}{PATH}{upload.row.id}"
        return 201, [("location", location), *fields]

    async def _head(self, key: str, application: str) -> tuple[int, Fields]:
        try:
            upload = self._hub.blobs.uploads.find(key, application)
        except GotapiError:
            return await self._head_of_blob(key, application)
        if upload.whole and not upload.busy:  # a crash came between its end and its becoming a blob
            await self._hub.blobs.uploads.complete(upload)
        row = upload.row
        fields = [
            ("upload-offset", str(upload.offset)),
            ("upload-length", str(row.length)),
            ("upload-expires", tus.http_date(upload.expires)),
        ]
        if row.metadata:
            fields.append(("upload-metadata", row.metadata))
        return 200, fields

    async def _head_of_blob(self, key: str, application: str) -> tuple[int, Fields]:
        """Answer for an upload that is whole: whoever lost the last answer asks like this."""
        try:
            blob = await self._hub.blobs.find(key, application)
        except GotapiError as error:
            error.status = 404
            raise
        size = str(blob.size)
        return 200, [("upload-offset", size), ("upload-length", size), _etag(blob.sha256)]

    async def _patch(
        self, key: str, headers: Headers, receive: Receive, application: str
    ) -> tuple[int, Fields]:
        tus.check_content_type(headers)
        offset = tus.parse_offset(headers)
        checksum = tus.parse_checksum(headers)
        upload = self._hub.blobs.uploads.find(key, application)
        await self._append(upload, offset, headers, receive, checksum)
        return 204, await self._settled(upload)

    async def _append(
        self,
        upload: Upload,
        offset: int,
        headers: Headers,
        receive: Receive,
        checksum: tus.Checksum | None,
    ) -> None:
        size = content_length(headers)
        idle = self._hub.settings.server.body_idle_time
        uploads = self._hub.blobs.uploads
        async with uploads.appending(upload, offset, size, checksum) as appender:
            async for piece in body_pieces(receive, idle):
                await appender.write(piece)
            await appender.finish()

    async def _settled(self, upload: Upload) -> Fields:
        """Return how far an upload is, once it is a blob if it is whole."""
        fields = [("upload-offset", str(upload.offset))]
        if not upload.whole:
            return [*fields, ("upload-expires", tus.http_date(upload.expires))]
        blob = await self._hub.blobs.uploads.complete(upload)
        return [*fields, _etag(blob.sha256)]

    async def _delete(self, key: str, application: str) -> None:
        try:
            await self._hub.blobs.delete(key, application)
        except tus.UploadBusy:
            raise
        except GotapiError as error:
            error.status = 404
            raise


def _etag(sha256: str) -> tuple[str, str]:
    return "etag", f'"{sha256}"'


def _raw(fields: Fields) -> RawHeaders:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]


async def _send(send: Send, status: int, fields: Fields, headers: Headers) -> None:
    named = [("tus-resumable", tus.VERSION), *fields]
    extra = [*_raw(named), *cors_headers(headers)]
    if status == 204:  # RFC 9110 8.6: no Content-Length in it
        start = {"type": "http.response.start", "status": 204, "headers": extra}
        await send(start)
        await send({"type": "http.response.body", "body": b""})
        return
    await send_bytes(send, status, b"", extra)
