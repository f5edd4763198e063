"""A 3D printer at a hub: start a print, follow it, stop it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gotapi_core.client.events import Events
from gotapi_core.client.hub_client import HubClient
from gotapi_core.client.status import PrinterStatus, PrintJob, parse_started, parse_status
from gotapi_core.client.upload import StoredFile
from gotapi_core.protocol.messages import Service

PROFILE = "3dp"


class StatusEvents:
    """The status of a printer whenever it changes: `async for status in events`."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def __aiter__(self) -> "StatusEvents":
        return self

    async def __anext__(self) -> PrinterStatus:
        return parse_status((await anext(self._events)).members)

    async def renew(self) -> None:
        """Ask the hub again to send these events, after a long silence."""
        await self._events.renew()


class Printer:
    """One printer; methods raise HubError as those of the client."""

    def __init__(self, client: HubClient, service: Service) -> None:
        self._client = client
        self.service = service

    async def status(self) -> PrinterStatus:
        """Return what the printer does now."""
        return parse_status(await self._client.get(PROFILE, "status", self.service.id))

    @asynccontextmanager
    async def events(self, *, tell: bool = True) -> AsyncIterator[StatusEvents]:
        """Listen to the printer's status; `tell` as in `HubClient.events`."""
        async with self._client.events(PROFILE, "status", self.service.id, tell=tell) as events:
            yield StatusEvents(events)

    async def start(self, file: StoredFile) -> str:
        """Put a file into the print queue and return the id of its job."""
        members = await self._client.put(
            PROFILE, "printingcommand", self.service.id, uri=file.uri, name=file.name
        )
        return parse_started(members)

    async def stop(self, job_id: str = "") -> None:
        """Stop a job, or the one that runs; its end is reported by an event."""
        params = {"jobId": job_id} if job_id else {}
        await self._client.delete(PROFILE, "printingcommand", self.service.id, **params)


__all__ = ["PROFILE", "PrintJob", "Printer", "PrinterStatus", "StatusEvents"]
