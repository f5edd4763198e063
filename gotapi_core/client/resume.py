"""Where a client is in its application's events, so that a new socket goes on there. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from gotapi_core.client.answers import Event

MOST_SEEN: Final = 1024  # ids; a hub repeats at most one event for each of 256 subscriptions
_OWN: Final = frozenset({"eventId", "resume"})


class Cursor:
    """The last cursor the hub gave; a hub that gives none is asked, and listened to, all the same.

    `lost` counts how often the hub could not say what was missed.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._text = ""
        self._numbered = False

    def token_frame(self, token: str) -> bytes:
        """Return the frame that opens a socket."""
        return msgspec.json.encode({"accessToken": token, "resume": self._text})

    def opened(self, verdict: Mapping[str, object]) -> bool:
        """Take a good verdict; True where events may have been missed."""
        missed = bool(self._text) and verdict.get("resumed") is not True
        self._numbered = isinstance(verdict.get("resume"), str)
        if missed:
            self.lost += 1
        if missed or not self._text:
            self._text = _text(verdict.get("resume"))
        return missed

    def take(self, event: Event) -> tuple[str, Event]:
        """Return an event's id, empty where it has none, and the event without it."""
        if not self._numbered:
            return "", event
        self._text = _text(event.members.get("resume")) or self._text
        members = {name: value for name, value in event.members.items() if name not in _OWN}
        stripped = msgspec.structs.replace(event, members=members)
        return _text(event.members.get("eventId")), stripped


class Seen:
    """The ids of the last events a listener was given."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}  # in order; the values mean nothing

    def first_time(self, event_id: str) -> bool:
        """Note an event; False where it was given before. One without an id always is new."""
        if not event_id:
            return True
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > MOST_SEEN:
            del self._ids[next(iter(self._ids))]
        return True

    def forget(self) -> None:
        """Let the hub repeat what it has said."""
        self._ids.clear()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
