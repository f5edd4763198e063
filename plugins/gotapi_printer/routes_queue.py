"""Routes about the print queue and control of the print: extensions of profile `3dp`."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from gotapi_core.plugin import Call, Durable, delete, event, get, post, put
from gotapi_printer import view
from gotapi_printer.jobs import Bed
from gotapi_printer.model import QueueResult
from gotapi_printer.model_queue import (
    AnswerParams,
    BedParams,
    BedResult,
    CommandParams,
    CommandResult,
    HistoryParams,
    HistoryResult,
    JobParams,
    ListResult,
    PromptsResult,
    QueueParams,
)
from gotapi_printer.printer import Printer


class QueueRoutes(ABC):
    """The part of the printer plug-in that controls prints."""

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @put("3dp", "pause")
    async def pause(self, call: Call) -> QueueResult:
        """Pause the print; the heaters stay on, the nozzle for as long as the settings say."""
        printer = self._printer(call)
        paused = await printer.pause_job()
        return QueueResult(printqueue=printer.entries(), job_id=paused.job.id)

    @put("3dp", "resume")
    async def resume(self, call: Call) -> QueueResult:
        """Go on with a paused print, where it was."""
        printer = self._printer(call)
        resumed = await printer.resume_job()
        return QueueResult(printqueue=printer.entries(), job_id=resumed.job.id)

    @get("3dp", "queue")
    async def queue(self, call: Call) -> ListResult:
        """List the job on the printer and those that wait, in their order."""
        return ListResult(printqueue=self._printer(call).entries())

    @put("3dp", "queue")
    async def move(self, call: Call, params: QueueParams) -> ListResult:
        """Give a waiting job another place in the queue."""
        printer = self._printer(call)
        await printer.move(params.job_id, params.order)
        return ListResult(printqueue=printer.entries())

    @delete("3dp", "queue")
    async def remove(self, call: Call, params: JobParams) -> QueueResult:
        """Take a waiting job out of the queue."""
        removed = await self._printer(call).remove(params.job_id)
        return QueueResult(printqueue=(view.entry(removed, 0),), job_id=removed.job.id)

    @get("3dp", "bed")
    async def bed(self, call: Call) -> BedResult:
        """Tell whether the bed is clear, as far as the hub was told."""
        return _bed(self._printer(call))

    @put("3dp", "bed")
    async def set_bed(self, call: Call, params: BedParams) -> BedResult:
        """Say that the bed is clear, or is not; the next job begins on a clear one."""
        printer = self._printer(call)
        await printer.set_bed(clear=params.state == "clear")
        return _bed(printer)

    @post("3dp", "command")
    async def command(self, call: Call, params: CommandParams) -> CommandResult:
        """Send the printer one G-code command, if its policy lets it pass."""
        return CommandResult(lines=await self._printer(call).command(params.command))

    @put("3dp", "emergencyStop")
    async def emergency_stop(self, call: Call) -> None:
        """Stop the printer at once, by M112; it has to be reset afterwards."""
        self._printer(call).emergency_stop()

    @get("3dp", "history")
    async def history(self, call: Call, params: HistoryParams) -> HistoryResult:
        """List the prints that ended, the last one first: result, time, filament, reason."""
        entries, total = self._printer(call).history(params.offset, params.limit)
        return HistoryResult(history=entries, total=total)

    @get("3dp", "prompt")
    async def prompts(self, call: Call) -> PromptsResult:
        """Tell what somebody is asked: by the printer, or about its bed."""
        return PromptsResult(prompts=self._printer(call).prompts())

    @post("3dp", "prompt")
    async def answer(self, call: Call, params: AnswerParams) -> PromptsResult:
        """Answer what is asked with one of its choices."""
        printer = self._printer(call)
        await printer.answer(params.id, params.choice)
        return PromptsResult(prompts=printer.prompts())

    @event("3dp", "prompt")
    async def prompt_events(self, call: Call) -> AsyncIterator[Durable[PromptsResult]]:
        """Tell what is asked, and when nothing is asked any more."""
        printer = self._printer(call)
        begun = False
        async for prompts, _ in printer.prompt_feed.results():
            begun = begun or bool(prompts)
            if begun:  # 7.3.3: while nothing was asked there is nothing to send
                yield Durable(PromptsResult(prompts=prompts))


def _bed(printer: Printer) -> BedResult:
    state = "clear" if printer.bed is Bed.CLEAR else "notClear"
    return BedResult(bed=state, printqueue=printer.entries())
