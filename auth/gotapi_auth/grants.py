"""What an application may do, and for how long. PURE."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from enum import Enum
from typing import Final

import msgspec

from gotapi_core.protocol.errors import InvalidParameter

ALL: Final = "all"  # the one scope that gotapi-client.js ever sends
MAX_SCOPES: Final = 64  # in a request; DeviceConnect applications list up to about 40 profiles
MAX_SCOPE: Final = 64  # characters of a scope; profile names have under 30
MAX_NAME: Final = 100  # characters of an application name; it must fit on the operator's page
_MAX_RAW_NAME: Final = 1000  # characters of a name that are looked at

HOUR: Final = 3600.0  # seconds
DAY: Final = 24 * HOUR


class Lifetime(Enum):
    """How long an approval holds; the operator chooses."""

    ONCE = "once"
    """One hour, for one run of the application: asking again asks the operator again."""

    DAY = "day"
    """24 hours, in which the application gets new tokens without asking."""

    ALWAYS = "always"
    """180 days, as in DeviceConnect, in which it gets new tokens without asking."""

    @property
    def seconds(self) -> float:
        """The time until the approval and its tokens end."""
        return _SECONDS[self]

    @property
    def remembered(self) -> bool:
        """Whether the client may get further tokens without the operator."""
        return self is not Lifetime.ONCE


_SECONDS: Final = {Lifetime.ONCE: HOUR, Lifetime.DAY: DAY, Lifetime.ALWAYS: 180 * DAY}


class Grant(msgspec.Struct, frozen=True):
    """What the operator allowed a client. Times are seconds since 1970 (UTC).

    `asked` is what the application wanted, `scopes` the part that it got. `collect_by` is set
    while no token has been given out on an approval that is not remembered.
    """

    asked: frozenset[str]
    scopes: frozenset[str]
    created: float
    expires: float
    remembered: bool
    collect_by: float | None = None

    def covers(self, scope: str) -> bool:
        """Tell whether the scope (lower case) was allowed."""
        return scope in self.scopes

    def expired(self, now: float) -> bool:
        """Tell whether the grant has ended."""
        return now >= self.expires

    def answers(self, asked: Collection[str], now: float) -> bool:
        """Tell whether a request for these scopes was decided already, at least partly for it.

        A scope that the operator left out is not asked for again: the application gets the rest.
        """
        waiting = self.collect_by is not None and now < self.collect_by
        return (
            not self.expired(now)
            and (self.remembered or waiting)
            and self.asked.issuperset(asked)
            and not self.scopes.isdisjoint(asked)
        )

    def share(self, asked: Collection[str]) -> tuple[str, ...]:
        """Return those of the scopes that were allowed, in the order of asking."""
        return tuple(scope for scope in asked if scope in self.scopes)


def parse_scopes(text: str, offered: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of a comma list in lower case, each once, in the order of asking.

    `offered` holds the profile names (lower case) that exist; `all` stands for them. Unknown
    scopes are dropped while one is known: applications list whatever they might use. Raises
    InvalidParameter.
    """
    # The bound comes before the split: a megabyte of commas is not worth a list.
    if len(text) > MAX_SCOPES * (MAX_SCOPE + 2):
        raise InvalidParameter(f"The scope list is too long; at most {MAX_SCOPES} are accepted.")
    names = [name for part in text.split(",") if (name := part.strip().lower())]
    if len(names) > MAX_SCOPES:
        raise InvalidParameter(
            f"The scope list has {len(names)} scopes; at most {MAX_SCOPES} are accepted."
        )
    if any(len(name) > MAX_SCOPE for name in names):
        raise InvalidParameter(f"A scope has more than {MAX_SCOPE} characters.")
    known = sorted(offered) if ALL in names else [n for n in dict.fromkeys(names) if n in offered]
    if not known:
        raise InvalidParameter(_nothing_known(names, offered))
    return tuple(known)


def _nothing_known(names: Collection[str], offered: Collection[str]) -> str:
    if not offered:
        return "No plug-in of this hub offers a profile now, so there is nothing to ask for."
    wanted = f"None of the scopes {', '.join(names)} is known" if names else "The scope is empty"
    return f"{wanted}; this hub offers: {', '.join(sorted(offered))} (or all)."


def clean_name(name: str | None, origin: str) -> str:
    """Return an application name that is safe to show to the operator; the origin if none is left.

    Drops control and format characters (among them the bidirectional overrides, which could turn
    the text around), joins white space, and cuts to 100 characters.
    """
    kept = "".join(
        " " if character.isspace() else character
        for character in (name or "")[:_MAX_RAW_NAME]
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    return " ".join(kept.split())[:MAX_NAME].rstrip() or origin
