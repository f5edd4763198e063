"""The ASGI application: the checks every request passes, then the room it belongs to."""

import logging
from collections.abc import Callable
from functools import lru_cache

from gotapi_auth.flows import Flows
from gotapi_core.blobs import PATH as BLOBS
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError, InvalidUrl, error_body
from gotapi_core.protocol.identity import FetchKind, check_fetch, check_host, identify, lineage_of
from gotapi_core.protocol.links import is_link
from gotapi_core.server import authorize, oauth
from gotapi_core.server.asgi import ClientGone, Headers, Receive, Scope, Send, header_map, send_json
from gotapi_core.server.certificate import PATH as CERTIFICATE
from gotapi_core.server.certificate import send_certificate
from gotapi_core.server.console import bundled, is_console
from gotapi_core.server.cors import cors_headers, private_network, send_preflight
from gotapi_core.server.describe import Descriptions, is_description
from gotapi_core.server.doors import Doors
from gotapi_core.server.events import PATH as WEBSOCKET
from gotapi_core.server.events import Socket, Sockets
from gotapi_core.server.files import PATH as FILES
from gotapi_core.server.files import Files, bearer
from gotapi_core.server.jsonrpc import PATH as JSONRPC
from gotapi_core.server.jsonrpc import JsonRpc, RpcSocket
from gotapi_core.server.operator import OPERATOR, Operator
from gotapi_core.server.operator_socket import PATH as LIVE
from gotapi_core.server.plugin_socket import PATH as PLUGINS
from gotapi_core.server.plugin_socket import PluginSockets
from gotapi_core.server.pump import Pump
from gotapi_core.server.rest import Rest
from gotapi_core.server.signing import Signer
from gotapi_core.server.sse import PATH as EVENTS
from gotapi_core.server.sse import EventStreams
from gotapi_core.server.surface_socket import SurfaceSocket
from gotapi_core.server.surfaces import Surfaces
from gotapi_core.server.ws_protocol import ABORT

log = logging.getLogger(__name__)

_check_host = lru_cache(maxsize=64)(check_host)  # only what was found good is remembered


class App:
    """One hub's ASGI application."""

    def __init__(self, hub: Hub) -> None:
        self.doors = Doors(hub.settings)
        self._hub = hub
        self._signer = Signer(hub)
        self._rest = Rest(hub)
        self._rpc = JsonRpc(hub)
        self._descriptions = Descriptions(hub)
        self._flows = Flows(hub.auth, hub.clock)
        self._oauth = oauth.OAuth(hub, self._flows)
        self._authorize = authorize.Authorize(hub, self._flows)
        self._files = Files(hub)
        self._surfaces = Surfaces(hub)
        self.request_stop: Callable[[], None] = lambda: None  # who serves this says how
        console = bundled() if hub.settings.server.console and bundled().built else None
        self._operator = Operator(hub, stop=self._stop_unless_used, console=console)
        self._streams = EventStreams(hub)
        self._plugins = PluginSockets(hub)
        self.sockets = Sockets(hub)

    @property
    def operator(self) -> Operator:
        """The operator's pages, for the one-time link."""
        return self._operator

    async def open(self) -> None:
        """Read what lasts over a restart; the hub must have started."""
        await self._operator.open()

    async def close(self) -> None:
        """End what would wait for ever: events, consent and the operator's long polls."""
        self._rest.close()
        self._rpc.close()
        self._flows.close()
        self._oauth.close()
        self._authorize.close()
        self._operator.close()
        self._streams.close_all()
        await self.sockets.close()

    def _approved(self, origin: str) -> bool:
        return any(one.origin == origin for one in self._hub.auth.applications())

    def _stop_unless_used(self) -> int:
        """Stop the hub; returns how many WebSockets keep it from that."""
        count = self.sockets.count_all()
        if not count:
            self.request_stop()
        return count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request or serve one WebSocket."""
        if scope["type"] == "http":
            try:
                await self._http(scope, receive, send)
            except ClientGone:
                return
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = {}
        path: str = scope["path"]
        try:
            headers = header_map(scope)
            send = self._signer.wrap(scope, headers, send)
            _check_host(headers.get("host", ""), self.doors.names(scope))
            kind = _kind(scope["method"], path, headers)
            if not _by_link(scope):
                check_fetch(headers, kind=kind)
            self.doors.check_operator(scope)
        except GotapiError as error:
            await _refuse(send, error, headers)
            return
        if path in authorize.PATHS:
            await self._authorize.answer(scope, headers, receive, send)
        elif kind is not FetchKind.API:
            await self._operator(scope, receive, send)
        elif scope["method"] == "OPTIONS" and not path.startswith(BLOBS):
            await send_preflight(send, headers, private_network(headers, self._approved))
        elif path == EVENTS:
            await self._streams.answer(scope, headers, receive, send)
        elif path in oauth.PATHS:
            await self._oauth.answer(scope, headers, receive, send)
        elif path == JSONRPC:
            await self._rpc.http(scope, headers, receive, send)
        elif is_description(path):
            await self._descriptions.answer(scope, headers, send)
        elif path == FILES:
            await self._files.relay(scope, headers, receive, send)
        elif path.startswith("/gotapi/") or path == "/gotapi":
            await self._rest.answer(scope, headers, receive, send)
        elif path == CERTIFICATE:
            await self._certificate(scope, headers, send)
        elif path.startswith(BLOBS):
            await self._files.answer(scope, headers, receive, send)
        else:
            await self._elsewhere(scope, headers, receive, send)

    async def _certificate(self, scope: Scope, headers: Headers, send: Send) -> None:
        try:
            await send_certificate(self._hub.paths.data, scope, headers, send)
        except GotapiError as error:
            error.status = error.envelope_status = 404
            await _refuse(send, error, headers)

    async def _elsewhere(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        owner = self._hub.registry.surface(scope["path"])
        if owner is not None:
            await self._surfaces.answer(owner, scope, headers, receive, send)
            return
        error = InvalidUrl(
            f"There is nothing at {scope['path'][:100]!r}; applications use /gotapi/"
        )
        error.status = error.envelope_status = 404
        await _refuse(send, error, headers)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort: Callable[[], None] = scope["extensions"][ABORT]
        try:
            headers = header_map(scope)
            send = self._signer.wrap(scope, headers, send)
            _check_host(headers.get("host", ""), self.doors.names(scope))
            check_fetch(headers, kind=FetchKind.API)
            if scope["path"] == PLUGINS:
                self.doors.check_plugin(scope)
                await self._plugins.serve(headers, receive, send, abort)
                return
            if scope["path"] == LIVE:
                self.doors.check_operator(scope)
                await self._operator.sockets.serve(scope, headers, receive, send, abort)
                return
            identity = identify(headers)
            path = scope["path"].rstrip("/")
            owner = self._hub.registry.socket(path)
            if path not in (WEBSOCKET, JSONRPC) and owner is None:
                raise InvalidUrl(f"WebSockets are at {WEBSOCKET} and {JSONRPC}")
        except GotapiError as error:
            log.info("WebSocket refused: %s", error.message)
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return

        def make(sockets: Sockets) -> Pump:
            if path == WEBSOCKET:
                return Socket(self._hub, sockets, identity, send, abort)
            base = f"{scope['scheme'].replace('ws', 'http')}://{headers['host']}"
            room = sockets.make_room
            if path != JSONRPC and owner is not None:
                return SurfaceSocket(self._hub, owner, identity, send, abort, room, base)
            return RpcSocket(
                self._hub,
                self._rpc,
                identity,
                send,
                abort,
                room,
                token=bearer(headers),
                base_url=base,
            )

        await self.sockets.serve(receive, send, abort, make)


def _kind(method: str, path: str, headers: Headers) -> FetchKind:
    if path in authorize.PATHS:
        return FetchKind.PAGE
    ours = path in ("/", OPERATOR) or path.startswith(f"{OPERATOR}/") or is_console(path)
    if not ours:
        return FetchKind.API
    # The command line sends a secret of its own instead of a cookie; no page can.
    if method in ("GET", "HEAD") or "authorization" in headers:
        return FetchKind.PAGE
    return FetchKind.PAGE_ACTION


def _by_link(scope: Scope) -> bool:
    """Tell whether a file is asked for by a signed link, as from an <img> of any page.

    The link proves the right to read this one file, whoever shows it; nothing else is done.
    """
    reading = scope["method"] in ("GET", "HEAD") and scope["path"].startswith(BLOBS)
    return reading and is_link(scope["query_string"])


async def _refuse(send: Send, error: GotapiError, headers: Headers) -> None:
    status, members = error_body(error, lineage_of(headers))
    if status == 200:
        status = error.status  # such a request is no application's: no client reads the form
    await send_json(send, status, members, cors_headers(headers))
