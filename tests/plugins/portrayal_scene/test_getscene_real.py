"""Scenes of real cities, where they are beside the repository."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.catalogue import Service
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.scene.formats import FORMATS
from gotapi_portrayal.service import PortrayalService

HERE = Path(__file__).parent
URL = "http://127.0.0.1:4035/3dps"
CITIES = {
    "delft.json": "EPSG:28992",
    "zurich_subset_lod2.json": "EPSG:2056",
    "plateau_citygml2.gml": "EPSG:6691",
    "building_lod3_citygml3.gml": "EPSG:25832",
    "multi_lod.json": "LOCAL:METRES",
}
EARTHLY = ("application/vnd.google-earth", "application/vnd.esri")  # degrees only

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cities")
    beside = HERE.parents[2].parent / "shared" / "data"
    data = Path(os.environ.get("GOTAPI_SHARED_DATA", beside)) / "city"
    if not all((data / name).exists() for name in CITIES):
        pytest.skip("no real cities; GOTAPI_SHARED_DATA says where they are")
    store = SqliteSceneStore(folder / FILE_NAME)
    for name in CITIES:
        import_layer(store, Order((str(data / name),), name.partition(".")[0]))
    store.close()
    return folder


@pytest.fixture
def real(cities: Path) -> Iterator[Ask]:
    service = PortrayalService(cities, Service())

    def ask(query: str, **more: str) -> Answer:
        pairs = [f"{name}={value.replace('+', '%2B')}" for name, value in more.items()]
        text = "&".join([query, *pairs])
        return service.answer(
            read_fields(read_query(text.encode())), URL, private=False,
            shelf=service.shelf(private=False),
        )  # fmt: skip

    yield ask
    service.close()


def scene(ask: Ask, name: str, **more: str) -> Answer:
    given = {"layers": name.partition(".")[0], "crs": CITIES[name], "format": "model/gltf-binary"}
    return ask("service=3DPS&version=1.0&request=GetScene", **given | more)


def leaves(tile: dict[str, Any]) -> Iterator[str]:
    if "children" not in tile:
        yield tile["content"]["uri"]
    for child in tile.get("children", []):
        yield from leaves(child)


@pytest.mark.parametrize("name", CITIES)
def test_tiles_of_a_real_city_have_all_of_it(
    real: Ask, read_gltf: Callable[[bytes], Any], name: str
) -> None:
    whole = read_gltf(scene(real, name).body)
    index = json.loads(scene(real, name, deliveryOptions="spatialIndex").body)
    parts = [read_gltf(real(urlsplit(uri).query).body) for uri in leaves(index["root"])]
    assert sum(len(one.corners) for one in parts) == len(whole.corners) > 300
    areas = [
        float(np.linalg.norm(np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]), axis=1).sum())
        for c in (whole.corners, *(one.corners for one in parts))
    ]
    assert sum(areas[1:]) == pytest.approx(areas[0], rel=2e-3)
    found = {number for one in parts for number in one.table()["number"]}
    assert found == set(whole.table()["number"])


def test_the_khronos_validator_finds_no_fault_in_real_cities(real: Ask, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "gltf-validator").exists():
        pytest.skip("no gltf-validator: `make test` installs it")
    files = []
    for name, crs in CITIES.items():
        official = crs if crs == "LOCAL:METRES" else "urn:ogc:def:crs:EPSG::4326"
        for more in ({}, {"crs": official}, {"deliveryOptions": "reduceQuality"}):
            files.append(tmp_path / f"{len(files)}.glb")
            files[-1].write_bytes(scene(real, name, **more).body)
    run = [node, str(HERE / "validate.cjs"), *map(str, files)]
    done = subprocess.run(run, capture_output=True, check=True, timeout=60)  # ours
    for report in json.loads(done.stdout):
        issues = report["issues"]
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.parametrize("media", FORMATS)
def test_every_format_has_every_city(real: Ask, media: str) -> None:
    for name in CITIES:
        if CITIES[name] == "LOCAL:METRES" and media.startswith(EARTHLY):
            continue
        assert scene(real, name, format=media).body
        if FORMATS[media].index:
            index = scene(real, name, format=media, deliveryOptions="spatialIndex")
            assert index.media == (FORMATS[media].index_media or media)
            assert index.body
