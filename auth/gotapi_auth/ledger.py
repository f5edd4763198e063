"""What is on the disk, in memory: approvals and tokens, for checks that never wait. PURE."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec

from gotapi_auth.keys import Key
from gotapi_auth.records import Approval, StoredToken
from gotapi_auth.tokens import token_id


class Access(msgspec.Struct, frozen=True):
    """What a token opens, and to whom; `expires` is in seconds since 1970 (UTC)."""

    application_id: str
    origin: str
    token_id: str
    scopes: frozenset[str]
    expires: float


class Holder:
    """An approval and its tokens; `seen` is when a token was last used, noted at each check."""

    __slots__ = ("approval", "seen", "tokens")

    def __init__(self, approval: Approval) -> None:
        self.approval = approval
        self.seen = approval.last_used
        self.tokens: dict[bytes, Access] = {}


class Ledger:
    """Approvals by id and by client, tokens by digest."""

    def __init__(self) -> None:
        self.tokens: dict[bytes, tuple[Access, Holder]] = {}
        self._holders: dict[str, Holder] = {}
        self._clients: dict[bytes, list[Holder]] = {}

    def __contains__(self, application_id: object) -> bool:
        return application_id in self._holders

    def __iter__(self) -> Iterator[Holder]:
        return iter(self._holders.values())

    def load(self, approvals: Iterable[Approval], tokens: Iterable[StoredToken]) -> None:
        """Take over what the disk holds."""
        for approval in approvals:
            self.add(approval)
        for token in tokens:
            self.add_token(token, None)

    def add(self, approval: Approval) -> Holder:
        """Add an approval."""
        holder = Holder(approval)
        self._holders[approval.id] = holder
        self._clients.setdefault(approval.client, []).append(holder)
        return holder

    def add_token(self, token: StoredToken, key: Key | None) -> None:
        """Add a token to its approval, which counts as collected and keeps the client's key."""
        holder = self._holders[token.application]
        approval = holder.approval
        access = Access(
            approval.id,
            approval.origin,
            token_id(token.digest),
            frozenset(token.scopes),
            token.expires,
        )
        holder.tokens[token.digest] = access
        self.tokens[token.digest] = (access, holder)
        holder.approval = msgspec.structs.replace(
            approval,
            key=key or approval.key,
            grant=msgspec.structs.replace(approval.grant, collect_by=None),
        )

    def drop_tokens(self, digests: Iterable[bytes]) -> tuple[str, ...]:
        """Forget those of the tokens that are there; returns their ids."""
        gone = []
        for digest in digests:
            if digest not in self.tokens:
                continue
            access, holder = self.tokens.pop(digest)
            del holder.tokens[digest]
            gone.append(access.token_id)
        return tuple(gone)

    def remove(self, holder: Holder) -> tuple[str, ...]:
        """Forget an approval; returns the ids of its tokens, which are forgotten too."""
        del self._holders[holder.approval.id]
        mine = self._clients[holder.approval.client]
        mine.remove(holder)
        if not mine:
            del self._clients[holder.approval.client]
        return self.drop_tokens(list(holder.tokens))

    def get(self, application_id: str) -> Holder | None:
        """Return an approval by its id."""
        return self._holders.get(application_id)

    def of_client(self, client: bytes) -> list[Holder]:
        """Return the approvals of a client, oldest first."""
        return self._clients.get(client, [])

    def of_origin(self, origin: str) -> list[Holder]:
        """Return the approvals of an origin, oldest first."""
        return [holder for holder in self if holder.approval.origin == origin]

    def answering(self, client: bytes, asked: Collection[str], now: float) -> Holder | None:
        """Return the newest approval of a client that decides a request without the operator."""
        for holder in reversed(self.of_client(client)):
            if holder.approval.grant.answers(asked, now):
                return holder
        return None

    def ended(self, before: float) -> list[Holder]:
        """Return the approvals that ended before a time."""
        return [holder for holder in self if holder.approval.grant.expires < before]

    def used(self) -> list[tuple[str, float]]:
        """Return the applications whose last use the disk does not know, with its time."""
        return [
            (holder.approval.id, holder.seen)
            for holder in self
            if holder.seen is not None and holder.seen != holder.approval.last_used
        ]

    def noted(self, used: Iterable[tuple[str, float]]) -> None:
        """Take note that the disk knows these last uses now."""
        for id, when in used:
            if id in self._holders:
                holder = self._holders[id]
                holder.approval = msgspec.structs.replace(holder.approval, last_used=when)
