"""CityJSON: what is in a document becomes features, levels, looks; what is wrong is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gotapi_portrayal.data import cityjson
from gotapi_portrayal.data.cityjson import CityJson
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.sink import Sink
from gotapi_portrayal.data.types import SURFACES, SceneError

SQUARE = [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]
ROOF = [[0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]]


def surface(lod: Any = "1", boundaries: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "MultiSurface",
        "lod": lod,
        "boundaries": boundaries or [[[0, 1, 2, 3]]],
        **more,
    }


def city(objects: dict[str, Any], vertices: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "CityJSON",
        "version": "2.0",
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
        "transform": {"scale": [1, 1, 1], "translate": [85000, 447000, 0]},
        "CityObjects": objects,
        "vertices": vertices or [*SQUARE, *ROOF],
        **more,
    }


def house(*geometry: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "Building", "geometry": list(geometry) or [surface()], **more}


def test_a_building_becomes_a_feature(imported, store) -> None:
    attributes = {"name": "Home", "height": 5.5, "floors": 2, "nested": {"a": 1}, "list": [1, 2]}
    done = imported(city({"h": house(attributes=attributes)}))
    assert done.faults == ()
    assert (done.layer.crs.name, done.layer.lods, done.layer.kind) == ("EPSG:7415", ("1",), "city")
    [feature] = store.features_by_id("new", ["h"]).values()
    assert feature.kind == "Building"
    assert feature.attributes == {
        "name": "Home", "height": 5.5, "floors": 2, "nested.a": 1, "list": "[1,2]",
    }  # fmt: skip
    assert feature.box is not None
    assert feature.box.low == (85000, 447000, 0)
    assert feature.box.high == (85010, 447010, 0)


@pytest.mark.parametrize("version", ["1.0", "1.0.3", "1.1", "2.0", "2.0.1"])
def test_every_version_is_read(imported, version: str) -> None:
    lod = 2.2 if version.startswith("1.0") else "2.2"
    done = imported(city({"h": house(surface(lod))}, version=version))
    assert done.layer.lods == ("2.2",)


def test_version_one_may_have_no_transform_and_a_urn(imported) -> None:
    document = city({"h": house(surface(2))}, version="1.0")
    del document["transform"]
    document["metadata"] = {"referenceSystem": "urn:ogc:def:crs:EPSG::7415", "title": "Delft"}
    done = imported(document)
    assert (done.layer.lods, done.layer.title) == (("2",), "Delft")
    assert done.layer.box.low == (0, 0, 0)


def test_solids_and_their_semantics(imported, only_part) -> None:
    shell = [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[0, 1, 5, 4]]]
    semantics = {
        "surfaces": [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "+Own"}],
        "values": [[0, 1, 2]],
    }
    imported(city({"h": house({
        "type": "Solid", "lod": "2", "boundaries": [shell], "semantics": semantics,
    })}))  # fmt: skip
    found = [SURFACES[one] for one in only_part().surfaces.tolist()]
    assert found == ["GroundSurface"] * 2 + ["RoofSurface"] * 2 + ["OtherSurface"] * 2


@pytest.mark.parametrize("values", [None, [None], [[None, 7]], "x", [[0]]])
def test_semantics_that_do_not_fit_are_no_semantics(imported, only_part, values: Any) -> None:
    semantics = {"surfaces": [{"type": "RoofSurface"}], "values": values}
    imported(city({"h": house({
        "type": "MultiSolid", "lod": "2", "boundaries": [[[[[0, 1, 2, 3]], [[4, 5, 6, 7]]]]],
        "semantics": semantics,
    })}))  # fmt: skip
    assert set(only_part().surfaces.tolist()) == {0}


def test_levels_of_one_building_lie_side_by_side(imported) -> None:
    done = imported(city({"h": house(surface("1.2"), surface("2.2"), surface("1.3"))}))
    assert done.layer.lods == ("1.2", "1.3", "2.2")


def test_parts_come_with_their_building_and_share_its_levels(imported, store) -> None:
    from gotapi_portrayal.data.types import Lods, LodSelection

    done = imported(city({
        "part": {**house(surface("2")), "type": "BuildingPart", "parents": ["h"]},
        "balcony": {**house(surface("3")), "type": "BuildingInstallation", "parents": ["h"]},
        "h": {**house(surface("1")), "children": ["part", "balcony"]},
    }))  # fmt: skip
    assert done.faults == ()
    found = store.features_by_id("new", ["h", "part", "balcony"])
    assert [child.object_id for child in store.children(found["h"].number)] == ["part", "balcony"]
    assert [found[name].lods for name in ("h", "part", "balcony")] == [("1",), ("2",), ("3",)]

    def taken(lod: str) -> set[str]:
        wish = Lods(lod, LodSelection.EQUALS_OR_SMALLER)
        numbers = {n for part in store.query("new", None, wish) for n in part.features.tolist()}
        return {one.object_id for one in found.values() if one.number in numbers}

    # The block of LOD 1 is not there where the parts it consists of are (3DPS Table 22).
    assert taken("3") == {"part", "balcony"}
    assert taken("1") == {"h"}


def test_a_missing_part_is_told(told) -> None:
    assert told(city({"h": house(children=["gone"])})) == [
        ("h", "its part 'gone' is not in the file")
    ]


def test_parents_in_a_ring_end(imported) -> None:
    ring = {
        "a": {**house(), "children": ["b"], "parents": ["b"]},
        "b": {**house(), "children": ["a"], "parents": ["a"]},
        "c": house(),
    }
    done = imported(city(ring))
    assert done.layer.features == 3
    assert [one.fault.object_id for one in done.faults] == ["a"]


def test_parts_of_what_is_broken_are_there(told, store) -> None:
    found = told(city({"part": {**house(), "parents": ["bad"]}, "bad": 7}))
    assert [name for name, _ in found] == ["bad", "part"]
    assert store.features_by_id("new", ["part"])


def test_a_geometry_without_a_level_has_only_one_form(imported) -> None:
    assert imported(city({"h": house(surface(None))})).layer.lods == ()


def test_wrong_indices_cost_only_their_polygons(told, store) -> None:
    found = told(city({
        "bad": house(surface("1", [[[0, 1, 99]], [[0, 1, 2]], [[0, -1, 2]]])),
        "good": house(),
    }))  # fmt: skip
    assert [name for name, _ in found] == ["bad", "bad"]
    assert "vertex 99 of 8" in found[0][1]
    layer = store.layer("new")
    assert layer is not None
    assert layer.triangles == 3


def test_without_any_vertices_nothing_is_there_and_the_former_layer_stays(imported, store) -> None:
    imported(city({"h": house()}))
    document = city({"h": house()})
    document["vertices"] = []
    with pytest.raises(SceneError, match="nothing in file has a surface"):
        imported(document)
    assert store.features_by_id("new", ["h"])


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "nan", "null", '"x"', "[]"])
def test_vertices_that_are_no_numbers_cost_only_their_polygons(told, bad: str) -> None:
    text = json.dumps(city({
        "bad": house(surface("1", [[[1, 2, 3]]])), "good": house(surface("1", [[[4, 5, 6]]])),
    })).replace("[10, 10, 0]", f"[10, {bad}, 0]")  # fmt: skip
    found = told(text.encode())
    assert [name for name, _ in found] == ["bad"]
    assert "no number" in found[0][1]


@pytest.mark.parametrize("row", ["[1, 2]", "[1, 2, 3, 4]", "7"])
def test_vertices_of_other_lengths_cost_only_their_polygons(told, row: str) -> None:
    text = json.dumps(city({"bad": house(), "good": house(surface("1", [[[4, 5, 6]]]))}))
    found = told(text.replace("[10, 10, 0]", row).encode())
    assert [name for name, _ in found] == ["bad"]


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ({"type": "MultiPoint", "lod": "1", "boundaries": [0]}, "has no surface"),
        ({"type": "MultiSurface", "lod": "1", "boundaries": [0, 1]}, "left out"),
        ({"type": "Solid", "lod": "1", "boundaries": [[[0, 1, 2]]]}, "left out"),
        ({"type": "MultiSurface", "lod": "1"}, "left out"),
        ({"lod": "1", "boundaries": []}, "left out"),
        ({"type": "MultiSurface", "lod": "1", "boundaries": [[["a"]]]}, "left out"),
        ({"type": "GeometryInstance", "template": 0, "boundaries": [0]}, "the file has none"),
        (7, "left out"),
    ],
)
def test_geometries_that_are_none_are_told(told, geometry: Any, words: str) -> None:
    [(name, message)] = told(city({"bad": house(geometry), "good": house()}))
    assert name == "bad"
    assert words in message


@pytest.mark.parametrize("lod", ["7", "x", 9])
def test_a_level_that_is_none_is_told_and_the_form_is_there(told, store, lod: Any) -> None:
    [(name, message)] = told(city({"h": house(surface(lod))}))
    assert (name, "no level of detail" in message) == ("h", True)
    assert [layer.lods for layer in store.layers()] == [()]


def test_empty_geometries_are_no_fault(told, store) -> None:
    objects = {"h": house(), "e": house(surface("1", [[]])), "n": {"type": "Road"}}
    document = city(objects)
    document["CityObjects"]["e"]["geometry"].append({**surface("1"), "boundaries": []})
    assert told(document) == []


def test_polygons_without_a_ring_are_passed_over(told, only_part) -> None:
    assert told(city({"h": house(surface("1", [[], [[0, 1, 2]]]))})) == []
    assert len(only_part().triangles) == 1


@pytest.mark.parametrize("bad", [7, {"geometry": []}, {"type": "Building", "geometry": 7}, None])
def test_objects_that_are_none_are_told(told, bad: Any) -> None:
    [(name, message)] = told(city({"bad": bad, "good": house()}))
    assert name == "bad"
    assert "no city object" in message


def test_a_part_that_is_no_object_is_told(told) -> None:
    found = told(city({"h": house(children=["bad"]), "bad": 7}))
    assert [name for name, _ in found] == ["bad", "h"]


def test_the_same_id_twice_is_one_for_json_and_two_in_two_files(
    imported, store, tmp_path: Path
) -> None:
    from gotapi_portrayal.data.importing import import_layer
    from gotapi_portrayal.data.orders import Order

    files = []
    for number in range(3):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(city({"h": house()})))
        files.append(str(file))
    done = import_layer(store, Order(tuple(files), "new"))
    assert [(one.file, one.fault.object_id) for one in done.faults] == [
        ("1.json", "h"),
        ("2.json", "h"),
    ]
    assert set(store.features_by_id("new", ["h", "h~2", "h~3"])) == {"h", "h~2", "h~3"}


MATERIALS = {
    "materials": [
        {"name": "red", "diffuseColor": [1, 0, 0], "transparency": 0.25},
        {"name": "glow", "emissiveColor": [2, 0, -1]},
        {"name": 7},
    ]
}


def looks(store, part) -> list[str]:
    known = store.materials("new")
    return [known[one].name if one else "" for one in part.materials.tolist()]


def test_materials_are_those_of_the_default_theme(imported, store, only_part) -> None:
    geometry = surface(
        "2",
        [[[0, 1, 2]], [[4, 5, 6]], [[0, 1, 5]]],
        material={"heat": {"value": 1}, "visual": {"values": [0, None, 1]}},
    )
    appearance = {**MATERIALS, "default-theme-material": "visual"}
    done = imported(city({"h": house(geometry)}, appearance=appearance))
    assert done.faults == ()
    assert looks(store, only_part()) == ["red", "", "glow"]
    red, glow = store.materials("new").values()
    assert (red.diffuse, red.transparency) == ((1, 0, 0), 0.25)
    assert glow.emissive == (1, 0, 0)


def test_one_material_for_all_of_a_solid(imported, store, only_part) -> None:
    geometry = {
        "type": "Solid", "lod": "2", "boundaries": [[[[0, 1, 2]], [[4, 5, 6]]]],
        "material": {"visual": {"value": 0}},
    }  # fmt: skip
    imported(city({"h": house(geometry)}, appearance=MATERIALS))
    assert looks(store, only_part()) == ["red", "red"]


@pytest.mark.parametrize(("value", "words"), [(9, "no material 9"), (2, "material 2 is none")])
def test_wrong_materials_are_told(told, value: int, words: str) -> None:
    geometry = surface("2", material={"visual": {"value": value}})
    [(name, message)] = told(city({"h": house(geometry)}, appearance=MATERIALS))
    assert (name, words in message) == ("h", True)


def textured(image: str = "brick.png", **more: Any) -> dict[str, Any]:
    return {
        "textures": [{"type": "PNG", "image": image, **more}],
        "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1]],
    }


def test_textures_with_their_places(imported, store, only_part, tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    geometry = surface(
        "2",
        [[[0, 1, 2, 3]], [[4, 5, 6, 7]]],
        texture={"visual": {"values": [[[0, 0, 1, 2, 3]], [[None]]]}},
    )
    done = imported(city({"h": house(geometry)}, appearance=textured(wrapMode="mirror")))
    assert done.faults == ()
    assert done.layer.textured
    part = only_part()
    assert part.uvs is not None
    places = {
        tuple(p): tuple(uv) for p, uv in zip(part.vertices.tolist(), part.uvs.tolist(), strict=True)
    }
    low = min(p[2] for p in places)
    assert sorted(uv for p, uv in places.items() if p[2] == low) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {uv for p, uv in places.items() if p[2] > low} == {(0, 0)}
    assert looks(store, part) == ["brick.png", "brick.png", "", ""]
    [material] = store.materials("new").values()
    [texture] = store.textures("new")
    assert (material.texture, material.wrap) == (texture.number, "mirror")
    assert (texture.mime, texture.width, texture.height) == ("image/png", 4, 2)


def test_one_texture_on_two_walls(imported, store, only_part, tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    values = {"visual": {"values": [[[0, 0, 1, 2, 3]], [[0, 0, 1, 2, 3]]]}}
    geometry = surface("2", [[[0, 1, 2, 3]], [[4, 5, 6, 7]]], texture=values)
    objects = {"h": house(geometry), "g": house(geometry)}
    imported(city(objects, appearance=textured()))
    assert looks(store, only_part()) == ["brick.png"] * 8


def test_textures_of_a_solid(imported, store, only_part, tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    geometry = {
        "type": "Solid", "lod": "2", "boundaries": [[[[0, 1, 2]], [[4, 5, 6]]]],
        "texture": {"visual": {"values": [[[[0, 0, 1, 2]], [[0, 1, 2, 3]]]]}},
    }  # fmt: skip
    assert imported(city({"h": house(geometry)}, appearance=textured())).faults == ()
    assert looks(store, only_part()) == ["brick.png", "brick.png"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[[0, 0, 1, 2]]], "one place for each corner"),
        ([[[0, 0, 1, 2, 9]]], "beyond 4"),
        ([[[9, 0, 1, 2, 3]]], "no texture 9"),
        ([[["x", 0, 1, 2, 3]]], "left out"),
        ([], "does not fit"),
        (None, "does not fit"),
        (7, "does not fit"),
    ],
)
def test_wrong_textures_are_told(told, tmp_path: Path, values: Any, words: str) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    geometry = surface("2", texture={"visual": {"values": values}})
    found = told(city({"h": house(geometry)}, appearance=textured()))
    assert found
    assert words in found[0][1] or words == "left out"


@pytest.mark.parametrize("values", [[7], [[7]], [[[]]], [[]]])
def test_texture_values_of_other_shapes_do_no_harm(imported, values: Any, tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    geometry = surface("2", texture={"visual": {"values": values}})
    assert imported(city({"h": house(geometry)}, appearance=textured())).layer.triangles in (0, 2)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("gone.png", "is missing"),
        ("../secret.png", "outside the folder"),
        ("/etc/passwd", "outside the folder"),
        ("http://example.com/a.png", "not a file beside"),
        ("data:image/png;base64,AAAA", "not a file beside"),
        ("notes.txt", "no picture"),
        ("a\0b.png", "is missing"),
    ],
)
def test_pictures_from_elsewhere_are_not_taken(
    told, tmp_path: Path, image: str, words: str
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    geometry = surface("2", texture={"visual": {"values": [[[0, 0, 1, 2, 3]]]}})
    [(name, message)] = told(city({"h": house(geometry)}, appearance=textured(image)))
    assert (name, words in message) == ("", True)


def test_places_that_are_no_pairs_are_no_places(told, tmp_path: Path) -> None:
    Image.new("RGB", (4, 2), "red").save(tmp_path / "brick.png")
    geometry = surface("2", texture={"visual": {"values": [[[0, 0, 1, 2, 3]]]}})
    appearance = {**textured(), "vertices-texture": [["a"]]}
    [(name, message)] = told(city({"h": house(geometry)}, appearance=appearance))
    assert (name, "beyond 0" in message) == ("h", True)


TEMPLATES = {
    "geometry-templates": {
        "templates": [surface("2", [[[0, 1, 2]]]), {"type": "MultiPoint", "boundaries": [0]}],
        "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    }
}
TURN = [0, -2, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]  # a quarter, twice as large


def instance(**more: Any) -> dict[str, Any]:
    return {
        "type": "GeometryInstance", "template": 0, "boundaries": [1], "transformationMatrix": TURN,
        **more,
    }  # fmt: skip


def test_templates_stand_where_they_are_used(imported, store) -> None:
    kind = "SolitaryVegetationObject"
    trees = {"a": {"type": kind, "geometry": [instance()]},
             "b": {"type": kind, "geometry": [instance(boundaries=[6])]}}  # fmt: skip
    done = imported(city({"h": house(surface("2")), **trees}, **TEMPLATES))
    assert done.faults == ()
    found = store.features_by_id("new", ["a", "b"])
    assert found["a"].box is not None
    assert found["a"].box.low == (85008, 447000, 0)
    assert found["a"].box.high == (85010, 447002, 0)
    assert found["b"].lods == ("2",)


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (instance(template=9), "no template 9"),
        (instance(template=1), "nothing to show"),
        (instance(boundaries=[99]), "vertex 99"),
        (instance(boundaries=[0, 1]), "left out"),
        (instance(transformationMatrix=[1, 2]), "2 numbers, not 16"),
        ({"type": "GeometryInstance", "boundaries": [0]}, "no template None"),
    ],
)
def test_wrong_templates_are_told(told, geometry: Any, words: str) -> None:
    found = told(city({"h": house(), "bad": house(geometry)}, **TEMPLATES))
    assert found[-1][0] == "bad"
    assert words in found[-1][1]


def test_a_template_without_a_matrix_stands_as_it_is(imported, store) -> None:
    geometry = instance()
    del geometry["transformationMatrix"]
    imported(city({"a": house(geometry)}, **TEMPLATES))
    [feature] = store.features_by_id("new", ["a"]).values()
    assert feature.box is not None
    assert feature.box.high == (85011, 447001, 0)


def sequence(*lines: Any) -> bytes:
    first = city({})
    first["vertices"] = []
    return b"\n".join(json.dumps(line).encode() for line in (first, *lines)) + b"\n"


def feature_line(name: str, shift: int = 0) -> dict[str, Any]:
    vertices = [[x + shift, y, z] for x, y, z in SQUARE]
    return {
        "type": "CityJSONFeature", "id": name, "CityObjects": {name: house()}, "vertices": vertices,
    }  # fmt: skip


def test_lines_of_features_are_read_one_by_one(imported, store) -> None:
    done = imported(sequence(feature_line("a"), feature_line("b", 50)), "file.city.jsonl")
    assert (done.faults, done.layer.features) == ((), 2)
    assert done.layer.box.high == (85060, 447010, 0)
    assert done.layer.crs.name == "EPSG:7415"


def test_a_line_that_is_none_is_told_and_the_others_are_read(told, store) -> None:
    text = (
        sequence(feature_line("a"))
        + b'{"type": "CityJSONFeature"\n\n'
        + sequence(feature_line("b")).partition(b"\n")[2]
    )
    [(name, message)] = told(text)
    assert name == ""
    assert "a line is left out" in message
    assert len(store.features_by_id("new", ["a", "b"])) == 2


def test_a_line_that_is_too_long_is_told(told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cityjson, "LONGEST_LINE", 400)
    long = feature_line("b")
    long["CityObjects"]["b"]["attributes"] = {"text": "x" * 500}
    [(_, message)] = told(sequence(feature_line("a"), long))
    assert "more than 400 bytes" in message


def test_templates_of_the_first_line_count_for_all(imported) -> None:
    lines = sequence(feature_line("a")).splitlines()
    first = json.loads(lines[0]) | TEMPLATES
    tree = feature_line("t")
    tree["CityObjects"]["t"]["geometry"] = [instance()]
    done = imported(b"\n".join([json.dumps(first).encode(), lines[1], json.dumps(tree).encode()]))
    assert (done.faults, done.layer.features) == ((), 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"type": "CityJSON", "CityObjects": {}', "no CityJSON"),
        (b'{"type": "CityJSON", "version": "2.0"}', "no CityJSON"),
        (b'{"type": "CityJSON", "x": NaN}', "no CityJSON"),
        (json.dumps(city({}, type="CityJSONFeature")).encode(), "not CityJSON"),
        (json.dumps(city({"h": house()}, version="0.9")).encode(), "cjio FILE upgrade"),
        (json.dumps(city({"h": house()}, version="3.0")).encode(), "CityJSON 3.0"),
        (json.dumps(city({})).encode(), "has a surface"),
        (json.dumps({**city({"h": house()}), "vertices": {"a": 1}}).encode(), "three numbers"),
        (json.dumps(city({"h": house()}, metadata={"referenceSystem": "x"})).encode(), "--crs"),
    ],
)
def test_documents_that_cannot_be_read_are_refused(imported, store, content, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        imported(content)
    assert store.layers() == ()


def test_a_tower_of_brackets_is_refused(imported) -> None:
    deep = b"[" * 200_000
    with pytest.raises(SceneError, match=r"nested too deeply|no CityJSON"):
        imported(b'{"type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": ' + deep)
    [fault] = imported(
        json.dumps(city({"bad": 7, "good": house()}))
        .encode()
        .replace(b'"bad": 7', b'"bad": {"type": "Building", "attributes": {"a": '
                 + b"[" * 900 + b"]" * 900 + b"}}")
    ).faults or [None]  # fmt: skip
    assert fault is None or fault.fault.object_id == "bad"


def test_a_byte_order_mark_is_passed_over(imported) -> None:
    text = json.dumps(city({"h": house()})).encode()
    assert imported(b"\xef\xbb\xbf" + text).layer.features == 1


def test_too_large_documents_are_refused_before_they_are_read(
    imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gotapi_portrayal.data import importing

    monkeypatch.setattr(cityjson, "MOST_VERTICES", 4)
    with pytest.raises(SceneError, match="more than 4 vertices"):
        imported(city({"h": house()}))
    monkeypatch.setattr(importing, "MOST_BYTES", 100)
    with pytest.raises(SceneError, match="CityJSONSeq"):
        imported(city({"h": house()}))
    monkeypatch.setattr(cityjson, "MOST_BYTES", 100)
    with pytest.raises(SceneError, match="CityJSONSeq"):
        CityJson(b" " * 101)


def test_the_address_is_an_attribute(imported, store) -> None:
    imported(city({"h": house(address=[{"street": "Hoofdstraat", "number": "1a"}])}))
    [feature] = store.features_by_id("new", ["h"]).values()
    assert feature.attributes == {"address.street": "Hoofdstraat", "address.number": "1a"}


def heard(data: bytes) -> list[str]:
    """Read a document without a store; returns the ids of its objects."""
    found: list[str] = []
    faults = Faults()

    def tree(records: list[Any]) -> None:
        found.extend(record.object_id for record in records)

    try:
        CityJson(data).read(Sink(faults, tree, lambda _: 1, lambda _: 1))
    except SceneError:
        return []
    return found


Json = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.sampled_from(
        ["MultiSurface", "Solid", "Building", "1", "2.2", "GeometryInstance"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["type", "lod", "boundaries", "geometry", "values", "surfaces", "visual",
                         "semantics", "material", "texture", "template", "children", "parents"]),
        inner, max_size=6),
    max_leaves=40,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abc"), Json), Json, Json)
def test_documents_of_any_shape_are_read_or_refused(objects, vertices, appearance) -> None:
    document = city(objects, appearance=appearance, **TEMPLATES)
    document["vertices"] = vertices
    heard(json.dumps(document).encode())
    document = city(objects, **TEMPLATES)
    assert set(heard(json.dumps(document).encode())) <= set(objects)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_documents_are_read_or_refused(data) -> None:
    text = bytearray(
        json.dumps(city({"h": house(), "g": house(surface("2"))}, **TEMPLATES)).encode()
    )
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    heard(bytes(text))


def test_progress_is_told(tmp_path: Path, store) -> None:
    from gotapi_portrayal.data.importing import import_layer
    from gotapi_portrayal.data.orders import Order

    file = tmp_path / "city.json"
    file.write_text(json.dumps(city({f"h{number}": house() for number in range(250)})))
    shares: list[float] = []
    import_layer(store, Order((str(file), str(file)), "new"), shares.append)
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] <= 1
    assert len(shares) >= 4
