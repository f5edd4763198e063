"""Sending a file so that a cut connection costs only what was under way (tus 1.0.0)."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from gotapi_core.client.answers import as_token_failure, parse_answer
from gotapi_core.client.backoff import Backoff
from gotapi_core.client.errors import HubFault, HubRefused, HubUnreachable
from gotapi_core.client.upload import FileChanged, Opened, Progress, pieces
from gotapi_core.protocol import tus
from gotapi_core.protocol.errors import ResultCode

BLOBS: Final = "/blobs/"
_BUSY: Final = frozenset({409, 423})  # somebody, perhaps our own lost request, is still writing
_DIGITS: Final = 19


class Answer(msgspec.Struct, frozen=True):
    """One HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Sender(Protocol):
    """What carries the requests; raises HubUnreachable."""

    async def exchange(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> Answer: ...


class Upload:
    """One file on its way to the hub. Raises HubError and FileChanged."""

    def __init__(
        self, sender: Sender, token: str, opened: Opened, name: str, patience: float
    ) -> None:
        """Send an opened file; a hub that went away may come back for `patience` seconds."""
        self._sender = sender
        self._opened = opened
        self._name = name
        self._patience = patience
        self._common = {"Tus-Resumable": tus.VERSION, "Authorization": f"Bearer {token}"}
        self._path = ""

    async def run(self, progress: Progress | None) -> str:
        """Send everything and return the file's uri."""
        uri, offset = await self._create()
        backoff = Backoff(self._patience)
        reached = offset
        while offset < self._opened.size:
            try:
                offset = await self._send(offset, progress)
            except _TryAgainError as error:
                offset = await self._resume(error.reason, backoff)
            if offset > reached:  # it goes on, so the patience begins anew
                reached, backoff = offset, Backoff(self._patience)
        return uri

    async def _create(self) -> tuple[str, int]:
        kind = mimetypes.guess_type(self._name)[0] or "application/octet-stream"
        metadata = {"filename": self._name, "filetype": kind, "sha256": self._opened.sha256}
        headers = {
            "Upload-Length": str(self._opened.size),
            "Upload-Metadata": tus.format_metadata(metadata),
        }
        answer = await self._exchange("POST", BLOBS, headers)
        if answer.status != 201:
            raise _failure(answer)
        uri = answer.headers.get("location", "")
        # Only the path counts: the token goes to no other server, whatever the answer says.
        self._path = urlsplit(uri).path
        if not self._path.startswith(BLOBS) or self._path == BLOBS:
            raise HubFault("The hub does not say where the upload is")
        return uri, _offset(answer, self._opened.size) if "upload-offset" in answer.headers else 0

    async def _send(self, offset: int, progress: Progress | None) -> int:
        headers = {
            "Upload-Offset": str(offset),
            "Content-Type": tus.CONTENT_TYPE,
            "Content-Length": str(self._opened.size - offset),
        }
        content = pieces(self._opened, progress, offset)
        try:
            answer = await self._exchange("PATCH", self._path, headers, content)
        except HubUnreachable as error:
            raise _TryAgainError(error) from error
        except FileChanged:
            await self._give_up()
            raise
        if answer.status in _BUSY:
            raise _TryAgainError(_failure(answer))
        if _unwell(answer.status):
            raise _TryAgainError(_excuse(answer.status))
        if answer.status != 204:
            raise _failure(answer)
        return _offset(answer, self._opened.size)

    async def _resume(self, reason: Exception, backoff: Backoff) -> int:
        """Return how much the hub has, as soon as it can be asked."""
        loop = asyncio.get_running_loop()
        while True:
            delay = backoff.lost(loop.time())
            if delay is None:
                raise reason
            await asyncio.sleep(delay)
            try:
                answer = await self._exchange("HEAD", self._path, {})
            except HubUnreachable as error:
                reason = error
                continue
            if _unwell(answer.status):
                reason = _excuse(answer.status)
                continue
            if answer.status not in (200, 204):
                raise _lost(answer.status)
            return _offset(answer, self._opened.size)

    async def _give_up(self) -> None:
        try:
            await self._exchange("DELETE", self._path, {})
        except HubUnreachable:
            return  # the hub throws it away after a day

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> Answer:
        return await self._sender.exchange(method, path, {**self._common, **headers}, content)


class _TryAgainError(Exception):
    """The request did not get through; `reason` is what to raise if that lasts."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _offset(answer: Answer, size: int) -> int:
    text = answer.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) <= size):
        raise HubFault(f"The hub's offset is no place in the file: {text[:30]!r}")
    return int(text)


def _unwell(status: int) -> bool:
    """Tell whether the hub may be able to go on in a moment; a full disk rarely is by then."""
    return status >= 500 and status != HTTPStatus.INSUFFICIENT_STORAGE


def _excuse(status: int) -> HubUnreachable:
    return HubUnreachable(f"The hub cannot take the file now (HTTP {status}); try again later")


def _failure(answer: Answer) -> HubRefused | HubFault:
    try:
        parse_answer(answer.status, answer.body)
    except HubRefused as error:
        return as_token_failure(error)
    except HubFault as error:
        return error
    return HubFault("The hub does not take resumable uploads; it needs a newer release")


def _lost(status: int) -> HubRefused:
    """Return the failure of a HEAD, whose answer has no text."""
    if status in (401, 403):
        message = "The access was taken back while the file was sent"
        return as_token_failure(HubRefused(int(ResultCode.INVALID_TOKEN), message, status))
    message = "The hub has the begun upload no more; send the file again"
    return HubRefused(int(ResultCode.INVALID_PARAMETER), message, status)
