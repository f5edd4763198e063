"""PURE: what a reader knows first, and whom it tells the rest."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.surfaces import Points, Record
from gotapi_portrayal.data.types import Material, SceneError


@dataclass(slots=True)
class Sink:
    """Whom a reader tells what it finds."""

    faults: Faults
    tree: Callable[[list[Record]], None]
    """Takes a feature with all of its parts, parents first."""
    material: Callable[[Material], int]
    texture: Callable[[str], int]
    """Takes the name of a picture; 0 says that it is missing, which was told."""
    progress: Callable[[float], None] = lambda _: None
    picture: Callable[[bytes, str], int] = lambda _data, _name: 0
    """Takes a picture that came with the file, and what to call it; else as `texture`."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What is known of a file before its objects are read."""

    crs: str = ""
    title: str = ""
    sample: Points = field(default_factory=lambda: np.empty((0, 3)))
    """Some points, to tell the order of the axes from."""
    as_defined: bool = False
    """Whether axes are to be in the order that the CRS defines."""


def lod_of(text: str | float | None, object_id: str, faults: Faults) -> int:
    """Return the code of a LOD as a file has it; one that is none is told, and taken as any."""
    if text is None:
        return lod.ANY
    try:
        return lod.code(text if isinstance(text, str) else f"{text:g}")
    except SceneError as error:
        faults.add(object_id, str(error))
        return lod.ANY
