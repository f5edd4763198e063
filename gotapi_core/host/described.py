"""A route table as the data that travels, and back: types become JSON schemas and types again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from gotapi_core.host.dispatch import convert_params
from gotapi_core.host.port import Description
from gotapi_core.plugin.base import NoParams, Params, Result, WireMeta
from gotapi_core.plugin.manifest import Manifest, ManifestError
from gotapi_core.protocol.names import Method, Name, spelled
from gotapi_core.protocol.plugin_wire import Describe, RouteData
from gotapi_core.protocol.routes import Kind, Route, RouteTable
from gotapi_core.protocol.schema import members_of


class AnyParams(Params):
    """The parameters of a route whose plug-in sent no schema: they pass as they are."""


def to_data(routes: Iterable[Route]) -> tuple[RouteData, ...]:
    """Return routes as a plug-in describes them."""
    return tuple(_one_to_data(route) for route in routes)


def description_of(manifest: Manifest, describe: Describe) -> Description:
    """Return what a plug-in says of itself; raises ManifestError where it offers too much."""
    try:
        routes = RouteTable([_route(manifest.id, data) for data in describe.routes])
    except ValueError as error:
        raise ManifestError(f"its routes do not hold: {error}") from error
    _none_extra("answers profiles", routes.profiles(), manifest.profiles)
    _none_extra("owns surfaces", routes.paths(), manifest.surfaces)
    _none_extra("words profiles", describe.words, manifest.profiles)
    return Description(
        id=manifest.id,
        name=manifest.name,
        version=manifest.version,
        routes=routes,
        words=dict(describe.words),
        gives_tokens=describe.gives_tokens,
        settings=describe.settings,
    )


def _one_to_data(route: Route) -> RouteData:
    kind = cast(Any, route.kind.value)
    if route.kind is Kind.SURFACE:
        summary = route.summary[:200]
        return RouteData(kind=kind, path=route.path, summary=summary, scope=route.scope)
    name = route.name
    return RouteData(
        kind=kind,
        method=cast(Any, route.method.value),
        profile=spelled(name.profile),
        interface=None if name.interface is None else spelled(name.interface),
        attribute=None if name.attribute is None else spelled(name.attribute),
        summary=route.summary[:200],
        params=_schema(route.params_type),
        result=_schema(route.result_type),
        socket=route.socket,
    )


def _schema(kind: type) -> dict[str, Any]:
    if not issubclass(kind, msgspec.Struct):
        return {"type": "object", "properties": {}}
    try:
        return msgspec.json.schema(kind)
    except TypeError:  # of a custom type, which msgspec cannot describe
        return {"type": "object"}


def _route(plugin_id: str, data: RouteData) -> Route:
    if data.kind == Kind.SURFACE.value:
        return Route.surface(data.path, summary=data.summary, handler=data.path, scope=data.scope)
    name = Name(data.profile, data.interface, data.attribute)
    # Documents of several routes, and of several plug-ins, tell their types apart by these.
    method = Method.PUT if data.kind == Kind.EVENT.value else Method(data.method)
    label = f"{method.capitalize()}{name.path.title().replace('/', '')}"
    module = f"{__name__}.{plugin_id}"
    return Route(
        kind=Kind(data.kind),
        method=method,
        name=name,
        summary=data.summary,
        params_type=_params_type(module, f"{label}Params", data.params),
        result_type=_struct(module, f"{label}Result", Result, data.result or {}) or Result,
        handler=name.path,
        socket=data.socket,
    )


def _params_type(module: str, name: str, schema: Mapping[str, Any] | None) -> type[Params]:
    made = _struct(module, name, Params, schema) if schema is not None else None
    if made is None:
        return AnyParams
    return made if made.__struct_fields__ else NoParams


def _struct(module: str, name: str, base: type[Any], schema: Mapping[str, Any]) -> type[Any] | None:
    """Make a struct with the schema's members; their names need not be Python's."""
    members = members_of(schema)
    if members is None:
        return None
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": module}
    for number, (wire_name, member) in enumerate(members.items()):
        field = f"member_{number}"
        kind = member.kind if member.required else member.kind | msgspec.UnsetType
        default = msgspec.NODEFAULT if member.required else msgspec.UNSET
        namespace["__annotations__"][field] = kind
        namespace[field] = msgspec.field(default=default, name=wire_name)
    return cast(type[Any], WireMeta(name, (base,), namespace))


def _none_extra(what: str, given: Iterable[str], named: Sequence[str]) -> None:
    extra = ", ".join(sorted(set(given) - set(named)))
    if extra:
        raise ManifestError(f"it {what} that its manifest does not name: {extra}")


def wire_params(route: Route, params: Mapping[str, object]) -> dict[str, Any]:
    """Return parameters as the route's schema wants them; raises InvalidParameter.

    Text became numbers and booleans, and what the plug-in does not know is left out.
    """
    if not issubclass(route.params_type, Params):
        return {}
    if route.params_type is AnyParams:
        return dict(params)
    made = convert_params(params, route.params_type)
    return cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(made)))
