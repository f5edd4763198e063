"""PURE. What the operator says about a printer, and what may be done to it."""

import tomllib
from typing import Annotated

import msgspec

from gotapi_printer.marlin import Box

__all__ = ["Profile", "ProfileError", "read_profile", "room"]

MAX_PROFILE = 65_536
"""Bytes of a profile; it is a page of settings."""

_Length = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_Speed = Annotated[float, msgspec.Meta(gt=0, le=60_000)]


class ProfileError(ValueError):
    """The profile cannot be used; the text says what is wrong and what is expected."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lengths in mm, speeds in mm/min, temperatures in degrees Celsius, times in seconds."""

    name: str = ""
    baud: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 115_200
    size: tuple[_Length, _Length, _Length] | None = None
    """The build volume from 0; it goes before what the printer says."""
    home: bool = True
    """Whether G28 may run; without it nothing is moved."""
    margin: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 20.0
    """No move comes nearer to a side of the volume."""
    lift: _Length = 10.0
    """The height of all moves."""
    speed: _Speed = 3000.0
    lift_speed: _Speed = 300.0
    warm: Annotated[float, msgspec.Meta(ge=0, le=60)] = 45.0
    """The nozzle is heated to this and no more; 0 leaves that out."""
    heat_seconds: _Seconds = 120.0
    """For the nozzle to get warmer by a few degrees."""
    connect_seconds: _Seconds = 30.0
    """From opening the port to a printer that answers."""
    move_seconds: _Seconds = 180.0
    """For homing and for each file of moves."""


def read_profile(text: bytes) -> Profile:
    """Read a profile in TOML; raises ProfileError."""
    if len(text) > MAX_PROFILE:
        raise ProfileError(f"the profile has {len(text)} bytes; at most {MAX_PROFILE} are expected")
    try:
        return msgspec.convert(tomllib.loads(text.decode()), Profile)
    except UnicodeDecodeError as error:
        raise ProfileError(
            "the profile is no text in UTF-8; write it with a text editor"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"the profile is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        names = ", ".join(Profile.__struct_fields__)
        raise ProfileError(f"{error}; a profile may have {names}") from error


def room(profile: Profile, told: Box | None) -> Box | None:
    """The part of the volume the nozzle may visit, None where that is not known or too small."""
    if profile.size is not None:
        low, high = (0.0, 0.0, 0.0), profile.size
    elif told is not None:
        low, high = told.low, told.high
    else:
        return None
    margin = profile.margin
    inner = Box(
        (low[0] + margin, low[1] + margin, low[2]), (high[0] - margin, high[1] - margin, high[2])
    )
    width, depth, _ = inner.size
    return inner if width > 0 and depth > 0 and low[2] <= profile.lift <= high[2] else None
