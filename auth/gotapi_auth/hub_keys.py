"""Which HMAC key an answer is signed with: keys in memory, of clients, and of launch URIs."""

from __future__ import annotations

from collections.abc import Callable

from gotapi_auth import store as queries
from gotapi_auth import tokens
from gotapi_auth.clients import Clients
from gotapi_auth.failures import KeyHeldError
from gotapi_auth.keys import Key, KeyRing
from gotapi_auth.ledger import Ledger
from gotapi_core.protocol.hmac import Encoding
from gotapi_core.store import Store


class HubKeys:
    """The keys by which applications recognise this hub."""

    def __init__(
        self, store: Store, clock: Callable[[], float], ledger: Ledger, clients: Clients
    ) -> None:
        self.ring = KeyRing()
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._clients = clients

    async def load(self) -> None:
        """Read the keys of launch URIs."""
        for one in await self._store.run(queries.load_keys):
            self.ring.load(one.origin, one.key)

    async def launch(self, origin: str, text: str, *, replace: bool) -> None:
        """Take the key of a launch URI; see `AuthServer.launch_key`."""
        # Any page can open a launch URI in any name, so an approved application keeps its key.
        held = self.ring.trusted(origin) or self._stored(origin)
        if held is not None and held.value != text and not replace:
            raise KeyHeldError(
                f"{origin[:100]} has a key already, by which it recognises this hub. Replace it "
                "only if you have started the application yourself just now."
            )
        key = self.ring.checked(text, Encoding.HEX) if text else None
        await self._store.run(queries.put_key, origin, key, self._clock())
        self.ring.remember(origin, text, Encoding.HEX, trusted=True)
        self._ledger.set_key(origin, self.ring.trusted(origin))

    def find(self, origin: str, token: str | None, client_id: str | None) -> Key | None:
        """Return the key for an application; see `AuthServer.key_for`."""
        key = self.ring.prefer(origin, self._bound(origin, token, client_id))
        return self._stored(origin) if key is None else key

    def _stored(self, origin: str) -> Key | None:
        """Return the newest key of the origin's approvals."""
        keys = (holder.approval.key for holder in reversed(self._ledger.of_origin(origin)))
        return next((key for key in keys if key is not None), None)

    def _bound(self, origin: str, token: str | None, client_id: str | None) -> Key | None:
        if token:
            found = self._ledger.tokens.get(tokens.digest(token[: tokens.MAX_SECRET]))
            if found is not None and found[0].origin == origin:
                return found[1].approval.key
        if client_id:
            digest = tokens.digest(client_id[: tokens.MAX_SECRET])
            client = self._clients.find(digest)
            if client is not None and client.origin == origin:
                return client.key
            for holder in reversed(self._ledger.of_client(digest)):
                if holder.approval.origin == origin:
                    return holder.approval.key
        return None
