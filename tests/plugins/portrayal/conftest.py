"""A catalogue that offers something of everything, and where the schemas of OGC lie."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gotapi_portrayal.catalogue import (
    AvailableProjection,
    Catalogue,
    CrsBox,
    CrsInfo,
    DeliveryOption,
    Described,
    Extension,
    ImageLayer,
    Layer,
    LodScheme,
    ProjectionParameter,
    Provider,
    Service,
    Style,
    Text,
    ViewpointHint,
)
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Attribute, Crs, FeatureDraft, LayerDraft

OPTIONS = "http://www.opengis.net/spec/3DPS/1.0/concept/service/scene/deliveryOptions/"
GLTF = ("model/gltf-binary", "model/gltf+json", "model/vnd.gltf+json")


def style(name: str, *, default: bool = False) -> Style:
    return Style(id=name, title=(Text(name.title(), "en"),), default=default)


def city() -> Layer:
    return Layer(
        id="city",
        title=(Text("City & land", "en"), Text("Stadt und Land", "de")),
        abstract=(Text("All of it", "en"),),
        keywords=("city",),
        crs=("EPSG:25832", "EPSG:4326", "EPSG:25832+7837"),
        wgs84=(8.5, 52.25, 8.75, 52.5),
        boxes=(
            CrsBox("EPSG:25832", (400_000, 5_700_000.5), (410_000, 5_710_000)),
            CrsBox("EPSG:4326", (8.5, 52.25), (8.75, 52.5)),
        ),
        styles=(style("plain", default=True), style("textured")),
        formats=GLTF,
        offset_modes=("subtract", "embed"),
        queryable=True,
        data=False,
        layers=(
            Layer(
                id="buildings",
                title=(Text("Buildings"),),
                crs=("EPSG:28992",),
                boxes=(CrsBox("EPSG:25832+7837", (1, 2, 3), (4, 5, 6)),),
                lods=("CityGML:1", "CityGML:2"),
                styles=(style("height", default=True),),
                delivery_options=(f"{OPTIONS}spatialIndex",),
                metadata=("http://example.org/about?a=1&b=2",),
                offsets=((400_000.0, 5_700_000.0, 0.0),),
                formats=("application/vnd.google-earth.kml+xml",),
            ),
            Layer(id="terrain", title=(Text("Terrain"),), queryable=False),
            Layer(id="secret", title=(Text("Secret"),), public=False),
        ),
    )


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(
        version=7,
        service=Service(
            title=(Text("City <3D>", "en"), Text("Stadt in 3D", "de")),
            abstract=(Text("A test", "en"),),
            provider=Provider(
                name="Example",
                site="http://example.org/",
                contact="A. Person",
                position="Surveyor",
                mail="a@example.org",
            ),
        ),
        languages=("en", "de"),
        extensions=(Extension.SCENE, Extension.VIEW, Extension.INFO),
        layers=(city(), Layer(id="else", title=(), crs=("CRS:84",))),
        crs={
            "EPSG:25832": CrsInfo("EPSG:25832"),
            "EPSG:25832+7837": CrsInfo("EPSG:25832+7837", has_height=True),
            "EPSG:28992": CrsInfo("EPSG:28992"),
            "EPSG:4326": CrsInfo("EPSG:4326", geographic=True, north_first=True),
            "CRS:84": CrsInfo("CRS:84", geographic=True),
        },
        overall_styles=(Described(id="fog", title=(Text("Fog", "en"),)),),
        backgrounds=(Described(id="sky"), Described(id="dark")),
        spatial_selections=("overlaps", "contains_center", "cut"),
        lod_schemes=(
            LodScheme(id="CityGML", title=(Text("CityGML"),), lods=("CityGML:1", "CityGML:2")),
        ),
        lod_selections=("equals", "equals_or_smaller", "combined", "equals_or_similar"),
        delivery_options=(
            DeliveryOption(
                id=f"{OPTIONS}spatialIndex", names=("spatialIndex",), formats=("model/gltf+json",)
            ),
            DeliveryOption(id=f"{OPTIONS}regroup", names=("regroupGeometry",)),
        ),
        viewpoints=(
            ViewpointHint(
                id="top", title=(Text("From above", "en"),), poc=(1, 2, 300), poi=(1, 2, 3)
            ),
        ),
        image_layers=(
            ImageLayer(id="COLOR", formats=("image/jpeg", "image/png", "image/png;mode=32bit")),
            ImageLayer(id="MASK", formats=("image/png;mode=1bit",)),
        ),
        projections=(
            AvailableProjection(
                id="Perspective",
                parameters=(
                    ProjectionParameter("POC", required=True),
                    ProjectionParameter("FOVX", default="60"),
                ),
            ),
        ),
        info_formats=("text/xml", "text/html"),
    )


@pytest.fixture(scope="session")
def ogc_schemas() -> Path:
    """The folder with 3dps/1.0 and ows/2.0 as OGC posted them."""
    given = os.environ.get("GOTAPI_SHARED_DATA")
    beside = Path(__file__).parents[3].parent / "shared" / "ogc-schemas"
    folder = Path(given).parent / "ogc-schemas" if given else beside
    if not (folder / "3dps").is_dir():
        pytest.skip("the posted schemas of OGC are not beside the repository")
    return folder


EAST, NORTH = 500_000.0, 5_700_000.0  # of the first house, in EPSG:25832
HOUSES = 3  # cubes of 10 m in a row, 20 m from one to the next
FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip


def house(number: int, east: float, north: float) -> TriangleBatch:
    corners = [[0, 0], [10, 0], [10, 10], [0, 10]]
    box = [[*corner, height] for height in (0, 10) for corner in corners]
    points = np.array(box, np.float64) + np.array([east, north, 50.0])
    count = len(FACES)
    code = lod.code("2")
    return TriangleBatch(
        points=points,
        triangles=np.array(FACES, np.int64),
        features=np.full(count, number, np.int64),
        lods=np.full(count, code, np.uint8),
        masks=np.full(count, lod.bit(code), np.uint32),
        materials=np.zeros(count, np.uint32),
        surfaces=np.zeros(count, np.uint8),
    )


def fill(store: SqliteSceneStore, name: str, *, public: bool = True, north: float = NORTH) -> None:
    """Write a layer of houses, replacing what has its name."""
    crs = Crs("EPSG:25832+7837", "EPSG:25832", "EPSG:7837")
    draft = LayerDraft(name=name, title=name.title(), crs=crs, public=public)
    with store.write(draft) as writer:
        for place in range(HOUSES):
            attributes: dict[str, Attribute] = {"storeys": place + 1, "street": "<A & B>"}
            feature = FeatureDraft(f"{name}-{place}", "Building", attributes=attributes)
            number = writer.feature(feature)
            writer.triangles(house(number, EAST + 20 * place, north))


@pytest.fixture
def fill_layer() -> Callable[..., None]:
    return fill


@pytest.fixture
def scene_store(tmp_path: Path) -> Iterator[SqliteSceneStore]:
    """A store with a public layer `town` and a private one, `hidden`, north of it."""
    store = SqliteSceneStore(tmp_path / FILE_NAME)
    fill(store, "town")
    fill(store, "hidden", public=False, north=NORTH + 100)
    yield store
    store.close()
