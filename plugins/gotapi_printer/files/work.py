"""PURE: what the hub and its worker process say to each other: one JSON object, then lines."""

import enum

import msgspec

from gotapi_meshes.report import Area, MeshReport
from gotapi_printer.files.analysis import GcodeAnalysis
from gotapi_printer.files.options import SliceOptions


class Task(enum.Enum):
    """What the worker is to do."""

    CHECK = "check"
    """Read a model and look at it."""
    PREPARE = "prepare"
    """CHECK, then write it as a plain STL for another slicer, scaled and turned upright."""
    SLICE = "slice"
    """CHECK, then slice it with the embedded slicer."""
    ANALYSE = "analyse"
    """Read G-code."""


class Order(msgspec.Struct, frozen=True):
    """One task; paths are the hub's own."""

    task: Task
    source: str
    area: Area = Area()
    options: SliceOptions = SliceOptions()
    output: str = ""


class Failure(msgspec.Struct, frozen=True):
    """Why it cannot be done; `fault` says whose it is: `file`, `disk` or `memory`."""

    message: str
    fault: str = "file"


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the worker; what has no value is not there."""

    report: MeshReport | None = None
    analysis: GcodeAnalysis | None = None
    progress: float | None = None
    failure: Failure | None = None
    done: bool = False
