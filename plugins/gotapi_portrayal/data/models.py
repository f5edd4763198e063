"""Model files (GLB, STL, OBJ, 3MF) as one feature each, in metres with z up."""

from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.kinds import FileKind
from gotapi_meshes.paint import Look, Paint
from gotapi_meshes.reading import read_model
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.pictures import Pictures
from gotapi_portrayal.data.sink import Head, Sink
from gotapi_portrayal.data.surfaces import Points, Record, Triangles
from gotapi_portrayal.data.types import Attribute, Material, SceneError, Triple
from gotapi_portrayal.data.weld import weld

MILLIMETRE: Final = 0.001
MOST_MATERIALS: Final = 8 << 20
"""Bytes of a file of materials beside a model."""


class Model:
    """A model; `scale` is metres of its unit, None for the usual one: STL millimetres, OBJ metres.

    `at` is where its origin is, in the CRS of the layer; `folder` has what is beside the file.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        scale: float | None = None,
        at: Triple | None = None,
        folder: Path | None = None,
    ) -> None:
        self._beside = Pictures(folder)
        try:
            kind, self._mesh = read_model(file, self._file)
        except MeshError as error:
            raise SceneError(str(error)) from error
        usual = 1.0 if kind is FileKind.OBJ else MILLIMETRE
        self._name, self._at, self._format = name, at, kind.words
        self._scale = usual if scale is None else scale * (1 if not self._mesh.unit_known else 1e-3)

    @property
    def head(self) -> Head:
        """Nothing: models do not say where on the earth they are."""
        sample = np.empty((0, 3)) if self._at is None else np.array([self._at])
        return Head(sample=sample)

    def read(self, sink: Sink) -> None:
        """Tell the model."""
        attributes: dict[str, Attribute] = {
            "format": self._format,
            "triangles": len(self._mesh.triangles),
        }
        points, triangles, uvs = self._corners()
        found = Triangles(
            lod=lod.ANY,
            points=points * self._scale,
            triangles=triangles,
            materials=_materials(self._mesh.paint, len(triangles), sink),
            anchor=self._at,
            uvs=uvs,
        )
        sink.tree([Record(self._name, "Model", "", attributes, [], [found])])
        sink.progress(1.0)

    def _file(self, name: str) -> bytes:
        try:
            return self._beside.file(name, MOST_MATERIALS)
        except SceneError as error:
            raise MeshError(str(error)) from None

    def _corners(self) -> tuple[Points, NDArray[np.int64], NDArray[np.float32] | None]:
        """Return points and triangles; each place in a picture needs a point of its own."""
        mesh = self._mesh
        triangles = mesh.triangles.astype(np.int64)
        uvs = None if mesh.paint is None else mesh.paint.uvs
        if uvs is None:
            return mesh.vertices, triangles, None
        both = np.column_stack([mesh.vertices[triangles.ravel()], uvs.reshape(-1, 2)])
        owners = np.zeros(len(both), np.int64)
        firsts, places = weld(both.astype(np.float32), owners)
        return both[firsts, :3], places.reshape(-1, 3), both[firsts, 3:].astype(np.float32)


def _materials(paint: Paint | None, count: int, sink: Sink) -> NDArray[np.uint32]:
    """Tell the materials of a mesh; returns the number of that of each triangle, 0 for none."""
    if paint is None:
        return np.zeros(count, np.uint32)
    for fault in paint.faults:
        sink.faults.add("", fault)
    pictures: dict[int, int] = {-1: 0}
    numbers = np.zeros(len(paint.looks) + 1, np.uint32)  # the last one is that of -1
    for at in np.unique(paint.of[paint.of >= 0]).tolist():
        look = paint.looks[at]
        if look.picture not in pictures:
            picture = paint.pictures[look.picture]
            pictures[look.picture] = (
                sink.picture(picture.data, picture.name)
                if picture.data
                else sink.texture(picture.name)
            )
        numbers[at] = sink.material(_material(look, pictures[look.picture]))
    found: NDArray[np.uint32] = numbers[paint.of]
    return found


def _material(look: Look, texture: int) -> Material:
    return Material(
        name=look.name,
        diffuse=look.colour,
        emissive=look.emissive,
        transparency=1.0 - look.opacity,
        texture=texture,
        wrap=look.wrap,
    )
