"""The auth server's rows and queries. Each function is one transaction for `Store.run`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from gotapi_auth.grants import Grant
from gotapi_auth.history import MAX_ROWS, Use
from gotapi_auth.keys import MAX_ORIGINS, Key
from gotapi_auth.records import Approval, LaunchKey, StoredToken
from gotapi_core.protocol.hmac import Encoding
from gotapi_core.store.tables import applications, clients, launch_keys, tokens, uses


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


def load_keys(connection: Connection) -> list[LaunchKey]:
    """Return the keys of launch URIs, oldest first."""
    rows = connection.execute(select(launch_keys).order_by(launch_keys.c.created))
    return [
        LaunchKey(row.origin, Key(row.value, Encoding(row.encoding)), row.created) for row in rows
    ]


def put_key(connection: Connection, origin: str, key: Key | None, created: float) -> None:
    """Store the key of a launch URI in the place of the earlier one; None removes it.

    The approved applications of the origin get it too.
    """
    connection.execute(delete(launch_keys).where(launch_keys.c.origin == origin))
    if key is not None:
        values = {"value": key.value, "encoding": key.encoding.value, "created": created}
        connection.execute(insert(launch_keys).values(origin=origin, **values))
    newest = select(launch_keys.c.origin).order_by(launch_keys.c.created.desc()).limit(MAX_ORIGINS)
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(launch_keys).where(launch_keys.c.origin.not_in(kept)))
    mine = select(clients.c.digest).where(clients.c.origin == origin)
    connection.execute(
        update(applications).where(applications.c.client.in_(mine)).values(_key_columns(key))
    )


def change_grant(connection: Connection, application: str, grant: Grant) -> None:
    """Store another grant for an approval, and the end of its tokens."""
    columns = _grant_columns(grant)
    del columns["collect_by"]  # a token may have been given out meanwhile
    connection.execute(update(applications).where(applications.c.id == application).values(columns))
    ends = {"expires": grant.expires}
    connection.execute(update(tokens).where(tokens.c.application == application).values(ends))


def renew_grant(
    connection: Connection, application: str, grant: Grant, before: float
) -> list[bytes]:
    """Store a later grant for an approval, and remove its tokens from before a time.

    Returns their digests.
    """
    old = select(tokens.c.digest).where(
        tokens.c.application == application, tokens.c.created <= before
    )
    gone = list(connection.execute(old).scalars())
    drop_tokens(connection, gone)
    change_grant(connection, application, grant)
    return gone


def drop_tokens(connection: Connection, digests: Iterable[bytes]) -> None:
    """Remove tokens."""
    connection.execute(delete(tokens).where(tokens.c.digest.in_(list(digests))))


def add_uses(connection: Connection, fresh: Mapping[str, Iterable[Use]]) -> None:
    """Add to the log of past use, and cut it to the newest rows of each application."""
    for application, rows in fresh.items():
        known = exists().where(applications.c.id == application)
        if not connection.execute(select(known)).scalar_one():
            continue  # revoked meanwhile
        for use in rows:
            _add_use(connection, application, use)
        _cut_uses(connection, application)


def uses_of(connection: Connection, application: str) -> list[Use]:
    """Return the log of past use of an application."""
    rows = connection.execute(select(uses).where(uses.c.application == application))
    return [Use(row.day, row.route, row.calls, row.first, row.last) for row in rows]


def replace_approvals(connection: Connection, approval: Approval, replaced: Iterable[str]) -> None:
    """Store an approval and remove others, in one go."""
    add_approval(connection, approval)
    remove_approvals(connection, replaced)


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
    """Remove approvals with their tokens and log, and the clients that have none left."""
    for id in ids:
        connection.execute(delete(uses).where(uses.c.application == id))
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
    return {
        "id": approval.id,
        "client": approval.client,
        "name": approval.name,
        "last_used": approval.last_used,
        **_grant_columns(approval.grant),
        **_key_columns(approval.key),
    }


def _key_columns(key: Key | None) -> dict[str, object]:
    return {"hmac_key": key and key.value, "hmac_encoding": key and key.encoding.value}


def _grant_columns(grant: Grant) -> dict[str, object]:
    return {
        "asked": ",".join(sorted(grant.asked)),
        "scopes": ",".join(sorted(grant.scopes)),
        "created": grant.created,
        "expires": grant.expires,
        "remembered": grant.remembered,
        "collect_by": grant.collect_by,
    }


def _add_use(connection: Connection, application: str, use: Use) -> None:
    c = uses.c
    here = (c.application == application, c.day == use.day, c.route == use.route)
    found = connection.execute(select(uses).where(*here)).one_or_none()
    if found is None:
        place = {"application": application, "day": use.day, "route": use.route}
        times = {"calls": use.count, "first": use.first, "last": use.last}
        connection.execute(insert(uses).values(**place, **times))
        return
    both = use.plus(Use(found.day, found.route, found.calls, found.first, found.last))
    times = {"calls": both.count, "first": both.first, "last": both.last}
    connection.execute(update(uses).where(*here).values(times))


def _cut_uses(connection: Connection, application: str) -> None:
    c = uses.c
    mine = select(c.day, c.route).where(c.application == application)
    old = mine.order_by(c.last.desc(), c.route).offset(MAX_ROWS).limit(10 * MAX_ROWS)
    for row in connection.execute(old).all():
        here = (c.application == application, c.day == row.day, c.route == row.route)
        connection.execute(delete(uses).where(*here))


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
