"""Result codes, the exception per code, and their two wire forms. PURE.

Every failure of the hub is a `GotapiError`. It is raised where it is found and becomes wire
members in `error_body` only. Two families of client read errors in ways that exclude each other:
one takes any 2xx answer for a success, the other takes any status but 200 for "no server here".
"""

# ruff: noqa: N818  # the classes carry the field's own words, and they all are GotapiErrors
from __future__ import annotations

from enum import Enum, IntEnum
from http import HTTPStatus
from typing import ClassVar


class ResultCode(IntEnum):
    """The `result` and `errorCode` values; the member names go out in `errorMessage`."""

    OK = 0
    ERROR = 1
    INVALID_PROFILE = 2
    INVALID_METHOD = 3
    INVALID_ATTRIBUTE = 4
    INVALID_SERVICE_ID = 5
    UNKNOWN_SERVICE = 6
    TIMEOUT = 7
    UNKNOWN_ATTRIBUTE = 8
    LOW_BATTERY = 9
    INVALID_PARAMETER = 10
    NOT_AUTHORIZED = 11
    EXPIRED_TOKEN = 12
    INVALID_TOKEN = 13
    OUT_OF_SCOPE = 14
    INVALID_CLIENT_ID = 15
    ILLEGAL_DEVICE_STATE = 16
    ILLEGAL_SERVER_STATE = 17
    INVALID_ORIGIN = 18
    INVALID_URL = 19
    INVALID_PROFILE_NAME = 20
    PLUGIN_DISABLED = 21
    PLUGIN_SUSPENDED = 22


class Lineage(Enum):
    """Which family of servers the client was written for, hence how it wants errors."""

    STATUS = "status"
    """node-gotapi: a real 4xx or 5xx; `result` is the code and `errorCode` the same as text."""

    ENVELOPE = "envelope"
    """DeviceConnect: HTTP 200 with `result` 1 and a numeric `errorCode`."""


class GotapiError(Exception):
    """A failure with a result code; `message` says what was wrong and what to do.

    `envelope_code` and `envelope_status` are what the ENVELOPE lineage shows where that differs
    from the result code and from HTTP 200; both can be set per error.
    """

    code: ResultCode = ResultCode.ERROR
    status: int = 500
    default_message: ClassVar[str] = "The request failed for a reason the hub does not know."
    envelope_code: int | None = None
    envelope_status: int = 200

    def __init__(
        self,
        message: str = "",
        *,
        envelope_code: int | None = None,
        envelope_status: int | None = None,
    ) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)
        if envelope_code is not None:
            self.envelope_code = envelope_code
        if envelope_status is not None:
            self.envelope_status = envelope_status

    @property
    def result(self) -> int:
        """The `result` member in the STATUS lineage: the code, unless a plug-in chose another."""
        return int(self.code)

    @property
    def error_code(self) -> str:
        """The `errorCode` member in the STATUS lineage, always text."""
        return str(self.result)


class UnknownError(GotapiError):
    """1: something failed and no other code fits."""


class InvalidProfile(GotapiError):
    """2: no plug-in offers the profile."""

    code = ResultCode.INVALID_PROFILE
    status = 404
    default_message = "The hub does not offer this profile; servicediscovery lists what it offers."


class InvalidMethod(GotapiError):
    """3: the attribute exists but not for this method."""

    code = ResultCode.INVALID_METHOD
    status = 405
    default_message = "This method is not supported here."


class InvalidAttribute(GotapiError):
    """4: the attribute is not supported."""

    code = ResultCode.INVALID_ATTRIBUTE
    status = 404
    default_message = "This attribute is not supported."


class MissingServiceId(GotapiError):
    """5: the request names no service."""

    code = ResultCode.INVALID_SERVICE_ID
    status = 400
    default_message = "The parameter serviceId is missing; servicediscovery lists the services."


class UnknownService(GotapiError):
    """6: no service has this id."""

    code = ResultCode.UNKNOWN_SERVICE
    status = 404
    default_message = "There is no service with this serviceId; ask servicediscovery again."


class TimedOut(GotapiError):
    """7: a plug-in, or the user, did not answer in time."""

    code = ResultCode.TIMEOUT
    # Never 408: Chrome silently repeats a request that was answered 408.
    status = 500
    default_message = "There was no answer in time; try again."


class UnknownAttribute(GotapiError):
    """8: the profile has no such attribute or interface."""

    code = ResultCode.UNKNOWN_ATTRIBUTE
    status = 404
    default_message = "The profile has no such attribute."


class LowBattery(GotapiError):
    """9: the device has too little charge."""

    code = ResultCode.LOW_BATTERY
    status = 409
    default_message = "The battery of the device is too low; charge it and try again."


class InvalidParameter(GotapiError):
    """10: a parameter is missing, malformed or out of range."""

    code = ResultCode.INVALID_PARAMETER
    status = 400
    default_message = "A parameter of the request is not valid."


class NotAuthorized(GotapiError):
    """11: the user refused, or the client is not known."""

    code = ResultCode.NOT_AUTHORIZED
    status = 403
    default_message = "The user did not allow this."


class ExpiredToken(GotapiError):
    """12: the access token was good once."""

    code = ResultCode.EXPIRED_TOKEN
    status = 403
    default_message = "The access token has expired; ask for one at authorization/accesstoken."


class MissingToken(GotapiError):
    """13: the request carries no access token."""

    code = ResultCode.INVALID_TOKEN
    status = 403
    default_message = (
        "The parameter accessToken is missing; ask for one at authorization/accesstoken."
    )


class UnknownToken(GotapiError):
    """13, and 15 in the ENVELOPE lineage: the hub never gave out this access token."""

    code = ResultCode.INVALID_TOKEN
    status = 403
    envelope_code = int(ResultCode.INVALID_CLIENT_ID)
    default_message = (
        "The hub does not know this access token; ask for one at authorization/accesstoken."
    )


class OutOfScope(GotapiError):
    """14: the token, or the service, does not cover the profile."""

    code = ResultCode.OUT_OF_SCOPE
    status = 403
    default_message = "The access token does not cover this profile; ask for one that does."


class UnknownClient(GotapiError):
    """15: the clientId is not registered."""

    code = ResultCode.INVALID_CLIENT_ID
    status = 401
    default_message = "The hub does not know this clientId; ask for one at authorization/grant."


class IllegalDeviceState(GotapiError):
    """16: the device cannot do this now."""

    code = ResultCode.ILLEGAL_DEVICE_STATE
    status = 409
    default_message = "The device cannot do this in its present state."


class IllegalServerState(GotapiError):
    """17: the hub cannot do this now."""

    code = ResultCode.ILLEGAL_SERVER_STATE
    status = 503
    default_message = "The hub cannot do this now; try again later."


class InvalidOrigin(GotapiError):
    """18: the application cannot be told, or is not allowed here."""

    code = ResultCode.INVALID_ORIGIN
    status = 403
    default_message = "The origin of the request is missing or not allowed."


class InvalidUrl(GotapiError):
    """19: the path is not one of /gotapi/profile[/interface][/attribute]."""

    code = ResultCode.INVALID_URL
    status = 400
    default_message = "The URL is not valid; expected /gotapi/profile/attribute."


class InvalidProfileName(GotapiError):
    """20: the profile segment of the path is empty or malformed."""

    code = ResultCode.INVALID_PROFILE_NAME
    status = 400
    default_message = "The profile name is not valid."


class PluginDisabled(GotapiError):
    """21: the operator, or repeated crashes, turned the plug-in off."""

    code = ResultCode.PLUGIN_DISABLED
    status = 503
    default_message = "The plug-in of this service is off; the operator can turn it on."


class PluginSuspended(GotapiError):
    """22: the plug-in is being restarted."""

    code = ResultCode.PLUGIN_SUSPENDED
    status = 503
    default_message = "The plug-in of this service is restarting; try again in a moment."


class PayloadTooLarge(InvalidParameter):
    """10 with HTTP 413: the request is bigger than the hub accepts."""

    status = 413
    envelope_status = 413
    default_message = "The request is too large."


class StorageFull(IllegalServerState):
    """17 with HTTP 507: no room is left to store what was sent."""

    status = 507
    default_message = "The hub has no room left; free some space and try again."


class TooManyRequests(IllegalServerState):
    """17 with HTTP 429: the caller has too much in flight or asks too often."""

    status = 429
    default_message = "Too many requests; wait for the earlier ones to be answered."


class PluginError(GotapiError):
    """A failure whose `result`, `errorCode` text and HTTP status a plug-in chose.

    The values come from outside: a `result` below 1 becomes 1, so that a failure never reads as
    a success, and a status that is not 2xx, 4xx or 5xx becomes 500, as does 408.
    """

    default_message = "The plug-in reported a failure and gave no reason."

    def __init__(
        self, message: str = "", *, result: int = 1, error_code: str = "", status: int = 500
    ) -> None:
        super().__init__(message)
        self._result = max(result, 1)
        self._error_code = error_code or str(self._result)
        good = status // 100 in (2, 4, 5) and status != HTTPStatus.REQUEST_TIMEOUT
        self.status = status if good else 500
        number = self._error_code
        # Numeric-like codes travel as the numbers the ENVELOPE clients compare with.
        self.envelope_code = (
            int(number)
            if number.isascii() and number.isdigit() and len(number) < _MAX_CODE_DIGITS
            else self._result
        )

    @property
    def result(self) -> int:
        return self._result

    @property
    def error_code(self) -> str:
        return self._error_code


_MAX_CODE_DIGITS = 16  # a longer number is not exact in JavaScript (2**53)

_BY_CODE: dict[ResultCode, type[GotapiError]] = {
    kind.code: kind
    for kind in (
        UnknownError, InvalidProfile, InvalidMethod, InvalidAttribute, MissingServiceId,
        UnknownService, TimedOut, UnknownAttribute, LowBattery, InvalidParameter, NotAuthorized,
        ExpiredToken, MissingToken, OutOfScope, UnknownClient, IllegalDeviceState,
        IllegalServerState, InvalidOrigin, InvalidUrl, InvalidProfileName, PluginDisabled,
        PluginSuspended,
    )
}  # fmt: skip


def error_class(code: int) -> type[GotapiError]:
    """Return the exception class of a result code; `UnknownError` for a code nobody defined."""
    try:
        return _BY_CODE[ResultCode(code)]
    except (ValueError, KeyError):
        return UnknownError


def error_body(error: GotapiError, lineage: Lineage) -> tuple[int, dict[str, object]]:
    """Return the HTTP status and the JSON members of a failure, as the client's lineage wants."""
    if lineage is Lineage.ENVELOPE:
        code = error.code if error.envelope_code is None else error.envelope_code
        members: dict[str, object] = {
            "result": 1,
            "errorCode": int(code),
            "errorMessage": error.message,
        }
        return error.envelope_status, members
    return error.status, {
        "result": error.result,
        "errorCode": error.error_code,
        "errorText": _phrase(error.status),
        "statusCode": error.status,
        "errorMessage": f"[{error.code.name}] {error.message}",
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
