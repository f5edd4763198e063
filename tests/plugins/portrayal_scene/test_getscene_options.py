"""Delivery options do what they say, and `cut` leaves no cracks."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.gather import Move
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene import atlas, paint, reduce
from gotapi_portrayal.scene.atlas import with_atlas
from gotapi_portrayal.scene.gltf import document
from gotapi_portrayal.scene.model import Frame, Look, Mesh, Picture, SceneLayer, SceneModel
from gotapi_portrayal.scene.reduce import reduced

Scene = Callable[..., Answer]
Read = Callable[[bytes], Any]

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], np.float32)
HALVES = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def drawn(colour: tuple[int, ...], size: tuple[int, int], kind: str = "PNG") -> Picture:
    """A picture with the colour in its upper left quarter, white elsewhere."""
    image = Image.new("RGBA" if len(colour) == 4 else "RGB", size, (255,) * len(colour))
    image.paste(colour, (0, 0, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    image.save(file, kind, quality=95)
    return Picture(1, f"image/{kind.lower()}", *size, file.getvalue())


def square(look: int, *, repeats: float = 1.0, layer: int = 0) -> Mesh:
    ids = np.full(4, look, np.uint32)
    return Mesh(look, layer, "", SQUARE + np.float32(2 * look), HALVES, ids, CORNERS * repeats)


def scene_of(pictures: list[Picture], meshes: list[Mesh], looks: list[Look]) -> SceneModel:
    return SceneModel(
        "Pictures",
        Frame("LOCAL:METRES", "LOCAL:METRES"),
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        meshes=tuple(meshes),
        looks=tuple(looks),
        pictures=tuple(pictures),
        layers=(SceneLayer("one", "One"),),
    )


def seen(scene: SceneModel, mesh: Mesh, triangle: int, place: tuple[float, float, float]) -> Any:
    """The colour of a picture at a place of a triangle (shares of its corners)."""
    picture = scene.pictures[scene.looks[mesh.look].picture]
    image = Image.open(io.BytesIO(picture.data))
    assert image.size == (picture.width, picture.height)
    assert mesh.uvs is not None
    u, v = np.array(place) @ mesh.uvs[mesh.triangles[triangle]]
    x, y = int(u * image.width), int((1 - v) * image.height)
    return image.convert("RGB").getpixel((x, y))


def test_an_atlas_shows_what_the_pictures_did(scene: Scene, read_gltf: Read) -> None:
    plain = read_gltf(scene(layers="signs").body).json
    joined = read_gltf(scene(layers="signs", deliveryOptions="textureAtlas").body).json
    # Red and green lie once on their squares; blue repeats, and stays as it is.
    assert (len(plain["images"]), len(joined["images"])) == (3, 2)
    assert len(joined["meshes"][0]["primitives"]) == 3  # with glass


@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.integers(1, 90), st.booleans()), min_size=2, max_size=12
    )
)
@settings(max_examples=25, deadline=None)
def test_every_picture_is_found_in_an_atlas(sizes: list[tuple[int, int, bool]]) -> None:
    colours = [(20 * n, 255 - 20 * n, 60) for n in range(len(sizes))]
    pictures = [
        drawn((*colour, 255) if clear else colour, (width * 2, height * 2))
        for colour, (width, height, clear) in zip(colours, sizes, strict=True)
    ]
    looks = [Look((1, 1, 1), picture=n) for n in range(len(sizes))]
    meshes = [square(n) for n in range(len(sizes))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atlas, "SIDE", 400)
        found = with_atlas(scene_of(pictures, meshes, looks))
    triangles = [(mesh, row) for mesh in found.meshes for row in range(len(mesh.triangles))]
    assert len(triangles) == 2 * len(sizes)
    for mesh, row in triangles:
        corners = mesh.vertices[mesh.triangles[row]]
        number = int(corners[0, 0] // 2)
        # Upper left of the square is near its fourth corner, of the second half.
        if row % 2:
            red, green, blue = seen(found, mesh, row, (0.2, 0.15, 0.65))
            wanted = colours[number]
            assert abs(red - wanted[0]) < 40
            assert abs(green - wanted[1]) < 40
            assert abs(blue - wanted[2]) < 40
    for picture in found.pictures:
        assert max(picture.width, picture.height) <= 400


def test_what_cannot_be_joined_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas, "LARGEST", 100)
    damaged = replace(drawn((9, 9, 9), (8, 8)), data=b"not a picture")
    pictures = [drawn((255, 0, 0), (8, 8)), damaged, drawn((0, 255, 0), (101, 8))]
    looks = [Look(picture=0), Look(picture=1), Look(picture=2)]
    whole = scene_of(pictures, [square(0), square(1), square(2)], looks)
    assert with_atlas(whole) is whole
    nothing = scene_of(pictures, [replace(square(0), uvs=None)], looks)
    assert with_atlas(nothing) is nothing


def test_pictures_that_stay_keep_their_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [drawn((0, 0, 255), (8, 8)), drawn((255, 0, 0), (8, 8)), drawn((0, 255, 0), (8, 8))]
    looks = [Look(picture=0), Look(picture=1), Look(picture=2), Look(name="bare")]
    meshes = [square(0, repeats=3), square(1), square(2), replace(square(3), uvs=None)]
    found = with_atlas(scene_of(pictures, meshes, looks))
    assert len(found.pictures) == 2
    assert found.pictures[0] == pictures[0]
    assert len(found.meshes) == 3
    assert {found.looks[mesh.look].name for mesh in found.meshes} == {"", "atlas 1", "bare"}
    [joined] = [mesh for mesh in found.meshes if found.looks[mesh.look].name == "atlas 1"]
    assert joined.features.tolist() == [1] * 4 + [2] * 4


def test_less_quality_is_less_to_send(scene: Scene, read_gltf: Read) -> None:
    for layers in ("town", "hill", "signs"):
        whole, less = scene(layers=layers), scene(layers=layers, deliveryOptions="reduceQuality")
        assert len(less.body) < len(whole.body)
        first, second = read_gltf(whole.body), read_gltf(less.body)
        assert "KHR_mesh_quantization" in second.json["extensionsRequired"]
        assert all(one.normals is None for one in second.shapes)
        low, high = first.corners.reshape(-1, 3).min(0), first.corners.reshape(-1, 3).max(0)
        assert second.corners.reshape(-1, 3).min(0) == pytest.approx(low, abs=0.01)
        assert second.corners.reshape(-1, 3).max(0) == pytest.approx(high, abs=0.01)
        assert len(second.corners) == len(first.corners)


def test_a_scene_too_large_for_16_bits_keeps_its_numbers() -> None:
    far = replace(square(0), vertices=SQUARE * 5000, uvs=None)
    whole = scene_of([], [far], [Look()])
    found, _ = document(reduced(whole))
    assert "extensionsRequired" not in found
    small, _ = document(reduced(replace(whole, meshes=(square(0),))))
    assert small["extensionsRequired"] == ["KHR_mesh_quantization"]


@pytest.mark.parametrize(
    ("picture", "size", "mime"),
    [
        (drawn((255, 0, 0), (2000, 1000)), (512, 256), "image/jpeg"),
        (drawn((255, 0, 0, 9), (600, 600)), (300, 300), "image/png"),
        (drawn((255, 0, 0), (100, 90), "JPEG"), (64, 58), "image/jpeg"),
        (drawn((255, 0, 0), (8, 8)), (8, 8), "image/png"),  # JPEG is no shorter
        (Picture(1, "image/png", 9, 9, b"damaged"), (9, 9), "image/png"),
    ],
)
def test_pictures_become_smaller(picture: Picture, size: tuple[int, int], mime: str) -> None:
    [found] = reduced(scene_of([picture], [], [])).pictures
    assert ((found.width, found.height), found.mime) == (size, mime)
    assert len(found.data) <= len(picture.data)
    assert reduce.QUALITY < 80


def test_regrouped_geometry_has_one_mesh_for_each_look(scene: Scene, read_gltf: Read) -> None:
    found = read_gltf(
        scene(layers="town,hill", styles="plain,plain", deliveryOptions="regroupGeometry").body
    )
    [shape] = found.shapes
    assert len(shape.corners) == 836
    assert shape.ids is None
    assert "extensions" not in found.json
    textured = read_gltf(scene(layers="signs", deliveryOptions="regroup").body)
    assert len(textured.shapes) == 4
    assert sum(one.uvs is not None for one in textured.shapes) == 3


def test_boxes_next_to_each_other_have_the_same_points(scene: Scene, read_gltf: Read) -> None:
    # The face is at a place that neither float32 nor the grid of the store has.
    middle = 500_004.123456
    points = []
    area = 0.0
    for box in (f"499990,5699990,{middle},5700020", f"{middle},5699990,500015,5700020"):
        found = read_gltf(scene(boundingBox=box, spatialSelection="cut", layers="town,hill").body)
        origin = np.array(found.node("place")["translation"])
        inner = found.below.reshape(-1, 3)
        on_face = inner[np.abs(inner[:, 0] - middle) < 1e-3]
        points.append({tuple(point) for point in on_face})
        corners = found.corners
        area += (
            np.linalg.norm(
                np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
            ).sum()
            / 2
        )
        assert np.abs(inner - origin).max() < 100
    assert len(points[0]) >= 8
    assert points[0] == points[1]
    assert area == pytest.approx(600, abs=0.01)


def test_an_option_by_uri_and_one_of_another_service(scene: Scene) -> None:
    uri = "http://www.opengis.net/spec/3DPS/1.0/concept/service/scene/deliveryOptions/regroup"
    assert scene(deliveryOptions=uri).body == scene(deliveryOptions="regroupGeometry").body
    with pytest.raises(OwsError) as caught:
        scene(deliveryOptions="faster")
    assert caught.value.code is Code.DELIVERY_OPTION_NOT_DEFINED


@pytest.mark.parametrize(
    ("more", "code", "locator"),
    [
        ({"background": "sky"}, Code.FORMAT_CAPABILITY_MISSING, "background"),
        ({"overallStyles": "fog"}, Code.FORMAT_CAPABILITY_MISSING, "overallStyles"),
        (
            {"format": "application/json+3dtiles", "offset": "0,0,0", "offsetMode": "embed"},
            Code.FORMAT_CAPABILITY_MISSING,
            "offsetMode",
        ),
        ({"offset": "0,0,0", "offsetMode": "add"}, Code.INVALID_PARAMETER_VALUE, "offsetMode"),
        ({"format": "image/png"}, Code.INVALID_PARAMETER_VALUE, "format"),
        ({"styles": "golden"}, Code.STYLE_NOT_DEFINED, "golden"),
        ({"lods": "CityGML:3"}, Code.LOD_NOT_APPLICABLE, "CityGML:3"),
        ({"layers": "hidden"}, Code.UNKNOWN_LAYER, "hidden"),
    ],
)
def test_what_a_scene_cannot_have_is_told(
    scene: Scene, more: dict[str, str], code: Code, locator: str
) -> None:
    with pytest.raises(OwsError) as caught:
        scene(**more)
    assert (caught.value.code, caught.value.locator) == (code, locator)


def test_more_textures_than_a_browser_takes_are_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paint, "MOST_PICTURES", 100)
    with pytest.raises(OwsError, match="of textures") as caught:
        scene(layers="signs")
    assert (caught.value.status, caught.value.locator) == (400, "boundingBox")
    assert scene(layers="signs", styles="thematic").body.startswith(b"glTF")


def test_what_a_projection_cannot_show_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Move, points: np.ndarray) -> np.ndarray:
        return np.full_like(points, np.inf)

    monkeypatch.setattr(Move, "points", lost)
    refused = pytest.raises(OwsError, match="can be shown in EPSG:3857")
    with np.errstate(invalid="ignore"), refused as caught:
        scene(crs="EPSG:3857")
    assert (caught.value.code, caught.value.locator) == (Code.INVALID_PARAMETER_VALUE, "crs")


def test_a_format_is_asked_about_also_where_there_are_no_layers(
    scene: Scene, scene_store: SqliteSceneStore
) -> None:
    for layer in ("town", "hill", "signs", "thing"):
        scene_store.remove(layer)
    # The CRS is that of a layer that not everybody may have.
    assert scene(layers="").body.startswith(b"glTF")
    with pytest.raises(OwsError) as caught:
        scene(layers="", format="image/png")
    assert (caught.value.code, caught.value.locator) == (Code.INVALID_PARAMETER_VALUE, "format")


def test_a_texture_that_is_gone_is_a_colour(
    scene: Scene, read_gltf: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteSceneStore, "texture", lambda self, number: None)
    found = read_gltf(scene(layers="signs").body)
    assert "images" not in found.json
    assert len(found.corners) == 8
