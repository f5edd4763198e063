"""From wire parameters to a plug-in's typed method and back; used by every port's plug-in side."""

import inspect
import math
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import msgspec

from gotapi_core.host.port import PortEvent
from gotapi_core.plugin.base import Durable, NoParams, Params, Plugin, Result
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route

_NO_PARAMS = NoParams()
_AT = re.compile(r"(?P<what>.*?) - at `\$\.?(?P<where>[^`]*)`$")


class Dispatcher:
    """Calls the marked methods of one plug-in instance."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._handlers = {name: (getattr(plugin, name), b) for name, b in plugin.bound.items()}

    async def services(self) -> Sequence[Service]:
        """Ask the plug-in for its services, whether it answers at once or as a coroutine."""
        answer = self._plugin.services()
        return await answer if inspect.isawaitable(answer) else answer

    async def call(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Make a one-shot call; raises InvalidParameter where the parameters do not fit."""
        result = await self._start(route, call, params)
        return _members(result, route)

    async def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Run an event generator; it is closed when this generator is.

        Raises InvalidParameter as `call` does.
        """
        values = self._start(route, call, params)
        try:
            async for value in values:
                durable = isinstance(value, Durable)
                members = _members(value.value if durable else value, route)
                yield PortEvent(members=members, durable=durable)
        finally:
            await values.aclose()

    async def surface(self, route: Route, request: SurfaceRequest) -> SurfaceReply:
        """Pass a raw request to the method that owns the surface."""
        handler, _ = self._handlers[route.handler]
        reply = await handler(request)
        if not isinstance(reply, SurfaceReply):
            raise TypeError(
                f"surface {route.path} returned {type(reply).__name__}, not SurfaceReply"
            )
        return reply

    def _start(self, route: Route, call: Call, params: Mapping[str, object]) -> Any:
        handler, bound = self._handlers[route.handler]
        if not bound.takes_params:
            return handler(call)
        return handler(call, convert_params(params, bound.params_type))


def convert_params(params: Mapping[str, object], kind: type[Params]) -> Params:
    """Turn wire parameters into the route's struct; text becomes numbers and booleans as needed.

    Unknown parameters are ignored, as every GotAPI client expects. Raises InvalidParameter that
    names the parameter.
    """
    if kind is NoParams:
        return _NO_PARAMS
    try:
        converted = msgspec.convert(params, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidParameter(_explain(str(error))) from error
    for field, name in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        value = getattr(converted, field)
        if isinstance(value, float) and not math.isfinite(value):  # the texts "nan" and "inf"
            raise InvalidParameter(f"parameter '{name}': Expected a finite number")
    return converted


def _explain(error: str) -> str:
    found = _AT.fullmatch(error)
    if found and found["where"]:
        return f"parameter '{found['where']}': {found['what'].replace('`', '')}"
    missing = re.search(r"missing required field `([^`]+)`", error)
    if missing:
        return f"parameter '{missing[1]}' is missing"
    return f"the parameters do not fit: {error.replace('`', '')}"


def _members(result: object, route: Route) -> Mapping[str, object]:
    if not isinstance(result, route.result_type):
        raise TypeError(
            f"{route.handler} gave {type(result).__name__}, not {route.result_type.__name__}"
        )
    if not isinstance(result, Result):
        return {}
    # Through JSON: what it cannot hold is the plug-in's fault and must be found here.
    members: Mapping[str, object] = msgspec.json.decode(msgspec.json.encode(result))
    return members
