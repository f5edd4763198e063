"""The port: the one interface between the hub and a plug-in, wherever the plug-in runs.

In process, over stdio or over a WebSocket, a port answers the same six calls. Service ids on this
side of it are the plug-in's own; the hub appends and strips `.<plugin id>`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gotapi_core.plugin.context import Call, Context
from gotapi_core.protocol.errors import InvalidProfile, PluginSuspended
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route, RouteTable


@dataclass(frozen=True, slots=True)
class Description:
    """What a started plug-in says of itself."""

    id: str
    name: str
    version: str
    routes: RouteTable
    words: Mapping[str, str] = field(default_factory=dict)  # of a plug-in that is not imported
    gives_tokens: bool = False
    settings: Mapping[str, Any] | None = None  # JSON schema, of a plug-in that is not imported


@dataclass(frozen=True, slots=True)
class PortEvent:
    """One value of an event stream; `durable` ones are never replaced by newer ones."""

    members: Mapping[str, object]
    durable: bool


class PluginGone(PluginSuspended):  # reads as what happened
    """22: the plug-in's process ended, hung or was cut off while it was asked."""


class Port(ABC):
    """A connection to one plug-in. Calls raise GotapiError; any other exception is its fault."""

    @property
    @abstractmethod
    def description(self) -> Description:
        """What the plug-in offers; known after `start`."""

    @abstractmethod
    async def start(self, context: Context) -> None:
        """Start the plug-in; raises whatever its own start raised."""

    @abstractmethod
    async def services(self) -> Sequence[Service]:
        """Ask for the plug-in's services now."""

    @abstractmethod
    async def call(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Make a one-shot call; returns the members of the answer."""

    @abstractmethod
    def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Start an event stream; closing the generator ends it."""

    @abstractmethod
    async def surface(self, route: Route, request: SurfaceRequest) -> SurfaceReply:
        """Pass a raw request to the owner of a surface."""

    async def create_client(self, origin: str, service_id: str) -> str:
        """Return the plug-in's id for an application; raises InvalidProfile where it has none."""
        raise InvalidProfile("this plug-in gives no tokens")

    async def request_access_token(
        self, client_id: str, application_name: str, scopes: Sequence[str]
    ) -> str:
        """Return the plug-in's own access token for a client."""
        raise InvalidProfile("this plug-in gives no tokens")

    def busy(self) -> str:
        """Return what a stop would end, in words; empty where that is nothing, or is not known."""
        return ""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the plug-in and free what the port holds."""

    async def gone(self) -> str:
        """Return why the plug-in went away by itself, when it does; one in process never does."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends that future")

    @property
    def detail(self) -> str:
        """What the operator may want to read after a fault, such as the last lines of stderr."""
        return ""

    @property
    def restarts(self) -> bool:
        """Whether `start` may be called again after the plug-in went away."""
        return False

    @property
    def comes_by_itself(self) -> bool:
        """Whether the plug-in connects to the hub, so that nothing is to be started here."""
        return False

    @property
    def crashed(self) -> bool:
        """Whether the last end was a fault of the plug-in, which counts towards its quarantine."""
        return True
