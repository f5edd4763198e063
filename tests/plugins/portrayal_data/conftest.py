"""Scene stores, and files imported into them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gotapi_portrayal.data import lod
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Imported, Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft, Part

Import = Callable[..., Imported]

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


def cubes(
    store: SceneStore,
    places: dict[str, tuple[float, float, float]],
    lods: dict[str, tuple[str, ...]] | None = None,
    layer: str = "cubes",
    size: float = 10.0,
    kind: str = "city",
) -> dict[str, int]:
    """Write a layer of cubes, each at a place, each at some LODs; returns their numbers."""
    numbers = {}
    with store.write(LayerDraft(layer, "Cubes", Crs("EPSG:25832"), kind)) as writer:
        for name, place in places.items():
            number = writer.feature(FeatureDraft(name, "Building", 0, {"name": name}))
            numbers[name] = number
            codes = [lod.code(one) for one in (lods or {}).get(name, ("1",))]
            mask = sum(map(lod.bit, codes))
            for code in codes:
                count = len(FACES)
                writer.triangles(
                    TriangleBatch(
                        points=CUBE * size + np.array(place),
                        triangles=FACES,
                        features=np.full(count, number, np.int64),
                        lods=np.full(count, code, np.uint8),
                        masks=np.full(count, mask, np.uint32),
                        materials=np.zeros(count, np.uint32),
                        surfaces=np.full(count, 2, np.uint8),
                    )
                )
    return numbers


def area(part: Part) -> float:
    """The area of all triangles of a part."""
    corners = part.vertices.astype(np.float64)[part.triangles]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(crossed, axis=1).sum() / 2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSceneStore]:
    made = SqliteSceneStore(tmp_path / "scenes.sqlite3")
    yield made
    made.close()


@pytest.fixture
def write_cubes() -> Callable[..., dict[str, int]]:
    return cubes


@pytest.fixture
def area_of() -> Callable[[Part], float]:
    return area


@pytest.fixture
def imported(store: SqliteSceneStore, tmp_path: Path) -> Import:
    """Write a file and import it as layer `new`; members of the order as keywords."""

    def do(content: bytes | dict[str, Any], name: str = "file", **members: Any) -> Imported:
        data = json.dumps(content).encode() if isinstance(content, dict) else content
        file = tmp_path / name
        file.write_bytes(data)
        return import_layer(store, Order((str(file),), "new", **members))

    return do


@pytest.fixture
def told(imported: Import) -> Callable[..., list[tuple[str, str]]]:
    """Import and return the faults, as object id and message."""

    def do(content: bytes | dict[str, Any], name: str = "file", **members: Any) -> Any:
        done = imported(content, name, **members)
        return [(one.fault.object_id, one.fault.message) for one in done.faults]

    return do


@pytest.fixture
def only_part(store: SqliteSceneStore) -> Callable[..., Part]:
    def do(layer: str = "new", *words: Any) -> Part:
        [part] = store.query(layer, *words)
        return part

    return do


@pytest.fixture
def real(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """A real file of a city; the test is skipped where it is missing."""

    def find(name: str) -> Path:
        root = Path(__file__).parents[3]
        folder = Path(os.environ.get("GOTAPI_SHARED_DATA", root.parent / "shared" / "data"))
        if not (folder / "city" / name).exists():
            pytest.skip(f"{name} is not there; GOTAPI_SHARED_DATA says where real cities are")
        return folder / "city" / name

    return find
