"""PURE: the engine interface (3DCAPI-5): a structural object in, a model and its progress out.

Frame: +Y up, +Z towards the viewer of the front, the figure's right hand at -X, feet at y = 0, the
middle of the figure's front at x = 0. Lengths are millimetres. Needs numpy: worker process only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pluggy
from numpy.typing import NDArray

from gotapi_creation.engine.order import Attributes, Options, Progress, View

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Single = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Triangles = NDArray[np.int64]

PROJECT = "gotapi_creation"
GROUP = "gotapi.creation_engines"
"""Entry points of distributions that bring engines."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True, eq=False)
class StructuralObject:
    """What the analysis found in the drawings.

    All pictures have the same rows: the first is the top of the figure, the last its feet, and one
    pixel is `pixel` millimetres wide and high. Pictures are as drawn: the back is not mirrored, and
    in the right view the nose points to the right. The middle column is the middle of the figure.
    """

    masks: Mapping[View, Mask]
    """(rows, columns of the view): where the figure is."""
    colours: Mapping[View, Bytes]
    """(rows, columns of the view, 3): RGB; outside the figure the nearest colour of the inside."""
    template: str
    attributes: Attributes
    labels: Bytes
    """(rows, columns of the front): 0 outside, n + 1 in the n-th of `parts`."""
    parts: tuple[str, ...]
    joints: Mapping[str, tuple[float, float]]
    """x and y in millimetres."""
    height_mm: float
    detail: Options

    @property
    def rows(self) -> int:
        """Rows of every picture."""
        return len(self.masks[View.FRONT])

    @property
    def pixel(self) -> float:
        """Millimetres of a pixel."""
        return self.height_mm / self.rows


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A surface of triangles, counter-clockwise seen from outside."""

    vertices: Floats
    """(n, 3) millimetres in the frame above."""
    triangles: Triangles
    """(m, 3) into the vertices."""
    colours: Bytes | None = None
    """(n, 3) RGB; None lets them be projected from the drawings."""
    profiles: Mapping[str, float] | None = None
    """Exponents of the cross sections of the parts, where the engine chose them."""


Say = Callable[[Progress], None]


class Engine(Protocol):
    """Makes models. It runs in a process of its own that is killed when the job is cancelled."""

    @property
    def name(self) -> str:
        """What orders call it."""
        ...

    def make(self, job: StructuralObject, say: Say) -> Model:
        """Make the model; raises CreationError with words for the user."""
        ...


Factory = Callable[[Mapping[str, bytes]], Engine]
"""Makes an engine of the operator's settings: name -> JSON."""


@hookspec
def creation_engines() -> Mapping[str, Factory]:
    """Return name -> factory of the engines of a distribution."""
    raise AssertionError("a specification is never called")
