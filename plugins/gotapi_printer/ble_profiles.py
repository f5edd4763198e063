"""PURE: how serial data goes over BLE: the services of usual modules, and what devices say of
themselves by the Device Information Service (0x180A)."""

import re
from collections.abc import Iterable, Mapping

import msgspec


def short(number: int) -> str:
    """The whole UUID of one that the Bluetooth SIG numbers."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class BleProfile(msgspec.Struct, frozen=True):
    """A service that carries bytes both ways; UUIDs in small letters."""

    name: str
    title: str
    service: str
    write: str
    """The characteristic that the host writes."""
    notify: str
    """The characteristic that notifies the host."""


PROFILES: tuple[BleProfile, ...] = (
    BleProfile(
        "nus",
        "Nordic UART (nRF, ESP32)",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
        "6e400002-b5a3-f393-e0a9-e50e24dcca9e",
        "6e400003-b5a3-f393-e0a9-e50e24dcca9e",
    ),
    BleProfile("hm10", "HM-10, JDY, CC254x", short(0xFFE0), short(0xFFE1), short(0xFFE1)),
    BleProfile(
        "issc",
        "Microchip/ISSC transparent UART",
        "49535343-fe7d-4ae5-8fa9-9fafd205e455",
        "49535343-8841-43f4-a8d4-ecbe34729bb3",
        "49535343-1e4d-4bd9-ba61-23c647249616",
    ),
    BleProfile("ffe5", "modules with ffe5 and ffe0", short(0xFFE5), short(0xFFE9), short(0xFFE4)),
    BleProfile("fff0", "modules with fff0", short(0xFFF0), short(0xFFF2), short(0xFFF1)),
)
"""In the order in which they are tried."""

NAMES = tuple(profile.name for profile in PROFILES)

_BY_NUMBER = {
    short(0x2A29): "manufacturer",
    short(0x2A24): "product",
    short(0x2A25): "serial_number",
    short(0x2A26): "firmware_revision",
    short(0x2A27): "hardware_revision",
    short(0x2A28): "software_revision",
}
SYSTEM_ID = short(0x2A23)
INFORMATION = (*_BY_NUMBER, SYSTEM_ID)
"""The characteristics of 0x180A that are read."""

MAX_TEXT = 100
"""Characters kept of one; a characteristic holds up to 512 bytes."""

_ADDRESS = re.compile(
    # A MAC address, or the UUID that macOS gives a device.
    r"[0-9A-F]{2}(?::[0-9A-F]{2}){5}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}",
    re.IGNORECASE,
)


def is_address(text: str) -> bool:
    """Whether a text names a BLE device."""
    return _ADDRESS.fullmatch(text) is not None


def fitting(characteristics: Iterable[str], wanted: str = "") -> BleProfile | None:
    """The first profile, or the one that is wanted, whose characteristics a device has."""
    there = {uuid.lower() for uuid in characteristics}
    for profile in PROFILES:
        if wanted in ("", profile.name) and {profile.write, profile.notify} <= there:
            return profile
    return None


def advertised(services: Iterable[str]) -> BleProfile | None:
    """The profile that a device says it has while it is looked for."""
    there = {uuid.lower() for uuid in services}
    return next((profile for profile in PROFILES if profile.service in there), None)


def information(values: Mapping[str, bytes]) -> dict[str, str]:
    """What the characteristics of 0x180A say, by the member of LinkFacts."""
    found = {}
    for uuid, value in values.items():
        if uuid == SYSTEM_ID:
            # 64 bits, the least significant byte first.
            found["system_id"] = value[:8][::-1].hex()
        elif uuid in _BY_NUMBER:
            text = value.decode("utf-8", "replace").partition("\0")[0].strip()
            shown = "".join(letter for letter in text if letter.isprintable())
            found[_BY_NUMBER[uuid]] = shown[:MAX_TEXT]
    return found
