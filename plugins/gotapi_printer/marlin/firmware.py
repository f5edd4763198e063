"""PURE: what a printer says about itself (M115)."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from gotapi_printer.marlin.dialects import UNKNOWN, Dialect, recognised
from gotapi_printer.marlin.replies import Capability, Identification, Noise, Reply

_KEY = re.compile(r"(?:^|\s)([A-Z][A-Z0-9_-]*):")
_MALYAN = re.compile(r"NAME\.\s*(.*?)(?:\s+VER:\s*(\S+))?(?:\s+MODEL:\s*(\S+))?(?:\s+HW:.*)?$")
_BOX = r"\{\s*min:\s*\{([^{}]*)\}\s*,\s*max:\s*\{([^{}]*)\}\s*\}"
_FULL = re.compile(r"full:\s*" + _BOX)
_WORK = re.compile(r"work:\s*" + _BOX)
_COORDINATE = re.compile(r"([xyz]):\s*(-?\d+(?:\.\d*)?)")

MAX_LINES = 200
"""Lines taken from one M115 answer; Marlin sends about 40."""


class Box(msgspec.Struct, frozen=True):
    """A part of the printer's space in millimetres: two corners as (x, y, z)."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth and height in millimetres."""
        low, high = self.low, self.high
        return (high[0] - low[0], high[1] - low[1], high[2] - low[2])


class Firmware(msgspec.Struct, frozen=True):
    """The answer to M115; a printer that says nothing about itself has empty texts."""

    name: str = ""
    machine: str = ""
    protocol: str = ""
    uuid: str = ""
    extruders: int = 1
    fields: Mapping[str, str] = {}
    capabilities: Mapping[str, bool] = {}
    full_area: Box | None = None
    work_area: Box | None = None
    dialect: Dialect = UNKNOWN

    def can(self, capability: str) -> bool:
        """Whether the firmware names this capability as present, or its family has it."""
        return self.capabilities.get(capability, self.dialect.capabilities.get(capability, False))


def parse_firmware(replies: Iterable[Reply]) -> Firmware:
    """Read the replies that came between M115 and its ok."""
    fields: dict[str, str] = {}
    boot: list[str] = []
    capabilities: dict[str, bool] = {}
    area = ""
    for reply in list(replies)[:MAX_LINES]:
        if isinstance(reply, Capability):
            capabilities[reply.name] = reply.present
        elif isinstance(reply, Identification) and reply.text.startswith("area:"):
            area = reply.text
        elif isinstance(reply, Identification | Noise):
            fields.update(parse_fields(reply.text))
            boot.append(reply.text)
    return Firmware(
        name=fields.get("FIRMWARE_NAME", ""),
        # RepRapFirmware names the board only.
        machine=fields.get("MACHINE_TYPE") or fields.get("ELECTRONICS", ""),
        protocol=fields.get("PROTOCOL_VERSION", ""),
        uuid=fields.get("UUID", ""),
        extruders=_count(fields.get("EXTRUDER_COUNT", "1")),
        fields=fields,
        capabilities=capabilities,
        full_area=_box(_FULL, area),
        work_area=_box(_WORK, area),
        dialect=recognised(fields.get("FIRMWARE_NAME", ""), boot),
    )


def parse_fields(text: str) -> dict[str, str]:
    """Split `KEY:value KEY:value`, where values hold spaces and colons."""
    if text.startswith("NAME. "):
        return _malyan(text)
    if not text.startswith("FIRMWARE_NAME:"):
        return {}
    parts = _KEY.split(text)[1:]
    # Smoothieware parts its fields with commas.
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {key: value.strip().removesuffix(",") for key, value in pairs}


def _malyan(text: str) -> dict[str, str]:
    match = _MALYAN.match(text)
    name, version, model = match.groups() if match else ("", "", "")
    named = {"FIRMWARE_NAME": f"{name} {version or ''}".strip(), "MACHINE_TYPE": model or ""}
    return {key: value for key, value in named.items() if value}


def _count(text: str) -> int:
    # A firmware with more than 99 tools is a damaged line.
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) <= 2 else 1


def _box(pattern: re.Pattern[str], text: str) -> Box | None:
    match = pattern.search(text)
    if match is None:
        return None
    low, high = _corner(match[1]), _corner(match[2])
    return None if low is None or high is None else Box(low, high)


def _corner(text: str) -> tuple[float, float, float] | None:
    axes = {axis: float(value) for axis, value in _COORDINATE.findall(text)}
    if len(axes) != 3:
        return None
    return (axes["x"], axes["y"], axes["z"])
