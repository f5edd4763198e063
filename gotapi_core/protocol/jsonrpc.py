"""JSON-RPC 2.0: calls in, replies out, and what GotAPI's names and errors are called there. PURE.

A method is `<profile>.<attribute>.<get|put|post|delete>`, or with an interface
`<profile>.<interface>.<attribute>.<verb>`; slashes may stand for all its dots but the last, where
a name has a dot of its own (`my.profile/.get` without an attribute). Parameters are an object. The
result is the object that the REST face answers, and a failure with the result code n has the code
-32000 - n.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import msgspec

from gotapi_core.protocol.errors import GotapiError, InvalidParameter, ResultCode
from gotapi_core.protocol.guarded_json import decode_value
from gotapi_core.protocol.limits import Limits
from gotapi_core.protocol.names import MAX_SEGMENT, Method, Name
from gotapi_core.protocol.params import check_members

VERSION: Final = "2.0"
MAX_BATCH: Final = 50  # calls; a page that shows 40 printers asks for them in one batch
_MAX_ID: Final = 128  # characters; a UUID has 36
_MAX_METHOD: Final = 4 * (MAX_SEGMENT + 1)
_MAX_INT: Final = 2**53  # what JavaScript can tell apart
_SHOWN: Final = 80  # characters of a method in a message

Id = str | int | None


class Code(IntEnum):
    """The codes of JSON-RPC 2.0 section 5.1, and the base of ours."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    GOTAPI = -32000


class RpcFault(Exception):  # noqa: N818  # the word of the specification's peers is "error object"
    """A call that cannot be answered; `data` has GotAPI's own members, where there are any."""

    def __init__(self, code: int, message: str, data: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message
        self.data = data


class RpcCall(msgspec.Struct, frozen=True):
    """One call; without an id it is a notification, which gets no reply."""

    method: str
    params: dict[str, object]
    id: Id = None
    answered: bool = True
    fault: RpcFault | None = None


def parse_calls(text: bytes, limits: Limits) -> tuple[list[RpcCall], bool]:
    """Return the calls of a message, and whether it is a batch; raises RpcFault.

    A malformed call of a batch comes back with its fault, so that the others are answered.
    """
    if len(text) > limits.body:
        raise RpcFault(Code.INVALID_REQUEST, f"The message is larger than {limits.body} bytes")
    try:
        value = decode_value(text, depth=limits.depth)
    except InvalidParameter as error:
        raise RpcFault(Code.PARSE_ERROR, error.message) from None
    if not isinstance(value, list):
        return [_call(value, limits)], False
    if not value:
        raise RpcFault(Code.INVALID_REQUEST, "The batch is empty; send at least one call")
    if len(value) > MAX_BATCH:
        raise RpcFault(
            Code.INVALID_REQUEST,
            f"The batch has {len(value)} calls; {MAX_BATCH} is the most, send several batches",
        )
    return [_call(one, limits) for one in value], True


def target(method: str, short: Mapping[str, tuple[Method, Name]]) -> tuple[Method, Name]:
    """Return what a method means; `short` has the hub's own by their short names.

    Raises RpcFault for what is not a name at all; whether it exists, the hub tells.
    """
    known = short.get(method.lower())
    if known is not None:
        return known
    path, _, verb = method.rpartition(".")
    parts = path.removesuffix("/").split("/" if "/" in path else ".")
    good = all(part and len(part) <= MAX_SEGMENT and part.isprintable() for part in parts)
    if verb.upper() not in Method.__members__ or not good or len(parts) > 3:
        raise RpcFault(
            Code.METHOD_NOT_FOUND,
            f"There is no method {method[:_SHOWN]!r}; methods are <profile>.<attribute>.<get, put, "
            f"post or delete>, and {', '.join(short)}",
        )
    attribute = parts[-1] if len(parts) > 1 else None
    return Method[verb.upper()], Name(parts[0], parts[1] if len(parts) == 3 else None, attribute)


def method_name(method: Method, name: Name) -> str:
    """Return the JSON-RPC method of a GotAPI method and name."""
    path = name.path
    if "." not in path:
        path = path.replace("/", ".")
    elif "/" not in path:
        path += "/"
    return f"{path}.{method.lower()}"


def gotapi_fault(error: GotapiError) -> RpcFault:
    """Return a failure of the hub or of a plug-in as a fault."""
    # The range above -32100 is the specification's for servers; a plug-in may choose any result.
    number = error.result if error.result < 100 else int(ResultCode.ERROR)
    data = {
        "result": error.result,
        "errorCode": error.error_code,
        "errorMessage": error.message,
    }
    return RpcFault(Code.GOTAPI - number, error.message, data)


def result_reply(call: RpcCall, members: Mapping[str, object]) -> dict[str, object]:
    """Return the reply to a call that succeeded."""
    return {"jsonrpc": VERSION, "result": dict(members), "id": call.id}


def fault_reply(call_id: Id, fault: RpcFault) -> dict[str, object]:
    """Return the reply to a call that failed."""
    error: dict[str, object] = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = dict(fault.data)
    return {"jsonrpc": VERSION, "error": error, "id": call_id}


def event_notification(frame: bytes) -> bytes:
    """Return an event frame as the notification `event`."""
    return b'{"jsonrpc":"2.0","method":"event","params":' + frame + b"}"


def _call(value: object, limits: Limits) -> RpcCall:
    if not isinstance(value, dict):
        return _bad(None, Code.INVALID_REQUEST, "A call is an object")
    call_id = value.get("id")
    if not _fits_id(call_id):
        return _bad(None, Code.INVALID_REQUEST, "id must be a short text, an integer or null")
    method = value.get("method")
    if value.get("jsonrpc") != VERSION or not isinstance(method, str):
        return _bad(
            call_id, Code.INVALID_REQUEST, 'A call has "jsonrpc": "2.0" and a text as method'
        )
    if len(method) > _MAX_METHOD:
        return _bad(call_id, Code.METHOD_NOT_FOUND, "The method's name is too long")
    answered = "id" in value
    params = value.get("params", {})
    if params == []:
        params = {}
    if not isinstance(params, dict):
        fault = RpcFault(Code.INVALID_PARAMS, "params must be an object: parameters have names")
        return RpcCall(method, {}, call_id, answered, fault)
    try:
        check_members(params, limits)
    except InvalidParameter as error:
        return RpcCall(method, {}, call_id, answered, RpcFault(Code.INVALID_PARAMS, error.message))
    return RpcCall(method, params, call_id, answered)


def _fits_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_ID
    return value is None or (type(value) is int and abs(value) <= _MAX_INT)


def _bad(call_id: Id, code: Code, message: str) -> RpcCall:
    return RpcCall("", {}, call_id, True, RpcFault(code, message))
