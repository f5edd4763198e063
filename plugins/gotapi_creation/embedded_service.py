"""The embedded creation service, started when it is first needed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from gotapi_creation.model import EMBEDDED
from gotapi_creation.registry import Registration
from gotapi_creation.service.embedded import Embedded
from gotapi_creation.wire import Code, CreationError

_START: Final = 60.0  # seconds until it must answer; two on a quiet computer
_NAME: Final = "Creation service of this hub"


class EmbeddedDesk:
    """Starts the service at its first use: a hub whose users make no models has no process more."""

    def __init__(
        self,
        folder: Path,
        engines: dict[str, dict[str, Any]],
    ) -> None:
        self._folder = folder
        self._engines = engines
        self._service: Embedded | None = None
        self._running: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    def registration(self) -> Registration:
        """Return it as it is registered; the url is empty until it was started."""
        service = self._service
        url, key = (service.url, service.secret) if service is not None else ("", "")
        return Registration(EMBEDDED, url, _NAME, key)

    async def ready(self) -> Registration:
        """Return it once it answers; raises CreationError(SERVICE_OFFLINE)."""
        if self._running is None:
            self._service = Embedded(self._folder, options=await self._options())
            self._running = asyncio.create_task(self._service.keep_running(self._changed))
        try:
            async with asyncio.timeout(_START):
                await self._ready.wait()
        except TimeoutError:
            raise CreationError(
                Code.SERVICE_OFFLINE,
                "The embedded creation service does not start; the hub's log says why",
            ) from None
        return self.registration()

    async def _options(self) -> tuple[str, ...]:
        if not self._engines:
            return ()
        path = self._folder / "engines.json"

        def write() -> None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(json.dumps(self._engines))

        await asyncio.to_thread(write)
        return ("--engines", str(path))

    def _changed(self) -> None:
        service = self._service
        if service is not None and service.running:
            self._ready.set()
        else:
            self._ready.clear()

    async def stop(self) -> None:
        """Stop it, if it was started."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
