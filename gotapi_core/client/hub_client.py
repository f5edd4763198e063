"""The client of one hub, for applications in Python."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from gotapi_core.client.answers import (
    Token,
    as_token_failure,
    consent_failure,
    parse_answer,
    parse_services,
    parse_token,
)
from gotapi_core.client.device import SILENT, Code, DeviceFlow, NoCodes
from gotapi_core.client.errors import (
    ConsentPending,
    HubFault,
    HubRefused,
    TokenRejected,
)
from gotapi_core.client.events import Channel, Events, Stream
from gotapi_core.client.proof import HubKey
from gotapi_core.client.trust import Trust
from gotapi_core.client.tus import Upload
from gotapi_core.client.upload import Progress, StoredFile, open_file
from gotapi_core.client.wire import Wire
from gotapi_core.protocol.errors import ResultCode
from gotapi_core.protocol.messages import Service

DEFAULT_URL: Final = "http://127.0.0.1:4035"
TIME_LIMIT: Final = 70.0  # seconds for an answer; the hub gives a plug-in up to 60
PATIENCE: Final = 60.0  # seconds in which a hub that went away may come back
CONSENT: Final = 600.0  # seconds for the user to decide
_ASK_AGAIN: Final = 1.0  # seconds at least between two consent requests

Param = str | int | float | bool
Members = dict[str, object]


class Availability(msgspec.Struct, frozen=True):
    """Which hub answers."""

    product: str = ""
    version: str = ""
    name: str = ""
    uuid: str = ""


class HubClient:
    """Talks to one hub as one application; use it as an async context manager.

    `origin` identifies the application (for example `org.example.slicer`), `name` is what its
    user reads when asked for consent, and `trust` says how an https hub is known. With a `key`
    that the hub knows (`gotapi apps key`) the hub proves itself before anything is sent to it,
    and each of its answers is checked. Without a `token` call `authorize` first; keep the token it
    returns for the next run. All methods raise HubError: HubUnreachable, HubUntrusted and its
    subclass HubImpostor, HubFault, HubRefused and its subclass TokenRejected. Times are in seconds.

        async with HubClient(url, "org.example.slicer", "Example Slicer") as hub:
            await hub.authorize(["3dp"])
            for service in await hub.services():
                print(service.name, await hub.get("3dp", "status", service.id))
    """

    def __init__(
        self,
        url: str,
        origin: str,
        name: str,
        token: Token | None = None,
        *,
        client_id: str = "",
        time_limit: float = TIME_LIMIT,
        patience: float = PATIENCE,
        trust: Trust = Trust(),  # noqa: B008  # frozen
        key: HubKey | None = None,
    ) -> None:
        self._wire = Wire(url, origin, trust, key)
        self._origin = origin
        self._name = name
        self._time_limit = time_limit
        self._patience = patience
        self.token = token
        self.client_id = client_id or (token.client_id if token is not None else "")
        self._channel = Channel(
            self._wire.socket_url, origin, self, patience, self._wire.verifier, self._wire.proof
        )

    def __repr__(self) -> str:
        return f"HubClient({self.url!r}, {self._origin!r}, {self._name!r}, token={self.token!r})"

    async def __aenter__(self) -> "HubClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The hub's address without a path."""
        return self._wire.url

    @property
    def keyed(self) -> bool:
        """Whether the hub has to prove itself with a key."""
        return self._wire.proof is not None

    async def close(self) -> None:
        """Close every connection."""
        await self._channel.close()
        await self._wire.close()

    async def availability(self) -> Availability:
        """Return which hub answers; needs no token."""
        members = await self._open_call("availability", {})
        try:
            return msgspec.convert(members, Availability)
        except msgspec.ValidationError as error:
            raise HubFault(f"The hub's availability is malformed: {error}") from None

    async def register(self) -> str:
        """Return the clientId, asking the hub for one where there is none yet."""
        if not self.client_id:
            client_id = (await self._open_call("authorization/grant", {})).get("clientId")
            if not isinstance(client_id, str) or not client_id:
                raise HubFault("The hub gave out no clientId")
            self.client_id = client_id
        return self.client_id

    async def authorize(self, scopes: Sequence[str], wait: float = CONSENT) -> Token:
        """Ask the user for access and wait up to `wait` seconds; the client uses the token then.

        The user may allow fewer scopes: look at `Token.scopes`. A call after ConsentPending with
        the same `client_id` joins the request that the user still sees. Raises ConsentDenied and
        ConsentPending too.
        """
        return await self._within(wait, lambda: self._consent(scopes))

    async def authorize_by_code(
        self, scopes: Sequence[str], show: Callable[[Code | None], None], wait: float = CONSENT
    ) -> Token:
        """Do the same as `authorize`, but give the user a code to compare.

        `show` gets the code of the request, which the operator page shows too, when the user is
        to decide (again after a restart of the hub); or None from a hub without such codes.
        """
        return await self._within(wait, lambda: self._by_code(scopes, show))

    async def _by_code(self, scopes: Sequence[str], show: Callable[[Code | None], None]) -> Token:
        post = partial(self._wire.ask, "POST")
        try:
            members = await DeviceFlow(post, show).run(await self.register(), self._name, scopes)
        except NoCodes:
            notice = asyncio.get_running_loop().call_later(SILENT, show, None)
            try:
                return await self._consent(scopes)
            finally:
                notice.cancel()
        return parse_token(members, self.client_id, time.time())

    async def _within(self, wait: float, ask: Callable[[], Awaitable[Token]]) -> Token:
        try:
            async with asyncio.timeout(wait):
                try:
                    self.token = await ask()
                except HubRefused as error:
                    if error.code != ResultCode.INVALID_CLIENT_ID or not self.client_id:
                        raise
                    self.client_id = ""  # the hub has forgotten it: begin again, once
                    self.token = await ask()
        except TimeoutError:
            raise ConsentPending(
                f"Nobody allowed or denied the access of {self._name} within {wait:.0f} s; "
                "it still can be done, then try again"
            ) from None
        return self.token

    async def services(self) -> list[Service]:
        """Return the services that the token's scopes reach, offline ones too."""
        return parse_services(await self._call("GET", "servicediscovery", {}))

    async def get(
        self, profile: str, attribute: str | None, service_id: str, /, **params: Param
    ) -> Members:
        """GET an attribute of a service; returns the members of the answer."""
        return await self._ask_service("GET", profile, attribute, service_id, params)

    async def put(
        self, profile: str, attribute: str | None, service_id: str, /, **params: Param
    ) -> Members:
        """PUT an attribute of a service; to listen to events use `events`."""
        return await self._ask_service("PUT", profile, attribute, service_id, params)

    async def post(
        self, profile: str, attribute: str | None, service_id: str, /, **params: Param
    ) -> Members:
        """POST to an attribute of a service."""
        return await self._ask_service("POST", profile, attribute, service_id, params)

    async def delete(
        self, profile: str, attribute: str | None, service_id: str, /, **params: Param
    ) -> Members:
        """DELETE an attribute of a service."""
        return await self._ask_service("DELETE", profile, attribute, service_id, params)

    async def upload(self, path: Path, progress: Progress | None = None) -> StoredFile:
        """Store a file at the hub, whose hash it checks; read from disk as it is sent.

        After a cut it goes on from where the hub was, as soon as that answers again. Raises
        OSError where the file cannot be read, FileChanged where it changes meanwhile.
        """
        token = self.reveal_token()
        opened = await open_file(path)
        with opened.file:
            name = path.name.encode("utf-8", "replace").decode()  # it may be of any bytes
            upload = Upload(self._wire, token, opened, name, self._patience)
            try:
                uri = await upload.run(progress)
            except HubRefused as error:
                raise self._without_token(error) from None
        return StoredFile(uri, opened.size, opened.sha256, name)

    @asynccontextmanager
    async def events(
        self,
        profile: str,
        attribute: str,
        service_id: str,
        *,
        tell: bool = True,
        **params: str | int | float | bool,
    ) -> AsyncIterator[Events]:
        """Listen to the events of a service, with parameters, as long as the context lasts.

        At the end the hub is told to stop sending; with `tell=False` it is not: then other
        processes that use the same token and listen to the same go on hearing it, and the hub
        stops by itself once the last WebSocket of the application is closed.
        """
        stream = Stream(profile, attribute, service_id, tuple(params.items()))
        events = await self._channel.subscribe(stream)
        try:
            yield events
        finally:
            await self._channel.unsubscribe(events, tell=tell)

    async def listen(self, method: str, stream: Stream) -> None:
        """PUT or DELETE a stream, for the channel."""
        params = dict(stream.params)
        await self._ask_service(method, stream.profile, stream.attribute, stream.service_id, params)

    def reveal_token(self) -> str:
        """Return the access token itself; raises TokenRejected where there is none."""
        return self._credentials()["accessToken"]

    async def _consent(self, scopes: Sequence[str]) -> Token:
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            params = {
                "clientId": await self.register(),
                "scope": ",".join(scopes),
                "applicationName": self._name,
            }
            try:
                members = await self._open_call("authorization/accesstoken", params, 90.0)
                return parse_token(members, self.client_id, time.time())
            except HubRefused as error:
                if error.code != ResultCode.TIMEOUT:
                    raise consent_failure(error) from None
            await asyncio.sleep(max(0.0, asked + _ASK_AGAIN - loop.time()))

    async def _ask_service(
        self,
        method: str,
        profile: str,
        attribute: str | None,
        service_id: str,
        params: Mapping[str, Param],
    ) -> Members:
        path = quote(profile if attribute is None else f"{profile}/{attribute}")
        texts = {name: _text(value) for name, value in params.items()}
        return await self._call(method, path, {"serviceId": service_id, **texts})

    async def _call(self, method: str, path: str, params: Mapping[str, str]) -> Members:
        status, body = await self._wire.ask(
            method, f"/gotapi/{path}", {**self._credentials(), **params}, self._time_limit
        )
        return self._parse(status, body, with_token=True)

    async def _open_call(
        self, path: str, params: Mapping[str, str], time_limit: float | None = None
    ) -> Members:
        """GET what needs no token."""
        status, body = await self._wire.ask(
            "GET", f"/gotapi/{path}", params, time_limit or self._time_limit
        )
        return self._parse(status, body, with_token=False)

    def _parse(self, status: int, body: bytes, *, with_token: bool) -> Members:
        try:
            return parse_answer(status, body)
        except HubRefused as error:
            error = self._without_token(error)
            raise (as_token_failure(error) if with_token else error) from None

    def _without_token(self, error: HubRefused) -> HubRefused:
        if self.token is not None:  # a hub that repeats the request must not give it away
            error.message = error.message.replace(self.token.value, "(access token)")
            error.args = (error.message,)
        return error

    def _credentials(self) -> dict[str, str]:
        if self.token is None:
            raise TokenRejected(
                int(ResultCode.INVALID_TOKEN), "There is no access token yet: call authorize()"
            )
        return {"accessToken": self.token.value}


def _text(value: Param) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
