"""The auth server: grants, consent, tokens, and what the operator does about them.

Time. Expiry follows the wall clock that is given: a clock that jumps ahead ends approvals and
tokens early (they hold again when it is set back, because nothing is deleted until 30 days after
its end), and one that is set back prolongs them by the jump. Requests and unapproved clients
whose time lies more than a minute ahead are dropped. Waiting for the operator is not affected.

Durability. Approvals, tokens and revocations are on the disk before they are acknowledged.
Unapproved clients and unanswered requests are in memory: an unknown caller cannot make the hub
write, and after a restart an application asks again.

All methods belong to the event loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from gotapi_auth import store as queries
from gotapi_auth import tokens
from gotapi_auth.clients import Client, Clients
from gotapi_auth.consent import Limits, Request, State
from gotapi_auth.decisions import application_of, changed_grant, chosen_scopes, grown_grant
from gotapi_auth.desk import Desk, Listeners
from gotapi_auth.events import (
    Application,
    AuthEvent,
    Begun,
    Changed,
    IssuedToken,
    Known,
    PendingRequest,
    RequestAdded,
    RequestEnded,
    Revoked,
    WaitingChanged,
    pending_request,
)
from gotapi_auth.failures import AuthError, UnknownApplicationError
from gotapi_auth.grants import DAY, Grant, Lifetime, clean_name, parse_scopes
from gotapi_auth.history import Use
from gotapi_auth.hub_keys import HubKeys
from gotapi_auth.ledger import Access, Holder, Ledger
from gotapi_auth.past_use import PastUse
from gotapi_auth.records import Approval, StoredToken
from gotapi_auth.settings import AuthSettings
from gotapi_core.protocol.errors import (
    ExpiredToken,
    GotapiError,
    InvalidOrigin,
    InvalidParameter,
    Lineage,
    MissingToken,
    NotAuthorized,
    OutOfScope,
    ResultCode,
    UnknownClient,
    UnknownToken,
)
from gotapi_core.protocol.hmac import Encoding
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.mac import KEY_SIZE
from gotapi_core.store import Store

__all__ = [
    "Access",
    "Application",
    "AuthEvent",
    "AuthServer",
    "AuthSettings",
    "Changed",
    "IssuedToken",
    "PendingRequest",
    "RequestAdded",
    "RequestEnded",
    "Revoked",
    "Use",
    "WaitingChanged",
]

T = TypeVar("T")
log = logging.getLogger(__name__)

_KEEP_ENDED: Final = 30 * DAY  # seconds an ended approval stays, for a clock that was wrong
_LOOK: Final = 0.5  # seconds between two looks for approvals that have ended


class AuthServer:
    """Gives applications tokens once the operator has allowed it, and checks those tokens."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        offered: Callable[[], frozenset[str]],
        settings: AuthSettings = AuthSettings(),  # noqa: B008 - frozen
    ) -> None:
        """Use an open store, a wall clock (seconds UTC) and the lower-case profile names."""
        self._store = store
        self._clock = clock
        self._offered = offered
        self._settings = settings
        self._ledger = Ledger()
        self._tokens = self._ledger.tokens
        self._clients = Clients(
            settings.client_life, settings.clients_per_origin, settings.clients_in_all
        )
        self._listeners = Listeners()
        self._desk = Desk(
            clock,
            Limits(settings.pending_per_origin, settings.pending_in_all),
            self._listeners,
            wait=settings.wait,
            answerable=settings.answerable,
        )
        self._keys = HubKeys(store, clock, self._ledger, self._clients)
        self._deciding = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._upkeep: list[asyncio.Task[None]] = []
        self.past_use = PastUse(store, clock)

    async def load(self) -> None:
        """Read what is durable; call once, before anything else."""
        self._ledger.load(*await self._store.run(queries.load))
        await self._keys.load()
        await self._forget_ended()
        self._ledger.turned(self._clock())  # what had ended before is no news
        self._upkeep = [asyncio.create_task(self._keep_up()), asyncio.create_task(self._watch())]

    async def close(self) -> None:
        """End the waiting, store what was put off, and stop; the store must still be open."""
        self._desk.close()
        for task in self._upkeep:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._upkeep = []
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self.note_use()
        except GotapiError as error:
            log.warning("The last uses of the applications could not be stored: %s", error)

    # What applications do.

    async def grant(self, identity: Identity) -> str:
        """Return a new clientId, which only the same origin can use."""
        client_id = tokens.new_secret()
        origin = identity.origin
        # The DeviceConnect SDK knows no key but the launch URI's.
        native = identity.lineage is Lineage.ENVELOPE
        key = self._keys.ring.prefer(origin, None) if native else self._keys.ring.newest(origin)
        self._clients.add(
            Client(tokens.digest(client_id), origin, identity.browser, self._clock(), key)
        )
        return client_id

    async def access_token(
        self,
        identity: Identity,
        client_id: str | None,
        scope: str | None,
        application_name: str | None = None,
    ) -> IssuedToken:
        """Return a token, after the operator has allowed it; waits for that up to a minute.

        A client with an approval that is remembered and decides these scopes is not kept
        waiting. Raises InvalidParameter, UnknownClient, TooManyRequests, NotAuthorized (refused)
        and TimedOut (not answered; the same call again gets the answer once it is there).
        """
        client = self.client(client_id, identity)
        asked = self.scopes(scope)
        holder = self._ledger.answering(client.digest, asked, self._clock())
        if holder is None:
            name = clean_name(application_name, client.origin)
            holder = await self._desk.consent(client, name, asked)
        return await self._finish(self._issue(holder, asked))

    # What flows are made of (`gotapi_auth.flows`).

    def client(self, client_id: str | None, identity: Identity | None) -> Client:
        """Return a client by its clientId; without an identity whoever has the id is believed.

        Raises InvalidParameter and UnknownClient.
        """
        if not client_id:
            raise InvalidParameter("clientId is missing; ask for one at authorization/grant.")
        digest = tokens.digest(client_id[: tokens.MAX_SECRET])
        client = self._clients.use(digest, self._clock())
        if approved := self._ledger.of_client(digest):
            one = approved[-1].approval
            web = one.origin.startswith(("http://", "https://"))
            browser = web if identity is None else identity.browser
            client = Client(digest, one.origin, browser, one.grant.created, one.key)
        if client is None or (identity is not None and client.origin != identity.origin):
            # DeviceConnect answers 11 here, and its SDK takes 11 to 15 for "authorise again".
            raise UnknownClient(envelope_code=int(ResultCode.NOT_AUTHORIZED))
        return client

    def scopes(self, scope: str | None) -> tuple[str, ...]:
        """Return the scopes of a comma list that the hub offers; raises InvalidParameter."""
        if not scope:
            raise InvalidParameter("scope is missing; expected profile names as a,b or all.")
        return parse_scopes(scope, self._offered())

    def begin(self, client: Client, asked: tuple[str, ...], name: str | None, life: float) -> Begun:
        """Put a request to the operator whose code the application shows, and do not wait.

        It can be answered for `life` seconds. A client that needs no new decision has its approval
        at once. Raises TooManyRequests.
        """
        holder = self._ledger.answering(client.digest, asked, self._clock())
        if holder is not None:
            return Begun(tokens.new_code(), State.APPROVED, holder.approval.id)
        name = clean_name(name, client.origin)
        request = self._desk.ask(client, name, asked, life=life, shows_code=True)
        return Begun(request.code, request.state)

    async def issue(self, application_id: str, asked: tuple[str, ...]) -> IssuedToken:
        """Return a token of an approval; raises NotAuthorized when it is gone or has ended."""
        holder = self._ledger.get(application_id)
        if holder is None or not self._holds(holder):
            raise NotAuthorized("The user has taken the approval back.")
        return await self._finish(self._issue(holder, asked))

    async def drop_token(self, digest: bytes) -> None:
        """End one token; no error when it is gone."""
        await self._finish(self._drop_tokens([digest]))

    async def admit(
        self, client_id: str, origin: str, name: str, scopes: Collection[str], life: float
    ) -> Application:
        """Allow a page of the hub itself these scopes, and for `life` seconds from now at least.

        The operator is not asked: this is the operator's own page. It stays one application as
        long as `client_id` does, a secret of the hub. What the operator has taken from it stays
        taken, and tokens older than `life` end.
        """
        work = self._admit(tokens.digest(client_id), origin, name, frozenset(scopes), life)
        return await self._finish(work)

    async def wait(self, code: str, seconds: float) -> None:
        """Wait until a request is answered, but not longer than that."""
        await self._desk.wait(code, seconds)

    def hear(self, code: str) -> None:
        """Note that the application of a request polled for the answer."""
        self._desk.hear(code)

    def collect(self, client: bytes, asked: tuple[str, ...]) -> None:
        """Note that a client heard the answer for these scopes."""
        self._desk.collect(client, asked)

    def check(self, token: str | None, identity: Identity | None, scope: str) -> Access:
        """Return what the token opens; raises OutOfScope when that is not `scope` (lower case).

        Otherwise as `authenticate`.
        """
        access = self.authenticate(token, identity)
        if scope not in access.scopes:
            raise OutOfScope(
                f"The access token does not cover {scope!r}, only "
                f"{', '.join(sorted(access.scopes))}; ask for one that does."
            )
        return access

    def authenticate(self, token: str | None, identity: Identity | None) -> Access:
        """Return what the token opens; raises MissingToken, UnknownToken, ExpiredToken.

        Raises InvalidOrigin when another origin than the one it was given to presents it.
        """
        if not token:
            raise MissingToken
        found = self._tokens.get(tokens.digest(token)) if len(token) <= tokens.MAX_SECRET else None
        if found is None:
            raise UnknownToken
        access, holder = found
        if identity is not None and identity.origin != access.origin:
            raise InvalidOrigin("The access token was given to another origin; ask for your own.")
        now = self._clock()
        if now >= access.expires:
            raise ExpiredToken
        holder.seen = now
        return access

    # What the operator does.

    def requests(self) -> list[PendingRequest]:
        """Return what waits for an answer, oldest first."""
        return [
            pending_request(request, self._desk.waiting(request.code), self._known(request))
            for request in self._desk.pending()
        ]

    async def approve(
        self,
        code: str,
        lifetime: Lifetime = Lifetime.ALWAYS,
        scopes: Collection[str] | None = None,
        replace: Collection[str] = (),
    ) -> Application:
        """Allow a request, or only some of its scopes; returns when that is on the disk.

        `replace` names approvals of the same origin that are taken back with it. Raises
        UnknownRequestError, and AuthError for scopes that were not asked for.
        """
        work = self._approve(tokens.read_code(code), lifetime, scopes, replace)
        return await self._finish(work)

    async def deny(self, code: str) -> None:
        """Refuse a request; raises UnknownRequestError."""
        async with self._deciding:
            self._desk.deny(tokens.read_code(code))

    def applications(self) -> list[Application]:
        """Return the approvals that hold, oldest first."""
        return [application_of(h) for h in self._ledger if self._holds(h)]

    async def revoke(self, application_id: str) -> None:
        """Take an approval back with all of its tokens; durable before the listeners hear of it.

        Raises UnknownApplicationError.
        """
        await self._finish(self._revoke(application_id.strip().lower()))

    async def change(
        self,
        application_id: str,
        *,
        scopes: Collection[str] | None = None,
        lifetime: Lifetime | None = None,
        until: float | None = None,
    ) -> Application:
        """Change what an approval allows or when it ends; its tokens follow at once.

        `scopes` can only be some of those it asked for, `lifetime` counts from now, `until` is in
        seconds since 1970, within 180 days. Raises UnknownApplicationError and AuthError.
        """
        work = self._change(application_id.strip().lower(), scopes, lifetime, until)
        return await self._finish(work)

    async def history(self, application_id: str) -> list[Use]:
        """Return what an application did, the latest first; raises UnknownApplicationError."""
        return await self.past_use.of(self._find(application_id.strip().lower()).approval.id)

    def subscribe(self, listener: Callable[[AuthEvent], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; returns how to stop that."""
        return self._listeners.subscribe(listener)

    # Keys for server authentication.

    def remember_key(
        self, origin: str, key: str, encoding: Encoding, *, trusted: bool = False
    ) -> None:
        """Take the HMAC key that an application sent; raises InvalidParameter.

        `trusted` is for a key that the user's own launch URI brought, until the hub stops; see
        `launch_key` for one that stays.
        """
        self._keys.ring.remember(origin, key, encoding, trusted=trusted)

    async def launch_key(self, origin: str, key: str, *, replace: bool = False) -> None:
        """Take the key of a launch URI, in hex; returns when it is on the disk.

        It also takes the place of the keys of approved applications of that origin; an empty one
        removes them all. Raises InvalidParameter, and KeyHeldError where the origin has another
        key and `replace` is not said.
        """
        await self._finish(self._launch_key(origin, key, replace))

    def key_for(
        self, origin: str, *, token: str | None = None, client_id: str | None = None
    ) -> tuple[str, Encoding] | None:
        """Return the key with which to sign an answer to an application, if there is one.

        With the token or the clientId of the request the application gets its own key, which
        nobody else that claims its origin can replace; else the newest one of the origin.
        """
        key = self._keys.find(origin, token, client_id)
        return None if key is None else (key.value, key.encoding)

    def trusted_key(self, origin: str) -> bytes | None:
        """Return the key for whole answers (HMAC v2): one that the user handed over, of 32 bytes.

        Keys that came by a request, and the shorter ones of old clients, do not count.
        """
        key = self._keys.ring.trusted(origin)
        if key is None or key.encoding is not Encoding.HEX or len(key.value) != 2 * KEY_SIZE:
            return None
        return bytes.fromhex(key.value)

    async def note_use(self) -> None:
        """Store when and for what applications were used; runs by itself once a minute."""
        await self.past_use.write()
        used = self._ledger.used()
        if used:
            await self._store.run(queries.note_use, used)
            self._ledger.noted(used)

    # Inside.

    async def _approve(
        self,
        code: str,
        lifetime: Lifetime,
        scopes: Collection[str] | None,
        replace: Collection[str],
    ) -> Application:
        async with self._deciding:
            request = self._desk.find(code)
            replaced = self._replaced(request, replace)
            approval = self._approval(request, lifetime, chosen_scopes(request.scopes, scopes))
            ids = [holder.approval.id for holder in replaced]
            await self._store.run(queries.replace_approvals, approval, ids)
            holder = self._ledger.add(approval)
            self._forget(replaced)
            self._clients.drop(request.client)
            self._desk.approve(code, holder)
            return application_of(holder)

    def _replaced(self, request: Request, replace: Collection[str]) -> list[Holder]:
        known = {one.id for one in self._known(request)}
        if foreign := sorted(set(replace) - known):
            raise AuthError(
                f"{', '.join(foreign)[:100]} cannot be replaced: that is no approval of the same "
                f"origin. There are: {', '.join(sorted(known)) or 'none'}."
            )
        return [self._find(one) for one in dict.fromkeys(replace)]

    def _known(self, request: Request) -> tuple[Known, ...]:
        holders = filter(self._holds, self._ledger.of_origin(request.origin))
        approvals = (holder.approval for holder in holders)
        return tuple(Known(one.id, one.name, one.grant.created) for one in approvals)

    async def _change(
        self,
        application_id: str,
        scopes: Collection[str] | None,
        lifetime: Lifetime | None,
        until: float | None,
    ) -> Application:
        async with self._deciding:
            holder = self._find(application_id)
            grant = changed_grant(holder.approval.grant, self._clock(), scopes, lifetime, until)
            await self._store.run(queries.change_grant, application_id, grant)
            # A token may have come meanwhile; it was collected, then.
            grant = msgspec.structs.replace(grant, collect_by=holder.approval.grant.collect_by)
            self._ledger.change(holder, grant)
            self._listeners.emit(Changed(application_id, grant.scopes, grant.expires))
            return application_of(holder)

    async def _admit(
        self, client: bytes, origin: str, name: str, scopes: frozenset[str], life: float
    ) -> Application:
        async with self._deciding:
            now, mine = self._clock(), self._ledger.of_client(client)
            if mine:
                holder = mine[-1]
                grant = grown_grant(holder.approval.grant, scopes, now + life)
                gone = await self._store.run(
                    queries.renew_grant, holder.approval.id, grant, now - life
                )
                self._ledger.change(holder, grant)
                if ended := self._ledger.drop_tokens(gone):
                    self._listeners.emit(Revoked(holder.approval.id, ended))
            else:
                grant = Grant(scopes, scopes, now, now + life, remembered=True)
                id = tokens.unused(tokens.new_application_id, self._ledger)
                approval = Approval(id, client, origin, name, grant)
                await self._store.run(queries.add_approval, approval)
                holder = self._ledger.add(approval)
            self._listeners.emit(Changed(holder.approval.id, grant.scopes, grant.expires))
            return application_of(holder)

    async def _launch_key(self, origin: str, key: str, replace: bool) -> None:
        async with self._deciding:
            await self._keys.launch(origin, key, replace=replace)

    def _approval(self, request: Request, lifetime: Lifetime, scopes: frozenset[str]) -> Approval:
        if sum(map(self._holds, self._ledger)) >= self._settings.applications:
            raise AuthError(
                f"{self._settings.applications} applications are approved already; revoke some "
                "that are no longer used."
            )
        now = self._clock()
        grant = Grant(
            asked=frozenset(request.scopes),
            scopes=scopes,
            created=now,
            expires=now + lifetime.seconds,
            remembered=lifetime.remembered,
            collect_by=now + self._settings.answerable,
        )
        return Approval(
            tokens.unused(tokens.new_application_id, self._ledger),
            request.client,
            request.origin,
            request.application_name,
            grant,
            key=self._desk.key_of(request.code),
        )

    async def _issue(self, holder: Holder, asked: tuple[str, ...]) -> IssuedToken:
        approval = holder.approval
        secret, now = tokens.new_secret(), self._clock()
        scopes, expires = approval.grant.share(asked), approval.grant.expires
        token = StoredToken(tokens.digest(secret), approval.id, asked, now, expires)
        key = self._keys.ring.prefer(approval.origin, approval.key)
        excess = len(holder.tokens) + 1 - self._settings.tokens_per_application
        dropped = list(holder.tokens)[: max(0, excess)]
        stored = await self._store.run(queries.add_token, token, key, dropped)
        if not stored or approval.id not in self._ledger:
            raise NotAuthorized("The user has just taken the approval back.")
        self._ledger.add_token(token, key)
        self._desk.collect(approval.client, asked)
        if gone := self._ledger.drop_tokens(dropped):
            self._listeners.emit(Revoked(approval.id, gone))
        left = max(0, int(expires - now))
        return IssuedToken(secret, tuple((s, left) for s in scopes), int(expires * 1000))

    async def _drop_tokens(self, digests: Collection[bytes]) -> None:
        await self._store.run(queries.drop_tokens, digests)
        owners = {self._tokens[one][0].application_id for one in digests if one in self._tokens}
        for owner in owners:
            self._listeners.emit(Revoked(owner, self._ledger.drop_tokens(digests)))

    async def _revoke(self, application_id: str) -> None:
        async with self._deciding:
            await self._remove([self._find(application_id)])

    def _find(self, application_id: str) -> Holder:
        holder = self._ledger.get(application_id)
        if holder is None:
            known = ", ".join(one.id for one in self.applications()) or "none"
            raise UnknownApplicationError(
                f"There is no application {application_id[:20]!r}; approved are: {known}."
            )
        return holder

    async def _remove(self, holders: Collection[Holder]) -> None:
        await self._store.run(queries.remove_approvals, [h.approval.id for h in holders])
        self._forget(holders)

    def _forget(self, holders: Collection[Holder]) -> None:
        for holder in holders:
            gone = self._ledger.remove(holder)
            self.past_use.forget(holder.approval.id)
            self._desk.collect(holder.approval.client)
            self._listeners.emit(Revoked(holder.approval.id, gone))

    def _holds(self, holder: Holder) -> bool:
        return not holder.approval.grant.expired(self._clock())

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what changes the disk to its end, even when the caller goes away meanwhile.

        Otherwise memory would miss what the disk has: a token revoked there would work on here.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may have gone; that is no reason for a warning

    async def _forget_ended(self) -> None:
        async with self._deciding:
            if ended := self._ledger.ended(self._clock() - _KEEP_ENDED):
                await self._remove(ended)

    async def _watch(self) -> None:
        """Tell the listeners of approvals whose time has come."""
        while True:
            await asyncio.sleep(_LOOK)
            for holder in self._ledger.turned(self._clock()):
                ids = tuple(access.token_id for access in holder.tokens.values())
                self._listeners.emit(Revoked(holder.approval.id, ids, expired=True))

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(self._settings.note_use_every)
            try:
                self._desk.lapse()
                await self.note_use()
                await self._forget_ended()
            except GotapiError as error:
                log.warning("Upkeep of the approvals is put off: %s", error)
