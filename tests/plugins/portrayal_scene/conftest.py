"""A store with a bit of everything, a service on it, and GLB read back."""

import base64
import contextlib
import io
import json
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft, Material
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.service import PortrayalService

EAST, NORTH, UP = 500_000.0, 5_700_000.0, 50.0  # EPSG:25832, of the first house
CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip
SURFACES = np.array([2] * 8 + [1, 1, 3, 3], np.uint8)  # walls, ground, roof
UTM = Crs("EPSG:25832+7837", "EPSG:25832", "EPSG:7837")
URL = "http://127.0.0.1:4035/3dps"
ATTRIBUTES = (
    {"storeys": 1, "height": 10.5, "listed": True, "street": "<A & Ä>", "odd.name": 2**40},
    {"storeys": 2, "height": 4, "listed": False, "street": "B", "mixed": 1},
    {"storeys": 3, "mixed": "one"},
)


def batch(
    number: int,
    points: np.ndarray,
    faces: np.ndarray = FACES,
    level: str = "2",
    levels: tuple[str, ...] = (),
    **more: Any,
) -> TriangleBatch:
    """Triangles of one feature at one LOD; `levels` are all it has."""
    count = len(faces)
    return TriangleBatch(
        points=points,
        triangles=np.asarray(faces, np.int64),
        features=np.full(count, number, np.int64),
        lods=np.full(count, lod.code(level), np.uint8),
        masks=np.full(count, sum(lod.bit(lod.code(one)) for one in levels or (level,)), np.uint32),
        materials=more.pop("materials", np.zeros(count, np.uint32)),
        surfaces=more.pop("surfaces", np.zeros(count, np.uint8)),
        **more,
    )


def town(store: SqliteSceneStore, name: str, *, public: bool = True, north: float = NORTH) -> None:
    """Three cubes of 10 m in a row, each 20 m east of the one before; the first has LOD 1 too."""
    with store.write(LayerDraft(name=name, title=name.title(), crs=UTM, public=public)) as writer:
        for place, attributes in enumerate(ATTRIBUTES):
            draft = FeatureDraft(f"{name}-{place}", "Building", attributes=dict(attributes))
            number = writer.feature(draft)
            points = CUBE * 10 + np.array((EAST + 20 * place, north, UP))
            levels = ("1", "2") if place == 0 else ("2",)
            for level in levels:
                writer.triangles(
                    batch(number, points, level=level, levels=levels, surfaces=SURFACES)
                )


def hill(store: SqliteSceneStore) -> None:
    """A hill of 100 m, as terrain, south of the town."""
    line = np.linspace(0, 100, 21)
    x, y = np.meshgrid(line, line)
    z = 20 * np.sin(x / 40) * np.sin(y / 40)
    n = np.arange(21 * 21).reshape(21, 21)
    a, b, c, d = n[:-1, :-1], n[:-1, 1:], n[1:, :-1], n[1:, 1:]
    faces = np.concatenate([np.stack(f, -1).reshape(-1, 3) for f in ((a, b, d), (a, d, c))])
    points = np.stack([x + EAST, y + NORTH - 200, z], -1).reshape(-1, 3)
    draft = LayerDraft(name="hill", title="Hill", crs=UTM, kind="terrain")
    with store.write(draft) as writer:
        number = writer.feature(FeatureDraft("hill", "TINRelief"))
        writer.triangles(batch(number, points, faces, level=""))


def picture(colour: tuple[int, ...], size: tuple[int, int] = (80, 40), kind: str = "PNG") -> bytes:
    """A picture whose upper left quarter has the colour; the rest is white."""
    image = Image.new("RGBA" if len(colour) == 4 else "RGB", size, (255,) * len(colour))
    image.paste(colour, (0, 0, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def signs(store: SqliteSceneStore) -> None:
    """Four upright squares: two with pictures, one that repeats its picture, one of glass."""
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uvs = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    with store.write(LayerDraft(name="signs", title="Signs", crs=UTM)) as writer:
        red = writer.texture(picture((255, 0, 0)), "image/png", 80, 40)
        green = writer.texture(picture((0, 255, 0, 128), (30, 60)), "image/png", 30, 60)
        blue = writer.texture(picture((0, 0, 255), (64, 64), "JPEG"), "image/jpeg", 64, 64)
        materials = [
            writer.material(Material("red", texture=red, wrap="clamp")),
            writer.material(Material("green", texture=green)),
            writer.material(Material("blue", texture=blue)),
            writer.material(Material("glass", (0.5, 0.5, 1.0), (0.1, 0.0, 0.0), transparency=0.75)),
        ]
        for place, material in enumerate(materials):
            number = writer.feature(FeatureDraft(f"sign-{place}", "CityFurniture"))
            writer.triangles(
                batch(
                    number,
                    square + np.array((EAST + 2 * place, NORTH - 50, UP)),
                    faces,
                    materials=np.full(2, material, np.uint32),
                    uvs=(uvs * (3 if place == 2 else 1)).astype(np.float32),
                )
            )


def nowhere(store: SqliteSceneStore) -> None:
    """A cube of 1 m without a place on earth."""
    with store.write(LayerDraft(name="thing", title="Thing", crs=Crs(), kind="model")) as writer:
        number = writer.feature(FeatureDraft("thing", "Model"))
        writer.triangles(batch(number, CUBE, level=""))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with everything, to be copied."""
    path = tmp_path_factory.mktemp("scenes") / FILE_NAME
    store = SqliteSceneStore(path)
    town(store, "town")
    town(store, "hidden", public=False, north=NORTH + 100)
    hill(store)
    signs(store)
    nowhere(store)
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # into the one file
    return path


@pytest.fixture
def scene_store(tmp_path: Path, filled: Path) -> Iterator[SqliteSceneStore]:
    """Layers `town`, `hidden` (private), `hill`, `signs` and `thing`."""
    shutil.copyfile(filled, tmp_path / FILE_NAME)
    store = SqliteSceneStore(tmp_path / FILE_NAME)
    yield store
    store.close()


@pytest.fixture
def write_town() -> Callable[..., None]:
    return town


def houses(store: SqliteSceneStore, name: str, sizes: Sequence[float]) -> None:
    """Cubes of some sizes in a row, each 100 m east of the one before."""
    with store.write(LayerDraft(name=name, title=name.title(), crs=UTM)) as writer:
        for place, size in enumerate(sizes):
            number = writer.feature(FeatureDraft(f"{name}-{place}", "Building"))
            points = CUBE * size + np.array((EAST + 100 * place, NORTH, UP))
            writer.triangles(batch(number, points))


@pytest.fixture
def write_houses() -> Callable[..., None]:
    return houses


@pytest.fixture
def service(scene_store: SqliteSceneStore, tmp_path: Path) -> Iterator[PortrayalService]:
    made = PortrayalService(tmp_path, Service())
    yield made
    made.close()


@pytest.fixture
def ask(service: PortrayalService) -> Callable[..., Answer]:
    """Ask as the surface does: a query, or an address of the service."""

    def do(query: str, *, private: bool = False, **more: str) -> Answer:
        if query.startswith(URL):
            query = urlsplit(query).query
        else:
            query = "&".join(
                [f"service=3DPS&version=1.0&{query}", *(f"{k}={v}" for k, v in more.items())]
            )
        shelf = service.shelf(private=private)
        request = read_fields(read_query(query.encode()))
        return service.answer(request, URL, private=private, shelf=shelf)

    return do


@pytest.fixture
def scene(ask: Callable[..., Answer]) -> Callable[..., Answer]:
    """Ask for a scene of the town as GLB; parameters as keywords."""

    def do(*, private: bool = False, **more: str) -> Answer:
        given = {"layers": "town", "crs": "EPSG:25832", "format": "model/gltf-binary"} | more
        given = {name: value.replace("+", "%2B") for name, value in given.items()}
        return ask("request=GetScene", private=private, **given)

    return do


@dataclass(frozen=True)
class Shape:
    """A primitive of glTF: its corners in the metres of the document, by triangles."""

    corners: np.ndarray  # (t, 3, 3)
    normals: np.ndarray | None
    uvs: np.ndarray | None
    ids: np.ndarray | None
    material: dict[str, Any]
    primitive: dict[str, Any]
    below: np.ndarray  # (t, 3, 3) in coordinates below the node `crs`


@dataclass(frozen=True)
class Gltf:
    """A glTF document that was read back."""

    json: dict[str, Any]
    buffer: bytes
    shapes: list[Shape] = field(default_factory=list)

    @property
    def corners(self) -> np.ndarray:
        return np.concatenate([np.empty((0, 3, 3)), *(one.corners for one in self.shapes)])

    @property
    def below(self) -> np.ndarray:
        return np.concatenate([np.empty((0, 3, 3)), *(one.below for one in self.shapes)])

    def node(self, name: str) -> dict[str, Any]:
        [found] = [one for one in self.json["nodes"] if one["name"] == name]
        return found

    def view(self, number: int) -> bytes:
        view = self.json["bufferViews"][number]
        return self.buffer[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def accessor(self, number: int) -> np.ndarray:
        one = self.json["accessors"][number]
        kind = np.dtype({5126: "<f4", 5123: "<u2", 5125: "<u4"}[one["componentType"]])
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[one["type"]]
        stride = self.json["bufferViews"][one["bufferView"]].get(
            "byteStride", kind.itemsize * width
        )
        data, begin = self.view(one["bufferView"]), one["byteOffset"]
        rows = [np.frombuffer(data, kind, width, begin + n * stride) for n in range(one["count"])]
        return np.array(rows).reshape(one["count"], width)

    def table(self, number: int = 0) -> dict[str, list[Any]]:
        """The columns of a table of features, by the names of their attributes."""
        extension = self.json["extensions"]["EXT_structural_metadata"]
        table = extension["propertyTables"][number]
        described = extension["schema"]["classes"][table["class"]]["properties"]
        return {
            described[name]["name"]: self._column(described[name], stored, table["count"])
            for name, stored in table["properties"].items()
        }

    def _column(self, described: dict[str, Any], stored: dict[str, Any], count: int) -> list[Any]:
        data, nothing = self.view(stored["values"]), described.get("noData")
        if described["type"] == "STRING":
            ends = np.frombuffer(self.view(stored["stringOffsets"]), "<u4")
            values: list[Any] = [data[a:b].decode() for a, b in pairwise(ends)]
        elif described["type"] == "BOOLEAN":
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            values = [bool(one) for one in bits[:count]]
        else:
            kinds = {"UINT8": "<u1", "INT32": "<i4", "INT64": "<i8", "FLOAT64": "<f8"}
            values = np.frombuffer(data, kinds[described["componentType"]]).tolist()
        assert len(values) == count
        return [None if nothing is not None and one == nothing else one for one in values]


def matrix_of(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"]).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turned = np.array(
        [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
         [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
         [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]
    )  # fmt: skip
    found = np.eye(4)
    found[:3, :3] = turned * np.array(node.get("scale", (1, 1, 1)))
    found[:3, 3] = node.get("translation", (0, 0, 0))
    return found


def read(body: bytes) -> Gltf:
    """Read a GLB, or glTF in JSON with its buffer in it."""
    if body[:4] == b"glTF":
        version, size, length = struct.unpack("<III", body[4:16])
        assert (version, size, body[16:20]) == (2, len(body), b"JSON")
        assert length % 4 == 0
        document, rest = json.loads(body[20 : 20 + length]), body[20 + length :]
        assert not rest or rest[4:8] == b"BIN\0"
        buffer = rest[8:]
    else:
        document = json.loads(body)
        [uri] = [one["uri"] for one in document.get("buffers", [{"uri": ","}])]
        buffer = base64.b64decode(uri.partition(",")[2])
    found = Gltf(document, buffer)
    for top in document["scenes"][0]["nodes"]:
        _walk(found, top, np.eye(4), np.eye(4), top=True)
    return found


def _walk(found: Gltf, number: int, above: np.ndarray, below: np.ndarray, *, top: bool) -> None:
    node = found.json["nodes"][number]
    matrix = above @ matrix_of(node)
    local = below if top else below @ matrix_of(node)
    if "mesh" in node:
        for primitive in found.json["meshes"][node["mesh"]]["primitives"]:
            found.shapes.append(_shape(found, primitive, matrix, local))
    for child in node.get("children", []):
        _walk(found, child, matrix, local, top=False)


def _shape(found: Gltf, primitive: dict[str, Any], matrix: np.ndarray, local: np.ndarray) -> Shape:
    values = {name: found.accessor(n) for name, n in primitive["attributes"].items()}
    count = len(values["POSITION"])
    rows = np.arange(count)
    if "indices" in primitive:
        rows = found.accessor(primitive["indices"]).reshape(-1).astype(int)
        assert rows.max() < count
    points = np.hstack([values["POSITION"].astype(float), np.ones((count, 1))])

    def placed(by: np.ndarray) -> np.ndarray:
        return (points @ by.T)[rows, :3].reshape(-1, 3, 3)

    corners = placed(matrix)
    if np.linalg.det(matrix[:3, :3]) < 0:  # 3.7.4: such a node turns the triangles round
        corners = corners[:, ::-1]
    normals = None
    if "NORMAL" in values:
        bent = values["NORMAL"] @ np.linalg.inv(matrix[:3, :3])
        normals = (bent / np.linalg.norm(bent, axis=1)[:, None])[rows].reshape(-1, 3, 3)
        if np.linalg.det(matrix[:3, :3]) < 0:
            normals = normals[:, ::-1]
    pick = {
        name: values[name][rows].reshape(len(rows) // 3, 3, -1) if name in values else None
        for name in ("TEXCOORD_0", "_FEATURE_ID_0")
    }
    return Shape(
        corners,
        normals,
        pick["TEXCOORD_0"],
        pick["_FEATURE_ID_0"],
        found.json["materials"][primitive["material"]],
        primitive,
        placed(local),
    )


@pytest.fixture
def read_gltf() -> Callable[[bytes], Gltf]:
    return read
