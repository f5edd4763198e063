"""Importing: what a file is, models and their places, several files in one layer."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gotapi_portrayal.data import faults as fault_module
from gotapi_portrayal.data import pictures
from gotapi_portrayal.data.attributes import flattened
from gotapi_portrayal.data.crs import Frame
from gotapi_portrayal.data.faults import Fault, Faults
from gotapi_portrayal.data.importing import import_layer, recognised
from gotapi_portrayal.data.load import Loader
from gotapi_portrayal.data.orders import Order, layer_name
from gotapi_portrayal.data.pictures import Pictures, checked
from gotapi_portrayal.data.surfaces import Record, Triangles
from gotapi_portrayal.data.types import Crs, LayerDraft, SceneError

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"


def stl(size: float = 1000.0) -> bytes:
    facet = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, size, 0, 0, 0, size, 0, 0)
    return b"\0" * 80 + struct.pack("<I", 1) + facet


def test_an_stl_is_in_millimetres_and_an_obj_in_metres(imported) -> None:
    assert imported(stl(), "a.stl").layer.box.high == (1, 1, 0)
    done = imported(OBJ, "a.obj")
    assert (done.layer.kind, done.layer.box.high, done.layer.lods) == ("model", (1, 1, 1), ())
    assert done.faults == ()


def test_another_unit_can_be_given(imported) -> None:
    assert imported(stl(), "a.stl", scale=0.0254).layer.box.high[0] == pytest.approx(25.4)


def test_a_model_stands_where_it_is_put(imported, store) -> None:
    done = imported(OBJ, "tower.obj", at=(500_000.0, 5_600_000.0, 100.0), crs="EPSG:25832")
    assert done.layer.crs.name == "EPSG:25832"
    assert done.layer.box.low == (500_000, 5_600_000, 100)
    assert done.layer.box.high == (500_001, 5_600_001, 101)
    [feature] = store.features_by_id("new", ["tower"]).values()
    assert (feature.kind, feature.attributes) == ("Model", {"format": "OBJ", "triangles": 4})


def test_a_glb_says_its_unit(imported) -> None:
    # Metres with y up: what is high becomes z.
    places = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 2, 0)
    document = json.dumps({
        "asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"componentType": 5126, "count": 3, "type": "VEC3", "bufferView": 0}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}], "buffers": [{"byteLength": 36}],
    }).encode()  # fmt: skip
    document += b" " * (-len(document) % 4)
    body = struct.pack("<I4s", len(document), b"JSON") + document
    body += struct.pack("<I4s", len(places), b"BIN\0") + places
    glb = b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body
    assert imported(glb, "a.glb").layer.box.high == (1, 0, 2)
    assert imported(glb, "a.glb", scale=2.0).layer.box.high == (2, 0, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "none of CityJSON"),
        (b"hello", "none of CityJSON"),
        (b"PK\x03\x04rest", "archive is damaged"),
        (stl()[:-20], "cut off"),
        (OBJ.replace(b"f 1 3 2", b"f 1 3 99"), "vertex"),
        (b"G1 X10\n", "none of CityJSON"),
    ],
)
def test_files_that_are_nothing_of_ours_are_refused(imported, store, content, words) -> None:
    with pytest.raises(SceneError, match=words):
        imported(content)
    assert store.layers() == ()


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", b"{", b"<", b"II*\0", b"ncols 3\n", b"PK\x03\x04", b"glTF"]), st.binary()
)
def test_files_of_any_content_are_told_apart(begin: bytes, rest: bytes) -> None:
    file = io.BytesIO(begin + rest)
    try:
        kind, source = recognised(file, Path("a"), Order(("a",), "a"))
    except SceneError:
        return
    assert kind in ("city", "terrain", "model")
    assert source.head.title == ""


@pytest.mark.parametrize("name", ["", "1a", "a b", "a" * 65, "ä", "a/b", "-a"])
def test_layers_have_names_that_are_one_word(imported, tmp_path: Path, store, name: str) -> None:
    (tmp_path / "a.obj").write_bytes(OBJ)
    with pytest.raises(SceneError, match="cannot be the name of a layer"):
        import_layer(store, Order((str(tmp_path / "a.obj"),), name))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("delft.json", "delft"),
        ("My City (2).city.json", "My-City-2"),
        ("50.gml", "layer-50"),
        ("ö.gml", "layer"),
        ("x" * 300, "x" * 50),
    ],
)
def test_files_give_layers_their_names(file: str, name: str) -> None:
    assert layer_name(Path(file)) == name


def test_what_is_given_is_in_the_layer(imported, store) -> None:
    imported(OBJ, "a.obj")
    first = store.layer("new")
    assert first is not None
    done = import_layer(
        store,
        Order(
            tuple(first.sources and (str(_path(store)),)),
            "inner",
            "Title",
            "",
            "About",
            "new",
            False,
        ),
    )
    layer = done.layer
    assert (layer.title, layer.abstract, layer.parent, layer.public) == (
        "Title", "About", "new", False,
    )  # fmt: skip
    assert layer.sources == ("a.obj",)


def _path(store) -> Path:
    found: Path = store._files._path.parent / "a.obj"
    return found


def test_a_parent_that_is_not_there_is_refused(imported) -> None:
    with pytest.raises(SceneError, match="no layer 'gone'"):
        imported(OBJ, "a.obj", parent="gone")


def test_files_of_one_layer_come_into_its_crs(store, tmp_path: Path) -> None:
    for number, crs in ((1, 25832), (2, 25833)):
        keys = "https://www.opengis.net/def/crs/EPSG/0/"
        east = 900_000 if number == 1 else 470_000
        (tmp_path / f"{number}.json").write_text(json.dumps({
            "type": "CityJSON", "version": "2.0", "metadata": {"referenceSystem": f"{keys}{crs}"},
            "CityObjects": {f"o{number}": {"type": "Road", "geometry": [{
                "type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}]}},
            "vertices": [[east, 5_600_000, 0], [east + 9, 5_600_000, 0], [east, 5_600_009, 0]],
        }))  # fmt: skip
    files = tuple(str(tmp_path / f"{number}.json") for number in (1, 2))
    done = import_layer(store, Order(files, "roads"))
    assert done.layer.crs.name == "EPSG:25832"
    assert done.layer.features == 2
    width = done.layer.box.high[0] - done.layer.box.low[0]
    assert 1000 < width < 20_000  # kilometres apart, not half of the earth
    (tmp_path / "2.json").write_text("{")
    with pytest.raises(SceneError, match=r"2\.json"):
        import_layer(store, Order(files, "roads"))
    assert store.layers() == (done.layer,)


def test_a_file_that_is_gone_is_an_error_of_the_disk(store) -> None:
    with pytest.raises(FileNotFoundError):
        import_layer(store, Order(("/nowhere/at/all",), "a"))


def test_triangles_that_are_nowhere_are_left_out_and_told(store) -> None:
    faults = Faults()
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        loader = Loader(writer, Frame(Crs()), faults, Pictures(None))
        points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [np.inf, 0, 0]], float)
        triangles = np.array([[0, 1, 2], [0, 1, 3]])
        given_triangles = Triangles(255, points, triangles, np.zeros(2, np.uint32))
        loader.tree([Record("a", "X", triangles=[given_triangles])])
        loader.flush()
    assert [layer.triangles for layer in store.layers()] == [1]
    assert "no numbers" in faults.told()[0].message


def test_faults_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_module, "MOST_FAULTS", 2)
    faults = Faults()
    for name in ("a", "a", "b", "c", "d"):
        faults.add(name, "wrong")
    assert faults.told() == (
        Fault("a", "wrong (2 times)"), Fault("b", "wrong"), Fault("", "2 more faults"),
    )  # fmt: skip


def test_attributes_of_any_shape_become_plain() -> None:
    deep: dict = {"end": 1}
    for _ in range(20):
        deep = {"a": deep}
    found = flattened(
        {"t": True, "n": None, "l": [{"x": 1}], "m": [1, "a"], "d": deep, "s": "x" * 9999}
    )
    assert found["t"] is True
    assert found["l.x"] == 1
    assert found["m"] == '[1,"a"]'
    assert len(str(found["s"])) == 4000
    assert not any(name.endswith("end") for name in found)
    assert len(flattened({str(number): number for number in range(900)})) == 500
    assert flattened({"o": object()}) == {}


def png(mode: str = "RGB", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (3, 2)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("BMP", "image/png")]
)
def test_pictures_are_png_or_jpeg_afterwards(kind: str, mime: str) -> None:
    found = checked(png(kind=kind), "a")
    assert (found.mime, found.width, found.height) == (mime, 3, 2)
    with Image.open(io.BytesIO(found.data)) as image:
        assert image.size == (3, 2)


def test_pictures_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 5)
    with pytest.raises(SceneError, match="pixels"):
        checked(png(), "a")
    monkeypatch.setattr(pictures, "MOST_BYTES", 10)
    with pytest.raises(SceneError, match="bytes"):
        checked(png(), "a")


def test_without_a_folder_there_are_no_pictures() -> None:
    with pytest.raises(SceneError, match="not a file beside"):
        Pictures(None).read("a.png")
