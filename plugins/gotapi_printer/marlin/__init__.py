"""PURE: the Marlin host protocol: bytes in, lines and events out, time as an argument."""

from gotapi_printer.marlin.events import Done, Event, Fault, FaultKind, JobDone, Limits, Timing
from gotapi_printer.marlin.firmware import Box, Firmware, parse_firmware
from gotapi_printer.marlin.host import MarlinHost
from gotapi_printer.marlin.identify import Identify, IdentifyTiming
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
    Temperatures,
    Wait,
    classify,
)
from gotapi_printer.marlin.temperatures import Temperature, parse_temperatures
from gotapi_printer.marlin.wire import MAX_COMMAND, MAX_WIRE_LINE, LineAssembler, checksum, numbered

__all__ = [
    "MAX_COMMAND",
    "MAX_WIRE_LINE",
    "Action",
    "Box",
    "Busy",
    "Capability",
    "Comment",
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
    "Temperature",
    "Temperatures",
    "Timing",
    "Wait",
    "checksum",
    "classify",
    "numbered",
    "parse_firmware",
    "parse_temperatures",
]
