"""The auth server's rows and queries. Each function is one transaction for `Store.run`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from gotapi_auth.grants import Grant
from gotapi_auth.keys import Key
from gotapi_auth.records import Approval, StoredToken
from gotapi_core.protocol.hmac import Encoding
from gotapi_core.store.tables import applications, clients, tokens


def load(connection: Connection) -> tuple[list[Approval], list[StoredToken]]:
    """Return everything, in the order of creation."""
    approvals = connection.execute(
        select(applications, clients.c.origin)
        .join(clients, clients.c.digest == applications.c.client)
        .order_by(applications.c.created, applications.c.id)
    )
    stored = connection.execute(select(tokens).order_by(tokens.c.created, tokens.c.digest))
    return [_approval(row) for row in approvals], [
        StoredToken(t.digest, t.application, _split(t.scopes), t.created, t.expires) for t in stored
    ]


def add_approval(connection: Connection, approval: Approval) -> None:
    """Store an approval, and its client at the client's first one."""
    known = exists().where(clients.c.digest == approval.client)
    if not connection.execute(select(known)).scalar_one():
        connection.execute(
            insert(clients).values(
                digest=approval.client, origin=approval.origin, created=approval.grant.created
            )
        )
    connection.execute(insert(applications).values(_columns(approval)))


def add_token(
    connection: Connection, token: StoredToken, key: Key | None, dropped: Iterable[bytes]
) -> bool:
    """Store a token and drop others of its application; False when the approval is gone.

    The approval counts as collected from now on, and keeps the client's key.
    """
    values: dict[str, object] = {"collect_by": None}
    if key is not None:
        values |= {"hmac_key": key.value, "hmac_encoding": key.encoding.value}
    found = connection.execute(
        update(applications).where(applications.c.id == token.application).values(values)
    )
    if not found.rowcount:
        return False
    connection.execute(delete(tokens).where(tokens.c.digest.in_(list(dropped))))
    connection.execute(
        insert(tokens).values(
            digest=token.digest,
            application=token.application,
            scopes=",".join(token.scopes),
            created=token.created,
            expires=token.expires,
        )
    )
    return True


def remove_approvals(connection: Connection, ids: Iterable[str]) -> None:
    """Remove approvals with their tokens, and the clients that have none left."""
    for id in ids:
        connection.execute(delete(tokens).where(tokens.c.application == id))
        connection.execute(delete(applications).where(applications.c.id == id))
    used = exists().where(applications.c.client == clients.c.digest)
    connection.execute(delete(clients).where(~used))


def note_use(connection: Connection, used: Iterable[tuple[str, float]]) -> None:
    """Store when applications were last used."""
    for id, when in used:
        connection.execute(
            update(applications).where(applications.c.id == id).values(last_used=when)
        )


def _columns(approval: Approval) -> dict[str, object]:
    grant, key = approval.grant, approval.key
    return {
        "id": approval.id,
        "client": approval.client,
        "name": approval.name,
        "asked": ",".join(sorted(grant.asked)),
        "scopes": ",".join(sorted(grant.scopes)),
        "created": grant.created,
        "expires": grant.expires,
        "remembered": grant.remembered,
        "collect_by": grant.collect_by,
        "last_used": approval.last_used,
        "hmac_key": key and key.value,
        "hmac_encoding": key and key.encoding.value,
    }


def _approval(row: Row[tuple[object, ...]]) -> Approval:
    key = None if row.hmac_key is None else Key(row.hmac_key, Encoding(row.hmac_encoding))
    grant = Grant(
        asked=frozenset(_split(row.asked)),
        scopes=frozenset(_split(row.scopes)),
        created=row.created,
        expires=row.expires,
        remembered=row.remembered,
        collect_by=row.collect_by,
    )
    return Approval(row.id, row.client, row.origin, row.name, grant, row.last_used, key)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
