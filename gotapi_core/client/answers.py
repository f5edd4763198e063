"""What the hub's JSON says, in both forms in which hubs report failures. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gotapi_core.client.errors import ConsentDenied, HubFault, HubRefused, TokenRejected
from gotapi_core.protocol.errors import ResultCode
from gotapi_core.protocol.frames import FrameCode
from gotapi_core.protocol.messages import Service

__all__ = [
    "MAX_MESSAGE", "Event", "Token", "as_token_failure", "check_verdict", "consent_failure",
    "parse_answer", "parse_event", "parse_services", "parse_token", "refusal",
]  # fmt: skip

MAX_MESSAGE: Final = 1000  # characters of a message that are shown; the hub's have under 300
_MAX_SERVICES: Final = 1000  # a house full of printers has fewer
_BAD_TOKEN: Final = frozenset(
    {ResultCode.EXPIRED_TOKEN, ResultCode.INVALID_TOKEN, ResultCode.INVALID_CLIENT_ID}
)


class Token(msgspec.Struct, frozen=True):
    """What the user allowed an application: an access token and what it opens.

    `expires` is in seconds since 1970. `repr` leaves the token itself out.
    """

    value: str
    client_id: str
    scopes: tuple[str, ...] = ()
    expires: float = 0.0

    def __repr__(self) -> str:
        return f"Token(scopes={self.scopes!r}, expires={self.expires!r})"

    def good(self, now: float, scopes: Sequence[str] = ()) -> bool:
        """Tell whether the token can still be used, for all of these scopes."""
        return now < self.expires and set(scopes) <= set(self.scopes)


class Event(msgspec.Struct, frozen=True):
    """One event of a service; `members` are those of the profile, without the hub's own."""

    service_id: str
    profile: str
    attribute: str
    members: Mapping[str, object]


class _Scope(msgspec.Struct, frozen=True):
    scope: str
    expirePeriod: float = 0.0  # noqa: N815 - the member's name


class _Granted(msgspec.Struct, frozen=True):
    accessToken: str  # noqa: N815 - the member's name
    scopes: tuple[_Scope, ...] = ()
    expire: float | None = None  # milliseconds since 1970


class _Heard(msgspec.Struct, frozen=True):
    serviceId: str  # noqa: N815 - the member's name
    profile: str
    attribute: str = ""


def parse_answer(status: int, body: bytes) -> dict[str, object]:
    """Return the members of a good answer; raises HubRefused for a failure, HubFault for no JSON.

    A failure is told by `result`, whatever the HTTP status: one kind of hub answers 200 always.
    """
    members = _decode(body)
    result = None if members is None else members.get("result")
    if members is None or type(result) is not int:
        raise HubFault(
            f"The answer (HTTP {status}) is not one of a GotAPI hub; perhaps another program "
            "listens at this address"
        )
    if result != 0:
        raise refusal(members, status)
    if not 200 <= status < 300:
        raise HubFault(f"The hub answered HTTP {status} and called it a success")
    return members


def refusal(members: Mapping[str, object], status: int = 0) -> HubRefused:
    """Return the failure that the members of an answer or an event describe."""
    code = _number(members.get("errorCode"))
    if code is None:
        code = _number(members.get("result")) or int(ResultCode.ERROR)
    message = members.get("errorMessage")
    text = message[:MAX_MESSAGE] if isinstance(message, str) and message else ""
    return HubRefused(code, text or f"The hub refused without a reason (code {code})", status)


def as_token_failure(error: HubRefused) -> HubRefused:
    """Return the failure of a request that carried a token: TokenRejected where it is at fault."""
    if error.code in _BAD_TOKEN:
        return TokenRejected(error.code, error.message, error.status)
    return error


def check_verdict(frame: str | bytes) -> dict[str, object]:
    """Return the first frame of a WebSocket; raises unless it says that the token was accepted."""
    members = _decode(frame.encode() if isinstance(frame, str) else frame)
    if members is None or type(members.get("result")) is not int:
        raise HubFault("The first frame of the WebSocket is not a verdict on the token")
    if members["result"] == 0:
        return members
    error = refusal(members)
    # These numbers are the WebSocket's own and mean other things than the result codes.
    if error.code in (FrameCode.NO_TOKEN, FrameCode.BAD_TOKEN):
        raise TokenRejected(int(ResultCode.INVALID_TOKEN), error.message)
    code = ResultCode.INVALID_ORIGIN if error.code == FrameCode.NO_ORIGIN else ResultCode.ERROR
    raise HubRefused(int(code), error.message)


def parse_event(frame: str | bytes) -> Event | tuple[Event, HubRefused] | None:
    """Return an event, the last one of a stream with its failure, or None for anything else."""
    members = _decode(frame.encode() if isinstance(frame, str) else frame)
    if members is None:
        return None
    try:
        heard = msgspec.convert(members, _Heard)
    except msgspec.ValidationError:
        return None
    own = {"serviceId", "profile", "interface", "attribute", "result"}
    rest = {name: value for name, value in members.items() if name not in own}
    event = Event(heard.serviceId, heard.profile, heard.attribute, rest)
    if members.get("result", 0) == 0:
        return event
    return event, refusal(members)


def parse_token(members: Mapping[str, object], client_id: str, now: float) -> Token:
    """Return the token of an accesstoken answer; `now` in seconds since 1970."""
    try:
        granted = msgspec.convert(members, _Granted)
    except msgspec.ValidationError:
        raise HubFault("The hub allowed the application but sent no access token") from None
    scopes = tuple(one.scope for one in granted.scopes)
    if granted.expire is not None:
        expires = granted.expire / 1000
    else:
        expires = now + min((one.expirePeriod for one in granted.scopes), default=0.0)
    return Token(granted.accessToken, client_id, scopes, expires)


def parse_services(members: Mapping[str, object]) -> list[Service]:
    """Return the services of a discovery answer, whichever name their id goes by."""
    found = members.get("services")
    if not isinstance(found, list):
        raise HubFault("The hub's list of services is missing")
    if len(found) > _MAX_SERVICES:
        raise HubFault(f"The hub lists {len(found)} services; {_MAX_SERVICES} are accepted")
    try:
        return [_service(one) for one in found]
    except msgspec.ValidationError as error:
        raise HubFault(f"The hub's list of services is malformed: {error}") from None


def consent_failure(error: HubRefused) -> HubRefused:
    """Return the failure of a consent request: ConsentDenied where the user said no."""
    if error.code == ResultCode.NOT_AUTHORIZED:
        return ConsentDenied(error.code, error.message, error.status)
    return error


def _service(members: object) -> Service:
    if isinstance(members, dict) and "id" not in members:
        members = {**members, "id": members.get("serviceId")}  # node-gotapi's only name for it
    return msgspec.convert(members, Service)


def _number(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return None


def _decode(body: bytes) -> dict[str, object] | None:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
