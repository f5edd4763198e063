"""What each GotAPI name does: the hub's own names here, all others go to the plug-ins."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import NoneType

from gotapi_auth.server import Access
from gotapi_core.blobs import PATH, BlobWriter
from gotapi_core.faces import own
from gotapi_core.host.registry import public_services
from gotapi_core.hub import Ask, Hub
from gotapi_core.protocol import hmac, names
from gotapi_core.protocol.errors import InvalidOrigin, InvalidParameter, MissingServiceId
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.params import Common
from gotapi_core.protocol.routes import Kind, Route, RouteTable
from gotapi_core.server.service_information import Information, system_members

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One parsed request of an application."""

    method: Method
    name: Name
    identity: Identity | None
    common: Common
    base_url: str


def _route(
    name: Name,
    handler: str,
    summary: str,
    result: type = NoneType,
    params: type = NoneType,
    *,
    kind: Kind = Kind.ONE_SHOT,
    method: Method = Method.GET,
) -> Route:
    return Route(
        kind=kind,
        method=method,
        name=name,
        summary=summary,
        params_type=params,
        result_type=result,
        handler=handler,
    )


OWN_ROUTES = RouteTable(
    [
        _route(
            names.AVAILABILITY,
            "availability",
            "Tell that the hub is there.",
            own.Available,
            own.AvailabilityParams,
        ),
        _route(names.GRANT, "grant", "Register an application as a client.", own.Granted),
        _route(
            names.ACCESS_TOKEN,
            "access_token",
            "Ask the user to allow an application.",
            own.Issued,
            own.AccessTokenParams,
        ),
        _route(names.SERVICE_DISCOVERY, "discovery", "List the services.", own.Discovered),
        _route(
            names.SERVICE_INFORMATION,
            "information",
            "Tell what one service can do.",
            own.ServiceInformation,
            own.ServiceInformationParams,
        ),
        _route(
            names.ON_SERVICE_CHANGE,
            "service_changes",
            "Tell which services come, go or change.",
            own.ServiceChange,
            kind=Kind.EVENT,
        ),
        _route(names.SYSTEM, "system", "Tell which plug-ins run in the hub.", own.System),
        _route(
            names.SYSTEM_EVENTS,
            "end_events",
            "Stop to listen to everything.",
            method=Method.DELETE,
        ),
    ]
)
_OWN_PROFILES = frozenset(OWN_ROUTES.profiles())


class Endpoints:
    """Answers inquiries; raises only GotapiError."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._described = Information()
        self._own: dict[str, Callable[[Inquiry], Awaitable[Members]]] = {
            "availability": self._availability,
            "grant": self._grant,
            "access_token": self._access_token,
            "discovery": self._discovery,
            "information": self._information,
            "service_changes": self._service_changes,
            "system": self._system,
            "end_events": self._end_events,
        }

    async def answer(self, inquiry: Inquiry) -> Members:
        """Answer one inquiry with the members of its JSON object."""
        if inquiry.name.profile in _OWN_PROFILES:
            route = OWN_ROUTES.find(inquiry.method, inquiry.name)
            return await self._own[route.handler](inquiry)
        access = self._access(inquiry)
        ask = Ask(
            method=inquiry.method,
            name=inquiry.name,
            service_id=inquiry.common.service_id or "",
            params=inquiry.common.rest,
            base_url=inquiry.base_url,
        )
        members = await self._hub.call(access, ask)
        return {"serviceId": ask.service_id, **members}

    def uploads(self, common: Common, identity: Identity | None, base_url: str) -> "Uploads":
        """Return where the files of a multipart body go."""
        return Uploads(self._hub, common, identity, base_url)

    async def _availability(self, inquiry: Inquiry) -> Members:
        key = inquiry.common.key
        if key and inquiry.identity is not None:
            if not hmac.valid_key(key):
                raise InvalidParameter(
                    f"key must be 1 to {hmac.MAX_KEY} printable characters, best 64 hex digits"
                )
            self._hub.auth.remember_key(inquiry.identity.origin, key, hmac.Encoding.TEXT)
        return {"name": "gotapi-hub", "uuid": self._hub.instance}

    async def _grant(self, inquiry: Inquiry) -> Members:
        return {"clientId": await self._hub.auth.grant(_known(inquiry))}

    async def _access_token(self, inquiry: Inquiry) -> Members:
        params = inquiry.common.rest
        scope = _text(params, "scope")
        if scope is not None:
            scope = ",".join(self._hub.meant_scope(word.strip()) for word in scope.split(","))
        issued = await self._hub.auth.access_token(
            _known(inquiry), _text(params, "clientId"), scope, _text(params, "applicationName")
        )
        return {
            "accessToken": issued.access_token,
            "scopes": [
                {"scope": one, "expirePeriod": int(period)} for one, period in issued.scopes
            ],
            "expire": issued.expire_ms,
        }

    async def _discovery(self, inquiry: Inquiry) -> Members:
        services = await self._hub.discover(self._access(inquiry))
        return {"services": public_services(services)}

    async def _information(self, inquiry: Inquiry) -> Members:
        access = self._access(inquiry)
        if not inquiry.common.service_id:
            raise MissingServiceId
        service, routes = await self._hub.information(access, inquiry.common.service_id)
        return await self._described.members(service, routes)

    async def _service_changes(self, inquiry: Inquiry) -> Members:
        access = self._access(inquiry)
        if inquiry.method is Method.DELETE:
            self._hub.listeners.unlisten(access.application_id, "", inquiry.name)
        else:
            route = OWN_ROUTES.find(inquiry.method, inquiry.name)
            await self._hub.listen_to_changes(access, route)
        return {}

    async def _system(self, inquiry: Inquiry) -> Members:
        # Unlike discovery this shows more than what the application may use: a scope of its own.
        access = self._hub.auth.check(
            inquiry.common.access_token, inquiry.identity, names.SYSTEM.profile
        )
        self._hub.auth.past_use.note(access.application_id, "GET system")
        return system_members(self._hub.registry)

    async def _end_events(self, inquiry: Inquiry) -> Members:
        self._hub.listeners.unlisten_all(self._access(inquiry).application_id)
        return {}

    def _access(self, inquiry: Inquiry) -> Access:
        return self._hub.auth.authenticate(inquiry.common.access_token, inquiry.identity)


class Uploads:
    """Stores the file parts of one multipart body as blobs of its application."""

    def __init__(self, hub: Hub, common: Common, identity: Identity | None, base_url: str) -> None:
        self._hub = hub
        self._token = common.access_token
        self._identity = identity
        self._base_url = base_url

    def begin(self, fields: Mapping[str, str], name: str, content_type: str) -> BlobWriter:
        """Begin a file; raises what the access token's check raises."""
        token = self._token or next(
            (value for field, value in fields.items() if field.lower() == "accesstoken"), None
        )
        access = self._hub.auth.authenticate(token, self._identity)
        return self._hub.blobs.writer(access.application_id, name, content_type, None)

    def uri(self, blob_id: str) -> str:
        """Return the uri that stands for the file among the parameters."""
        return f"{self._base_url}{PATH}{blob_id}"


def _known(inquiry: Inquiry) -> Identity:
    if inquiry.identity is None:  # only availability may go without; parsing saw to it
        raise InvalidOrigin
    return inquiry.identity


def _text(params: Mapping[str, object], name: str) -> str | None:
    for key, value in params.items():
        if key.lower() == name.lower():
            if not isinstance(value, str):
                raise InvalidParameter(f"{name} must be text, not {type(value).__name__}")
            return value
    return None
