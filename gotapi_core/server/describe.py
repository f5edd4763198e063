"""The hub's descriptions of itself: OpenAPI, AsyncAPI and W3C WoT Thing Descriptions.

A page of the web must not learn which devices its visitor has: without a token it reads what every
hub answers, with one also what its scopes cover. A program on this machine reads everything.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from gotapi_auth.server import Access
from gotapi_core import __version__
from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.faces.schemas import Json
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidMethod,
    InvalidOrigin,
    MissingToken,
    error_body,
)
from gotapi_core.protocol.identity import Identity, identify, lineage_of
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.params import parse_query, take_common
from gotapi_core.protocol.routes import Kind
from gotapi_core.server.asgi import Headers, Scope, Send, send_bytes, send_json
from gotapi_core.server.cors import cors_headers
from gotapi_core.server.doors import from_here
from gotapi_core.server.endpoints import OWN_ROUTES
from gotapi_core.server.files import bearer

OPENAPI = "/gotapi/openapi.json"
ASYNCAPI = "/gotapi/asyncapi.json"
THINGS = "/gotapi/things"

_JSON = b"application/json"
_TD = b"application/td+json"


def is_description(path: str) -> bool:
    """Tell whether a path is one of the descriptions."""
    return path in (OPENAPI, ASYNCAPI, THINGS) or path.startswith(f"{THINGS}/")


class Descriptions:
    """Answers the paths of `is_description`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def answer(self, scope: Scope, headers: Headers, send: Send) -> None:
        """Answer one request."""
        try:
            kind, document = await self._document(scope, headers)
        except GotapiError as error:
            status, members = error_body(error, lineage_of(headers))
            await send_json(send, status, members, cors_headers(headers))
            return
        body = msgspec.json.encode(document)
        await send_bytes(send, 200, body, [(b"content-type", kind), *cors_headers(headers)])

    async def _document(self, scope: Scope, headers: Headers) -> tuple[bytes, object]:
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            raise InvalidMethod(f"{path} takes GET")
        identity = _identity(headers)
        token = take_common(parse_query(scope["query_string"])).access_token or bearer(headers)
        access = self._hub.auth.authenticate(token, identity) if token is not None else None
        base_url = f"{scope['scheme']}://{headers['host']}"
        if path in (OPENAPI, ASYNCAPI):
            native = (identity is None or not identity.browser) and from_here(scope)
            scopes = None if native else access.scopes if access is not None else frozenset()
            catalog = _Wanted(self._sources(scopes), base_url)
            # Some milliseconds for many plug-ins; events must not wait for it.
            return _JSON, await asyncio.to_thread(catalog.document, path)
        if access is None or identity is None:
            raise MissingToken
        catalog = _Wanted(self._sources(access.scopes), base_url)
        services = await self._services(path, access)
        return _TD, await asyncio.to_thread(catalog.things, path, services, identity)

    def _sources(self, scopes: Collection[str] | None) -> list[Source]:
        """Return what the running plug-ins answer, of these profiles; None means of all."""
        found = []
        for one in self._hub.registry.ready():
            about = one.description
            routes = tuple(
                route
                for route in about.routes
                if scopes is None
                or (route.kind is not Kind.SURFACE and route.name.profile in scopes)
            )
            if routes:
                found.append(Source(about.id, about.name, about.version, routes))
        return found

    async def _services(self, path: str, access: Access) -> list[Service]:
        """Return the services to describe; raises UnknownService and OutOfScope."""
        if path == THINGS:
            return await self._hub.discover(access)
        service_id = unquote(path.removeprefix(f"{THINGS}/"))
        service, _ = await self._hub.information(access, service_id)
        return [service]


@dataclass(frozen=True, slots=True)
class _Wanted:
    sources: list[Source]
    base_url: str

    def document(self, path: str) -> Json:
        from gotapi_core.faces.asyncapi import asyncapi  # late: few hubs are ever asked
        from gotapi_core.faces.openapi import openapi

        return (openapi if path == OPENAPI else asyncapi)(self._catalog())

    def things(self, path: str, services: Sequence[Service], identity: Identity) -> object:
        from gotapi_core.faces.things import thing

        catalog = self._catalog()
        found = [
            thing(catalog, one.id.rpartition(".")[2], one, identity.origin, identity.browser)
            for one in services
        ]
        return found if path == THINGS else found[0]

    def _catalog(self) -> Catalog:
        return Catalog(tuple(OWN_ROUTES), self.sources, __version__, self.base_url)


def _identity(headers: Headers) -> Identity | None:
    try:
        return identify(headers)
    except InvalidOrigin:
        if any(name.startswith("sec-fetch-") for name in headers) or "origin" in headers:
            raise
        return None  # a tool of this machine that reads the public part
