"""What the operator's decisions make of a grant. PURE."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from gotapi_auth.events import Application
from gotapi_auth.failures import AuthError
from gotapi_auth.grants import DAY, Grant, Lifetime
from gotapi_auth.ledger import Holder

MAX_LIFE: Final = 180 * DAY  # seconds that a change can give at most; as Lifetime.ALWAYS


def application_of(holder: Holder) -> Application:
    """Return what the operator sees of an approval."""
    approval = holder.approval
    grant = approval.grant
    return Application(
        approval.id,
        approval.name,
        approval.origin,
        tuple(sorted(grant.scopes)),
        grant.created,
        grant.expires,
        holder.seen,
        tuple(sorted(grant.asked)),
    )


def chosen_scopes(asked: Collection[str], scopes: Collection[str] | None) -> frozenset[str]:
    """Return the scopes that the operator allows, all by default; raises AuthError."""
    if scopes is None:
        return frozenset(asked)
    chosen = frozenset(scope.lower() for scope in scopes)
    if not chosen or not chosen.issubset(asked):
        raise AuthError(
            f"Only scopes that the application asked for can be allowed, at least one of: "
            f"{', '.join(asked)}."
        )
    return chosen


def changed_grant(
    grant: Grant,
    now: float,
    scopes: Collection[str] | None,
    lifetime: Lifetime | None,
    until: float | None,
) -> Grant:
    """Return a grant as the operator changed it; raises AuthError."""
    return msgspec.structs.replace(
        grant,
        scopes=grant.scopes if scopes is None else chosen_scopes(sorted(grant.asked), scopes),
        expires=_end(grant, now, lifetime, until),
        remembered=grant.remembered if lifetime is None else lifetime.remembered,
    )


def grown_grant(grant: Grant, scopes: frozenset[str], until: float) -> Grant:
    """Return a grant with what is new of these scopes, that holds until then at least.

    Of those it had asked for before, the operator's choice stays.
    """
    return msgspec.structs.replace(
        grant,
        asked=grant.asked | scopes,
        scopes=grant.scopes | (scopes - grant.asked),
        expires=max(grant.expires, until),
    )


def _end(grant: Grant, now: float, lifetime: Lifetime | None, until: float | None) -> float:
    if lifetime is not None and until is not None:
        raise AuthError("Give a time span or an end, not both.")
    if lifetime is not None:
        return now + lifetime.seconds
    if until is None:
        return grant.expires
    if not now < until <= now + MAX_LIFE:
        raise AuthError(
            "The end must lie ahead, within 180 days from now; to end an approval at once, "
            "revoke it."
        )
    return until
