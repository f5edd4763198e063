"""Document collections: small bodies under a key, for plug-ins and the hub."""

from __future__ import annotations

from typing import Final, TypeAlias

from sqlalchemy import Connection, delete, func, insert, select, update

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge, StorageFull
from gotapi_core.store.database import Store
from gotapi_core.store.tables import documents

MAX_BODY: Final = 1 << 20  # bytes; a document is a record, files go to blobs
MAX_NAME: Final = 64  # characters of an owner or a collection; the width of the column
MAX_KEY: Final = 256  # characters; the width of the column
MAX_DOCUMENTS: Final = 10_000  # in a collection: `list` returns them all at once
MAX_COLLECTION: Final = 64 << 20  # bytes of a collection, for the same reason

Entries: TypeAlias = list[tuple[str, bytes]]
"""Keys and bodies in the order of their creation."""


class Documents:
    """The collections of one owner (a plug-in, or a part of the hub); others cannot see them.

    The plain methods are for the event loop, the `_sync` ones for threads. A put returns when
    the body is on the disk. Raises InvalidParameter (for a name), PayloadTooLarge, StorageFull
    and StoreError.
    """

    def __init__(self, store: Store, owner: str) -> None:
        """Use `store`, which need not be open yet; `owner` has 1 to 64 characters."""
        _check("owner", owner, MAX_NAME)
        self._store = store
        self._owner = owner

    async def put(self, collection: str, key: str, body: bytes) -> None:
        """Store a body of up to 1 MiB; one that replaces another keeps its place in the list."""
        _check_put(collection, key, body)
        await self._store.run(_put, self._owner, collection, key, body)

    async def get(self, collection: str, key: str) -> bytes | None:
        """Return the body, or None when there is none."""
        return await self._store.run(_get, self._owner, collection, key)

    async def delete(self, collection: str, key: str) -> bool:
        """Delete the body; returns whether there was one."""
        return await self._store.run(_delete, self._owner, collection, key)

    async def list(self, collection: str) -> Entries:
        """Return all (key, body) of a collection in the order of their creation."""
        return await self._store.run(_list, self._owner, collection)

    def put_sync(self, collection: str, key: str, body: bytes) -> None:
        """Do the same as `put`, blocking."""
        _check_put(collection, key, body)
        self._store.run_sync(_put, self._owner, collection, key, body)

    def get_sync(self, collection: str, key: str) -> bytes | None:
        """Do the same as `get`, blocking."""
        return self._store.run_sync(_get, self._owner, collection, key)

    def delete_sync(self, collection: str, key: str) -> bool:
        """Do the same as `delete`, blocking."""
        return self._store.run_sync(_delete, self._owner, collection, key)

    def list_sync(self, collection: str) -> Entries:
        """Do the same as `list`, blocking."""
        return self._store.run_sync(_list, self._owner, collection)


def _check_put(collection: str, key: str, body: bytes) -> None:
    _check("collection", collection, MAX_NAME)
    _check("key", key, MAX_KEY)
    if len(body) > MAX_BODY:
        raise PayloadTooLarge(
            f"A document of {len(body)} bytes is too large; at most {MAX_BODY} are stored. "
            "Keep files as blobs."
        )


def _check(what: str, value: str, limit: int) -> None:
    # Lone surrogates and NUL are what the databases cannot store; neither is printable.
    if not 1 <= len(value) <= limit or not value.isprintable():
        raise InvalidParameter(
            f"The {what} of a document must have 1 to {limit} printable characters, "
            f"not {value[:limit]!r}."
        )


def _put(connection: Connection, owner: str, collection: str, key: str, body: bytes) -> None:
    c = documents.c
    here = (c.owner == owner, c.collection == collection)
    count, size = connection.execute(
        select(func.count(), func.coalesce(func.sum(c.size), 0)).where(*here, c.key != key)
    ).one()
    if size + len(body) > MAX_COLLECTION:
        raise _no_room(collection, f"{MAX_COLLECTION} bytes")
    values = {"size": len(body), "body": body}
    changed = connection.execute(update(documents).where(*here, c.key == key).values(values))
    if changed.rowcount:
        return
    if count >= MAX_DOCUMENTS:
        raise _no_room(collection, f"{MAX_DOCUMENTS} documents")
    place = {"owner": owner, "collection": collection, "key": key}
    connection.execute(insert(documents).values(place | values))


def _no_room(collection: str, limit: str) -> StorageFull:
    return StorageFull(
        f"The collection {collection} may hold {limit} and would exceed that; "
        "delete documents that are no longer needed."
    )


def _get(connection: Connection, owner: str, collection: str, key: str) -> bytes | None:
    c = documents.c
    return connection.execute(
        select(c.body).where(c.owner == owner, c.collection == collection, c.key == key)
    ).scalar()


def _delete(connection: Connection, owner: str, collection: str, key: str) -> bool:
    c = documents.c
    gone = connection.execute(
        delete(documents).where(c.owner == owner, c.collection == collection, c.key == key)
    )
    return gone.rowcount > 0


def _list(connection: Connection, owner: str, collection: str) -> Entries:
    c = documents.c
    rows = connection.execute(
        select(c.key, c.body).where(c.owner == owner, c.collection == collection).order_by(c.seq)
    )
    return [(row.key, row.body) for row in rows]
