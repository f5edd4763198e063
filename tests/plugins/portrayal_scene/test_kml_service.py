"""KML, KMZ and i3s asked of the service itself: documents, links, what cannot be had, real data."""

import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
from lxml import etree

from gotapi_core.plugin import SurfaceRequest
from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene import tiling
from gotapi_portrayal.service import PortrayalService
from gotapi_portrayal.surface import PortrayalSurface

Ask = Callable[..., Answer]

KML = "application/vnd.google-earth.kml+xml"
KMZ = "application/vnd.google-earth.kmz"
I3S = "application/vnd.esri.i3s.json+gzip"
NAMES = {"k": "http://www.opengis.net/kml/2.2"}
HOUSE = (500_000.0, 5_700_000.0, 50.0)  # EPSG:25832, of the fixture


def texts(body: bytes, path: str) -> list[str]:
    root = etree.fromstring(body, etree.XMLParser(huge_tree=True))
    found = root.xpath(f"{path}/text()", namespaces=NAMES)
    assert isinstance(found, list)
    return [str(one) for one in found]


def opened(answer: Answer) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(answer.body))


def unzipped(answer: Answer) -> Any:
    assert answer.encoding == "gzip"
    return json.loads(gzip.decompress(answer.body))


@pytest.mark.parametrize("crs", ["EPSG:25832", "CRS:84", "urn:ogc:def:crs:EPSG::4326", "EPSG:3857"])
def test_kml_has_the_same_places_whatever_the_crs(scene: Ask, crs: str) -> None:
    answer = scene(format=KML, crs=crs)
    assert answer.media == KML
    places = np.array(
        [
            place.split(",")
            for ring in texts(answer.body, "//k:coordinates")
            for place in ring.split()
        ],
        float,
    )
    back = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:25832", always_xy=True)
    east, north = back.transform(places[:, 0], places[:, 1])
    assert np.allclose([east.min(), north.min(), places[:, 2].min()], HOUSE, atol=0.01)
    assert np.allclose(
        [east.max(), north.max(), places[:, 2].max()], np.add(HOUSE, (50, 10, 10)), atol=0.01
    )
    assert texts(answer.body, "//k:SimpleData[@name='FeatureId']") == [
        "town-0", "town-1", "town-2",
    ]  # fmt: skip
    assert texts(answer.body, "//k:SimpleData[@name='street']") == ["<A & Ä>", "B"]


def test_both_lods_of_a_feature(scene: Ask) -> None:
    answer = scene(format=KML, lods="CityGML:2", lodSelection="combined")
    # The first house has two LODs, each seen from where it does.
    assert len(texts(answer.body, "//k:minLodPixels")) == 2


def test_viewpoints(scene: Ask) -> None:
    views = "A,500000,5700000,50,500000,5699900,100,0,0,1,60"
    assert texts(scene(format=KML, viewpoints=views).body, "//k:LookAt/k:range")


@pytest.mark.parametrize("media", [KML, KMZ, I3S])
@pytest.mark.parametrize(
    "more",
    [{}, {"offsetMode": "embed"}, {"deliveryOptions": "spatialIndex"}],
)
def test_places_are_true_so_there_is_no_offset(
    scene: Ask, media: str, more: dict[str, str]
) -> None:
    assert scene(format=media, offset="0,0,0")
    with pytest.raises(OwsError) as caught:
        scene(format=media, offset="500000,5700000,0", **more)
    assert caught.value.code is Code.FORMAT_CAPABILITY_MISSING
    assert caught.value.locator == "offset"


@pytest.mark.parametrize("media", [KML, KMZ, I3S])
def test_what_is_nowhere_on_earth_is_to_be_had_in_other_formats(scene: Ask, media: str) -> None:
    with pytest.raises(OwsError, match="model/gltf-binary") as caught:
        scene(layers="thing", crs="LOCAL:METRES", format=media)
    assert caught.value.code is Code.INVALID_PARAMETER_VALUE
    assert caught.value.locator == "format"
    assert media not in caught.value.text.partition(" is not ")[2]


def test_such_layers_do_not_offer_these_formats(service: PortrayalService) -> None:
    layers = service.shelf(private=True).layers
    assert {KML, KMZ, I3S} <= set(layers["town"].formats)
    assert not {KML, KMZ, I3S} & set(layers["thing"].formats)
    assert "model/x3d+xml" in layers["thing"].formats


def test_kmz_has_models_and_textures(scene: Ask) -> None:
    with opened(scene(layers="signs", format=KMZ)) as archive:
        names = archive.namelist()
        assert names[:2] == ["doc.kml", "files/model-0.dae"]
        assert len([name for name in names if name.endswith((".png", ".jpg"))]) == 3
        pictures = {
            name
            for model in names
            if model.endswith(".dae")
            for name in re.findall("<init_from>(texture-[^<]*)<", archive.read(model).decode())
        }
        assert {f"files/{name}" for name in pictures} <= set(names)


@pytest.mark.parametrize(
    ("media", "links"),
    [(KML, "deliveryOptions=spatialIndex"), (KMZ, "deliveryOptions=spatialIndex")],
)
def test_links_lead_to_every_house(
    ask: Ask, media: str, links: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "FULL", 20)  # a house has 12 triangles

    def read(answer: Answer) -> bytes:
        assert answer.media == media
        return answer.body if media == KML else opened(answer).read("doc.kml")

    query = f"request=GetScene&layers=town&crs=EPSG:25832&format={media.replace('+', '%2B')}"
    body = read(ask(f"{query}&{links}"))
    urls = texts(body, "//k:NetworkLink/k:Link/k:href")
    assert len(urls) == 3
    found = [
        name for url in urls for name in texts(read(ask(url)), "//k:SimpleData[@name='FeatureId']")
    ]
    assert sorted(found) == ["town-0", "town-1", "town-2"]


def by_path(service: PortrayalService) -> PortrayalSurface:
    return PortrayalSurface(service)


async def get(surface: PortrayalSurface, path: str, *headers: tuple[str, str]) -> Any:
    request = SurfaceRequest(
        method="GET", path=path, headers=headers, base_url="http://127.0.0.1:4035"
    )
    return await surface.answer(request)


async def test_an_i3s_client_adds_to_the_address_of_the_layer(
    ask: Ask, service: PortrayalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "FULL", 20)
    layer = unzipped(
        ask(f"request=GetScene&layers=town&crs=CRS:84&format={I3S.replace('+', '%2B')}")
    )
    base = layer["href"].removeprefix("http://127.0.0.1:4035")
    surface = by_path(service)

    async def read(path: str) -> bytes:
        reply = await get(surface, base + path)
        assert reply.status == 200, path
        assert ("content-encoding", "gzip") in reply.headers
        return gzip.decompress(reply.body)

    assert json.loads(await read("")) == layer
    nodes = json.loads(await read("/nodepages/0"))["nodes"]
    # Those with children stand for them from far away.
    meshes = [node["mesh"]["geometry"] for node in nodes if "children" not in node]
    assert sum(mesh["vertexCount"] for mesh in meshes) == 3 * 36
    for mesh in meshes:
        geometry = await read(f"/nodes/{mesh['resource']}/geometries/0")
        assert np.frombuffer(geometry, "<u4", 2).tolist() == [36, 1]
        assert b"town-" in await read(f"/nodes/{mesh['resource']}/attributes/f_1/0")


async def test_what_paths_are_refused(ask: Ask, service: PortrayalService) -> None:
    layer = unzipped(
        ask(f"request=GetScene&layers=town&crs=CRS:84&format={I3S.replace('+', '%2B')}")
    )
    base = layer["href"].removeprefix("http://127.0.0.1:4035")
    surface = by_path(service)
    for path, status in (
        (base + "/nodes/7", 404),
        (base + "/../0", 400),
        ("/3dps/resources/none", 404),
        ("/3dps/resources/", 404),
        ("/3dps/resource", 404),
    ):
        assert (await get(surface, path)).status == status, path
    first, second = [await get(surface, base + path) for path in ("", "/nodes/root")]
    tags = [dict(reply.headers)["etag"] for reply in (first, second)]
    assert tags[0] != tags[1]
    again = await get(surface, base, ("if-none-match", tags[0]))
    assert again.status == 304


def test_pictures_of_i3s(ask: Ask) -> None:
    layer = unzipped(
        ask(f"request=GetScene&layers=signs&crs=EPSG:25832&format={I3S.replace('+', '%2B')}")
    )
    root = unzipped(ask(layer["store"]["rootNode"]))
    answer = ask(root["textureData"][0]["href"])
    # One of the pictures can be seen through.
    assert answer.media == "image/png"
    assert answer.body.startswith(b"\x89PNG")


@pytest.fixture
def delft(scene_store: SqliteSceneStore) -> None:
    folder = os.environ.get("GOTAPI_SHARED_DATA")
    root = Path(folder) if folder else Path(__file__).resolve().parents[4] / "shared" / "data"
    file = root / "city" / "delft.json"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    import_layer(scene_store, Order((str(file),), "delft"))


@pytest.fixture
def building(delft: None, scene_store: SqliteSceneStore) -> tuple[str, int, np.ndarray]:
    """The id and number of a building of Delft, and its corners in EPSG:28992."""
    parts = list(scene_store.query("delft"))
    numbers = np.concatenate([part.features for part in parts])
    once = [n for n in parts[0].features.tolist() if (numbers == n).sum() == 1]
    found = scene_store.features(once)
    number = next(n for n in once if found[n].kind == "Building")
    place = parts[0].features.tolist().index(number)
    first, end = parts[0].vertex_starts[place : place + 2]
    corners = parts[0].vertices[first:end].astype(float) + parts[0].origin
    return found[number].object_id, number, corners


DELFT = "request=GetScene&layers=delft&crs=EPSG:28992&format="


def dutch(degrees: np.ndarray) -> np.ndarray:
    back = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:28992", always_xy=True)
    east, north = back.transform(degrees[:, 0], degrees[:, 1])
    return np.column_stack((east, north, degrees[:, 2]))


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    """Each corner written is one of the building, and each of the building is written: to 1 cm."""
    assert len(found)
    apart = np.linalg.norm(found[:, None] - wanted[None], axis=2)
    assert apart.min(axis=1).max() < 0.01
    assert apart.min(axis=0).max() < 0.01


def mark(name: str) -> str:
    """The placemark or folder of a feature."""
    return f"//*[k:ExtendedData/k:SchemaData/k:SimpleData[@name='FeatureId']='{name}']"


def test_a_building_of_delft_in_kml(ask: Ask, building: tuple[str, int, np.ndarray]) -> None:
    name, _, corners = building
    body = ask(DELFT + KML.replace("+", "%2B")).body
    rings = texts(body, f"{mark(name)}//k:coordinates")
    places = [one.split(",") for ring in rings for one in ring.split()]
    assert_same(dutch(np.array(places, float)), corners)


def test_a_building_of_delft_in_kmz(ask: Ask, building: tuple[str, int, np.ndarray]) -> None:
    name, _, corners = building
    with opened(ask(DELFT + KMZ)) as archive:
        body = archive.read("doc.kml")
        [href] = texts(body, f"{mark(name)}//k:href")
        longitude, latitude, height = texts(body, f"{mark(name)}//k:Location/*")
        [array] = texts(archive.read(href), "//*[@id='points-array']")
    points = np.array(array.split(), float).reshape(-1, 3)
    upright = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=topocentric "
        f"+lon_0={longitude} +lat_0={latitude} +h_0={height} "
        "+step +inv +proj=cart +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    assert_same(dutch(np.column_stack(upright.transform(*points.T))), corners)


@pytest.mark.parametrize("crs", ["EPSG:28992", "CRS:84"])
def test_a_building_of_delft_in_i3s(
    ask: Ask, building: tuple[str, int, np.ndarray], crs: str, service: PortrayalService
) -> None:
    _, number, corners = building
    query = DELFT.replace("EPSG:28992", crs) + I3S.replace("+", "%2B")
    waiting = [unzipped(ask(query))["store"]["rootNode"]]
    found = []
    while waiting:
        node = unzipped(ask(waiting.pop()))
        waiting += [one["href"] for one in node.get("children", [])]
        for one in node.get("geometryData", []):
            body = gzip.decompress(ask(one["href"]).body)
            vertices, features = np.frombuffer(body, "<u4", 2).tolist()
            ids = np.frombuffer(body, "<u8", features, len(body) - 16 * features)
            faces = np.frombuffer(body, "<u4", offset=len(body) - 8 * features).reshape(-1, 2)
            points = np.frombuffer(body, "<f4", 3 * vertices, 8).reshape(-1, 3)
            for first, last in faces[ids == number].tolist():
                found.append(points[3 * first : 3 * last + 3].astype(float) + node["mbs"][:3])
    there = np.concatenate(found)
    assert_same(there if crs == "EPSG:28992" else dutch(there), corners)
