"""What a hub answers, as every description walks it. PURE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from gotapi_core.faces.schemas import Schemas
from gotapi_core.protocol import names
from gotapi_core.protocol.jsonrpc import method_name
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind, Route

BASE_URL: Final = "http://127.0.0.1:4035"
OPEN: Final = frozenset({names.AVAILABILITY, names.GRANT, names.ACCESS_TOKEN})
"""What needs no access token."""


class Source(msgspec.Struct, frozen=True):
    """The hub itself (with an empty id) or a plug-in, and what it answers."""

    id: str
    name: str
    version: str
    routes: tuple[Route, ...]


class Operation(msgspec.Struct, frozen=True):
    """One method of one route."""

    source: Source
    route: Route
    method: Method

    @property
    def name(self) -> Name:
        """What it is about."""
        return self.route.name

    @property
    def key(self) -> str:
        """Its identifier: `get_3dp_status`."""
        return f"{self.method.lower()}_{self.name.path.replace('/', '_')}"

    @property
    def rpc(self) -> str:
        """What JSON-RPC calls it."""
        return method_name(self.method, self.name)

    @property
    def open(self) -> bool:
        """Whether it needs no access token."""
        return not self.source.id and self.name in OPEN

    @property
    def own(self) -> bool:
        """Whether the hub itself answers it."""
        return not self.source.id

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        if self.route.kind is not Kind.EVENT:
            return self.route.summary
        begin = self.method is Method.PUT
        return f"{'Begin' if begin else 'Stop'} to listen: {self.route.summary}".rstrip(": ")


class Catalog:
    """Everything that some plug-ins and the hub answer; of two with the same the first counts."""

    def __init__(
        self,
        own: Sequence[Route],
        plugins: Sequence[Source],
        version: str,
        base_url: str = BASE_URL,
    ) -> None:
        self.version = version
        self.base_url = base_url
        hub = Source("", "gotapi-hub", version, tuple(own))
        self.sources = (hub, *sorted(plugins, key=lambda source: source.id))
        kinds = [
            kind
            for source in self.sources
            for route in source.routes
            for kind in (route.params_type, route.result_type)
        ]
        self.schemas = Schemas(kinds)

    def operations(self) -> list[Operation]:
        """Return what can be asked, by path and method."""
        found: dict[tuple[str, str], Operation] = {}
        for source in self.sources:
            for route in source.routes:
                for method in route.methods:
                    operation = Operation(source, route, method)
                    found.setdefault((route.name.path, method), operation)
        return [found[key] for key in sorted(found)]

    def events(self) -> list[Operation]:
        """Return the PUT of everything that can be listened to."""
        return [
            operation
            for operation in self.operations()
            if operation.route.kind is Kind.EVENT and operation.method is Method.PUT
        ]

    def surfaces(self) -> Iterator[tuple[Source, Route]]:
        """Return the paths that plug-ins own."""
        for source in self.sources:
            for route in source.routes:
                if route.kind is Kind.SURFACE:
                    yield source, route
