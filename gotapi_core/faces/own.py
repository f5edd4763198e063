"""Parameters and members of the hub's own answers, for its descriptions. PURE."""

from __future__ import annotations

import msgspec


class _Wire(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """As on the wire: `client_id` is `clientId`."""


class AvailabilityParams(_Wire, frozen=True):
    """`key`: what the hub shall prove its identity with from now on."""

    key: str = ""


class Available(_Wire, frozen=True):
    """Which hub answers."""

    name: str
    uuid: str


class Granted(_Wire, frozen=True):
    """The application is registered."""

    client_id: str


class AccessTokenParams(_Wire, frozen=True):
    """Who asks and for what; `scope` is a list with commas."""

    client_id: str
    scope: str
    application_name: str


class ScopeGrant(_Wire, frozen=True):
    """One allowed scope; the period is in seconds."""

    scope: str
    expire_period: int


class Issued(_Wire, frozen=True):
    """What the user allowed; `expire` is in milliseconds since 1970."""

    access_token: str
    scopes: tuple[ScopeGrant, ...]
    expire: int


class ServiceObject(_Wire, frozen=True):
    """A service; its id goes by two names, and `reason` says why it is offline."""

    service_id: str
    id: str
    name: str
    online: bool
    scopes: tuple[str, ...]
    type: str = ""
    manufacturer: str = ""
    version: str = ""
    config: str = ""
    reason: str = ""


class Discovered(_Wire, frozen=True):
    """The services that the token's scopes reach."""

    services: tuple[ServiceObject, ...]


class ServiceInformationParams(_Wire, frozen=True):
    """Which service."""

    service_id: str


class Connection(_Wire, frozen=True):
    """Which radios are connected."""

    wifi: bool
    bluetooth: bool
    ble: bool
    nfc: bool


class Attribute(_Wire, frozen=True):
    """One thing that can be asked of the service; `type` is one-shot or event."""

    method: str
    path: str
    summary: str
    type: str


class ServiceInformation(_Wire, frozen=True):
    """What a service can do; `supportApis` has a Swagger 2.0 document for each profile."""

    service_id: str
    id: str
    name: str
    online: bool
    scopes: tuple[str, ...]
    supports: tuple[str, ...]
    support_apis: dict[str, dict[str, object]]
    connect: Connection
    attributes: tuple[Attribute, ...]


class ChangedService(ServiceObject, frozen=True, kw_only=True):
    """A service that came, went or changed; `state` is false where it is gone."""

    state: bool


class ServiceChange(_Wire, frozen=True):
    """One change of the services that the token's scopes reach."""

    network_service: ChangedService


class InstalledPlugin(_Wire, frozen=True):
    """A plug-in that runs; `packageName` is what its system knows it by."""

    id: str
    name: str
    version: str
    supports: tuple[str, ...]
    package_name: str


class System(_Wire, frozen=True):
    """What the hub supports, and which plug-ins run in it."""

    supports: tuple[str, ...]
    plugins: tuple[InstalledPlugin, ...]
