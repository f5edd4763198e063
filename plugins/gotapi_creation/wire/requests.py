"""Requests: read as clients write them, written as the tables say. PURE.

The same requests go from applications to the hub (3DCAPI-1) and from the hub to services
(3DCAPI-2), so both sides use this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

import msgspec

from gotapi_creation.wire.codes import Code, CreationError
from gotapi_creation.wire.views import View, chosen_views
from gotapi_creation.wire.words import LONGEST_TEXT, bool_of, float_of, fold, int_of, unquote

ROOT: Final = "/3dcapi"
_LONGEST_QUERY: Final = 16384  # bytes, as much as browsers and proxies let through
_MOST_PARAMETERS: Final = 64
LONGEST_PERIOD: Final = 3600  # seconds between two reports
DEFAULT_PERIOD: Final = 5


class Op(StrEnum):
    """An operation; `status`, `printing` are extensions."""

    DISCOVERY = "servicediscovery"
    CONNECTING = "serviceconnecting"
    TRANSFER = "filetransfer"
    GET_ATTRIBUTE = "getattribute"
    SET_ATTRIBUTE = "setattribute"
    SNAPSHOT = "snapshot"
    RECEIVE = "filereceive"
    STATUS = "status"
    PRINTING = "printing"


METHODS: Final[Mapping[Op, frozenset[str]]] = {
    Op.SET_ATTRIBUTE: frozenset({"PUT", "POST"}),  # POST for clients that cannot PUT
    Op.PRINTING: frozenset({"PUT", "POST"}),
}
_OTHER_PATHS: Final = {"filetreceive": Op.RECEIVE, "printingcommand": Op.PRINTING}  # figure 7.6


class SnapshotOp(StrEnum):
    """What a snapshot request wants; CANCEL ends the job, and is an extension."""

    START = "START"
    STOP = "STOP"
    CANCEL = "CANCEL"


class TransferAsk(msgspec.Struct, frozen=True):
    """filetransfer: `number` pictures are to come, by `method` where one is wanted."""

    number: int
    method: str = ""


class AttributesAsk(msgspec.Struct, frozen=True):
    """setattribute: the template, the silhouettes, and overrides of the template's attributes.

    `views` is None where the request does not say; `files` assigns fileIds to views (an
    extension). `style` is head height / total height, `age` in years.
    """

    template_id: int
    views: tuple[View, ...] | None = None
    species: str = ""
    gender: str = ""
    age: int | None = None
    style: float | None = None
    files: Mapping[View, int] = {}

    @property
    def overrides(self) -> bool:
        """Whether it changes attributes of the template, which only some services can."""
        return bool(self.species or self.gender) or self.age is not None or self.style is not None


class SnapshotAsk(msgspec.Struct, frozen=True):
    """snapshot: START or STOP reports every `time` seconds, or CANCEL the job."""

    op: SnapshotOp
    time: int = DEFAULT_PERIOD


class ReceiveAsk(msgspec.Struct, frozen=True):
    """filereceive: `ack` says that the files have been received (an extension, B.6)."""

    ack: bool = False


Ask = TransferAsk | AttributesAsk | SnapshotAsk | ReceiveAsk


class Request(msgspec.Struct, frozen=True):
    """One request of 3DCAPI. `extra` is what the text does not know, kept under its own names."""

    op: Op
    service_id: str = ""
    access_token: str = ""
    secure_token: str = ""
    request_code: int | None = None
    job_id: str = ""
    idempotency_key: str = ""
    ask: Ask | None = None
    extra: Mapping[str, str] = {}


def op_of(path: str) -> tuple[Op, str]:
    """Return a path's operation, and parameters that follow without `?` (the URL of 7.2.2).

    Raises CreationError(UNKNOWN_OPERATION).
    """
    below = path.removeprefix(ROOT).strip("/")
    name, _, rest = below.partition("&")
    word = name.strip().lower()
    if word in _OTHER_PATHS:
        return _OTHER_PATHS[word], rest
    try:
        return Op(word), rest
    except ValueError:
        known = ", ".join(op.value for op in Op)
        raise CreationError(
            Code.UNKNOWN_OPERATION, f"There is no operation '{name[:80]}'; there is: {known}"
        ) from None


def check_method(op: Op, method: str) -> None:
    """Raise CreationError(INVALID_METHOD) where an operation is not called so."""
    allowed = METHODS.get(op, frozenset({"GET"}))
    if method not in allowed:
        words = " or ".join(sorted(allowed, reverse=True))
        raise CreationError(Code.INVALID_METHOD, f"{op.value} is called with {words}, not {method}")


def query_pairs(query: bytes | str) -> list[tuple[str, str]]:
    """Return the parameters of a query or a form; raises CreationError(INVALID_PARAMETER)."""
    if len(query) > _LONGEST_QUERY:
        raise _unfit(f"The query is longer than {_LONGEST_QUERY} bytes")
    text = query if isinstance(query, str) else query.decode("utf-8", "replace")
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="replace", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise _unfit(f"There are more than {_MOST_PARAMETERS} parameters") from error


def read_request(method: str, path: str, query: bytes | str) -> Request:
    """Return the request of a method, a raw path and a query; raises CreationError."""
    plain = unquote_to_bytes(path).decode("utf-8", "replace") if "%" in path else path
    op, rest = op_of(plain)
    check_method(op, method)
    pairs = query_pairs(rest) + query_pairs(query)
    return request_of(op, pairs)


def request_of(op: Op, pairs: Iterable[tuple[str, str]]) -> Request:
    """Return the request of an operation and its parameters; raises CreationError."""
    given = _Given(pairs)
    common = {
        "service_id": given.text("serviceId"),
        "access_token": given.text("accessToken"),
        "secure_token": given.text("secureToken"),
        "job_id": given.text("jobId"),
        "idempotency_key": given.text("idempotencyKey"),
    }
    code = given.whole("requestCode")
    ask = _ask(op, given)
    return Request(op=op, request_code=code, ask=ask, extra=given.rest(), **common)


def _ask(op: Op, given: _Given) -> Ask | None:
    if op is Op.TRANSFER:
        return _transfer(given)
    if op is Op.SET_ATTRIBUTE:
        return _attributes(given)
    if op is Op.SNAPSHOT:
        return _snapshot(given)
    return ReceiveAsk(given.text("op").upper() == "ACK") if op is Op.RECEIVE else None


def _transfer(given: _Given) -> TransferAsk:
    number = given.whole("number")
    if number is None:
        raise _unfit("filetransfer needs 'number': how many pictures are to come, 1 to 3")
    if not 1 <= number <= len(View):
        raise _unfit(f"'number' is {number}; 1 to {len(View)} pictures are possible")
    return TransferAsk(number, given.text("method").lower())


def _attributes(given: _Given) -> AttributesAsk:
    template = given.whole("templateId")
    if template is None:
        raise _unfit("setattribute needs 'templateId'; getattribute lists the templates")
    number = given.whole("num_sil")
    flags = {view: on for view in View if (on := given.flag(f"{view.value}_sil")) is not None}
    style = given.number("style")
    if style is not None and not 0 < style <= 0.5:
        raise _unfit(f"'style' is {style:g}; it is head height / total height, above 0, up to 0.5")
    age = given.whole("age")
    if age is not None and not 0 <= age <= 1000:
        raise _unfit(f"'age' is {age}; it is in years, 0 to 1000")
    files = {view: found for view in View if (found := given.whole(f"{view.value}_file"))}
    return AttributesAsk(
        template_id=template,
        views=chosen_views(number, flags),
        species=given.text("species"),
        gender=given.text("gender"),
        age=age,
        style=style,
        files=files,
    )


def _snapshot(given: _Given) -> SnapshotAsk:
    word = given.text("op").upper()
    try:
        op = SnapshotOp(word)
    except ValueError:
        known = ", ".join(one.value for one in SnapshotOp)
        raise _unfit(f"'op' is '{word[:40]}'; expected one of {known}") from None
    time = given.whole("time")
    if time is not None and not 1 <= time <= LONGEST_PERIOD:
        raise _unfit(f"'time' is {time}; it is in seconds, 1 to {LONGEST_PERIOD}")
    return SnapshotAsk(op, DEFAULT_PERIOD if time is None else time)


class _Given:
    """The parameters of one request, taken out one by one; what is left is `extra`."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            text = unquote(value)
            if len(text) > LONGEST_TEXT:
                raise _unfit(f"'{name[:80]}' is longer than {LONGEST_TEXT} characters")
            before = self._values.setdefault(fold(name), (name, text))
            if before[1] != text:
                raise _unfit(f"'{name[:80]}' is given twice, with different values")

    def text(self, name: str) -> str:
        return self._values.pop(fold(name), ("", ""))[1]

    def whole(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        found = int_of(text)
        if found is None:
            raise _unfit(f"'{name}' is '{text[:40]}', not a whole number")
        return found

    def number(self, name: str) -> float | None:
        text = self.text(name)
        if not text:
            return None
        found = float_of(text)
        if found is None:
            raise _unfit(f"'{name}' is '{text[:40]}', not a number")
        return found

    def flag(self, name: str) -> bool | None:
        text = self.text(name)
        if not text:
            return None
        found = bool_of(text)
        if found is None:
            raise _unfit(f"'{name}' is '{text[:40]}', not TRUE or FALSE")
        return found

    def rest(self) -> dict[str, str]:
        return {name.strip(): text for name, text in self._values.values() if name.strip()}


def write_request(request: Request) -> tuple[str, str, str]:
    """Return method, path and query of a request, in the tables' spelling."""
    method = "PUT" if request.op in METHODS else "GET"
    pairs = [(name, value) for name, value in _pairs(request) if value]
    return method, f"{ROOT}/{request.op.value}", urlencode(pairs, quote_via=quote)


def _pairs(request: Request) -> list[tuple[str, str]]:
    code = request.request_code
    pairs = [
        ("serviceId", request.service_id),
        ("accessToken", request.access_token),
        ("requestCode", "" if code is None else str(code)),
        ("secureToken", request.secure_token),
    ]
    pairs += _ask_pairs(request.ask)
    pairs += [("jobId", request.job_id), ("idempotencyKey", request.idempotency_key)]
    return pairs + list(request.extra.items())


def _ask_pairs(ask: Ask | None) -> list[tuple[str, str]]:
    if isinstance(ask, TransferAsk):
        return [("number", str(ask.number)), ("method", ask.method)]
    if isinstance(ask, SnapshotAsk):
        time = str(ask.time) if ask.op is SnapshotOp.START else ""
        return [("op", ask.op.value), ("time", time)]
    if isinstance(ask, ReceiveAsk):
        return [("op", "ACK" if ask.ack else "")]
    return [] if ask is None else _attribute_pairs(ask)


def _attribute_pairs(ask: AttributesAsk) -> list[tuple[str, str]]:
    pairs = [("templateId", str(ask.template_id))]
    if ask.views is not None:
        pairs.append(("num_sil", str(len(ask.views))))
        pairs += [(f"{view.value}_sil", str(view in ask.views).upper()) for view in View]
    pairs += [
        ("species", ask.species),
        ("gender", ask.gender),
        ("age", "" if ask.age is None else str(ask.age)),
        ("style", "" if ask.style is None else repr(ask.style)),
    ]
    return pairs + [
        (f"{view.value}_file", str(ask.files[view])) for view in View if view in ask.files
    ]


def _unfit(message: str) -> CreationError:
    return CreationError(Code.INVALID_PARAMETER, message)
