"""PURE: the Marlin host protocol: bytes in, lines and events out, time as an argument."""

from gotapi_printer.marlin.dialects import DIALECTS, UNKNOWN, Dialect, recognised
from gotapi_printer.marlin.events import Done, Event, Fault, FaultKind, JobDone, Limits, Timing
from gotapi_printer.marlin.firmware import Box, Firmware, parse_firmware
from gotapi_printer.marlin.host import MarlinHost
from gotapi_printer.marlin.identify import LOOP, Identify, IdentifyTiming, restarting_text
from gotapi_printer.marlin.incoming import halted_text
from gotapi_printer.marlin.outgoing import reviving
from gotapi_printer.marlin.replies import (
    Action,
    Busy,
    Capability,
    Comment,
    ErrorLine,
    Identification,
    Noise,
    Ok,
    Position,
    Reply,
    Resend,
    Restarted,
    Targets,
    Temperatures,
    Wait,
    classify,
)
from gotapi_printer.marlin.temperatures import Temperature, parse_temperatures
from gotapi_printer.marlin.wire import MAX_COMMAND, MAX_WIRE_LINE, LineAssembler, checksum, numbered

__all__ = [
    "DIALECTS",
    "LOOP",
    "MAX_COMMAND",
    "MAX_WIRE_LINE",
    "UNKNOWN",
    "Action",
    "Box",
    "Busy",
    "Capability",
    "Comment",
    "Dialect",
    "Done",
    "ErrorLine",
    "Event",
    "Fault",
    "FaultKind",
    "Firmware",
    "Identification",
    "Identify",
    "IdentifyTiming",
    "JobDone",
    "Limits",
    "LineAssembler",
    "MarlinHost",
    "Noise",
    "Ok",
    "Position",
    "Reply",
    "Resend",
    "Restarted",
    "Targets",
    "Temperature",
    "Temperatures",
    "Timing",
    "Wait",
    "checksum",
    "classify",
    "halted_text",
    "numbered",
    "parse_firmware",
    "parse_temperatures",
    "recognised",
    "restarting_text",
    "reviving",
]
