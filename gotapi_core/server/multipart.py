"""Reads a multipart body: text fields become parameters, a file becomes a blob and its uri.

As in the DeviceConnect servers, the file's part is replaced by the parameter `uri`, so that a
plug-in sees the same request whether the file came along or was uploaded before.
"""

from collections.abc import AsyncIterator, Mapping

from gotapi_core.blobs import BlobWriter
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.params import (
    Event,
    FieldDone,
    FileData,
    FileEnd,
    FileStart,
    Limits,
    MultipartParser,
)
from gotapi_core.server.asgi import check_announced
from gotapi_core.server.endpoints import Uploads


async def read_multipart(
    pieces: AsyncIterator[bytes], most: int, boundary: bytes, limits: Limits, uploads: Uploads
) -> Mapping[str, object]:
    """Return the parameters of a multipart body; its file, one at most, is stored on the way.

    `most` bounds the whole body in bytes: what stands around its parts counts nowhere else.
    """
    reader = _Reader(MultipartParser(boundary, limits), uploads)
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            check_announced(size, most)
            await reader.feed(piece)
        return reader.finish()
    finally:
        await reader.close()


class _Reader:
    def __init__(self, parser: MultipartParser, uploads: Uploads) -> None:
        self._parser = parser
        self._uploads = uploads
        self._fields: dict[str, str] = {}
        self._writer: BlobWriter | None = None
        self._uri: str | None = None

    async def feed(self, piece: bytes) -> None:
        for event in self._parser.feed(piece):
            await self._take(event)

    def finish(self) -> Mapping[str, object]:
        self._parser.finish()
        if self._uri is None:
            return self._fields
        return {**self._fields, "uri": self._uri}

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.abort()

    async def _take(self, event: Event) -> None:
        match event:
            case FieldDone(name=name, value=value):
                self._fields[name] = value
            case FileStart(filename=filename, content_type=content_type):
                if self._uri is not None:
                    raise InvalidParameter("The form holds more than one file; send one a request")
                self._writer = self._uploads.begin(self._fields, filename, content_type)
            case FileData(data=data) if self._writer is not None:
                await self._writer.write(data)
            case FileEnd() if self._writer is not None:
                blob = await self._writer.finish()
                self._writer = None
                self._uri = self._uploads.uri(blob.id)
