"""The conformance checks against a hub of the test's own, whose operator the test plays."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from gotapi_core.conformance import (
    HttpTransport,
    Outcome,
    Report,
    Subject,
    Times,
    run_checks,
)
from gotapi_core.conformance.classes import checks_of, fitting
from gotapi_core.conformance.transport import Transport
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.testing.live import LiveHub

_PATIENCE: Final = 10.0  # seconds for a request to reach the operator
_ONLINE: Final = 30.0  # seconds for devices to come online; a printer takes two


class LiveOperator:
    """Decides at once, through the hub object itself."""

    decides = True

    def __init__(self, live: LiveHub) -> None:
        self._auth = live.hub.auth

    async def allow(self, origin: str, name: str) -> None:
        """Approve the request of an application."""
        await self._auth.approve(await self._code(origin))

    async def deny(self, origin: str) -> None:
        """Refuse the request of an application."""
        await self._auth.deny(await self._code(origin))

    async def revoke(self, origin: str) -> None:
        """Take the access of an application away."""
        for application in self._auth.applications():
            if application.origin == origin:
                await self._auth.revoke(application.id)

    async def launch(self, origin: str, key: str) -> None:
        """Give the hub a key as a launch URI would."""
        await self._auth.launch_key(origin, key)

    async def _code(self, origin: str) -> str:
        changed = asyncio.Event()
        unsubscribe = self._auth.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    for request in self._auth.requests():
                        if request.origin == origin:
                            return request.code
                    changed.clear()
                    await changed.wait()
        finally:
            unsubscribe()


async def check_hub(
    live: LiveHub,
    classes: Sequence[str] = (),
    *,
    told: Callable[[Outcome], None] | None = None,
    wrap: Callable[[Transport], Transport] = lambda transport: transport,
    times: Times = Times(),  # noqa: B008 - frozen
) -> Report:
    """Run the checks of classes against a live hub; without classes, those that fit its services.

    `wrap` may put something between the checks and the hub.
    """
    names = classes or fitting(set(live.hub.registry.profiles()))
    await _wait_until_online(live)
    async with HttpTransport(live.url) as transport:
        subject = Subject(live.url, wrap(transport), LiveOperator(live), times=times)
        return await run_checks(subject, checks_of(names), told)


async def _wait_until_online(live: LiveHub) -> None:
    """Wait until every service is online, or long enough; offline ones are checked as they are."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _ONLINE
    while loop.time() < deadline:
        try:
            found = await live.hub.registry.discover()
        except GotapiError:
            return
        if all(service.online for _, service in found):
            return
        await asyncio.sleep(0.1)
