"""The suite as `gotapi conformance` gets it: which servers it is for, and its classes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from gotapi_core.conformance import Outcome, Report, Target
from gotapi_core.conformance.model import Failed, Skipped
from gotapi_core.conformance.run import attempt
from gotapi_portrayal.conformance.checks import (
    core_document,
    core_errors,
    core_requests,
    core_resources,
    core_schema,
    info,
    info_agree,
    scene,
    scene_places,
    view,
    view_many,
    view_pictures,
    view_requests,
)
from gotapi_portrayal.conformance.http import HttpLink, Transport
from gotapi_portrayal.conformance.model import ServerCheck
from gotapi_portrayal.conformance.requirements import FAMILIES, OPERATIONS, PROFILES
from gotapi_portrayal.conformance.server import Server
from gotapi_portrayal.conformance.xmlread import CORE, OWS, space

MOST: Final = 300.0  # seconds of one check; one asks for every layer in every format

_MODULES = {
    "core": (core_document, core_schema, core_requests, core_errors, core_resources),
    "scene": (scene, scene_places),
    "info": (info, info_agree),
    "view": (view, view_requests, view_pictures, view_many),
}

CHECKS: Final[Mapping[str, tuple[ServerCheck, ...]]] = MappingProxyType(
    {
        name: tuple(check for module in _MODULES[name] for check in module.RULES.checks)
        for name in FAMILIES
    }
)
"""The checks of each class, in order."""


class ThreeDpsSuite:
    """Annex A of OGC 15-001r4 for any server."""

    name = "3dps"
    classes: Mapping[str, str] = FAMILIES

    async def recognises(self, target: Target) -> bool:
        """Tell whether the target answers GetCapabilities of 3DPS."""
        async with HttpLink(target) as link:
            try:
                reply = await Server(target.url, link).capabilities()
                found = space(reply.xml())
            except Failed:
                return False
        return found == CORE or (found == OWS and bool(reply.exceptions))

    async def check(
        self, target: Target, classes: Sequence[str], told: Callable[[Outcome], None]
    ) -> Report:
        """Run the checks of classes; without any, of core and of what the server announces."""
        async with HttpLink(target) as link:
            return await check_server(Server(target.url, link), classes, told)


async def check_server(
    server: Server, classes: Sequence[str] = (), told: Callable[[Outcome], None] | None = None
) -> Report:
    """Run the checks of classes against a server; those of a class it does not have are skipped."""
    names = classes or await _announced(server)
    attempts = [
        (check, partial(_run, server, name, check)) for name in names for check in CHECKS[name]
    ]
    return Report(server.url, await attempt(attempts, told, MOST))


async def _run(server: Server, family: str, check: ServerCheck) -> None:
    """Run a check; raises Skipped where neither a profile nor an operation of its class is there.

    One of the two without the other is a fault that the checks find.
    """
    if family != "core":
        offer = await server.offer()
        named = [one for one in OPERATIONS[family] if one in offer.operations]
        if not named and PROFILES[family] not in offer.profiles:
            what = ", ".join(OPERATIONS[family])
            raise Skipped(f"the server does not have the class {family}: no Profile, no {what}")
    await check.run(server)


async def _announced(server: Server) -> list[str]:
    try:
        profiles = (await server.offer()).profiles
    except Skipped:
        profiles = ()
    return [name for name in FAMILIES if name == "core" or PROFILES[name] in profiles]


SUITE: Final = ThreeDpsSuite()

__all__ = ["CHECKS", "SUITE", "ThreeDpsSuite", "Transport", "check_server"]
