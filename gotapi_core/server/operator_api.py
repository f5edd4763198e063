"""The operator's JSON API: state and decisions, for the operator page and the `gotapi` command."""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

import msgspec

from gotapi_auth.grants import MAX_SCOPE, MAX_SCOPES, Lifetime
from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError, InvalidParameter
from gotapi_core.server.asgi import ClientGone, Headers, Receive, Scope, Send, read_body, send_json
from gotapi_core.server.operator_board import Board, Content
from gotapi_core.server.operator_pages import PROTECTION
from gotapi_core.server.operator_plugins import PluginActions
from gotapi_core.server.operator_tls import tls_view

log = logging.getLogger(__name__)

T = TypeVar("T")

BODY_SIZE = 16 * 1024  # bytes; the largest approval (64 scopes of 64 characters) has under 5 KiB
_QUERY_FIELDS = 10
_MAX_REVISION_DIGITS = 16
_MAX_REPLACED = 100  # approvals of one origin; each page that lost its clientId adds one

_Code = Annotated[str, msgspec.Meta(max_length=64)]
_Scope = Annotated[str, msgspec.Meta(max_length=MAX_SCOPE)]


class Caller(enum.Enum):
    """Through which door the operator came; the value is for the log."""

    PAGE = "operator page"
    COMMAND = "gotapi command"


class ApiError(Exception):
    """A refusal with an HTTP status that no result code of the protocol has."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


Read = Callable[[Scope, Headers, Receive], Awaitable[dict[str, object]]]
Action = Callable[[bytes, Caller, Scope, Headers], Awaitable[dict[str, object]]]


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Allow a request; without `scopes` all that it asks for.

    `replace` names approvals of the same origin that are taken back with it.
    """

    code: _Code
    lifetime: Lifetime
    scopes: Annotated[tuple[_Scope, ...], msgspec.Meta(max_length=MAX_SCOPES)] | None = None
    replace: Annotated[tuple[_Code, ...], msgspec.Meta(max_length=_MAX_REPLACED)] = ()


class Deny(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refuse a request."""

    code: _Code


class Revoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take the access of an application back."""

    id: _Code


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action without parameters."""


class State(msgspec.Struct, frozen=True):
    """The head of a state answer; the members of Content stand beside it."""

    hub: dict[str, str]
    revision: int
    now: float


class OperatorApi:
    """Answers everything below `/operator/api/` for a caller whose right to it was checked."""

    def __init__(
        self,
        hub: Hub,
        board: Board,
        clock: Callable[[], float],
        login_link: Callable[[str], str],
        more_reads: Mapping[str, Read] = MappingProxyType({}),
        more_actions: Mapping[str, Action] = MappingProxyType({}),
    ) -> None:
        self._hub = hub
        self._board = board
        self._clock = clock
        self._login_link = login_link
        plugins = PluginActions(hub)
        self._reads: dict[str, Read] = {
            "state": self._state,
            "changes": self._changes,
            "tls": self._tls,
            **plugins.reads,
            **more_reads,
        }
        self._actions: dict[str, Action] = {
            "approve": self._approve,
            "deny": self._deny,
            "revoke": self._revoke,
            "link": self._link,
            **plugins.table,
            **more_actions,
        }

    async def answer(
        self, what: str, caller: Caller, scope: Scope, headers: Headers, receive: Receive
    ) -> dict[str, object]:
        """Answer one request with the members of its JSON; raises ApiError and GotapiError."""
        method = scope["method"]
        if what in self._reads:
            _expect(method, "GET", what)
            return await self._reads[what](scope, headers, receive)
        if what not in self._actions:
            known = ", ".join((*self._reads, *self._actions))
            raise ApiError(404, f"There is nothing here; below /operator/api/ are: {known}.")
        _expect(method, "POST", what)
        idle = self._hub.settings.server.body_idle_time
        raw = await read_body(receive, headers, BODY_SIZE, idle)
        _check_content_type(headers)
        return await self._actions[what](raw, caller, scope, headers)

    async def _state(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        revision, content = await self._board.now()
        return self.members(revision, content, _base(scope, headers))

    async def _tls(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        return msgspec.structs.asdict(await tls_view(self._hub.settings, self._hub.paths.data))

    async def _changes(self, scope: Scope, headers: Headers, receive: Receive) -> dict[str, object]:
        since = _since(scope["query_string"])
        revision, content = await unless_gone(self._board.next(since), receive)
        return self.members(revision, content, _base(scope, headers))

    def members(self, revision: int, content: Content, base: str) -> dict[str, object]:
        """Return the JSON members of a state; `base` is the address by which the hub was asked."""
        hub = {"version": __version__, "uuid": self._hub.instance, "url": base}
        hub["safeMode"] = self._hub.desk.safe_mode
        head = State(hub=hub, revision=revision, now=self._clock())
        return {**msgspec.structs.asdict(head), **msgspec.structs.asdict(content)}

    async def _approve(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = decode_body(raw, Approve)
        application = await self._hub.auth.approve(
            wish.code, wish.lifetime, wish.scopes, wish.replace
        )
        log.info(
            "%s: approved %r of %r as %s for %s, scopes %s",
            caller.value,
            application.name,
            application.origin,
            application.id,
            wish.lifetime.value,
            ", ".join(application.scopes),
        )
        return {"id": application.id}

    async def _deny(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = decode_body(raw, Deny)
        await self._hub.auth.deny(wish.code)
        log.info("%s: denied request %r", caller.value, wish.code)
        return {}

    async def _revoke(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = decode_body(raw, Revoke)
        await self._hub.auth.revoke(wish.id)
        log.info("%s: revoked application %r", caller.value, wish.id)
        return {}

    async def _link(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        decode_body(raw or b"{}", Nothing)
        if caller is not Caller.COMMAND:
            # A page that somebody else got hold of must not be able to renew itself for ever.
            raise ApiError(403, "Only the gotapi command may do this; run: gotapi operator")
        log.info("%s: made a login link", caller.value)
        return {"url": self._login_link(_base(scope, headers))}


async def send_error(send: Send, status: int, message: str) -> None:
    """Send a refusal as JSON."""
    await send_json(send, status, {"error": message}, PROTECTION)


async def unless_gone(work: Awaitable[T], receive: Receive) -> T:
    """Return what comes of the work; raises ClientGone when the client goes before."""
    working = asyncio.ensure_future(work)
    going = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, going}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        for one in (working, going):
            one.cancel()
        await asyncio.gather(working, going, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _base(scope: Scope, headers: Headers) -> str:
    return f"{scope['scheme']}://{headers['host']}"


def _expect(method: str, expected: str, what: str) -> None:
    if method != expected:
        raise ApiError(405, f"/operator/api/{what} takes {expected}, not {method[:10]}.")


def _since(query: bytes) -> int:
    try:
        fields = dict(parse_qsl(query.decode("ascii"), max_num_fields=_QUERY_FIELDS))
    except ValueError:
        fields = {}
    text = fields.get("since", "")
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_REVISION_DIGITS:
        raise InvalidParameter("The parameter since must be the revision of a state.")
    return int(text)


def _check_content_type(headers: Headers) -> None:
    # A form of another site can send text/plain or a form type without asking, but never JSON.
    given = headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, f"Send the body as application/json, not {given[:40] or 'nothing'}.")


def decode_body(raw: bytes, kind: type[T]) -> T:
    """Return the struct that a JSON body is; raises InvalidParameter."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParameter(f"The body is not the JSON expected here: {error}.") from error


def status_and_message(error: ApiError | GotapiError) -> tuple[int, str]:
    """Return what of a refusal goes to the client."""
    return error.status, error.message
