"""Routes about interrupted prints: extensions of profile `3dp`."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated

import msgspec

from gotapi_core.plugin import Call, Context, Params, Result, get, put
from gotapi_core.protocol.errors import IllegalDeviceState, InvalidParameter
from gotapi_printer.arming import RESUME, ArmError, take_code
from gotapi_printer.gcode import GcodeError
from gotapi_printer.job import JobError
from gotapi_printer.model import QueueResult
from gotapi_printer.printer import Printer
from gotapi_printer.resume_plan import ResumeError
from gotapi_printer.resuming import Wish

FileLine = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Height = Annotated[float, msgspec.Meta(ge=0, le=10_000)]


class ResumeQuery(Params):
    """GET resumejob: how it would go on after another line, or from another height."""

    file_line: FileLine = 0
    z: Height | None = None  # where the nozzle stands now by the file's Z, in millimetres


class ResumeParams(ResumeQuery):
    """PUT resumejob: which print, and the code that `gotapi printers resume` showed."""

    job_id: str = msgspec.field()
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] = msgspec.field()


class ResumeResult(Result):
    """How the interrupted print would go on."""

    job_id: str
    name: str
    line: int  # commands of the file that count as printed
    lines: int
    file_line: int  # the line of the file that the last of them stands in
    z: float  # of the file there, in millimetres
    printer_knows: bool  # it did not restart: line and height are certain
    prepare: tuple[str, ...]  # the commands before the next one of the file


class ResumeRoutes(ABC):
    """The part of the printer plug-in that lets interrupted prints go on."""

    context: Context

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @get("3dp", "resumeJob")
    async def resumable(self, call: Call, params: ResumeQuery) -> ResumeResult:
        """Tell which interrupted print can go on, from which line, and what is done before."""
        printer = self._printer(call)
        with _refused():
            offer = await printer.resuming.offer(Wish(params.file_line, params.z))
        job = offer.before.job
        return ResumeResult(
            job_id=job.id,
            name=job.name,
            line=offer.place.line,
            lines=job.progress.total,
            file_line=offer.place.file_line,
            z=offer.height,
            printer_knows=offer.known,
            prepare=tuple(line.decode() for line in offer.lead),
        )

    @put("3dp", "resumeJob")
    async def resume_interrupted(self, call: Call, params: ResumeParams) -> QueueResult:
        """Let an interrupted print go on, with the code of the operator, who looked at it."""
        printer = self._printer(call)
        wish = Wish(params.file_line, params.z)
        with _refused():
            await printer.resuming.offer(wish)  # a code is not used up for what cannot be
        try:
            await asyncio.to_thread(
                take_code, self.context.folder, printer.id, params.code, act=RESUME
            )
        except ArmError as error:
            raise InvalidParameter(str(error)) from error
        with _refused():
            job_id = await printer.resuming.start(call.application, params.job_id, wish)
        return QueueResult(printqueue=printer.entries(), job_id=job_id)


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except ResumeError as error:
        raise InvalidParameter(f"The print cannot go on: {error}") from error
    except (JobError, GcodeError, OSError) as error:
        raise IllegalDeviceState(f"The print cannot go on: {error}") from error
