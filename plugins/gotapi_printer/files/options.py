"""PURE: what an application and an operator may ask of slicing, and the printer's own values."""

import enum
from typing import Annotated

import msgspec

from gotapi_meshes.report import Area


class Slicer(enum.Enum):
    """Who turns a model into G-code."""

    AUTO = "auto"
    """PrusaSlicer where it is installed, else the embedded one."""
    PRUSASLICER = "prusaslicer"
    EMBEDDED = "embedded"


class SliceOptions(msgspec.Struct, frozen=True):
    """One order; lengths in millimetres. The bounds are those of nozzles that can be bought."""

    layer_height: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)] | None = None
    """None leaves it to the profile; the embedded slicer then takes 0.2 mm."""
    infill: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] | None = None
    """Per cent; None leaves it to the profile; the embedded slicer then takes 20."""
    scale: Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)] = 1.0
    slicer: Slicer = Slicer.AUTO


class Profile(msgspec.Struct, frozen=True):
    """How the embedded slicer prints: millimetres, degrees Celsius, millimetres a second."""

    layer_height: float = 0.2
    line_width: float = 0.45
    walls: int = 2
    solid_layers: int = 4
    infill: float = 20.0
    filament: float = 1.75
    nozzle_temperature: int = 205
    first_nozzle_temperature: int = 210
    bed_temperature: int = 60
    retract: float = 1.0
    retract_speed: float = 35.0
    travel_speed: float = 120.0
    outer_speed: float = 30.0
    inner_speed: float = 45.0
    infill_speed: float = 60.0
    first_layer_speed: float = 20.0
    slowest: float = 10.0
    layer_seconds: float = 8.0
    """A layer takes at least as long, so that it cools: small ones are printed slower."""
    skirt_loops: int = 2
    skirt_distance: float = 4.0
    area: Area = Area()

    @property
    def spacing(self) -> float:
        """Distance of lines side by side: rounded edges overlap until the gap is full."""
        return self.line_width - self.layer_height * (1.0 - 0.7853981633974483)

    @property
    def bead(self) -> float:
        """Square millimetres of one line's section."""
        return self.spacing * self.layer_height


def profile_for(options: SliceOptions, area: Area) -> Profile:
    """Return the embedded slicer's profile for an order."""
    plain = Profile(area=area)
    height = options.layer_height or plain.layer_height
    return msgspec.structs.replace(
        plain,
        layer_height=height,
        # A line narrower than it is high does not hold.
        line_width=max(plain.line_width, 1.2 * height),
        infill=plain.infill if options.infill is None else options.infill,
    )
