"""The result codes of 3DCAPI answers, and the failure that carries one. PURE.

The text leaves the codes to implementations (`This specification doesn't define error codes`).
Numbers below 100 mean what they mean in GotAPI; those of creation begin at 101.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """The `result` member of an answer."""

    OK = 0
    ERROR = 1
    INVALID_METHOD = 3
    UNKNOWN_SERVICE = 6
    TIMEOUT = 7
    INVALID_PARAMETER = 10
    NOT_AUTHORIZED = 11
    EXPIRED_TOKEN = 12
    INVALID_TOKEN = 13
    OUT_OF_SCOPE = 14
    ILLEGAL_STATE = 17
    UNKNOWN_OPERATION = 101
    SERVICE_OFFLINE = 102
    SERVICE_TIMEOUT = 103
    BAD_ANSWER = 104
    SERVICE_REFUSED = 105
    INVALID_SECURE_TOKEN = 106
    UNKNOWN_TEMPLATE = 107
    UNKNOWN_FILE = 108
    FILES_MISSING = 109
    CONTRADICTION = 110
    NOT_READY = 111
    NO_JOB = 112
    JOB_FAILED = 113
    JOB_CANCELLED = 114
    TOO_MANY = 115
    BAD_PICTURE = 116
    BAD_RESULT = 117
    RESULT_GONE = 118
    NOT_SUPPORTED = 119
    NOT_PRINTED = 120
    STORAGE_FULL = 121


# Code -> what it means and the HTTP status of the strict setting; docs/creation.md repeats it.
TABLE: Final[dict[Code, tuple[str, int]]] = {
    Code.OK: ("success", 200),
    Code.ERROR: ("a failure that no other code fits", 500),
    Code.INVALID_METHOD: ("the operation is not called with this HTTP method", 405),
    Code.UNKNOWN_SERVICE: ("there is no creation service with this serviceId", 404),
    Code.TIMEOUT: ("the hub did not answer in time", 504),
    Code.INVALID_PARAMETER: ("a parameter is missing, malformed or out of range", 400),
    Code.NOT_AUTHORIZED: ("the user did not allow this", 403),
    Code.EXPIRED_TOKEN: ("the access token has expired", 401),
    Code.INVALID_TOKEN: ("the access token is missing or unknown", 401),
    Code.OUT_OF_SCOPE: ("the access token does not cover this", 403),
    Code.ILLEGAL_STATE: ("this cannot be done now", 503),
    Code.UNKNOWN_OPERATION: ("3DCAPI has no operation at this path", 404),
    Code.SERVICE_OFFLINE: ("the creation service cannot be reached", 502),
    Code.SERVICE_TIMEOUT: ("the creation service did not answer in time", 504),
    Code.BAD_ANSWER: ("the creation service answered what 3DCAPI does not know", 502),
    Code.SERVICE_REFUSED: ("the creation service refused, with its own words", 502),
    Code.INVALID_SECURE_TOKEN: ("the secureToken is missing, unknown or of another service", 403),
    Code.UNKNOWN_TEMPLATE: ("the creation service has no such template", 404),
    Code.UNKNOWN_FILE: ("there is no file with this fileId", 404),
    Code.FILES_MISSING: ("pictures that were announced have not arrived", 409),
    Code.CONTRADICTION: ("number, num_sil and the flags of the silhouettes disagree", 400),
    Code.NOT_READY: ("the model is not finished yet", 409),
    Code.NO_JOB: ("the session has no job", 404),
    Code.JOB_FAILED: ("the model could not be made", 422),
    Code.JOB_CANCELLED: ("the job was cancelled", 410),
    Code.TOO_MANY: ("too many jobs or requests at a time", 429),
    Code.BAD_PICTURE: ("a picture cannot be used", 422),
    Code.BAD_RESULT: ("the model of the creation service is unfit", 502),
    Code.RESULT_GONE: ("the files of the model are not kept any more", 410),
    Code.NOT_SUPPORTED: ("the creation service cannot do this", 501),
    Code.NOT_PRINTED: ("the model could not be printed", 409),
    Code.STORAGE_FULL: ("there is no room left", 507),
}


class CreationError(Exception):
    """A failure with a result code; `message` says what was wrong and what to do."""

    def __init__(self, code: Code, message: str = "") -> None:
        self.code = Code.ERROR if code is Code.OK else code  # a failure never reads as success
        self.message = message or f"{TABLE[self.code][0].capitalize()}."
        super().__init__(self.message)

    @property
    def status(self) -> int:
        """The HTTP status where answers are strict; otherwise every answer is 200 (7.x.2)."""
        return TABLE[self.code][1]


def code_of(number: int) -> Code:
    """Return the code of a number that a service sent; SERVICE_REFUSED for those of its own."""
    try:
        return Code(number)
    except ValueError:
        return Code.SERVICE_REFUSED
