"""PURE: the order a worker process gets and the lines it answers; needs no numpy.

The order is one JSON file; the answer is one `Said` as JSON per line of standard output, the last
one with `done` or `failure`. The exit code is 0 with the former and 1 with the latter.
"""

import enum
from typing import Final

import msgspec

MODEL_FILES: Final = ("model.glb", "model.stl", "model.3mf")
"""The results, all of the same surface; they are there together or not at all."""
SIDES: Final = ("front", "back", "left", "right", "top", "bottom")
"""The sides of the preview pictures `preview-<side>.png`."""
PREVIEW_MODEL: Final = "preview.glb"
REPORT: Final = "report.json"

GRIDS: Final = (64, 384)
"""Least and most cells along the longest side; 384 takes five times the memory of 256."""
TRIANGLES: Final = (500, 200_000)
HEIGHTS: Final = (5.0, 2000.0)
"""Millimetres; outside of it nothing is printed."""


class View(enum.StrEnum):
    """From where a picture of the figure is drawn; right is the figure's own right side."""

    FRONT = "front"
    RIGHT = "right"
    BACK = "back"


class Profile(enum.StrEnum):
    """How round the figure is in the direction that no drawing shows."""

    AUTO = "auto"
    """Decided for each part by the corners of its outlines."""
    ROUND = "round"
    BOX = "box"


class Attributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What 3DCAPI calls template information; None leaves it to the template."""

    species: str = ""
    gender: str = ""
    age: int | None = None
    """Years."""
    style: float | None = None
    """Height of the head by the whole height, above 0 and at most 0.5."""


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """One drawing: a PNG, JPEG or WebP, and what the user said about it."""

    path: str
    paper: str = ""
    """Known colour of the paper as `#rrggbb`; without it alpha or the picture decides."""
    correction: str = ""
    """Path of a PNG of the same size: green adds to the figure, red takes away, the rest stays."""


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the model is to be; lengths are millimetres."""

    height: float = 100.0
    grid: int = 256
    triangles: int = 20_000
    profile: Profile = Profile.AUTO
    foot: bool = False
    """Whether it stands on a round plate."""
    preview: bool = True
    """Whether a model on a grid of 128 and its picture are made first."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model to make: front; front and right; or all three views."""

    pictures: dict[View, Picture]
    folder: str
    """Where the results go; it exists, and what a killed try left there is replaced."""
    template: str = "human"
    attributes: Attributes = Attributes()
    engine: str = "shape"
    settings: dict[str, msgspec.Raw] = {}
    """Of the engine, from its operator and never from an application."""
    options: Options = Options()


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it is."""

    fraction: float
    """0 to 1."""
    stage: str
    """In the user's words: what is being done."""
    preview: str | None = None
    """Name of a file in the folder that can be shown from now on."""


class Warned(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the user should know about a result that was made nevertheless."""

    code: str
    message: str
    view: View | None = None


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no result, for the user."""

    code: str
    """`picture`, `template`, `engine`, `model`, `memory`, `disk` or `order`."""
    message: str
    view: View | None = None


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """What was made and how well it is; lengths are millimetres, +Z is up in `size`."""

    engine: str
    template: str
    views: tuple[View, ...]
    triangles: int
    vertices: int
    size: tuple[float, float, float]
    volume: float
    """Cubic millimetres."""
    surface: float
    """Square millimetres."""
    watertight: bool
    manifold: bool
    parts: int
    genus: int
    """Holes through it: 0 for a ball, 1 for a ring."""
    coloured: bool
    agreement: dict[View, float]
    """How well the outline of the model covers each drawing: intersection by union."""
    profiles: dict[str, float]
    """Exponent of the cross section of each part: 2 is an ellipse, 8 and more a box."""
    warnings: tuple[Warned, ...]
    files: dict[str, int]
    """Bytes by name."""
    seconds: float
    axes: str = "STL and 3MF: millimetres, +Z up, front towards -Y; GLB: +Y up, front towards +Z"


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a worker: one of these."""

    progress: Progress | None = None
    warning: Warned | None = None
    failure: Failure | None = None
    done: Report | None = None
