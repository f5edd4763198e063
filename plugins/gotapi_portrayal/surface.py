"""HTTP of the 3D Portrayal Service: KVP by GET, XML and forms by POST, schemas, ETag and Range."""

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from importlib.resources import files

from gotapi_core.plugin import SurfaceReply, SurfaceRequest
from gotapi_core.protocol.byte_ranges import (
    Unsatisfiable,
    content_range,
    if_range_holds,
    none_match,
    parse_ranges,
)
from gotapi_core.protocol.errors import MissingToken, ResultCode
from gotapi_portrayal.answers import Answer
from gotapi_portrayal.check import Selection, Shelf
from gotapi_portrayal.failures import failed
from gotapi_portrayal.request.core import read_fields, read_path
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.failure import Failure, read_failure
from gotapi_portrayal.request.fields import Fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import GetView, Request
from gotapi_portrayal.request.xml_post import read_document
from gotapi_portrayal.request.xml_tree import MAX_BYTES
from gotapi_portrayal.service import PortrayalService

log = logging.getLogger(__name__)

EDITION = "0.1.0"  # of the code: an answer of another one may differ
PATH = "/3dps"
SCOPE = "3dps"
SCHEMAS = f"{PATH}/schemas/"
RESOURCES = f"{PATH}/resources/"  # by path, for clients that only know addresses to add to
_NAMES = frozenset(f"3dps-{part}.xsd" for part in ("core", "scene", "view", "info", "ows"))
_METHODS = ("GET", "HEAD", "POST")
_AT_ONCE = 4  # requests computed at the same time; others wait, and the hub stays free
_FORM = "application/x-www-form-urlencoded"
# A token that does not do is said so, not treated as none: its owner must hear of it. Without any,
# or with nothing to check it by, one is everybody.
_BAD_TOKEN = frozenset(
    {ResultCode.EXPIRED_TOKEN, ResultCode.INVALID_TOKEN, ResultCode.OUT_OF_SCOPE}
)


class PortrayalSurface:
    """Answers everything below `/3dps`."""

    def __init__(self, service: PortrayalService) -> None:
        self._service = service
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, request: SurfaceRequest) -> SurfaceReply:
        """Return the reply to one request; never raises for what a client sent."""
        path = request.path.rstrip("/")
        if path.startswith(SCHEMAS):
            return _schema(path.removeprefix(SCHEMAS))
        if path != PATH and not path.startswith(RESOURCES):
            return _plain(404, f"There is nothing here; the service is at {PATH}")
        if request.method not in _METHODS:
            reply = _plain(405, "GET, HEAD and POST are served")
            return SurfaceReply(
                status=405,
                headers=(*reply.headers, ("allow", ", ".join(_METHODS))),
                body=reply.body,
            )
        async with self._room:
            asked = await asyncio.to_thread(self._ask, request)
            if isinstance(asked, SurfaceReply):
                return asked
            if asked.selection is None:
                return await asyncio.to_thread(self._answered, asked)
        return await self._view(asked, asked.selection)  # its desk has a limit of its own

    def _ask(self, request: SurfaceRequest) -> "SurfaceReply | _Asked":
        fields = Fields({})
        try:
            private = _approved(request)
            if request.path.startswith(RESOURCES):
                parsed: Request = read_path(request.path.removeprefix(RESOURCES).rstrip("/"))
            else:
                fields = read_request(request)
                parsed = read_fields(fields)
            shelf = self._service.shelf(private=private)
            shelf.check_operation(parsed)
            asked = _Asked(request, fields, parsed, shelf, private)
            if request.method != "POST" and none_match(header(request, "if-none-match"), asked.tag):
                return SurfaceReply(status=304, headers=_caching(asked.tag, private))
            if isinstance(parsed, GetView):
                asked = replace(asked, selection=self._service.select(shelf, parsed))
        except Exception as error:
            return _failed(_told(error), read_failure(fields))
        return asked

    def _answered(self, asked: "_Asked") -> SurfaceReply:
        url = asked.request.base_url + PATH
        try:
            found = self._service.answer(
                asked.parsed, url, private=asked.private, shelf=asked.shelf
            )
        except Exception as error:
            return _failed(_told(error), read_failure(asked.fields))
        return _served(asked, found)

    async def _view(self, asked: "_Asked", selection: Selection) -> SurfaceReply:
        assert isinstance(asked.parsed, GetView)
        try:
            drawn = await self._service.views().view(asked.parsed, selection)
        except Exception as error:
            return await asyncio.to_thread(_failed, _told(error), read_failure(asked.fields))
        return _served(asked, Answer(drawn.body, drawn.content_type))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was understood: of whom, of what, and for GetView of which layers."""

    request: SurfaceRequest
    fields: Fields
    parsed: Request
    shelf: Shelf
    private: bool
    selection: Selection | None = None

    @property
    def tag(self) -> str:
        """The entity tag: the same request of the same data has the same answer."""
        catalogue = self.shelf.catalogue
        parts = (
            # Not of the data, but they change what is said of it, without a new version.
            repr((EDITION, catalogue.service, catalogue.extensions)).encode(),
            str(catalogue.version).encode(),
            b"private" if self.private else b"public",
            self.request.base_url.encode(),
            self.request.path.encode(),
            self.request.query,
            self.request.body,
        )
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        return f'"{digest[:32]}"'


def _told(error: Exception) -> OwsError:
    """Return the exception to be told: OGC clients read OWS only, whatever is wrong here."""
    if isinstance(error, OwsError):
        return error
    log.error("a request of 3DPS failed", exc_info=error)
    return OwsError(
        Code.NO_APPLICABLE_CODE, "The request failed inside of the service; its log has why"
    )


def read_request(request: SurfaceRequest) -> Fields:
    """Return the fields of a request over HTTP; raises OwsError."""
    if request.method != "POST":
        return read_query(request.query)
    if request.file is not None or len(request.body) > MAX_BYTES:
        raise OwsError(
            Code.NO_APPLICABLE_CODE, f"A request has at most {MAX_BYTES} bytes", status=413
        )
    if (header(request, "content-type") or "").partition(";")[0].strip().lower() == _FORM:
        return read_query(request.body)
    return read_document(request.body)


def header(request: SurfaceRequest, name: str) -> str | None:
    """Return a header field, None where it is not there."""
    return next((value for key, value in request.headers if key == name), None)


def _approved(request: SurfaceRequest) -> bool:
    """Tell whether an application asks that may have every layer; raises for a bad token."""
    caller = request.caller
    if caller is None:
        return False
    if caller.application:
        return True
    if caller.refused in _BAD_TOKEN and caller.reason != MissingToken.default_message:
        raise OwsError(Code.NO_APPLICABLE_CODE, caller.reason, status=401)
    return False


def _failed(error: OwsError, failure: Failure) -> SurfaceReply:
    reply = failed(error, failure)
    if error.status != 401:
        return reply
    headers = (*reply.headers, ("www-authenticate", f'Bearer realm="{SCOPE}"'))
    return SurfaceReply(status=reply.status, headers=headers, body=reply.body)


def _served(asked: _Asked, found: Answer) -> SurfaceReply:
    request, tag, private = asked.request, asked.tag, asked.private
    caching = _caching(tag, private, found.fresh)
    headers = (("content-type", found.media), *caching, ("accept-ranges", "bytes"))
    if found.encoding:
        headers = (*headers, ("content-encoding", found.encoding))
    field = header(request, "range")
    if (
        field is None
        or request.method != "GET"
        or not if_range_holds(header(request, "if-range"), tag)
    ):
        return SurfaceReply(headers=headers, body=found.body)
    size = len(found.body)
    try:
        spans = parse_ranges(field, size)
    except Unsatisfiable:
        return SurfaceReply(status=416, headers=(("content-range", f"bytes */{size}"),))
    if len(spans) != 1:  # several are seldom asked for, and RFC 9110 14.2 allows the whole
        return SurfaceReply(headers=headers, body=found.body)
    [span] = spans
    return SurfaceReply(
        status=206,
        headers=(*headers, ("content-range", content_range(span, size))),
        body=found.body[span.start : span.stop],
    )


def _caching(tag: str, private: bool, fresh: int = 0) -> tuple[tuple[str, str], ...]:
    # Kept by everybody, asked about each time: a layer may change at any moment. What is fresh for
    # a while has the version of its layer in its address.
    control = f"max-age={fresh}" if fresh else "no-cache"
    return ("etag", tag), ("cache-control", f"private, {control}" if private else control)


def _schema(name: str) -> SurfaceReply:
    if name not in _NAMES:
        return _plain(404, "There is no such schema")
    body = (files("gotapi_portrayal.capabilities") / "schemas" / name).read_bytes()
    return SurfaceReply(
        headers=(("content-type", "application/xml"), ("cache-control", "max-age=3600")), body=body
    )


def _plain(status: int, text: str) -> SurfaceReply:
    headers = (("content-type", "text/plain; charset=utf-8"),)
    return SurfaceReply(status=status, headers=headers, body=f"{text}\n".encode())
