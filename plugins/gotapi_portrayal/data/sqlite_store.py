"""The scene store in one SQLite file."""

import contextlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.clip import cut, reaches
from gotapi_portrayal.data.pack import Masks, inside, take, unpack, wanted
from gotapi_portrayal.data.sqlite_files import Files, busy_told, forget, next_sequence
from gotapi_portrayal.data.sqlite_write import SqliteLayerWriter
from gotapi_portrayal.data.types import (
    Attribute,
    Box,
    Feature,
    Layer,
    LayerDraft,
    Lods,
    Material,
    Part,
    Spatial,
    Texture,
)

CACHE_BYTES: Final = 64 << 20
"""Unpacked parts kept in memory: some million triangles; nothing before the first question."""

_COLUMNS: Final = "f.number, l.name, f.object_id, f.kind, f.parent, f.attributes, f.lods, f.box"
_FEATURES: Final = f"SELECT {_COLUMNS} FROM features f JOIN layers l ON l.number = f.layer"  # noqa: S608  # our names
_BLOCK: Final = 500  # ids asked for at once
_ATTRIBUTES: Final = msgspec.json.Decoder(dict[str, Attribute])
_MATERIAL: Final = msgspec.json.Decoder(Material)
_LAYER: Final = msgspec.json.Decoder(Layer)

Row = tuple[Any, ...]
Found = tuple[Part, Masks]


class SqliteSceneStore:
    """See `SceneStore`; raises SceneError for a file that cannot be used."""

    def __init__(self, path: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self._files = Files(path)
        self._cache = _Cache(cache_bytes)

    def sequence(self) -> int:
        """Return a number that is higher after each change."""
        with self._files.reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
        return int(row[0])

    def layers(self) -> tuple[Layer, ...]:
        """Return every layer, by name."""
        with self._files.reading() as connection:
            rows = connection.execute("SELECT document FROM layers ORDER BY name").fetchall()
        return tuple(_LAYER.decode(document) for (document,) in rows)

    def layer(self, name: str) -> Layer | None:
        """Return a layer, or None."""
        with self._files.reading() as connection:
            row = connection.execute(
                "SELECT document FROM layers WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else _LAYER.decode(row[0])

    def query(
        self,
        layer: str,
        box: Box | None = None,
        lods: Lods | None = None,
        spatial: Spatial = Spatial.OVERLAPS,
    ) -> Iterator[Part]:
        """Find triangles; see `SceneStore.query`."""
        if lods is not None:
            lod.code(lods.lod)  # a wrong one is told also where nothing is found
        with self._files.reading() as connection:
            for row in connection.execute(*_search(connection, layer, box, lods)):
                part, masks = self._part(connection, layer, row)
                part = take(part, wanted(part, masks, lods))
                part = part if box is None else _chosen(part, box, spatial)
                if len(part.triangles):
                    yield part

    def features(self, numbers: Sequence[int]) -> dict[int, Feature]:
        """Return features by their numbers."""
        found = self._features("f.number", numbers)
        return {feature.number: feature for feature in found}

    def features_by_id(self, layer: str, object_ids: Sequence[str]) -> dict[str, Feature]:
        """Return features of a layer by their object ids."""
        found = self._features("f.object_id", object_ids, layer)
        return {feature.object_id: feature for feature in found}

    def children(self, number: int) -> tuple[Feature, ...]:
        """Return the features that are parts of a feature."""
        return tuple(self._features("f.parent", [number] if number > 0 else []))

    def materials(self, layer: str) -> dict[int, Material]:
        """Return the materials of a layer by their numbers."""
        with self._files.reading() as connection:
            rows = connection.execute(
                "SELECT m.number, m.document FROM materials m JOIN layers l ON l.number = m.layer"
                " WHERE l.name = ? ORDER BY m.number",
                (layer,),
            ).fetchall()
        return {number: _MATERIAL.decode(document) for number, document in rows}

    def textures(self, layer: str) -> tuple[Texture, ...]:
        """Return the textures of a layer without their data."""
        with self._files.reading() as connection:
            rows = connection.execute(
                "SELECT t.number, t.mime, t.sha256, t.width, t.height FROM textures t"
                " JOIN layers l ON l.number = t.layer WHERE l.name = ? ORDER BY t.number",
                (layer,),
            ).fetchall()
        return tuple(Texture(*row) for row in rows)

    def texture(self, number: int) -> Texture | None:
        """Return a texture with its data, or None."""
        with self._files.reading() as connection:
            row = connection.execute(
                "SELECT number, mime, sha256, width, height, data FROM textures WHERE number = ?",
                (number,),
            ).fetchone()
        return None if row is None else Texture(*row)

    @contextlib.contextmanager
    def write(self, draft: LayerDraft) -> Iterator[SqliteLayerWriter]:
        """Write a layer, replacing what has its name; see `SceneStore.write`."""
        with self._files.writing() as connection:
            writer = SqliteLayerWriter(connection, draft)
            yield writer
            writer.finish()

    def remove(self, layer: str) -> bool:
        """Remove a layer; returns whether there was one."""
        with self._files.writing() as connection, busy_told():
            removed = forget(connection, layer)
            if removed:
                next_sequence(connection)
        return removed

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def _part(self, connection: sqlite3.Connection, layer: str, row: Row) -> Found:
        number, code, base, x, y, z = row
        known = self._cache.get(number)
        if known is None:
            (data,) = connection.execute(
                "SELECT data FROM parts WHERE number = ?", (number,)
            ).fetchone()
            known = unpack(data, layer, code, (x, y, z), base)
            self._cache.put(number, known)
        return known

    def _features(
        self, column: str, keys: Sequence[int] | Sequence[str], layer: str | None = None
    ) -> list[Feature]:
        found: list[Feature] = []
        with self._files.reading() as connection:
            for begin in range(0, len(keys), _BLOCK):
                block = keys[begin : begin + _BLOCK]
                marks = ",".join("?" * len(block))
                text = f"{_FEATURES} WHERE {column} IN ({marks})"
                text += " AND l.name = ?" if layer is not None else ""
                words = (*block, layer) if layer is not None else tuple(block)
                found += map(_feature, connection.execute(f"{text} ORDER BY f.number", words))
        return found


class _Cache:
    """Unpacked parts that were used last; the numbers of parts are never given twice."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._lock = threading.Lock()
        self._parts: OrderedDict[int, Found] = OrderedDict()

    def get(self, number: int) -> Found | None:
        with self._lock:
            found = self._parts.get(number)
            if found is not None:
                self._parts.move_to_end(number)
            return found

    def put(self, number: int, found: Found) -> None:
        with self._lock:
            if number in self._parts:
                return
            self._parts[number] = found
            self._bytes += found[0].nbytes
            while self._bytes > self._most and self._parts:
                _, (part, _) = self._parts.popitem(last=False)
                self._bytes -= part.nbytes


def _search(
    connection: sqlite3.Connection, layer: str, box: Box | None, lods: Lods | None
) -> tuple[str, Row]:
    row = connection.execute("SELECT number FROM layers WHERE name = ?", (layer,)).fetchone()
    number = -1 if row is None else row[0]
    columns = "SELECT p.number, p.lod, p.base, p.x, p.y, p.z FROM parts p"
    exact = lods is not None and lods.selection.value == "equals"
    some = " AND p.lod IN (?, 255)" if exact else ""
    words = (lod.code(lods.lod),) if exact and lods is not None else ()
    if box is None:
        return f"{columns} WHERE p.layer = ?{some} ORDER BY p.number", (number, *words)
    sides = tuple(side for pair in zip(box.high, box.low, strict=True) for side in pair)
    text = (
        f"{columns} JOIN parts_index i ON i.number = p.number WHERE i.x_low <= ? AND i.x_high >= ?"
        " AND i.y_low <= ? AND i.y_high >= ? AND i.z_low <= ? AND i.z_high >= ?"
        f" AND i.layer_low <= ? AND i.layer_high >= ?{some} ORDER BY p.number"
    )
    return text, (*sides, number, number, *words)


def _chosen(part: Part, box: Box, spatial: Spatial) -> Part:
    part = take(part, inside(part, box, spatial))
    if not len(part.features) or spatial is Spatial.CONTAINS_CENTER:
        return part
    low, high = np.array(box.low), np.array(box.high)
    origin = np.array(part.origin)
    within = (part.boxes[:, :3] + origin >= low) & (part.boxes[:, 3:] + origin <= high)
    if within.all():
        return part
    return cut(part, box) if spatial is Spatial.CUT else take(part, reaches(part, box))


def _feature(row: Row) -> Feature:
    number, layer, object_id, kind, parent, attributes, mask, box = row
    sides = None if box is None else np.frombuffer(box, np.float64).tolist()
    return Feature(
        number=number,
        layer=layer,
        object_id=object_id,
        kind=kind,
        parent=parent,
        attributes=_ATTRIBUTES.decode(attributes),
        lods=lod.names(mask),
        box=None if sides is None else Box(tuple(sides[:3]), tuple(sides[3:])),
    )
