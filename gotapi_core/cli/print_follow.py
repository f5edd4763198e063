"""Following one print until it ends, or until the user leaves it to itself."""

import asyncio
import contextlib
from typing import Final

from gotapi_core.cli.print_report import Outcome, Report
from gotapi_core.cli.terminal import INTERRUPTED, Terminal
from gotapi_core.client import (
    HubError,
    HubFault,
    HubRefused,
    HubUnreachable,
    JobState,
    Printer,
    PrinterStatus,
    PrintJob,
    StatusEvents,
    TokenRejected,
)
from gotapi_core.client.status import BED_PROMPT

SILENCE: Final = 5.0  # seconds without an event, then the printer is asked
AWAY: Final = 60.0  # seconds the hub may be away where there are no events to tell it


class Follower:
    """One print that is followed; `run` returns how it ended for the user."""

    def __init__(
        self,
        printer: Printer,
        job_id: str,
        report: Report,
        terminal: Terminal,
        pressed: asyncio.Event,
        *,
        silence: float = SILENCE,
    ) -> None:
        self._printer = printer
        self._job_id = job_id
        self._report = report
        self._terminal = terminal
        self._pressed = pressed
        self._silence = silence
        self._stopping = False
        self._asking: asyncio.Task[bool] | None = None
        self._away_since: float | None = None
        self._told_copy = 0

    async def run(self, events: StatusEvents, *, stop: bool = False) -> Outcome:
        """Follow until the job is over or the user leaves; with `stop` stop it first."""
        if stop:
            await self._stop()
        tasks = _Tasks(events, self._pressed)
        try:
            while True:
                outcome = await self._step(tasks, events)
                if outcome is not None:
                    return outcome
        finally:
            if self._asking is not None:
                self._asking.cancel()
            await tasks.close(self._asking)

    async def _step(self, tasks: "_Tasks", events: StatusEvents) -> Outcome | None:
        done = await tasks.wait(self._asking, self._silence)
        if tasks.pressed in done:
            tasks.rearm()
            return await self._interrupted()
        if self._asking is not None and self._asking in done:
            return await self._answered(self._asking.result())
        if tasks.event is not None and tasks.event in done:
            return await self._event(tasks)
        return await self._poll(events)

    async def _event(self, tasks: "_Tasks") -> Outcome | None:
        try:
            status = tasks.take()
        except TokenRejected as error:
            return Outcome(4, "detached", f"{error}. {_GOES_ON}")
        except HubUnreachable as error:
            return Outcome(3, "detached", f"{error}. Whether the print goes on is not known")
        except (HubRefused, HubFault, StopAsyncIteration) as error:
            # Without events the printer is asked every few seconds; that is enough to follow.
            self._report.note(f"The printer's events ended: {error}")
            return None
        job = status.job(self._job_id)
        if job is None:
            return await self._poll(None)  # an event from before the start, or the end was missed
        return self._seen(status, job)

    async def _poll(self, events: StatusEvents | None) -> Outcome | None:
        loop = asyncio.get_running_loop()
        try:
            status = await self._printer.status()
            if events is not None:
                with contextlib.suppress(HubRefused):
                    await events.renew()
        except TokenRejected as error:
            return Outcome(4, "detached", f"{error}. {_GOES_ON}")
        except HubUnreachable as error:
            if self._away_since is None:
                self._away_since = loop.time()
                self._report.note("The hub does not answer; trying again")
            if loop.time() - self._away_since < AWAY:
                return None
            return Outcome(3, "detached", f"{error}. Whether the print goes on is not known")
        except HubError:
            return None  # a plug-in that restarts; the next event or question tells more
        self._away_since = None
        job = status.job(self._job_id)
        if job is None:
            return Outcome(1, "unknown", "The printer does not know the job any more")
        return self._seen(status, job)

    def _seen(self, status: PrinterStatus, job: PrintJob) -> Outcome | None:
        if not job.final:
            self._tell_of_bed(status, job)
            self._report.status(status, job)
            return None
        return _end(job)

    def _tell_of_bed(self, status: PrinterStatus, job: PrintJob) -> None:
        """Say once for each copy what it waits for."""
        asked = any(prompt.id == BED_PROMPT for prompt in status.prompts)
        if job.state == JobState.QUEUED and asked and job.copy != self._told_copy:
            self._told_copy = job.copy
            self._report.note(
                f"Take the print off the bed of {self._printer.service.name}, then run: "
                f"gotapi print --bed-clear --printer {self._printer.service.id}"
            )

    async def _interrupted(self) -> Outcome | None:
        if self._stopping:
            return self._leave("The print is being stopped")
        if self._terminal.yes:
            await self._stop()
            return None
        if self._asking is not None or not self._terminal.interactive:
            return self._leave(_GOES_ON)
        self._report.suspend()
        self._asking = asyncio.create_task(self._terminal.ask("\nStop the print? [y/N] "))
        return None

    async def _answered(self, yes: bool) -> Outcome | None:
        self._asking = None
        if not yes:
            return self._leave(_GOES_ON)
        self._report.resume()
        await self._stop()
        return None

    async def _stop(self) -> None:
        self._stopping = True
        self._report.note("Stopping the print")
        try:
            await self._printer.stop(self._job_id)
        except HubError as error:
            self._stopping = False
            self._report.note(f"The print could not be stopped: {error}")

    def _leave(self, text: str) -> Outcome:
        if not self._stopping:
            service_id = self._printer.service.id
            text += f". Stop it with `gotapi print --stop --printer {service_id}`"
        return Outcome(INTERRUPTED, "detached", text)


_GOES_ON: Final = "The print goes on"


class _Tasks:
    """What the follower waits for at once."""

    def __init__(self, events: StatusEvents, pressed: asyncio.Event) -> None:
        self._events = events
        self._pressed = pressed
        self.event: asyncio.Task[PrinterStatus] | None = self._next()
        self.pressed: asyncio.Task[bool] = asyncio.create_task(pressed.wait())

    async def wait(
        self, asking: asyncio.Task[bool] | None, time_limit: float
    ) -> set[asyncio.Task[PrinterStatus] | asyncio.Task[bool]]:
        """Return what happened, nothing after a silence."""
        waiting = {task for task in (self.event, self.pressed, asking) if task is not None}
        done, _ = await asyncio.wait(
            waiting, timeout=time_limit, return_when=asyncio.FIRST_COMPLETED
        )
        return done

    def take(self) -> PrinterStatus:
        """Return the event that came; raises what ended the events, which then come no more."""
        assert self.event is not None
        event, self.event = self.event, None
        status = event.result()
        self.event = self._next()
        return status

    def rearm(self) -> None:
        """Wait for the next Ctrl-C."""
        self._pressed.clear()
        self.pressed = asyncio.create_task(self._pressed.wait())

    async def close(self, asking: asyncio.Task[bool] | None) -> None:
        """End whatever still waits."""
        tasks = [task for task in (self.event, self.pressed, asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _next(self) -> asyncio.Task[PrinterStatus]:
        return asyncio.ensure_future(anext(self._events))


def _end(job: PrintJob) -> Outcome:
    name = job.name or "The file"
    if job.state == JobState.DONE:
        return Outcome(0, job.state, f"{name} is printed")
    words = {
        JobState.STOPPED: "was stopped",
        JobState.FAILED: "failed",
        JobState.INTERRUPTED: "was interrupted",
    }[JobState(job.state)]
    line = f" at line {job.line} of {job.lines}" if job.line and job.lines else ""
    reason = f": {job.reason}" if job.reason else ""
    return Outcome(1, job.state, f"The print of {name} {words}{line}{reason}")
