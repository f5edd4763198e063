"""Clients that were granted an id and not approved yet. PURE.

Anybody may ask for a clientId, so these are kept in memory only, few and for a short time: an
unknown caller cannot make the hub write to the disk. Clients that were approved are on the disk.
"""

from __future__ import annotations

import msgspec

from gotapi_auth.consent import BACKWARDS
from gotapi_auth.keys import Key


class Client(msgspec.Struct, frozen=True):
    """A client; `digest` is the SHA-256 of its clientId, `key` the origin's key at the grant."""

    digest: bytes
    origin: str
    browser: bool
    created: float
    key: Key | None = None


class Clients:
    """Unapproved clients by digest, the longest unused first."""

    def __init__(self, life: float, per_origin: int, in_all: int) -> None:
        """Keep clients for `life` seconds after their last use, at most so many."""
        self._life = life
        self._per_origin = per_origin
        self._in_all = in_all
        self._all: dict[bytes, Client] = {}
        self._used: dict[bytes, float] = {}
        self._origins: dict[str, dict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, client: Client) -> None:
        """Add a client; the oldest one of its origin, or of all, makes room."""
        self.drop_idle(client.created)
        mine = self._origins.setdefault(client.origin, {})
        if len(mine) >= self._per_origin:
            self.drop(next(iter(mine)))
        elif len(self._all) >= self._in_all:
            self.drop(next(iter(self._all)))
        self._put(client, client.created)

    def use(self, digest: bytes, now: float) -> Client | None:
        """Return the client, which lives on from now, or None when there is none."""
        self.drop_idle(now)
        client = self._all.get(digest)
        if client is not None:
            self.drop(digest)
            self._put(client, now)
        return client

    def find(self, digest: bytes) -> Client | None:
        """Return the client without using it."""
        return self._all.get(digest)

    def drop(self, digest: bytes) -> None:
        """Forget a client; no error when it is gone."""
        client = self._all.pop(digest, None)
        if client is None:
            return
        del self._used[digest]
        mine = self._origins[client.origin]
        del mine[digest]
        if not mine:
            del self._origins[client.origin]

    def drop_idle(self, now: float) -> None:
        """Forget the clients that were not used for too long, or whose time is yet to come."""
        idle = [
            digest
            for digest, used in self._used.items()
            if now >= used + self._life or now < used - BACKWARDS
        ]
        for digest in idle:
            self.drop(digest)

    def _put(self, client: Client, now: float) -> None:
        self._all[client.digest] = client
        self._used[client.digest] = now
        self._origins.setdefault(client.origin, {})[client.digest] = None
