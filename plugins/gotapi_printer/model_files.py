"""The members of profile `3dp` on the wire that are about files; an extension of the profile."""

from typing import Annotated

import msgspec

from gotapi_core.plugin import Params, Result
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_meshes.report import Finding, MeshReport
from gotapi_printer.files.analysis import GcodeAnalysis
from gotapi_printer.files.desk import SlicerInfo
from gotapi_printer.files.options import SliceOptions, Slicer

LayerHeight = Annotated[float, msgspec.Meta(ge=0.05, le=1.0)]
Infill = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
Scale = Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]


class SliceParams(Params):
    """How a model is sliced; G-code takes none of it."""

    layer_height: LayerHeight | None = None  # millimetres
    infill: Infill | None = None  # per cent
    scale: Scale = 1.0
    slicer: str = "auto"  # auto, prusaslicer, embedded
    profile: str = ""  # uri of a configuration of PrusaSlicer's that was uploaded

    def options(self) -> SliceOptions:
        """Return them checked; raises InvalidParameter."""
        try:
            slicer = Slicer(self.slicer.lower())
        except ValueError:
            known = ", ".join(one.value for one in Slicer)
            raise InvalidParameter(
                f"slicer is '{self.slicer[:40]}'; it is one of {known}"
            ) from None
        return SliceOptions(self.layer_height, self.infill, self.scale, slicer)


class CheckParams(SliceParams):
    """GET check: a file that was uploaded, or a uri printing would take."""

    uri: str


class ThumbnailLink(msgspec.Struct, frozen=True, rename="camel"):
    """A picture out of G-code; `uri` is good for an hour."""

    uri: str
    content_type: str
    width: int  # pixels
    height: int


class GcodeReport(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What G-code would do: lengths in millimetres, times in seconds, weights in grams."""

    commands: int
    lines: int
    layers: int
    low: tuple[float, float, float] | None = None
    high: tuple[float, float, float] | None = None
    time: float | None = None
    time_source: str = ""
    filament: tuple[float, ...] = ()
    filament_by_slicer: tuple[float, ...] = ()
    filament_grams: tuple[float, ...] = ()
    first_layer_height: float | None = None
    layer_height: float | None = None
    slicer: str = ""
    slicer_version: str = ""
    settings: dict[str, str] = {}
    thumbnails: tuple[ThumbnailLink, ...] = ()


class CheckResult(Result):
    """The answer to GET check; `model` or `gcode` is there, by the kind of file."""

    kind: str
    printable: bool
    findings: tuple[Finding, ...]
    model: MeshReport | None = None
    gcode: GcodeReport | None = None


class SlicersResult(Result):
    """The answer to GET slicers."""

    slicers: tuple[SlicerInfo, ...]


def gcode_report(analysis: GcodeAnalysis, thumbnails: tuple[ThumbnailLink, ...]) -> GcodeReport:
    """Return an analysis as it is answered."""
    return GcodeReport(
        commands=analysis.commands,
        lines=analysis.lines,
        layers=analysis.layers,
        low=analysis.low,
        high=analysis.high,
        time=analysis.seconds,
        time_source=analysis.seconds_source,
        filament=analysis.filament,
        filament_by_slicer=analysis.filament_by_slicer,
        filament_grams=analysis.filament_grams,
        first_layer_height=analysis.first_layer_height,
        layer_height=analysis.layer_height,
        slicer=analysis.slicer,
        slicer_version=analysis.slicer_version,
        settings=analysis.settings,
        thumbnails=thumbnails,
    )
