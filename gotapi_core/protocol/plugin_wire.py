"""The messages of GotAPI-4, between the hub and a plug-in of its own process. PURE.

One JSON object per line on stdio, per text frame on a WebSocket. `docs/gotapi4.md` is their manual
and `docs/gotapi4.schema.json` is made of the structs here. Members that are not known are ignored,
so that a later version can add some; bytes never travel: they are files whose path is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from gotapi_core.protocol.errors import GotapiError, PluginError, ResultCode, error_class
from gotapi_core.protocol.guarded_json import nested_deeper
from gotapi_core.protocol.messages import Caller
from gotapi_core.protocol.names import MAX_SEGMENT

VERSION: Final = 1
MESSAGE_SIZE: Final = 1024 * 1024  # bytes of one message; LSP hosts take 10 times as many
DEPTH: Final = 64  # levels of one message; as requests of applications
IN_FLIGHT: Final = 64  # requests that a plug-in may have open; the hub's own are in its settings
WINDOW: Final = 64  # events of one stream that may be under way without an `eventAck`
BEAT: Final = 2.0  # seconds between two pings of the hub
SILENCE: Final = 5.0  # seconds without any message, after which a plug-in counts as hung
TEXT: Final = 64 * 1024  # bytes of a surface's body that may stand in a message as text
FEATURES: Final = ("blobs", "documents", "events", "surfaces")

_MOST_ROUTES = 500  # of one plug-in; the largest known one, DeviceConnect's host, has about 200

Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]  # exact in JavaScript
Short = Annotated[str, msgspec.Meta(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=8192)]
PathText = Annotated[str, msgspec.Meta(max_length=4096)]  # Linux' PATH_MAX
Segment = Annotated[str, msgspec.Meta(max_length=MAX_SEGMENT)]
Words = dict[Segment, Annotated[str, msgspec.Meta(max_length=500)]]
Members = dict[str, Any]  # JSON of the plug-in's own making
Header = tuple[Short, Text]


class Versions(msgspec.Struct, frozen=True):
    """The versions of GotAPI-4 that a plug-in speaks."""

    min: int
    max: int


class Pace(msgspec.Struct, frozen=True, rename="camel"):
    """The limits that hold on this connection: bytes, counts and seconds."""

    message_size: int = MESSAGE_SIZE
    in_flight: int = IN_FLIGHT
    window: int = WINDOW
    beat: float = BEAT
    silence: float = SILENCE


class Failure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Why a request failed: a GotAPI result code, and a sentence for the user.

    `status` (HTTP) and `errorCode` are for plug-ins that need others than the code's own.
    """

    message: Text
    code: int = 1
    status: int | None = None
    error_code: Short = ""


class RightsData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the operator approved: serial ports ("*": all), hosts, folders to read, profiles."""

    serial: tuple[str, ...] = ()
    bluetooth: bool = False
    network: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


class RouteData(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One thing that the plug-in answers; `params` and `result` are JSON schemas (2020-12).

    `scope` is what a surface wants of access tokens; `socket` is the path of an event's own
    WebSocket, which gets the bare values.
    """

    kind: Literal["one-shot", "event", "surface"]
    method: Literal["GET", "PUT", "POST", "DELETE"] = "GET"
    profile: Segment = ""
    interface: Segment | None = None
    attribute: Segment | None = None
    path: Short = ""
    summary: Short = ""
    params: Members | None = None
    result: Members | None = None
    scope: Short = ""
    socket: Short = ""


class _Message(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="type"):
    """Base of all messages; the tag is the member `type`."""


class Hello(_Message, frozen=True, tag="hello"):
    """Plug-in, first: who it is. `token` is needed on a WebSocket."""

    versions: Versions
    id: Short
    name: Short
    version: Short = "0"
    features: tuple[Short, ...] = ()
    token: Short = ""
    sdk: Short = ""


class Welcome(_Message, frozen=True, tag="welcome"):
    """Hub: the version both speak, and all the plug-in needs to start."""

    version: int
    hub: Short
    plugin: Short
    settings: Members
    folder: PathText
    spool: PathText
    features: tuple[Short, ...] = FEATURES
    pace: Pace = Pace()
    rights: RightsData = RightsData()


class Describe(_Message, frozen=True, tag="describe"):
    """Plug-in, once it has started: what it answers; `words` explain a profile to the user.

    `settings` is the JSON schema (2020-12) of its section of the hub's settings, for the operator.
    With `givesTokens` the hub sends `createClient` and `requestAccessToken` before the first call
    of an application, and the token with each call.
    """

    routes: Annotated[tuple[RouteData, ...], msgspec.Meta(max_length=_MOST_ROUTES)]
    words: Words = {}
    gives_tokens: bool = False
    settings: Members | None = None


class CreateClient(_Message, frozen=True, tag="createClient"):
    """Hub: an application wants to use a service; the reply has the member `clientId`.

    Error 2 says that no token is needed.
    """

    id: Id
    package: str  # the application's origin
    service: str


class RequestAccessToken(_Message, frozen=True, tag="requestAccessToken"):
    """Hub: a token for a client and these profiles; the reply has the member `accessToken`."""

    id: Id
    client_id: str
    application_name: str
    scopes: tuple[str, ...]


class Services(_Message, frozen=True, tag="services"):
    """Hub: which services are there? The answer is `reply` with the member `services`."""

    id: Id


class Call(_Message, frozen=True, tag="call"):
    """Hub: a one-shot request; the answer is `reply`."""

    id: Id
    method: str
    profile: str
    service: str
    interface: str | None = None
    attribute: str | None = None
    params: Members = {}
    origin: str = ""
    application: str = ""
    base_url: str = ""
    request_code: int = 0
    access_token: str = ""  # the plug-in's own


class EventStart(_Message, frozen=True, tag="eventStart"):
    """Hub: the first listener came; answers are `event`s until `eventEnd`, or `cancel`."""

    id: Id
    profile: str
    service: str
    interface: str | None = None
    attribute: str | None = None
    params: Members = {}
    origin: str = ""
    application: str = ""
    base_url: str = ""
    window: int = WINDOW
    access_token: str = ""


class EventAck(_Message, frozen=True, tag="eventAck"):
    """Hub: so many more events of the stream were passed on."""

    id: Id
    count: Annotated[int, msgspec.Meta(ge=1)]


class Surface(_Message, frozen=True, tag="surface"):
    """Hub: a raw HTTP request; the answer is `reply` with a SurfaceAnswer.

    In `path`, `query` and `headers` each character up to U+00FF stands for one byte. The body is
    `text` or a `file`, or empty. `caller` is there for surfaces with a `scope`.
    """

    id: Id
    surface: str
    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    file: str | None = None
    caller: Caller | None = None
    base_url: str = ""


class Cancel(_Message, frozen=True, tag="cancel"):
    """Hub: nobody waits for this any more; an answer is allowed and ignored."""

    id: Id


class Reply(_Message, frozen=True, tag="reply"):
    """Either: the answer to a request of the other; `result`, or `error`."""

    id: Id
    result: Members = {}
    error: Failure | None = None


class Event(_Message, frozen=True, tag="event"):
    """Plug-in: a value of a stream. One that is not `durable` may be replaced by a newer one."""

    id: Id
    value: Members
    durable: bool = False


class EventEnd(_Message, frozen=True, tag="eventEnd"):
    """Plug-in: the stream is over, well or with an error."""

    id: Id
    error: Failure | None = None


class DocumentPut(_Message, frozen=True, tag="documentPut"):
    """Plug-in: store a document; the reply comes when it is on the disk."""

    id: Id
    collection: Short
    key: Short
    document: Members


class DocumentDelete(_Message, frozen=True, tag="documentDelete"):
    """Plug-in: forget a document."""

    id: Id
    collection: Short
    key: Short


class DocumentList(_Message, frozen=True, tag="documentList"):
    """Plug-in: all documents in order of creation; the reply has the member `documents`."""

    id: Id
    collection: Short


class BlobOpen(_Message, frozen=True, tag="blobOpen"):
    """Plug-in: where is the file behind this uri? The reply is a BlobAnswer."""

    id: Id
    uri: Text
    application: Short


class BlobPublish(_Message, frozen=True, tag="blobPublish"):
    """Plug-in: give an application a file of the own folder; the reply has the member `uri`.

    Who has the uri needs no token for `lifetime` seconds.
    """

    id: Id
    path: PathText
    name: Short
    content_type: Short
    application: Short
    base_url: Text = ""
    lifetime: float | None = None


class CallOther(_Message, frozen=True, tag="callOther"):
    """Plug-in: ask another plug-in's service with the grant of `application`.

    The profile must be one that the right `calls` names, and the grant must cover it. The
    reply has the members of the answer.
    """

    id: Id
    application: Short
    method: Literal["GET", "PUT", "POST", "DELETE"]
    profile: Segment
    attribute: Segment
    service: Short
    params: Members = {}
    base_url: Text = ""


class FindOthers(_Message, frozen=True, tag="findOthers"):
    """Plug-in: the services that `application` may use and that `calls` allows.

    The reply is a ServicesAnswer whose ids are those that applications see.
    """

    id: Id
    application: Short


class ServicesChanged(_Message, frozen=True, tag="servicesChanged"):
    """Plug-in: `services` has another answer than before; the hub asks when it wants to know."""


class Log(_Message, frozen=True, tag="log"):
    """Plug-in: a line for the hub's log."""

    message: Text
    level: Literal["debug", "info", "warning", "error"] = "info"


class Ping(_Message, frozen=True, tag="ping"):
    """Either: answer with a `pong` of the same number, at once."""

    n: int = 0


class Pong(_Message, frozen=True, tag="pong"):
    """Either: the answer to `ping`."""

    n: int = 0


class Fault(_Message, frozen=True, tag="fault"):
    """Hub: what was wrong with a message of the plug-in; `bye` follows where it cannot go on."""

    message: Text


class Bye(_Message, frozen=True, tag="bye"):
    """Either: this is the end. The hub waits for the plug-in's own `bye`."""

    reason: Text = ""
    error: bool = False


class ServiceData(msgspec.Struct, frozen=True):
    """One service in the answer to `services`."""

    id: Short
    name: Short
    online: bool = True
    type: Short = ""
    scopes: tuple[Segment, ...] = ()
    manufacturer: Short = ""
    version: Short = ""
    config: Text = ""
    reason: Text = ""


class ServicesAnswer(msgspec.Struct, frozen=True):
    """The result of `services`."""

    services: Annotated[tuple[ServiceData, ...], msgspec.Meta(max_length=1000)]


class SurfaceAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of `surface`: the body is `text` or a `file` in the spool or the own folder."""

    status: int = 200
    headers: Annotated[tuple[Header, ...], msgspec.Meta(max_length=100)] = ()
    text: str | None = None
    file: PathText | None = None


class ClientAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The result of `createClient`."""

    client_id: Text


class TokenAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The result of `requestAccessToken`."""

    access_token: Text


class BlobAnswer(msgspec.Struct, frozen=True):
    """The result of `blobOpen`: `path` may be read, not written."""

    id: str
    name: str
    size: int
    sha256: str
    path: str


FromPlugin = (
    Hello
    | Describe
    | Reply
    | Event
    | EventEnd
    | DocumentPut
    | DocumentDelete
    | DocumentList
    | BlobOpen
    | BlobPublish
    | CallOther
    | FindOthers
    | ServicesChanged
    | Log
    | Ping
    | Pong
    | Bye
)
FromHub = (
    Welcome
    | CreateClient
    | RequestAccessToken
    | Services
    | Call
    | EventStart
    | EventAck
    | Surface
    | Cancel
    | Reply
    | Ping
    | Pong
    | Fault
    | Bye
)
Message = FromPlugin | FromHub
PluginRequest = (
    DocumentPut | DocumentDelete | DocumentList | BlobOpen | BlobPublish | CallOther | FindOthers
)
HubRequest = CreateClient | RequestAccessToken | Services | Call | Surface | EventStart


def tag_of(kind: type) -> str:
    """Return what stands in the member `type`."""
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]  # every struct has it


class WireError(Exception):
    """A message does not hold to GotAPI-4; the text is for the plug-in's author."""


class RemoteError(WireError):
    """The other side sent it; with `fatal` the connection cannot go on."""

    def __init__(self, message: str, *, fatal: bool = True) -> None:
        super().__init__(message)
        self.fatal = fatal


class LocalError(WireError):
    """This side was about to send it; nothing was sent."""


class TooLargeError(LocalError):
    """The message is larger than the limit; send a file instead."""


_encoder = msgspec.json.Encoder()


class Decoder:
    """Decodes what one of the sides may send."""

    def __init__(self, messages: Any) -> None:
        self._decoder = msgspec.json.Decoder(messages)
        self._tags = ", ".join(sorted(tag_of(kind) for kind in get_args(messages)))

    def __call__(self, text: bytes, size: int = MESSAGE_SIZE) -> Message:
        """Return the message; raises RemoteError that says what was wrong with it."""
        if len(text) > size:
            raise RemoteError(f"a message may have {size} bytes, this one has {len(text)}")
        if nested_deeper(text, DEPTH):
            raise RemoteError(f"the message is nested deeper than {DEPTH} levels")
        try:
            message: Message = self._decoder.decode(text)
        except msgspec.ValidationError as error:
            raise RemoteError(self._misfit(str(error), text)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RemoteError(
                f"this is no message, one JSON object in UTF-8 was expected: {excerpt(text)} "
                f"({error}); a plug-in prints to stderr, its stdout is for messages"
            ) from None
        return message

    def _misfit(self, error: str, text: bytes) -> str:
        what = error.replace("`", "").replace("$.", "").replace("$", "message")
        if error.endswith("`$.type`") or "`type`" in error:
            what += f"; type must be one of {self._tags}"
        return f"{what}: {excerpt(text)}"


from_plugin: Final = Decoder(FromPlugin)
from_hub: Final = Decoder(FromHub)


def encode(message: Message, size: int = MESSAGE_SIZE) -> bytes:
    """Return the JSON of a message, without a line's end.

    Raises TooLargeError, or LocalError where a member cannot be said in JSON.
    """
    try:
        text = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.EncodeError) as error:
        raise LocalError(f"'{tag_of(type(message))}' cannot be said in JSON: {error}") from error
    if len(text) > size:
        raise TooLargeError(
            f"'{tag_of(type(message))}' would have {len(text)} bytes, at most {size} fit in a "
            "message; larger things are files"
        )
    return text


def excerpt(text: bytes) -> str:
    """Return the beginning of a message for an error, in printable characters."""
    shown = text[:80].decode("utf-8", "replace")
    return repr(shown) + ("..." if len(text) > len(shown) else "")


def failure_of(error: GotapiError) -> Failure:
    """Return an error as it travels."""
    if isinstance(error, PluginError):
        return Failure(error.message, error.result, error.status, error.error_code)
    own = type(error).status != error.status or error_class(error.code) is not type(error)
    return Failure(error.message[:8192], int(error.code), error.status if own else None)


def error_of(failure: Failure) -> GotapiError:
    """Return a travelled error as the exception of its code; PluginError for an unknown code."""
    known = failure.code in ResultCode._value2member_map_ and failure.code > 0
    if failure.error_code or not known:
        return PluginError(
            failure.message,
            result=failure.code,
            error_code=failure.error_code,
            status=failure.status or 500,
        )
    error = error_class(failure.code)(failure.message)
    if failure.status is not None and failure.status != error.status:
        error.status = _sound_status(failure.status)
    return error


def _sound_status(status: int) -> int:
    return PluginError(status=status).status


def json_schema() -> Mapping[str, object]:
    """Return the JSON schema of the messages of both sides, the source of the committed file."""
    kinds = {kind: tag_of(kind) for kind in (*get_args(FromPlugin), *get_args(FromHub))}
    answers = [ServicesAnswer, SurfaceAnswer, BlobAnswer, ClientAnswer, TokenAnswer]
    schemas, parts = msgspec.json.schema_components(
        [*kinds, *answers], ref_template="#/$defs/{name}"
    )
    refs = dict(zip(kinds, schemas, strict=False))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"GotAPI-4 as gotapi-hub speaks it, version {VERSION}",
        "$comment": "Generated from gotapi_core/protocol/plugin_wire.py; do not edit.",
        "anyOf": [{"$ref": "#/$defs/FromPlugin"}, {"$ref": "#/$defs/FromHub"}],
        "$defs": {
            "FromPlugin": {"oneOf": [refs[kind] for kind in get_args(FromPlugin)]},
            "FromHub": {"oneOf": [refs[kind] for kind in get_args(FromHub)]},
            **parts,
        },
    }


def json_schema_text() -> bytes:
    """Return the schema as the committed file has it."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n"
