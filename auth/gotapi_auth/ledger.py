"""What is on the disk, in memory: approvals and tokens, for checks that never wait. PURE."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec

from gotapi_auth.grants import Grant
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
    """An approval and its tokens; `seen` is when a token was last used, noted at each check.

    `asked` is what each token was asked for: it opens the part of that which the approval allows.
    `over` is set once it was told that the approval has ended.
    """

    __slots__ = ("approval", "asked", "over", "seen", "tokens")

    def __init__(self, approval: Approval) -> None:
        self.approval = approval
        self.seen = approval.last_used
        self.over = False
        self.tokens: dict[bytes, Access] = {}
        self.asked: dict[bytes, frozenset[str]] = {}


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
        holder.approval = msgspec.structs.replace(
            approval,
            key=key or approval.key,
            grant=msgspec.structs.replace(approval.grant, collect_by=None),
        )
        holder.asked[token.digest] = frozenset(token.scopes)
        self._open(holder, token.digest)

    def change(self, holder: Holder, grant: Grant) -> None:
        """Put another grant in the place of an approval's; its tokens follow."""
        holder.approval = msgspec.structs.replace(holder.approval, grant=grant)
        for digest in holder.tokens:
            self._open(holder, digest)

    def set_key(self, origin: str, key: Key | None) -> None:
        """Give all approvals of an origin this key."""
        for holder in self.of_origin(origin):
            holder.approval = msgspec.structs.replace(holder.approval, key=key)

    def _open(self, holder: Holder, digest: bytes) -> None:
        approval = holder.approval
        access = Access(
            approval.id,
            approval.origin,
            token_id(digest),
            holder.asked[digest] & approval.grant.scopes,
            approval.grant.expires,
        )
        holder.tokens[digest] = access
        self.tokens[digest] = (access, holder)

    def drop_tokens(self, digests: Iterable[bytes]) -> tuple[str, ...]:
        """Forget those of the tokens that are there; returns their ids."""
        gone = []
        for digest in digests:
            if digest not in self.tokens:
                continue
            access, holder = self.tokens.pop(digest)
            del holder.tokens[digest], holder.asked[digest]
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

    def turned(self, now: float) -> list[Holder]:
        """Return the approvals that have just ended; each is returned once.

        One that holds again, because the clock was set back, can end again.
        """
        turned = []
        for holder in self:
            over = holder.approval.grant.expired(now)
            if over and not holder.over:
                turned.append(holder)
            holder.over = over
        return turned

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
