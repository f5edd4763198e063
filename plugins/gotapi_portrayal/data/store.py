"""What every scene store can do, whatever it keeps its scenes in."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol

from gotapi_portrayal.data.types import (
    Box,
    Feature,
    FeatureDraft,
    Layer,
    LayerDraft,
    Lods,
    Material,
    Part,
    Spatial,
    Texture,
)

if TYPE_CHECKING:
    from gotapi_portrayal.data.surfaces import TriangleBatch


FILE_NAME: Final = "scenes.sqlite3"
"""The store of a hub, in the folder of the plug-in."""


class LayerWriter(Protocol):
    """A layer that is being written; nobody sees it before its `with` block ends well."""

    def texture(self, data: bytes, mime: str, width: int, height: int) -> int:
        """Keep a picture, once; returns its number."""

    def material(self, material: Material) -> int:
        """Keep a material, once; returns its number."""

    def feature(self, draft: FeatureDraft) -> int:
        """Keep a feature; returns its number. Raises SceneError for an id that is there already."""

    def triangles(self, batch: "TriangleBatch") -> None:
        """Keep triangles of features given before."""


class SceneStore(Protocol):
    """Layers with their features and triangles. Any thread may call; calls block for the disk."""

    def sequence(self) -> int:
        """Return a number that is higher after each change of any layer, by any process."""

    def layers(self) -> tuple[Layer, ...]:
        """Return every layer, by name."""

    def layer(self, name: str) -> Layer | None:
        """Return a layer, or None."""

    def query(
        self,
        layer: str,
        box: Box | None = None,
        lods: Lods | None = None,
        spatial: Spatial = Spatial.OVERLAPS,
    ) -> Iterator[Part]:
        """Find triangles, all of one version of the layer; without `lods` those of every LOD.

        The box is in the CRS of the layer, x east, y north. Nothing is found in an unknown layer.
        """

    def features(self, numbers: Sequence[int]) -> dict[int, Feature]:
        """Return features by their numbers; unknown ones are not among them."""

    def features_by_id(self, layer: str, object_ids: Sequence[str]) -> dict[str, Feature]:
        """Return features of a layer by their object ids; unknown ones are not among them."""

    def children(self, number: int) -> tuple[Feature, ...]:
        """Return the features that are parts of a feature."""

    def materials(self, layer: str) -> dict[int, Material]:
        """Return the materials of a layer by their numbers."""

    def textures(self, layer: str) -> tuple[Texture, ...]:
        """Return the textures of a layer without their data."""

    def texture(self, number: int) -> Texture | None:
        """Return a texture with its data, or None."""

    def write(self, draft: LayerDraft) -> AbstractContextManager[LayerWriter]:
        """Write a layer, replacing what has its name.

        It appears as a whole when the block ends; an exception in it, or the end of the process,
        leaves everything as it was. Raises StoreBusyError when another process writes.
        """

    def remove(self, layer: str) -> bool:
        """Remove a layer; returns whether there was one."""

    def close(self) -> None:
        """Let go of the files."""
