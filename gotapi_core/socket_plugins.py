"""Plug-ins that connect by themselves: their tokens, and what happens when one comes.

The operator makes a token for a name (`gotapi plugins token NAME`); only its hash is kept. The name
is the plug-in's id, and whoever has the token is that plug-in.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from gotapi_core.host.conversation import RefusedStart
from gotapi_core.host.loader import Loaded
from gotapi_core.host.port_websocket import SocketChannel, WebSocketPort
from gotapi_core.host.ports import SPOOL
from gotapi_core.host.registry import Registry
from gotapi_core.host.supervisor import CallLimits, PluginState, Supervisor
from gotapi_core.plugin.context import Context
from gotapi_core.plugin.manifest import Manifest, valid_id
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.plugin_wire import Hello
from gotapi_core.store import Documents, Store

log = logging.getLogger(__name__)

OWNER = "plugin-tokens"
COLLECTION = "tokens"
MOST = 50  # names; each is a line on the operator's page


class _Kept(msgspec.Struct, frozen=True):
    """What is stored of a token."""

    sha256: str
    created: float  # seconds since 1970


class SocketPlugins:
    """All plug-ins that have a token, whether they are connected or not."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        limits: CallLimits,
        data: Path,
        clock: Callable[[], float],
        make_context: Callable[[Loaded], Context],
        on_state: Callable[[Supervisor], None],
    ) -> None:
        self._documents = Documents(store, OWNER)
        self._registry = registry
        self._limits = limits
        self._data = data
        self._clock = clock
        self._make_context = make_context
        self._on_state = on_state
        self._hashes: dict[str, str] = {}
        self._ports: dict[str, tuple[Supervisor, WebSocketPort]] = {}

    async def load(self) -> None:
        """Read the tokens and list their plug-ins, which are waited for."""
        for name, body in await self._documents.list(COLLECTION):
            self._hashes[name] = msgspec.json.decode(body, type=_Kept).sha256
            try:
                self._add(name)
            except ValueError as error:
                log.error("the token of plug-in %s is of no use: %s", name, error)

    async def make_token(self, name: str) -> str:
        """Return a new token for a name; an older one of the same name is good no more.

        Raises InvalidParameter.
        """
        if not valid_id(name):
            raise InvalidParameter(
                "The name of a plug-in has 1 to 40 lower-case letters, digits and inner hyphens"
            )
        if name not in self._hashes and len(self._hashes) >= MOST:
            raise InvalidParameter(f"There are tokens for {MOST} plug-ins; delete one first")
        if name not in self._ports:
            try:
                self._add(name)
            except ValueError:
                raise InvalidParameter(
                    f"There is another plug-in '{name}'; choose a name"
                ) from None
        token = secrets.token_urlsafe(32)
        kept = _Kept(_hash(token), self._clock())
        await self._documents.put(COLLECTION, name, msgspec.json.encode(kept))
        self._hashes[name] = kept.sha256
        return token

    async def delete_token(self, name: str) -> None:
        """Refuse a plug-in from now on, and end it if it is connected; raises InvalidParameter."""
        if self._hashes.pop(name, None) is None:
            raise InvalidParameter(f"There is no token for a plug-in '{name[:40]}'")
        await self._documents.delete(COLLECTION, name)
        await self._ports[name][0].stop()

    async def attach(self, hello: Hello, channel: SocketChannel) -> None:
        """Let a plug-in in and start it; raises RefusedStart that says what is wrong."""
        name = self._name_of(hello)
        supervisor, port = self._ports[name]
        state = supervisor.health.state
        if state in (PluginState.READY, PluginState.STARTING):
            raise RefusedStart(f"plug-in '{name}' is connected already")
        if state is PluginState.QUARANTINED:
            raise RefusedStart(supervisor.health.reason)
        port.offer(channel, hello)
        await supervisor.start(self._make_context(Loaded(port.manifest, isolated=True)))
        supervisor.manifest = port.manifest
        if supervisor.health.state is PluginState.STOPPED:  # the operator turned it off
            raise RefusedStart(supervisor.health.reason)

    def _name_of(self, hello: Hello) -> str:
        digest = _hash(hello.token)
        good = hmac.compare_digest(self._hashes.get(hello.id, ""), digest)
        if not good:
            raise RefusedStart(
                f"the token is not that of plug-in {hello.id[:40]!r}; make one with "
                "`gotapi plugins token NAME`, and put NAME into the member id of hello"
            )
        return hello.id

    def _add(self, name: str) -> None:
        manifest = Manifest(id=name, name=name, version="?", module="")
        port = WebSocketPort(manifest, self._data / SPOOL)
        supervisor = Supervisor(manifest, port, self._limits, self._on_state)
        self._registry.add(supervisor)
        self._ports[name] = supervisor, port


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
