"""PURE: an answer of a server over HTTP, and what checks ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.xmlread import OWS, Element, child, children, local, parse, space
from gotapi_portrayal.conformance.xmlread import text as text_of

_SHOWN: Final = 240  # characters of an answer in a report

# OWS Common 2.0, 8.6, table 28.
STATUS: Final[Mapping[str, int]] = {
    "OperationNotSupported": 501,
    "MissingParameterValue": 400,
    "InvalidParameterValue": 400,
    "VersionNegotiationFailed": 400,
    "InvalidUpdateSequence": 400,
    "OptionNotSupported": 501,
    "NoApplicableCode": 500,
}


class Exceptional(msgspec.Struct, frozen=True):
    """One exception of a report."""

    code: str
    locator: str
    words: str

    def __str__(self) -> str:
        return f"{self.code} (locator {self.locator!r}): {self.words[:120]}"


class Reply(msgspec.Struct, frozen=True):
    """One answer; header names are in lower case. `asked` is the request, for reports."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """The Content-Type as it was sent."""
        return self.headers.get("content-type", "")

    @property
    def kind(self) -> str:
        """The MIME type without parameters, in lower case."""
        return self.media.partition(";")[0].strip().lower()

    def xml(self) -> Element:
        """Return the root element; raises Failed where the body is no XML."""
        try:
            return parse(self.body)
        except Failed as error:
            raise Failed(f"{error}; {self}") from None

    @property
    def exceptions(self) -> tuple[Exceptional, ...]:
        """The exceptions of a report; none where the body is something else."""
        if b"ExceptionReport" not in self.body[:4096]:
            return ()
        try:
            root = parse(self.body)
        except Failed:
            return ()
        if local(root) != "ExceptionReport":
            return ()
        return tuple(
            Exceptional(
                one.get("exceptionCode", ""),
                one.get("locator", ""),
                text_of(child(one, "ExceptionText")),
            )
            for one in children(root, "Exception")
        )

    @property
    def good(self) -> bool:
        """Whether it is an answer and no exception."""
        return self.status == 200 and not self.exceptions

    def must_be_good(self) -> Reply:
        """Return itself; raises Failed unless it is an answer with status 200."""
        expect(self.good, f"expected an answer, got {self}")
        return self

    def must_fail(self, *codes: str, locator: str = "") -> Reply:
        """Return itself; raises Failed unless it is an exception report with one of the codes.

        Codes of the server's own are no substitute for those the text names. A locator is
        compared without regard to case.
        """
        found = self.exceptions
        wanted = " or ".join(codes) or "an exception"
        expect(bool(found), f"expected an exception report with {wanted}, got {self}")
        if codes:
            shown = "; ".join(map(str, found))
            expect(
                any(one.code in codes for one in found), f"expected {wanted}, got {shown}; {self}"
            )
        if locator:
            named = {one.locator.lower() for one in found}
            expect(locator.lower() in named, f"expected the locator {locator!r}, got {self}")
        return self

    def must_be_a_sound_report(self) -> Reply:
        """Return itself; raises Failed unless it is an exception report as OWS Common has them."""
        self.must_fail()
        root = self.xml()
        expect(space(root) == OWS, f"ExceptionReport is in the namespace {space(root)!r}; {self}")
        expect(bool(root.get("version")), f"ExceptionReport has no version; {self}")
        for one in self.exceptions:
            expect(one.code != "", f"an Exception has no exceptionCode; {self}")
        expect("xml" in self.kind, f"the report was sent as {self.media!r}; {self}")
        return self

    def __str__(self) -> str:
        return f"HTTP {self.status} {self._told()} [{self.asked}]"

    def _told(self) -> str:
        if self.exceptions:
            return f"exception {'; '.join(map(str, self.exceptions[:2]))}"
        start = self.body[:2048].decode("utf-8", "replace")
        words = " ".join("".join(c if c.isprintable() else " " for c in start).split())
        return f"{self.media} {words[:_SHOWN]}{'...' if len(words) > _SHOWN else ''}"


def orderly(reply: Reply) -> Reply:
    """Return a reply; raises Failed where it is the end of a program that did not expect this."""
    expect(reply.status < 500 or bool(reply.exceptions), f"the server broke: {reply}")
    expect(reply.status != 500, f"the server broke: {reply}")
    return reply


def same_type(one: str, other: str) -> bool:
    """Tell whether two MIME types are the same but for case, blanks and a charset."""
    return _plain(one) == _plain(other)


def _plain(media: str) -> tuple[str, ...]:
    first, *rest = (part.strip().lower().replace(" ", "") for part in media.split(";"))
    return first, *sorted(part for part in rest if part and not part.startswith("charset="))
