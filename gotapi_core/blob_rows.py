"""The queries of the blob store; each is a function for `Store.run`."""

import secrets

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from gotapi_core.store.tables import blobs, uploads


def new_id() -> str:
    """Return an unguessable id of 22 characters; no dash comes first, which begins an option."""
    while (made := secrets.token_urlsafe(16)).startswith("-"):
        continue
    return made


class BlobRow(msgspec.Struct, frozen=True):
    """A blob as it is stored; `size` in bytes, `created` in seconds since 1970."""

    id: str
    owner: str
    name: str
    content_type: str
    size: int
    sha256: str
    created: float
    path: str
    plugin: str = ""


class UploadRow(msgspec.Struct, frozen=True):
    """A file on its way in; see `gotapi_core.store.tables.uploads`."""

    id: str
    owner: str
    name: str
    content_type: str
    length: int
    sha256: str
    metadata: str
    created: float
    unchecked_from: int | None = None


def add_blob(connection: Connection, row: BlobRow) -> None:
    connection.execute(insert(blobs).values(msgspec.structs.asdict(row)))


def find_blob(connection: Connection, key: str) -> BlobRow | None:
    row = connection.execute(select(blobs).where(blobs.c.id == key)).one_or_none()
    return None if row is None else _blob(row)


def all_blobs(connection: Connection) -> list[BlobRow]:
    """Return every blob, the oldest first."""
    return [_blob(row) for row in connection.execute(select(blobs).order_by(blobs.c.created))]


def delete_blobs(connection: Connection, keys: list[str]) -> frozenset[str]:
    """Delete blobs; returns those that were there, so that nobody counts one twice."""
    wanted = ((key, delete(blobs).where(blobs.c.id == key)) for key in keys)
    return frozenset(key for key, order in wanted if connection.execute(order).rowcount)


def blobs_before(connection: Connection, created: float) -> list[BlobRow]:
    return [
        _blob(row) for row in connection.execute(select(blobs).where(blobs.c.created < created))
    ]


def blobs_of(connection: Connection, owner: str) -> list[BlobRow]:
    return [_blob(row) for row in connection.execute(select(blobs).where(blobs.c.owner == owner))]


def add_upload(connection: Connection, row: UploadRow) -> None:
    connection.execute(insert(uploads).values(msgspec.structs.asdict(row)))


def all_uploads(connection: Connection) -> list[UploadRow]:
    rows = connection.execute(select(uploads))
    return [msgspec.convert(row._mapping, UploadRow) for row in rows]


def mark_unchecked(connection: Connection, key: str, start: int | None) -> None:
    """Say from where on the bytes of an upload do not count yet; None: all of them do."""
    wanted = update(uploads).where(uploads.c.id == key)
    connection.execute(wanted.values(unchecked_from=start))


def delete_upload(connection: Connection, key: str) -> None:
    connection.execute(delete(uploads).where(uploads.c.id == key))


def complete(connection: Connection, row: BlobRow) -> None:
    """Make a whole upload a blob, at once or not at all."""
    delete_upload(connection, row.id)
    add_blob(connection, row)


def _blob(row: Row[tuple[object, ...]]) -> BlobRow:
    return msgspec.convert(row._mapping, BlobRow)
