"""The look at a file before it is printed: by the reader of G-code and by the printer's policy."""

from pathlib import Path

import msgspec

from gotapi_printer.estimate import TimelineMaker
from gotapi_printer.gcode import FileFacts, scan
from gotapi_printer.guard import GuardSettings, Inspector
from gotapi_printer.marlin import Box
from gotapi_printer.model import PortSettings


def guard_settings(port: PortSettings) -> GuardSettings:
    """What the settings of a printer say to its guard."""
    box = None if port.size is None else Box((0.0, 0.0, 0.0), port.size)
    return GuardSettings(
        limits=port.limits,
        safe=port.policy == "safe",
        skip=port.on_refused == "skip",
        box=box,
    )


def examined(path: Path, inspector: Inspector | None) -> FileFacts:
    """Look a file through. Raises GcodeError, also for lines the policy refuses, and OSError."""
    maker = TimelineMaker()

    def see(command: bytes, line: int) -> None:
        maker.take(command)
        if inspector is not None:
            inspector.see(command, line)

    with path.open("rb") as file:
        facts = scan(file, see)
    facts = msgspec.structs.replace(facts, timeline=maker.result())
    if inspector is None:
        return facts
    return msgspec.structs.replace(facts, notes=inspector.notes(), armed=inspector.armed)
