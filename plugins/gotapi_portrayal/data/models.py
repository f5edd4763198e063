"""PURE: model files (GLB, STL, OBJ, 3MF) as one feature each, in metres with z up."""

from typing import BinaryIO, Final

import numpy as np

from gotapi_meshes.errors import MeshError
from gotapi_meshes.kinds import FileKind
from gotapi_meshes.reading import read_model
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sink import Head, Sink
from gotapi_portrayal.data.surfaces import Record, Triangles
from gotapi_portrayal.data.types import Attribute, SceneError, Triple

MILLIMETRE: Final = 0.001


class Model:
    """A model; `scale` is metres of its unit, None for the usual one: STL millimetres, OBJ metres.

    `at` is where its origin is, in the CRS of the layer.
    """

    def __init__(
        self, file: BinaryIO, name: str, scale: float | None = None, at: Triple | None = None
    ) -> None:
        try:
            kind, self._mesh = read_model(file)
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
        triangles = Triangles(
            lod=lod.ANY,
            points=self._mesh.vertices * self._scale,
            triangles=self._mesh.triangles.astype(np.int64),
            materials=np.zeros(len(self._mesh.triangles), np.uint32),
            anchor=self._at,
        )
        sink.tree([Record(self._name, "Model", "", attributes, [], [triangles])])
        sink.progress(1.0)
