"""Routes about one job: an extension of profile `3dp`."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

from gotapi_core.plugin import Blob, Call, Context, Result, get, put
from gotapi_core.protocol.errors import IllegalDeviceState, InvalidParameter
from gotapi_meshes import MeshError, kind
from gotapi_printer.job import JobError, JobState
from gotapi_printer.jobs import StoredJob
from gotapi_printer.model import QueueResult
from gotapi_printer.model_queue import JobParams
from gotapi_printer.printer import Printer

_NOT_YET: Final = (JobState.FETCHING, JobState.SLICING)
_MOST: Final = 200  # copies remembered; what is forgotten is copied once more
_TYPE: Final = "text/x.gcode"


class GcodeResult(Result):
    """Where the G-code of a job is: a file of the application that asks; `size` in bytes."""

    uri: str
    name: str
    size: int


class JobRoutes(ABC):
    """The part of the printer plug-in that hands out what it prints."""

    context: Context

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    def open_jobs(self) -> None:
        """Begin with nothing handed out."""
        self._given: dict[tuple[str, str], str] = {}
        self._giving = asyncio.Lock()

    @get("3dp", "gcode", interface="job")
    async def job_gcode(self, call: Call, params: JobParams) -> GcodeResult:
        """Tell where the G-code of a job is, as a file of the application whose job it is."""
        printer = self._printer(call)
        stored, _ = printer.job(params.job_id)
        _check(stored, call.application)
        async with self._giving:  # asked twice at once, it is copied once
            blob = await self._own(stored, call.application)
            if blob is None:
                blob = await self._copied(call, printer, stored)
        # Without a signature: the application's token opens it for as long as it is kept.
        return GcodeResult(uri=f"{call.base_url}/blobs/{blob.id}", name=blob.name, size=blob.size)

    @put("3dp", "start", interface="job")
    async def start_job(self, call: Call, params: JobParams) -> QueueResult:
        """Let a job begin, when its turn comes, that was put in with `start=later`."""
        printer = self._printer(call)
        try:
            await printer.queue.let_begin(params.job_id)
        except JobError as error:
            raise InvalidParameter(f"{error}; GET /gotapi/3dp/queue lists what waits") from error
        return QueueResult(printqueue=printer.entries(), job_id=params.job_id)

    async def _own(self, stored: StoredJob, application: str) -> Blob | None:
        """Return the file where the application has it already."""
        given = self._given.get((stored.job.id, application), stored.job.uri)
        with contextlib.suppress(InvalidParameter, MeshError):  # of the web, or forgotten
            blob = await self.context.blobs.open(given, application=application)
            if not (await asyncio.to_thread(kind, blob.path)).model:
                return blob
        return None

    async def _copied(self, call: Call, printer: Printer, stored: StoredJob) -> Blob:
        name = f"{Path(stored.job.name).stem or stored.job.id}.gcode"
        uri = ""
        while not uri:
            stored, path = printer.job(stored.job.id)
            if path is None:
                raise _missing(stored)
            try:
                uri = await self.context.blobs.publish(path, name, _TYPE, call.application)
            except InvalidParameter:
                if path.exists():
                    raise
                # The job ended just now, and its file lies where those of ended jobs are.
        self._given = dict([*self._given.items()][1 - _MOST :])
        self._given[stored.job.id, call.application] = uri
        return await self.context.blobs.open(uri, application=call.application)


def _check(stored: StoredJob, application: str) -> None:
    """Files are their application's alone; so is what was made of them."""
    if stored.job.card:
        raise InvalidParameter(
            "This was printed from the card in the printer; the hub never had its file"
        )
    if stored.application != application:
        raise InvalidParameter(
            "This job is another application's, and so is its file; only that one can get it"
        )


def _missing(stored: StoredJob) -> IllegalDeviceState | InvalidParameter:
    job = stored.job
    if job.state in _NOT_YET:
        return IllegalDeviceState(
            f"There is no G-code yet: its file is {job.state.value}; ask again when it is queued"
        )
    return InvalidParameter(
        f"The G-code of '{job.name[:60]}' is not kept any more: that is for a day after the end of "
        "a job, and for the newest ones; print or upload it again"
    )
