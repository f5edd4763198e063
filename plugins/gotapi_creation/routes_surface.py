"""3DCAPI-1: the surface `/3dcapi`, and the addresses of pictures and previews below it."""

from __future__ import annotations

import asyncio
from abc import ABC
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin import Context, SurfaceReply, SurfaceRequest, surface
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.messages import Caller
from gotapi_core.whole_file import replacing
from gotapi_creation.book import Book
from gotapi_creation.desk import Asker, CreationDesk
from gotapi_creation.guides import GUIDES, Guides
from gotapi_creation.model import (
    FILES,
    PREVIEW_MODEL,
    PREVIEW_PICTURE,
    CreationSettings,
    Job,
    Step,
)
from gotapi_creation.pictures import MAX_FILE, PictureError, check_picture
from gotapi_creation.wire import (
    Code,
    CreationError,
    Request,
    read_request,
    request_of,
    write_answer,
    write_error,
)
from gotapi_creation.wire.requests import check_method, op_of, query_pairs
from gotapi_creation.wire.words import fold, int_of

_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = (("content-type", "application/json"), ("referrer-policy", "no-referrer"))
_PICTURE: Final = (("content-type", "image/png"), ("referrer-policy", "no-referrer"))
_PREVIEWS: Final = {PREVIEW_PICTURE: "image/png", PREVIEW_MODEL: "model/gltf-binary"}
# GotAPI's result codes of a token -> ours; what is not here is NOT_AUTHORIZED.
_REFUSALS: Final = {12: Code.EXPIRED_TOKEN, 13: Code.INVALID_TOKEN, 14: Code.OUT_OF_SCOPE}


class SurfaceRoutes(ABC):
    """The part of the plug-in that speaks 3DCAPI."""

    context: Context
    desk: CreationDesk
    book: Book
    guides: Guides

    @surface("/3dcapi", scope="3dcapi")
    async def operation(self, request: SurfaceRequest) -> SurfaceReply:
        """Answer an operation of 3DCAPI."""
        settings: CreationSettings = self.context.settings
        figures = settings.compat == "figures"
        code = _request_code(request)
        try:
            caller = _allowed(request.caller)
            wish = _read(request)
            code = self._session_code(wish, caller, code)
            asker = Asker(caller.application, request.base_url)
            answer, code = await self.desk.answer(wish, asker)
        except CreationError as error:
            # 7.x.2: the status is 200, and `result` tells; strict clients may want otherwise.
            status = error.status if settings.strict_http else 200
            return _json(status, write_error(error, code, figures=figures))
        return _json(200, write_answer(answer, code, figures=figures))

    def _session_code(self, wish: Request, caller: Caller, code: int | None) -> int | None:
        """Return the requestCode that an answer has where the request has none (7.2.2)."""
        if code is not None:
            return code
        session = self.book.sessions.get(wish.secure_token)
        if session is not None and session.application == caller.application:
            return session.request_code
        return self.book.next_code(caller.application)

    @surface("/3dcapi/files")
    async def file(self, request: SurfaceRequest) -> SurfaceReply:
        """Take a picture, or show a guide or preview; the key in the address stands for a token."""
        parts = request.path.removeprefix(FILES).strip("/").split("/")
        try:
            if request.method == "GET" and len(parts) == 2 and parts[0] == GUIDES:
                return SurfaceReply(headers=_PICTURE, file=str(await self.guides.picture(parts[1])))
            if request.method == "GET" and len(parts) == 3:
                return self._preview(*parts)
            if request.method in ("PUT", "POST") and len(parts) == 2 and parts[0].isdecimal():
                return await self._take(int(parts[0][:17]), parts[1], request)
            raise CreationError(Code.UNKNOWN_FILE, "There is no file at this address")
        except CreationError as error:
            # Not an answer of 3DCAPI but of plain HTTP, whose clients look at the status.
            return _json(error.status, write_error(error, None))

    def _preview(self, job_id: str, key: str, name: str) -> SurfaceReply:
        job = self.book.jobs.get(job_id)
        if job is None or job.key != key or name not in job.previews:
            raise CreationError(Code.UNKNOWN_FILE, "There is no preview at this address")
        headers = (("content-type", _PREVIEWS[name]), ("referrer-policy", "no-referrer"))
        return SurfaceReply(headers=headers, file=str(self.book.folder(job) / name))

    async def _take(self, file_id: int, key: str, request: SurfaceRequest) -> SurfaceReply:
        job, file = self.book.picture(file_id, key)
        if job.step is not Step.COLLECTING or file.direct:
            raise CreationError(Code.ILLEGAL_STATE, "This picture is not wanted any more")
        data = await self._content(job, request)
        try:
            info = await asyncio.to_thread(check_picture, data)
        except PictureError as error:
            raise CreationError(Code.BAD_PICTURE, f"The picture {error}") from error
        await asyncio.to_thread(_store, self.book.folder(job) / str(file_id), data)
        now = self.book.jobs.get(job.id)
        if now is None or now.step is not Step.COLLECTING:  # meanwhile it was dropped, or begun
            raise CreationError(Code.ILLEGAL_STATE, "This picture is not wanted any more")
        changed = msgspec.structs.replace(file, arrived=True, type=info.kind.value)
        files = tuple(changed if one.file_id == file_id else one for one in now.files)
        await self.book.change(now, files=files)
        return _json(200, {"result": 0, "fileId": file_id, "size": len(data)})

    async def _content(self, job: Job, request: SurfaceRequest) -> bytes:
        uri = dict(query_pairs(request.query)).get("uri", "")
        if uri:  # uploaded before, by tus for example
            try:
                blob = await self.context.blobs.open(uri, application=job.application)
            except GotapiError as error:
                raise CreationError(Code.UNKNOWN_FILE, error.message) from error
            return await asyncio.to_thread(_bytes_of, blob.path)
        if request.file is not None:
            return await asyncio.to_thread(_bytes_of, Path(request.file))
        return request.body


def _allowed(caller: Caller | None) -> Caller:
    """Return the application that asks; raises CreationError where it may not."""
    if caller is None or caller.refused or not caller.application:
        number, reason = (caller.refused, caller.reason) if caller else (0, "")
        raise CreationError(_REFUSALS.get(number, Code.NOT_AUTHORIZED), reason)
    return caller


def _read(request: SurfaceRequest) -> Request:
    """Return the request; parameters may stand in the body of a form too."""
    kind = dict(request.headers).get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM or not request.body:
        return read_request(request.method, request.path, request.query)
    op, rest = op_of(request.path)
    check_method(op, request.method)
    query = query_pairs(request.query)
    return request_of(op, [*query_pairs(rest), *query, *query_pairs(request.body)])


def _request_code(request: SurfaceRequest) -> int | None:
    """Return the requestCode for the answer to a request that may not be readable otherwise."""
    try:
        pairs = query_pairs(request.query)
    except CreationError:
        return None
    found = (int_of(value) for name, value in pairs if fold(name) == "requestcode")
    return next(found, None)


def _json(status: int, members: dict[str, object]) -> SurfaceReply:
    return SurfaceReply(status=status, headers=_HEADERS, body=msgspec.json.encode(members))


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise CreationError(Code.BAD_PICTURE, f"The picture is larger than {MAX_FILE:,} bytes")
    return path.read_bytes()


def _store(path: Path, data: bytes) -> None:
    """Write a picture durably; an earlier one in its place is replaced as a whole."""
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise CreationError(
            Code.STORAGE_FULL, f"The picture cannot be stored: {error.strerror}"
        ) from error
