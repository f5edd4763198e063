"""From what readers find to what the store keeps: numbers, frames, triangles, faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.crs import Frame
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.pictures import Picture, Pictures, checked
from gotapi_portrayal.data.store import LayerWriter
from gotapi_portrayal.data.surfaces import Points, Polygons, Record, TriangleBatch, Triangles
from gotapi_portrayal.data.triangulate import triangulate
from gotapi_portrayal.data.types import FeatureDraft, Material, SceneError

BATCH: Final = 50_000
"""Corners worked on at once: numpy's own cost is small beside, the memory some megabytes."""
LONGEST_ID: Final = 500
"""Characters of an object id; longer ones are cut."""
_PARTS: Final = "Part"  # BuildingPart and its like: their whole has the LODs of all of them


@dataclass(slots=True)
class _Waiting:
    feature: int
    object_id: str
    mask: int
    polygons: Polygons


@dataclass(slots=True)
class Loader:
    """What readers speak to; one for each file."""

    writer: LayerWriter
    frame: Frame
    faults: Faults
    pictures: Pictures
    waiting: list[_Waiting] = field(default_factory=list)
    corners: int = 0

    def tree(self, records: Sequence[Record]) -> None:
        """Take a feature with all of its parts, parents first."""
        numbers: dict[str, int] = {}
        family = sum({_bit(one) for record in records if _is_part(record) for one in _lods(record)})
        for record in records:
            number = self._feature(record, numbers)
            mask = sum({_bit(one) for one in _lods(record)})
            if _is_part(record):
                mask |= family
            for triangles in record.triangles:
                self._triangles(number, mask, triangles)
            for polygons in sorted(record.polygons, key=lambda one: one.lod):
                self.waiting.append(_Waiting(number, record.object_id, mask, polygons))
                self.corners += len(polygons.points)
        if self.corners >= BATCH:
            self.flush()

    def material(self, material: Material) -> int:
        """Keep a material; returns its number."""
        return self.writer.material(material)

    def texture(self, name: str) -> int:
        """Keep a picture that lies beside the file; returns its number, 0 where it is missing."""
        return self._kept(partial(self.pictures.read, name))

    def picture(self, data: bytes, name: str) -> int:
        """Keep a picture that came with the file; returns its number, 0 where it cannot be read."""
        return self._kept(partial(checked, data, name[:100]))

    def _kept(self, read: Callable[[], Picture]) -> int:
        try:
            picture = read()
        except SceneError as error:
            self.faults.add("", str(error))
            return 0
        return self.writer.texture(picture.data, picture.mime, picture.width, picture.height)

    def flush(self) -> None:
        """Turn the polygons that wait into triangles."""
        waiting, self.waiting, self.corners = self.waiting, [], 0
        if waiting:
            self._polygons(waiting)

    def _feature(self, record: Record, numbers: dict[str, int]) -> int:
        wanted = record.object_id[:LONGEST_ID]
        parent = numbers.get(record.parent, 0)
        name, again = wanted, 1
        while True:
            draft = FeatureDraft(name, record.kind, parent, record.attributes)
            try:
                number = self.writer.feature(draft)
                break
            except SceneError:
                again += 1
                name = f"{wanted}~{again}"
        if again > 1:
            self.faults.add(wanted, f"there is another object with this id; this one is '{name}'")
        numbers.setdefault(record.object_id, number)
        record.object_id = name
        return number

    def _triangles(self, number: int, mask: int, given: Triangles) -> None:
        points = self._placed(given.points, given.anchor)
        fine = np.isfinite(points).min(axis=1)
        triangles, materials = given.triangles, given.materials
        if not np.all(fine):
            self.faults.add("", "coordinates that are no numbers; their triangles are left out")
            keep = np.all(fine[triangles], axis=1)
            points = np.where(fine[:, None], points, 0.0)
            triangles, materials = triangles[keep], materials[keep]
        count = len(triangles)
        self.writer.triangles(
            TriangleBatch(
                points=points,
                triangles=triangles,
                features=np.full(count, number, np.int64),
                lods=np.full(count, given.lod, np.uint8),
                masks=np.full(count, mask, np.uint32),
                materials=materials,
                surfaces=np.zeros(count, np.uint8),
                uvs=given.uvs,
            )
        )

    def _placed(self, points: Points, anchor: tuple[float, float, float] | None) -> Points:
        if anchor is None:
            return self.frame.points(points)
        return points + self.frame.points(np.array([anchor]))

    def _polygons(self, waiting: list[_Waiting]) -> None:
        all_of = [one.polygons for one in waiting]
        points = self._points(all_of)
        counts = [len(one.polygons) for one in all_of]
        whose = np.repeat(np.arange(len(waiting)), counts)

        def told(polygon: int, message: str) -> None:
            self.faults.add(waiting[int(whose[polygon])].object_id, message)

        triangles, polygon_of = triangulate(
            points,
            _joined([one.rings for one in all_of]),
            _joined([one.polygons for one in all_of]),
            told,
        )
        item_of = whose[polygon_of]
        self.writer.triangles(
            TriangleBatch(
                points=points,
                triangles=triangles,
                features=np.array([one.feature for one in waiting], np.int64)[item_of],
                lods=np.array([one.lod for one in all_of], np.uint8)[item_of],
                masks=np.array([one.mask for one in waiting], np.uint32)[item_of],
                materials=_joined([one.materials for one in all_of])[polygon_of].astype(np.uint32),
                surfaces=_joined([one.surfaces for one in all_of])[polygon_of].astype(np.uint8),
                uvs=_uvs(all_of),
            )
        )

    def _points(self, all_of: list[Polygons]) -> Points:
        points = np.concatenate([one.points for one in all_of])
        if all(one.anchor is None for one in all_of):
            return self.frame.points(points)
        return np.concatenate([self._placed(one.points, one.anchor) for one in all_of])


def _lods(record: Record) -> list[int]:
    return [one.lod for one in record.polygons] + [one.lod for one in record.triangles]


def _bit(code: int) -> int:
    return lod.bit(code)


def _is_part(record: Record) -> bool:
    return not record.parent or record.kind.endswith(_PARTS)


def _joined(lists: list[list[int]]) -> NDArray[np.int64]:
    return np.fromiter((value for one in lists for value in one), np.int64)


def _uvs(all_of: list[Polygons]) -> NDArray[np.float32] | None:
    if all(one.uvs is None for one in all_of):
        return None
    blocks = [np.zeros((len(one.points), 2)) if one.uvs is None else one.uvs for one in all_of]
    return np.concatenate(blocks).astype(np.float32)
