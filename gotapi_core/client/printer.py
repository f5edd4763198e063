"""A 3D printer at a hub: start a print, follow it, stop it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gotapi_core.client.events import Events
from gotapi_core.client.hub_client import HubClient, Members
from gotapi_core.client.status import (
    PastPrint,
    PrinterStatus,
    PrintJob,
    Prompt,
    parse_history,
    parse_lines,
    parse_prompts,
    parse_queue,
    parse_started,
    parse_status,
)
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

    async def start(self, file: StoredFile, *, copies: int = 1, assume_clear: bool = False) -> str:
        """Put a file into the print queue and return the id of its job.

        `assume_clear` lets it start without asking whether the bed is clear.
        """
        params: dict[str, str | int] = {"uri": file.uri, "name": file.name}
        if copies != 1:
            params["copies"] = copies
        if assume_clear:
            params["bedClear"] = "assume"
        return parse_started(await self._ask(self._client.put, "printingcommand", **params))

    async def stop(self, job_id: str = "") -> None:
        """Stop a job, or the one that runs; its end is reported by an event."""
        params: dict[str, str | int] = {"jobId": job_id} if job_id else {}
        await self._ask(self._client.delete, "printingcommand", **params)

    async def pause(self) -> None:
        """Pause the print; what the printer already has is still printed."""
        await self._ask(self._client.put, "pause")

    async def resume(self) -> None:
        """Go on with a paused print, where it was."""
        await self._ask(self._client.put, "resume")

    async def resume_job(self, job_id: str, code: str) -> str:
        """Let an interrupted print go on with the operator's code; return the id of its rest."""
        answer = await self._ask(self._client.put, "resumejob", jobId=job_id, code=code)
        return parse_started(answer)

    async def queue(self) -> tuple[PrintJob, ...]:
        """Return the job on the printer and those that wait, in their order."""
        return parse_queue(await self._ask(self._client.get, "queue"))

    async def move(self, job_id: str, order: int) -> tuple[PrintJob, ...]:
        """Give a waiting job another place, 0 for the next one; return the queue."""
        return parse_queue(await self._ask(self._client.put, "queue", jobId=job_id, order=order))

    async def remove(self, job_id: str) -> None:
        """Take a waiting job out of the queue."""
        await self._ask(self._client.delete, "queue", jobId=job_id)

    async def clear_bed(self) -> None:
        """Say that the bed is clear; the next job begins then."""
        await self._ask(self._client.put, "bed", state="clear")

    async def command(self, command: str) -> tuple[str, ...]:
        """Send one line of G-code and return what the printer said to it."""
        return parse_lines(await self._ask(self._client.post, "command", command=command))

    async def emergency_stop(self) -> None:
        """Stop the printer's firmware at once; it has to be reset afterwards."""
        await self._ask(self._client.put, "emergencystop")

    async def history(self, offset: int = 0, limit: int = 20) -> tuple[PastPrint, ...]:
        """Return a part of the prints that ended, the last one first."""
        answer = await self._ask(self._client.get, "history", offset=offset, limit=limit)
        return parse_history(answer)

    async def prompts(self) -> tuple[Prompt, ...]:
        """Return what somebody is asked: by the printer, or about its bed."""
        return parse_prompts(await self._ask(self._client.get, "prompt"))

    async def answer(self, prompt: Prompt, choice: int = 0) -> None:
        """Answer a question with the choice at a place, from 0."""
        await self._ask(self._client.post, "prompt", id=prompt.id, choice=choice)

    async def _ask(
        self, method: Callable[..., Awaitable[Members]], attribute: str, **params: str | int
    ) -> Members:
        return await method(PROFILE, attribute, self.service.id, **params)


__all__ = [
    "PROFILE",
    "PastPrint",
    "PrintJob",
    "Printer",
    "PrinterStatus",
    "Prompt",
    "StatusEvents",
]
