"""All supervisors by id: which plug-in serves a service, a profile or a path."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from gotapi_core.host.supervisor import Supervisor
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidProfile,
    MissingServiceId,
    UnknownService,
)
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Route


class Registry:
    """The plug-ins of one hub.

    A service's id on the wire is `<the plug-in's own id of it>.<plug-in id>`; plug-in ids have no
    dot, so the last one divides them.
    """

    def __init__(
        self,
        supervisors: Iterable[Supervisor] = (),
        adopt: Callable[[Supervisor], None] = lambda _: None,
    ) -> None:
        """Hold plug-ins; `adopt` is called with each one that is added."""
        self._supervisors: dict[str, Supervisor] = {}
        self._adopt = adopt
        for supervisor in supervisors:
            self.add(supervisor)

    def add(self, supervisor: Supervisor) -> None:
        """Add a plug-in; raises ValueError where its id is taken."""
        if supervisor.id in self._supervisors:
            raise ValueError(f"there are two plug-ins with the id '{supervisor.id}'")
        self._supervisors[supervisor.id] = supervisor
        self._adopt(supervisor)

    def __iter__(self) -> Iterator[Supervisor]:
        return iter(self._supervisors.values())

    def ready(self) -> list[Supervisor]:
        """Return the plug-ins that answer."""
        return [supervisor for supervisor in self if supervisor.ready]

    def profiles(self) -> frozenset[str]:
        """Return the profiles that the running plug-ins answer."""
        return frozenset(
            profile for one in self.ready() for profile in one.description.routes.profiles()
        )

    async def discover(self) -> list[tuple[Supervisor, Service]]:
        """Ask every plug-in at once for its services; a late one's are answered as offline."""
        supervisors = list(self)
        if len(supervisors) == 1:  # no task needed
            answers = [await supervisors[0].services()]
        else:
            answers = await asyncio.gather(*(one.services() for one in supervisors))
        return [
            (supervisor, public_service(supervisor.id, service))
            for supervisor, services in zip(supervisors, answers, strict=True)
            for service in services
        ]

    async def locate(self, service_id: str) -> tuple[Supervisor, Service]:
        """Return the plug-in and its own service of a public id.

        Raises MissingServiceId and UnknownService.
        """
        if not service_id:
            raise MissingServiceId
        own_id, dot, plugin_id = service_id.rpartition(".")
        supervisor = self._supervisors.get(plugin_id)
        if not dot or supervisor is None:
            raise _unknown(service_id)
        service = supervisor.known_service(own_id)
        if service is None:
            await supervisor.services()
            service = supervisor.known_service(own_id)
        if service is None:
            raise _unknown(service_id)
        return supervisor, service

    def route(self, supervisor: Supervisor, method: Method, name: Name, service: Service) -> Route:
        """Return the route for one of a plug-in's services; raises what RouteTable.find does."""
        if name.profile not in service.scopes:
            raise InvalidProfile(
                f"Service '{service.id}.{supervisor.id}' does not offer profile '{name.profile}'; "
                f"it offers {', '.join(service.scopes) or 'none'}"
            )
        return supervisor.description.routes.find(method, name)

    def check_name(self, method: Method, name: Name) -> None:
        """Raise InvalidProfile, UnknownAttribute or InvalidMethod where nobody has the route."""
        closest: GotapiError | None = None
        for supervisor in self.ready():
            try:
                supervisor.description.routes.find(method, name)
            except InvalidProfile:
                continue
            except GotapiError as error:
                closest = error
            else:
                return
        if closest is not None:
            raise closest
        known = ", ".join(sorted(self.profiles())) or "none"
        raise InvalidProfile(f"There is no profile '{name.profile}' here; known: {known}")

    def surface(self, path: str) -> tuple[Supervisor, Route] | None:
        """Return the plug-in that owns a path outside /gotapi, and its route: the longest one."""
        found: tuple[Supervisor, Route] | None = None
        for supervisor in self.ready():
            route = supervisor.description.routes.find_surface(path)
            if route is not None and (found is None or len(route.path) > len(found[1].path)):
                found = supervisor, route
        return found

    def socket(self, path: str) -> tuple[Supervisor, Route] | None:
        """Return the plug-in that has a WebSocket of its own at a path, and the event's route."""
        for supervisor in self.ready():
            route = supervisor.description.routes.find_socket(path)
            if route is not None:
                return supervisor, route
        return None


def public_service(plugin_id: str, service: Service) -> Service:
    """Return a service as applications see it, with the plug-in's name in its id."""
    return msgspec.structs.replace(service, id=f"{service.id}.{plugin_id}")


def public_services(services: Sequence[Service]) -> list[dict[str, object]]:
    """Return the `services` member of a discovery answer."""
    return [service.to_wire() for service in services]


def _unknown(service_id: str) -> UnknownService:
    return UnknownService(
        f"There is no service '{service_id[:100]}' here; servicediscovery lists those there are"
    )
