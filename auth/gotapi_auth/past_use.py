"""The log of past use on the disk, written from time to time."""

from __future__ import annotations

from collections.abc import Callable

from gotapi_auth import store as queries
from gotapi_auth.history import Use, UseLog, merged
from gotapi_core.store import Store


class PastUse:
    """Counts what applications do; at a crash the uses of the last minute are lost."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._log = UseLog()

    def note(self, application_id: str, route: str) -> None:
        """Count one use of a route; give its name only, never a parameter."""
        self._log.note(application_id, route, self._clock())

    def forget(self, application_id: str) -> None:
        """Forget an application that is gone."""
        self._log.forget(application_id)

    async def of(self, application_id: str) -> list[Use]:
        """Return what an application did, the latest first."""
        stored = await self._store.run(queries.uses_of, application_id)
        return merged(stored, self._log.fresh(application_id))

    async def write(self) -> None:
        """Write what the disk does not know; raises StoreError and loses nothing."""
        taken = self._log.take()
        if not taken:
            return
        try:
            await self._store.run(queries.add_uses, taken)
        except BaseException:
            self._log.put_back(taken)
            raise
