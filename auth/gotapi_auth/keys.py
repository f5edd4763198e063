"""The HMAC keys by which applications recognise the hub. PURE.

Anybody can name any origin to the availability call, so a key that comes that way may not disturb
others: a client keeps the key that its origin had at its grant, and an approved application the
key of its client. Only a key that the user's own launch URI brought (`trusted`) takes the place of
those. A key is no right: it lets an application tell this hub from an impostor on its port.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.hmac import MAX_KEY, Encoding, valid_key

MAX_ORIGINS: Final = 1000  # origins remembered; the one whose key is oldest goes


class Key(msgspec.Struct, frozen=True):
    """A key; `order` counts up with each key that came in, and is 0 for those from the disk."""

    value: str
    encoding: Encoding
    order: int = 0


class KeyRing:
    """The newest keys per origin, in memory."""

    def __init__(self, max_origins: int = MAX_ORIGINS) -> None:
        self._max = max_origins
        self._newest: dict[str, Key] = {}
        self._trusted: dict[str, Key] = {}
        self._order = 0

    def __len__(self) -> int:
        return len(self._newest)

    def remember(self, origin: str, value: str, encoding: Encoding, *, trusted: bool) -> None:
        """Take a key; a trusted empty one removes the origin's keys. Raises InvalidParameter."""
        if trusted and not value:
            # As in DeviceConnect: a launch with an empty key turns server authentication off.
            self._newest.pop(origin, None)
            self._trusted.pop(origin, None)
            return
        key = self.checked(value, encoding)
        self._order += 1
        key = msgspec.structs.replace(key, order=self._order)
        self._put(self._newest, origin, key)
        if trusted:
            self._put(self._trusted, origin, key)

    @staticmethod
    def checked(value: str, encoding: Encoding) -> Key:
        """Return a key that can be used; raises InvalidParameter."""
        if not valid_key(value, encoding):
            raise InvalidParameter(
                f"The key must have 1 to {MAX_KEY} printable characters, and pairs of hex digits "
                "when it comes with a launch URI."
            )
        return Key(value, encoding)

    def load(self, origin: str, key: Key) -> None:
        """Take over a trusted key that the disk holds."""
        self._put(self._newest, origin, key)
        self._put(self._trusted, origin, key)

    def trusted(self, origin: str) -> Key | None:
        """Return the key that the user's launch URI brought."""
        return self._trusted.get(origin)

    def newest(self, origin: str) -> Key | None:
        """Return the origin's newest key, whoever brought it."""
        return self._newest.get(origin)

    def prefer(self, origin: str, bound: Key | None) -> Key | None:
        """Return the key for a client: its own, unless the user launched with a newer one."""
        trusted = self._trusted.get(origin)
        if bound is None:
            return trusted or self.newest(origin)
        return trusted if trusted is not None and trusted.order > bound.order else bound

    def _put(self, keys: dict[str, Key], origin: str, key: Key) -> None:
        keys.pop(origin, None)
        keys[origin] = key  # a dict keeps the order of insertion: the first is the oldest
        if len(keys) > self._max:
            del keys[next(iter(keys))]
