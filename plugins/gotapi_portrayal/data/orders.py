"""PURE: what an import is asked for and what it says: one JSON object, then lines."""

import re
from pathlib import PurePath
from typing import Final

import msgspec

from gotapi_portrayal.data.faults import Fault
from gotapi_portrayal.data.types import Layer, Triple

LAYER_NAME: Final = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
"""What the name of a layer may be."""


class Order(msgspec.Struct, frozen=True):
    """What to import, and as what."""

    files: tuple[str, ...]
    layer: str
    title: str = ""
    crs: str = ""
    """Instead of what the files say."""
    abstract: str = ""
    parent: str = ""
    public: bool = True
    at: Triple | None = None
    """Where the origin of a model is."""
    scale: float | None = None
    """Metres of a unit of a model."""
    lent: bool = False
    """Whether an application puts it in: only models, and the parent may be a mere name."""


class FileFault(msgspec.Struct, frozen=True):
    """A fault and the name of the file it is in."""

    file: str
    fault: Fault


class Imported(msgspec.Struct, frozen=True):
    """A layer that was imported, and what was wrong with the files."""

    layer: Layer
    faults: tuple[FileFault, ...]


class Task(msgspec.Struct, frozen=True):
    """An order, and the file of the store."""

    store: str
    order: Order


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the worker; what has no value is not there."""

    progress: float | None = None
    fault: FileFault | None = None
    failure: str = ""
    layer: Layer | None = None


def layer_name(path: PurePath) -> str:
    """Return a name for the layer of a file."""
    text = re.sub(r"[^A-Za-z0-9_.-]+", "-", path.name.partition(".")[0]).strip("-.")[:50]
    return text if text[:1].isalpha() else f"layer-{text}".rstrip("-")
