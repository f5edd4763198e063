"""What the prints of one printer taught about estimates, kept over restarts."""

import msgspec

from gotapi_core.plugin import Collection
from gotapi_printer.estimate import Learned, key, learn
from gotapi_printer.gcode import FileFacts
from gotapi_printer.job import JobState
from gotapi_printer.updates import JobReport

SOURCES = ("m73", "slicer", "model")

MOST_PAUSED = 0.2
"""Share of the time in pauses above which a print teaches nothing: the nozzle had to warm up."""


class Paces:
    """The factors of one printer, by slicer and source."""

    def __init__(self, printer: str, collection: Collection) -> None:
        self._printer = printer
        self._collection = collection
        self._learned: dict[str, Learned] = {}

    async def load(self) -> None:
        """Read what was learned."""
        for learned in await self._collection.all(Learned):
            if learned.key.startswith(f"{self._printer}/"):
                self._learned[learned.key] = learned

    def applied(self, facts: FileFacts) -> FileFacts:
        """The facts of a file with the factors that fit it."""
        found = {source: self._find(facts.slicer, source).factor for source in SOURCES}
        return msgspec.structs.replace(facts, pace=found)

    async def take(self, report: JobReport) -> None:
        """Learn from a print that went through to its end."""
        foreseen = report.foreseen
        if report.state is not JobState.DONE or foreseen is None:
            return
        if report.paused > MOST_PAUSED * report.elapsed:
            return
        before = self._find(foreseen.slicer, foreseen.source)
        now = learn(before, foreseen.seconds, report.elapsed - report.paused)
        if now != before:
            self._learned[now.key] = now
            await self._collection.put(now.key, now)

    def _find(self, slicer: str, source: str) -> Learned:
        name = key(self._printer, slicer, source)
        return self._learned.get(name, Learned(name))
