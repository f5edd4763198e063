"""GotAPI-5 frames: the token from the client, the verdict and the events to it. PURE.

All are JSON text. A verdict carries the members both families of client look for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import msgspec

from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidOrigin,
    InvalidParameter,
    Lineage,
    MissingToken,
    TooManyRequests,
    error_body,
)
from gotapi_core.protocol.guarded_json import decode_object
from gotapi_core.protocol.names import VERIFY, Name

MAX_FRAME: Final = 16 * 1024  # bytes of a client frame; a token frame has about 100
_DEPTH: Final = 8  # a token frame has one level
_EVENT_OWN: Final = frozenset({"serviceId", "profile", "interface", "attribute", "result"})
_VERDICT: Final[dict[str, object]] = {"profile": VERIFY.profile, "attribute": VERIFY.attribute}


class FrameCode(IntEnum):
    """The `errorCode` of a verdict; DeviceConnect numbers them apart from the result codes."""

    NO_TOKEN = 1
    NO_ORIGIN = 2
    BAD_TOKEN = 3
    ALREADY = 4
    UNPARSABLE = 5


class FrameError(InvalidParameter):
    """A client frame that is not a token frame; `frame_code` is the number its verdict shows."""

    def __init__(self, frame_code: FrameCode, message: str) -> None:
        super().__init__(message, envelope_code=int(frame_code))
        self.frame_code = frame_code


class FrameTooBig(FrameError):  # noqa: N818 - named as its siblings in errors.py
    """A client frame over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(FrameCode.UNPARSABLE, f"The frame is larger than {limit} bytes")


class TokenFrame(msgspec.Struct, frozen=True):
    """What a client sends first, and may send again: `{"accessToken": "..."}`.

    With a member `resume` it asks for event ids too, and names the last cursor it got; empty where
    it has none yet.
    """

    access_token: str
    resume: str | None = None


def parse_client_frame(text: str | bytes, limit: int = MAX_FRAME) -> TokenFrame:
    """Return the token of a client frame; raises FrameError, FrameTooBig over `limit` bytes."""
    # A character is at least one byte: no need to encode what is too long in any case.
    if len(text) > limit:
        raise FrameTooBig(limit)
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw) > limit:
        raise FrameTooBig(limit)
    try:
        members = decode_object(raw, depth=_DEPTH)
    except InvalidParameter as error:
        raise FrameError(FrameCode.UNPARSABLE, error.message) from None
    token = members.get("accessToken")
    if not isinstance(token, str) or not token:
        raise FrameError(FrameCode.NO_TOKEN, 'The frame must be {"accessToken": "..."}')
    resume = members.get("resume")
    return TokenFrame(token, resume if isinstance(resume, str) else None)


def frame_code(error: GotapiError) -> FrameCode:
    """Return the verdict number of any failure to authorise a socket."""
    if isinstance(error, FrameError):
        return error.frame_code
    if isinstance(error, MissingToken):
        return FrameCode.NO_TOKEN
    if isinstance(error, InvalidOrigin):
        return FrameCode.NO_ORIGIN
    if isinstance(error, TooManyRequests):
        return FrameCode.ALREADY
    return FrameCode.BAD_TOKEN


def verdict_ok(more: Mapping[str, object] | None = None) -> bytes:
    """Return the frame that says the token is good, with `more` for those who asked for it."""
    # node-gotapi sends all four members; DeviceConnect only result, which its clients read.
    return msgspec.json.encode({**_VERDICT, "result": 0, "serviceId": "", **(more or {})})


def verdict_error(error: GotapiError, lineage: Lineage = Lineage.ENVELOPE) -> bytes:
    """Return the frame that says why the token was not taken."""
    _, members = error_body(error, lineage)
    if lineage is Lineage.ENVELOPE:
        members["errorCode"] = int(frame_code(error))
    return msgspec.json.encode({**_VERDICT, **members, "serviceId": ""})


def event_frame(service_id: str, name: Name, members: Mapping[str, object]) -> bytes:
    """Return an event: the plug-in's members and the hub's own, which they cannot replace."""
    frame = {member: value for member, value in members.items() if member not in _EVENT_OWN}
    # node-gotapi's client takes an event without `result` for an error
    return msgspec.json.encode(frame | _event_members(service_id, name) | {"result": 0})


def event_error_frame(service_id: str, name: Name, error: GotapiError) -> bytes:
    """Return the last event of a stream that failed: no more will come until it is asked again."""
    _, members = error_body(error, Lineage.ENVELOPE)
    return msgspec.json.encode(_event_members(service_id, name) | members)


def _event_members(service_id: str, name: Name) -> dict[str, object]:
    members: dict[str, object] = {"serviceId": service_id, "profile": name.profile}
    if name.interface is not None:
        members["interface"] = name.interface
    if name.attribute is not None:
        members["attribute"] = name.attribute
    return members
