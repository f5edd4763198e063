"""Writes one layer into the SQLite store, within one transaction."""

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.pack import pack
from gotapi_portrayal.data.sqlite_files import encode, forget, next_sequence
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.tiles import STEP, Tiler
from gotapi_portrayal.data.types import (
    Attribute,
    AttributeType,
    Box,
    FeatureDraft,
    Layer,
    LayerDraft,
    Material,
    Part,
    SceneError,
)

MOST_ATTRIBUTES: Final = 1_000
"""Attributes told in the description of a layer; features keep more."""
_NAMES: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(slots=True)
class SqliteLayerWriter:
    """See `LayerWriter`; `finish` is called once, at the end."""

    connection: sqlite3.Connection
    draft: LayerDraft
    number: int = 0
    textured: bool = False
    count: int = 0
    triangle_count: int = 0
    lods: int = 0
    kinds: set[str] = field(default_factory=set)
    types: dict[str, str] = field(default_factory=dict)
    box: Box | None = None
    tiler: Tiler = field(init=False)

    def __post_init__(self) -> None:
        step = 0.0 if self.draft.kind == "model" else STEP
        self.tiler = Tiler(self.draft.name, step)
        forget(self.connection, self.draft.name)
        made = self.connection.execute(
            "INSERT INTO layers (name, document) VALUES (?, x'')", (self.draft.name,)
        )
        self.number = made.lastrowid or 0

    def texture(self, data: bytes, mime: str, width: int, height: int) -> int:
        """Keep a picture, once."""
        self.textured = True
        known = hashlib.sha256(data).hexdigest()
        row = (self.number, known, mime, width, height, data)
        return self._once(
            "INSERT OR IGNORE INTO textures (layer, sha256, mime, width, height, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row,
            "SELECT number FROM textures WHERE layer = ? AND sha256 = ?",
            (self.number, known),
        )

    def material(self, material: Material) -> int:
        """Keep a material, once."""
        row = (self.number, encode(material))
        return self._once(
            "INSERT OR IGNORE INTO materials (layer, document) VALUES (?, ?)",
            row,
            "SELECT number FROM materials WHERE layer = ? AND document = ?",
            row,
        )

    def _once(
        self, insert: str, row: tuple[object, ...], find: str, key: tuple[object, ...]
    ) -> int:
        self.connection.execute(insert, row)
        (number,) = self.connection.execute(find, key).fetchone()
        return int(number)

    def feature(self, draft: FeatureDraft) -> int:
        """Keep a feature; raises SceneError for an id that is there already."""
        row = (self.number, draft.object_id, draft.kind, draft.parent, encode(draft.attributes))
        try:
            made = self.connection.execute(
                "INSERT INTO features (layer, object_id, kind, parent, attributes)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.IntegrityError:
            raise SceneError("there is another object with this id") from None
        self.count += 1
        self.kinds.add(draft.kind)
        for name, value in draft.attributes.items():
            self._learn(name, value)
        return made.lastrowid or 0

    def triangles(self, batch: TriangleBatch) -> None:
        """Keep triangles of features given before."""
        for part, masks in self.tiler.add(batch):
            self._part(part, masks)

    def finish(self) -> None:
        """Write what waits, and the layer's own description."""
        for part, masks in self.tiler.rest():
            self._part(part, masks)
        self.connection.executemany(
            "UPDATE features SET lods = ?, box = ? WHERE number = ?",
            (
                (self.tiler.masks[feature], box[:6].tobytes(), feature)
                for feature, box in self.tiler.boxes.items()
            ),
        )
        layer = self._layer(next_sequence(self.connection))
        self.connection.execute(
            "UPDATE layers SET document = ? WHERE number = ?", (encode(layer), self.number)
        )

    def _layer(self, version: int) -> Layer:
        if self.box is None:
            raise SceneError(
                f"nothing in {', '.join(self.draft.sources) or 'it'} has a surface; "
                "there is nothing to show"
            )
        known = msgspec.structs.asdict(self.draft)
        return Layer(
            **known,
            box=self.box,
            lods=lod.names(self.lods),
            version=version,
            features=self.count,
            triangles=self.triangle_count,
            attributes=tuple(AttributeType(*one) for one in sorted(self.types.items())),
            classes=tuple(sorted(self.kinds)),
            textured=self.textured,
        )

    def _learn(self, name: str, value: Attribute) -> None:
        if value is None:
            return
        kind, known = _NAMES[type(value)], self.types.get(name)
        if known is None and len(self.types) < MOST_ATTRIBUTES:
            self.types[name] = kind
        elif known not in (None, kind):
            numbers = {kind, known} == {"integer", "number"}
            self.types[name] = "number" if numbers else "string"

    def _part(self, part: Part, masks: NDArray[np.uint32]) -> None:
        code, base = lod.code(part.lod), int(part.features.min())
        self.triangle_count += len(part.triangles)
        self.lods |= lod.bit(code)
        low = (part.boxes[:, :3].min(axis=0) + np.array(part.origin)).tolist()
        high = (part.boxes[:, 3:].max(axis=0) + np.array(part.origin)).tolist()
        box = Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        self.box = box if self.box is None else self.box.joined(box)
        made = self.connection.execute(
            "INSERT INTO parts (layer, lod, base, x, y, z, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.number, code, base, *part.origin, pack(part, masks, base)),
        )
        sides = [side for pair in zip(low, high, strict=True) for side in pair]
        self.connection.execute(
            "INSERT INTO parts_index VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made.lastrowid, *sides, self.number, self.number),
        )
