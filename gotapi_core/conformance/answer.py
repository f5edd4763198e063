"""An answer of a hub, and what checks ask of it. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from gotapi_core.conformance.model import Failed, expect
from gotapi_core.protocol.errors import ResultCode

_SHOWN: Final = 200  # characters of an answer in a report


class Answer(msgspec.Struct, frozen=True):
    """One HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, object]:
        """The members of the JSON object; raises Failed where it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Failed(f"the answer is no JSON object: {self}")
        return found

    @property
    def result(self) -> object:
        """The member `result`."""
        return self.members.get("result")

    @property
    def good(self) -> bool:
        """Whether it is a success in the eyes of every client."""
        return 200 <= self.status < 300 and self.result == 0

    @property
    def code(self) -> int:
        """The number of the failure in either form; 0 for a success."""
        members = self.members
        for value in (members.get("errorCode"), members.get("result")):
            if isinstance(value, str) and value.isdecimal():
                return int(value)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        raise Failed(f"the answer has no result: {self}")

    def text(self, member: str) -> str:
        """Return a member that must be text and not empty."""
        value = self.members.get(member)
        expect(isinstance(value, str) and value != "", f"{member} must be text in {self}")
        return str(value)

    def listed(self, member: str) -> list[object]:
        """Return a member that must be an array."""
        value = self.members.get(member)
        if not isinstance(value, list):
            raise Failed(f"{member} must be an array in {self}")
        return value

    def must_be_good(self) -> Answer:
        """Return itself; raises Failed unless it is a success."""
        expect(self.good, f"expected HTTP 2xx with result 0, got {self}")
        return self

    def must_be(self, *codes: int) -> Answer:
        """Return itself; raises Failed unless it is a failure with one of the codes."""
        wanted = " or ".join(f"{code} ({ResultCode(code).name})" for code in codes)
        expect(self.code in codes, f"expected error {wanted}, got {self}")
        return self

    def __str__(self) -> str:
        text = " ".join(self.body.decode("utf-8", "replace").split())
        return f"HTTP {self.status} {text[:_SHOWN]}{'...' if len(text) > _SHOWN else ''}"
