"""The hub under test, seen as the applications see it that the checks play."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_core.conformance.offer import Event, OneShot, offered_events, offered_one_shots
from gotapi_core.conformance.transport import PATIENCE, Transport, Wire
from gotapi_core.protocol.errors import Lineage, ResultCode

T = TypeVar("T")

CONSENT: Final = 600.0  # seconds for a person to approve
ANSWER: Final = 90.0  # seconds of one accesstoken call; DeviceConnect and the hub answer in 60
AGAIN: Final = 1.0  # seconds between two requests of a person's time
FORM: Final = "application/x-www-form-urlencoded"
BOUNDARY: Final = "conformance-boundary"
NAME: Final = "GotAPI conformance"
MOST_EVENTS: Final = 16  # listened to at once, to find one that comes by itself
NARROW: Final = "servicediscovery"  # what the second application asks for, and nothing more


class Operator(Protocol):
    """Whoever decides at the hub; what it cannot do raises Skipped."""

    @property
    def decides(self) -> bool:
        """Whether it can do more than wait for a person who approves."""

    async def allow(self, origin: str, name: str) -> None:
        """Approve the request of an application, or see to it that somebody does."""

    async def deny(self, origin: str) -> None:
        """Refuse the request of an application."""

    async def revoke(self, origin: str) -> None:
        """Take the access of an application away."""

    async def launch(self, origin: str, key: str) -> None:
        """Give the hub a key as a launch URI would."""


class Times(msgspec.Struct, frozen=True):
    """How long checks wait, in seconds."""

    soon: float = 3.0  # for an event; a device that reports seldom may not report at all in it
    at_once: float = 1.0  # for what must come immediately
    quiet: float = 0.5  # in which nothing may come; a person needs longer to approve


class Access(msgspec.Struct, frozen=True):
    """What an application was given."""

    origin: str
    token: str
    client_id: str = ""
    answer: Answer | None = None  # that of accesstoken


class Subject:
    """One hub; what is asked once for all checks (tokens, services) is remembered, also failures.

    `origin` is the application the checks play; others have the same host and a port of their own.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        operator: Operator,
        *,
        origin: str = "http://localhost:8080",
        token: str = "",
        scope: str = "all",
        consent: float = CONSENT,
        times: Times = Times(),  # noqa: B008 - frozen
    ) -> None:
        self.url = url
        self.transport = transport
        self.operator = operator
        self.origin = origin
        self.times = times
        self.key = secrets.token_hex(32)
        self._given = token
        self._scope = scope
        self._consent = consent
        self._host = urlsplit(url).netloc
        self._once: dict[str, asyncio.Task[Any]] = {}
        self._strangers = 0

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        lineage: Lineage = Lineage.ENVELOPE,
        origin: str | None = None,
        body: bytes = b"",
        content_type: str = FORM,
        headers: Mapping[str, str | None] | None = None,
        within: float = PATIENCE,
    ) -> Answer:
        """Ask as an application: `path` is below /gotapi/ unless it begins with a slash.

        `headers` replace those an application of the lineage sends; None leaves one out.
        """
        target = path if path.startswith("/") else f"/gotapi/{quote(path)}"
        if query:
            target += f"?{urlencode(query)}"
        fields: dict[str, str | None] = {**self.identity(lineage, origin), "Host": self._host}
        if body:
            fields["Content-Type"] = content_type
        fields |= headers or {}
        sent = {name: value for name, value in fields.items() if value is not None}
        return await self.transport.request(method, target, sent, body, within)

    def identity(self, lineage: Lineage, origin: str | None = None) -> dict[str, str]:
        """Return the headers by which clients of a lineage say who they are."""
        # Only the SDK sends X-GotAPI-Origin, and always; a browser adds Origin to both.
        mine = {"Origin": origin or self.origin}
        if lineage is Lineage.ENVELOPE:
            mine["X-GotAPI-Origin"] = origin or self.origin
        return mine

    async def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        lineage: Lineage = Lineage.ENVELOPE,
    ) -> Answer:
        """Ask with the access token in the query."""
        token = (await self.access()).token
        return await self.ask(
            method, path, {"accessToken": token, **(query or {})}, lineage=lineage
        )

    async def prepare(self) -> None:
        """Get what needs a person before the first check; failures show in the checks."""
        for wanted in (self.access, self.stranger):
            try:
                await wanted()
            except (Failed, Skipped):
                continue

    async def access(self, *, own: bool = False) -> Access:
        """Return the access to everything.

        What is remembered raises Failed to the check whose `own` matter it is, Skipped to others.
        """
        if self._given:
            return Access(self.origin, self._given)
        return await self._remember(
            "access token", lambda: self._authorize(self.origin, self._scope), own=own
        )

    async def stranger(self) -> Access:
        """Return the access of a second application that may only see services."""
        if self._given:
            raise Skipped("a second application needs an approval; try without --token")
        origin = self.other_origin(1)
        return await self._remember(
            "access for a second application", lambda: self._authorize(origin, NARROW)
        )

    async def spare(self) -> Access:
        """Return an access that can be taken away; Skipped where nobody is there to do it."""
        if not self.operator.decides:
            raise Skipped("only a person at that hub could take access away; try it by hand")
        try:
            return await self._authorize(self.unknown_origin(), self._scope)
        except Failed as error:
            raise Skipped(f"there is no further access: {error}") from None

    def other_origin(self, number: int) -> str:
        """Return the origin of another application."""
        parts = urlsplit(self.origin)
        return f"{parts.scheme}://{parts.hostname}:{(parts.port or 8080) + number}"

    def unknown_origin(self) -> str:
        """Return an origin that was not used before in this run."""
        self._strangers += 1
        return self.other_origin(10 + self._strangers)

    async def services(self, *, own: bool = False) -> list[dict[str, object]]:
        """Return the services, offline ones too; Skipped where there are none."""
        return await self._remember("list of services", self._services, own=own)

    async def service(self) -> str:
        """Return the id of a service, one that is online if there is one."""
        listed = sorted(await self.services(), key=lambda one: one.get("online") is not True)
        return service_id(listed[0])

    async def one_shot(self) -> tuple[OneShot, Answer]:
        """Return a GET without further parameters that a service answers; Skipped if none does."""
        return await self._remember("one-shot", self._one_shot)

    async def event(self) -> Event:
        """Return something to listen to; Skipped where nothing is known."""
        return await self._remember("event", self._event)

    async def live_event(self) -> Event:
        """Return an event that comes by itself; Skipped where none does."""
        return await self._remember("event that comes by itself", self._live_event)

    async def profile(self, name: str) -> list[str]:
        """Return the ids of the services with a profile; Skipped where there are none."""
        found = [service_id(one) for one in await self.services() if name in scopes_of(one)]
        if not found:
            raise Skipped(f"no service has the profile {name}")
        return found

    @asynccontextmanager
    async def socket(
        self, *, origin: str | None = None, target: str = "/gotapi/websocket"
    ) -> AsyncIterator[Wire]:
        """Open a WebSocket without saying anything yet."""
        fields = self.identity(Lineage.ENVELOPE, origin)
        async with self.transport.socket(target, fields) as wire:
            yield wire

    async def say_token(self, wire: Wire, token: str) -> dict[str, object]:
        """Send the token frame and return the verdict."""
        await wire.send(json.dumps({"accessToken": token}))
        return frame(await wire.receive(PATIENCE), "the verdict on the token")

    @asynccontextmanager
    async def open_socket(self) -> AsyncIterator[Wire]:
        """Open a WebSocket that gets the application's events; Skipped where that fails."""
        access = await self.access()
        async with self.socket() as wire:
            verdict = await self.say_token(wire, access.token)
            if verdict.get("result") != 0:
                raise Skipped("the WebSocket does not take the access token")
            yield wire

    async def listen(self, method: str, event: Event) -> Answer:
        """Start (PUT) or stop (DELETE) listening."""
        return await self.call(method, event.path, {"serviceId": event.service_id})

    async def register(self, origin: str, lineage: Lineage = Lineage.ENVELOPE) -> str:
        """Return a clientId for an origin, which should not be the subject's own.

        DeviceConnect forgets the earlier client of an origin, with its tokens, at each grant.
        """
        granted = await self.ask("GET", "authorization/grant", lineage=lineage, origin=origin)
        return granted.must_be_good().text("clientId")

    async def _authorize(self, origin: str, scope: str) -> Access:
        """Go the way of gotapi-client.js, whose key makes every later answer carry an hmac."""
        status = Lineage.STATUS
        await self.ask("GET", "availability", {"key": self.key}, lineage=status, origin=origin)
        client_id = await self.register(origin, status)
        query = {"clientId": client_id, "scope": scope, "applicationName": NAME}
        allowing = asyncio.create_task(self.operator.allow(origin, NAME))
        try:
            async with asyncio.timeout(self._consent):
                answer = await self._wait_for_consent(origin, query)
        except TimeoutError:
            raise Failed(f"nobody approved the request within {self._consent:g} s") from None
        finally:
            allowing.cancel()
            await asyncio.gather(allowing, return_exceptions=True)
        answer.must_be_good()
        return Access(origin, answer.text("accessToken"), client_id, answer)

    async def _wait_for_consent(self, origin: str, query: Mapping[str, str]) -> Answer:
        path, status = "authorization/accesstoken", Lineage.STATUS
        while True:
            answer = await self.ask(
                "GET", path, query, lineage=status, origin=origin, within=ANSWER
            )
            if answer.code != ResultCode.TIMEOUT:
                return answer
            await asyncio.sleep(AGAIN)

    async def _services(self) -> list[dict[str, object]]:
        answer = (await self.call("GET", "servicediscovery")).must_be_good()
        found = [one for one in answer.listed("services") if isinstance(one, dict)]
        if not found:
            raise Skipped("the hub has no service")
        return found

    async def _informed(self, pick: Callable[[str, list[str], Answer], list[T]]) -> list[T]:
        """Look through what the hub tells of each service; those online come first."""
        found: list[T] = []
        services = sorted(await self.services(), key=lambda one: one.get("online") is not True)
        for one in services:
            id_ = service_id(one)
            answer = await self.call("GET", "serviceinformation", {"serviceId": id_})
            found += pick(id_, scopes_of(one), answer)
        return found

    async def _one_shot(self) -> tuple[OneShot, Answer]:
        for one in await self._informed(offered_one_shots):
            answer = await self.call("GET", one.path, {"serviceId": one.service_id})
            if answer.good:
                return one, answer
        raise Skipped("no service answers a GET without further parameters now")

    async def _event(self) -> Event:
        return (await self._events())[0]

    async def _events(self) -> list[Event]:
        if found := await self._informed(offered_events):
            return found[:MOST_EVENTS]
        raise Skipped("the hub names no events; serviceinformation would, in supportApis")

    async def _live_event(self) -> Event:
        offered = await self._events()
        async with self.open_socket() as wire:
            for event in offered:
                await self.listen("PUT", event)
            try:
                text = await wire.receive(self.times.soon)
            finally:
                for event in offered:
                    await self.listen("DELETE", event)
        if text is None:
            raise Skipped(f"no service sent an event within {self.times.soon:g} s")
        members = frame(text, "an event")
        # One that does not say what it is gets the checks of the first, which then tell so.
        return next((event for event in offered if event.is_meant_by(members)), offered[0])

    async def _remember(
        self, name: str, make: Callable[[], Awaitable[T]], *, own: bool = False
    ) -> T:
        if name not in self._once:
            self._once[name] = asyncio.create_task(_run(make))
        try:
            found: T = await asyncio.shield(self._once[name])
            return found
        except Failed as error:
            if own:
                raise
            raise Skipped(f"there is no {name}: {error}") from None


async def _run(make: Callable[[], Awaitable[T]]) -> object:
    return await make()


def service_id(service: Mapping[str, object]) -> str:
    """Return the id of a service of either lineage."""
    for member in ("serviceId", "id"):
        if isinstance(value := service.get(member), str) and value:
            return value
    raise Failed(f"a service has neither serviceId nor id: {dict(service)}")


def scopes_of(service: Mapping[str, object]) -> list[str]:
    """Return the scopes of a service as far as they are text."""
    scopes = service.get("scopes")
    return [one for one in scopes if isinstance(one, str)] if isinstance(scopes, list) else []


def frame(text: str | None, what: str) -> dict[str, object]:
    """Return the members of a WebSocket frame; raises Failed where none came."""
    if text is None:
        raise Failed(f"{what} did not come")
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise Failed(f"{what} is no JSON object: {text[:200]}")
    return members


def urlencoded(fields: Mapping[str, str]) -> bytes:
    """Return the body of a form."""
    return urlencode(fields).encode()


def multipart(fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the body of a multipart form and its content type."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join(parts) + f"--{BOUNDARY}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={BOUNDARY}"


__all__ = [
    "Access",
    "Operator",
    "Subject",
    "expect",
    "frame",
    "multipart",
    "scopes_of",
    "service_id",
    "urlencoded",
]
