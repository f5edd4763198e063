"""3MF: units, components, transforms; bombs, paths that lead out, entities and other tricks."""

import io
import zipfile

import pytest

from gotapi_meshes import MeshError, archive, threemf, threemf_xml
from gotapi_meshes.reading import read_model

ROOT = "3D/3dmodel.model"


def read(data):
    return read_model(io.BytesIO(data))[1]


def refused(data):
    with pytest.raises(MeshError) as caught:
        read(data)
    return str(caught.value)


def model(make, text):
    return make.archive({ROOT: text})


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("millimeter", 1), ("micron", 0.001), ("inch", 25.4), ("meter", 1000), ("centimeter", 10)],
)
def test_units(make, unit, factor):
    mesh = read(model(make, make.plain_xml(make.box(2, 2, 2), f'unit="{unit}"')))
    assert mesh.size == pytest.approx([2 * factor] * 3)


def test_millimetres_where_no_unit_is_said(make):
    assert read(model(make, make.plain_xml(make.box(), ""))).size == pytest.approx([10] * 3)


def test_components_and_items_are_placed(make):
    resources = (
        f'<object id="1">{make.mesh_xml(make.box())}</object>'
        '<object id="2"><components>'
        '<component objectid="1"/>'
        '<component objectid="1" transform="1 0 0 0 1 0 0 0 1 20 0 0"/>'
        "</components></object>"
    )
    # A quarter turn about the vertical, then 100 mm to the right.
    build = '<item objectid="2" transform="0 1 0 -1 0 0 0 0 1 100 0 0"/>'
    mesh = read(model(make, make.model_xml(resources, build)))
    assert len(mesh.triangles) == 24
    assert mesh.low == pytest.approx([90, 0, 0])
    assert mesh.high == pytest.approx([100, 30, 10])
    assert mesh.volume() == pytest.approx(2000)


def test_a_mirrored_item_keeps_its_outside(make):
    resources = f'<object id="1">{make.mesh_xml(make.box())}</object>'
    build = '<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/>'
    assert read(model(make, make.model_xml(resources, build))).volume() == pytest.approx(1000)


def test_only_what_the_build_lists_is_printed_and_no_supports(make):
    resources = (
        f'<object id="1">{make.mesh_xml(make.box())}</object>'
        f'<object id="2" type="support">{make.mesh_xml(make.box(at=(50, 0, 0)))}</object>'
        f'<object id="3">{make.mesh_xml(make.box(at=(90, 0, 0)))}</object>'
    )
    build = '<item objectid="1"/><item objectid="2"/>'
    assert read(model(make, make.model_xml(resources, build))).high[0] == pytest.approx(10)


def test_parts_of_their_own_as_some_slicers_write(make):
    production = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
    root = make.model_xml(
        '<object id="5"><components>'
        '<component objectid="1" p:path="/3D/Objects/One.model"/></components></object>',
        '<item objectid="5"/>',
        f'xmlns:p="{production}" requiredextensions="p"',
    )
    parts = {ROOT: root, "3D/Objects/one.model": make.plain_xml(make.box())}
    assert len(read(make.archive(parts)).triangles) == 12


def test_the_usual_part_is_taken_where_nothing_leads_to_it(make):
    assert len(read(make.archive({ROOT: make.plain_xml(make.box())}, root="")).triangles) == 12
    assert "names no model" in refused(make.archive({"3D/other.model": "<x/>"}, root=""))
    assert "no part 'nowhere'" in refused(make.archive({ROOT: "<x/>"}, root="nowhere"))


def box_xml(make, old, new):
    text = make.plain_xml(make.box())
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit="millimeter"', 'unit="parsec"', "unit 'parsec'"),
        ("<model ", "<modell ", "begins with"),
        ("</model>", "", "no sound XML"),
        ('x="0"', 'x="a"', "vertex 1: needs numbers"),
        ('x="0" ', "", "vertex 1: needs numbers"),
        ('v1="0"', 'v1="x"', "triangle 1: needs whole numbers"),
        ('v1="0"', 'v1="-1"', "triangle 1"),
        ('<item objectid="1"/>', "", "build is empty"),
        ('<item objectid="1"/>', '<item objectid="7"/>', "no object '7'"),
        ('<item objectid="1"/>', '<item objectid="1" transform="1 2"/>', "not twelve numbers"),
        ('<item objectid="1"/>', '<item objectid="1" transform="a b"/>', "not twelve numbers"),
        ("<build>", '<object id="1"/><build>', "two objects with the id '1'"),
        ("<build>", '<vertex x="1" y="1" z="1"/><build>', "outside an object"),
        (
            "<model ",
            '<model requiredextensions="b" xmlns:b="http://example.org/lattice" ',
            "example.org/lattice",
        ),
        ("<model ", '<!DOCTYPE model [<!ENTITY a "b">]><model ', "document type"),
        ("<model ", '<!DOCTYPE model SYSTEM "file:///etc/passwd"><model ', "document type"),
    ],
)
def test_models_that_are_wrong(make, old, new, words):
    assert words in refused(model(make, box_xml(make, old, new)))


def test_an_entity_is_never_expanded(make):
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{"&" + before + ";" * 1}{("&" + before + ";") * 9}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    text = make.plain_xml(make.box()).replace("<model ", bomb + "]><model ", 1)
    assert "document type" in refused(model(make, text.replace("<resources>", "<resources>&i;")))
    relations = {"_rels/.rels": '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>', ROOT: "<x/>"}
    assert "document type" in refused(make.archive(relations, root=""))
    assert "no sound XML" in refused(make.archive({"_rels/.rels": "<r", ROOT: "<x/>"}, root=""))


def test_another_root_element(make):
    assert "begins with <svg>" in refused(model(make, "<svg/>"))


def test_an_item_outside_the_build_and_empty_objects(make):
    text = make.model_xml('<object id="1"/><item objectid="1"/>', '<item objectid="1"/>')
    assert "nothing on its plate" in refused(model(make, text))


def test_components_that_use_each_other_end(make):
    resources = '<object id="1"><components><component objectid="1"/></components></object>'
    text = make.model_xml(resources, '<item objectid="1"/>')
    assert "32 deep" in refused(model(make, text))


def test_components_that_double_are_counted_before_memory_is_taken(make, monkeypatch):
    resources = f'<object id="0">{make.mesh_xml(make.box())}</object>'
    for level in range(1, 30):
        twice = f'<component objectid="{level - 1}"/>' * 2
        resources += f'<object id="{level}"><components>{twice}</components></object>'
    text = make.model_xml(resources, '<item objectid="29"/>')
    assert f"{threemf.MOST_INSTANCES}" in refused(model(make, text))
    monkeypatch.setattr("gotapi_meshes.mesh.MAX_TRIANGLES", 100)
    text = make.model_xml(resources, '<item objectid="10"/>')
    assert "less detail" in refused(model(make, text))


@pytest.mark.parametrize("limit", ["MOST_PARTS", "MOST_XML"])
def test_many_parts(make, monkeypatch, limit):
    monkeypatch.setattr(threemf, limit, 0)
    assert refused(make.threemf(make.box()))


def test_many_objects_and_uses(make, monkeypatch):
    monkeypatch.setattr(threemf_xml, "MOST_OBJECTS", 1)
    many = make.model_xml('<object id="1"/><object id="2"/>', "")
    assert "more than 1 objects" in refused(model(make, many))
    uses = make.model_xml('<object id="1"/>', '<item objectid="1"/>' * 2)
    assert "uses more than 1" in refused(model(make, uses))


def test_a_zip_bomb_is_refused_by_its_ratio(make):
    bomb = make.archive({ROOT: b" " * (50 << 20)})
    assert len(bomb) < 60_000
    assert "100 times are allowed" in refused(bomb)


def test_a_part_larger_than_is_read(make, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    assert "unpacks" in refused(make.threemf(make.box()))


def test_a_size_that_lies(make):
    data = bytearray(make.threemf(make.box()))
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")
    assert "damaged" in refused(bytes(data))
    size = len(make.plain_xml(make.box())) + 5
    data[central + 24 : central + 28] = size.to_bytes(4, "little")
    assert "another size" in refused(bytes(data))


@pytest.mark.parametrize(
    "name", ["../evil.model", "a/../../evil", "/etc/evil", "C:/evil", "..\\evil", "a\\b"]
)
def test_paths_that_lead_out(make, name):
    assert "leads out" in refused(make.archive({ROOT: make.plain_xml(make.box()), name: "x"}))


def test_a_nul_in_a_name(make):
    data = make.archive({ROOT: make.plain_xml(make.box()), "evilXname": "x"})
    # zipfile itself cuts names at a NUL; what is left must still be harmless.
    assert len(read(data.replace(b"evilXname", b"evil\0name")).triangles) == 12


def test_folders_are_passed_over_and_two_of_a_name_are_not(make):
    made = io.BytesIO(make.threemf(make.box()))
    with zipfile.ZipFile(made, "a") as file:
        file.writestr("3D/", "")
    assert len(read(made.getvalue()).triangles) == 12
    with zipfile.ZipFile(made, "a") as file:
        file.writestr("3d/3DMODEL.model", "x")
    assert "twice" in refused(made.getvalue())


def test_encrypted_and_crowded_archives(make, monkeypatch):
    data = bytearray(make.threemf(make.box()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.rindex(mark)
        data[place + offset] |= 1
    assert "encrypted" in refused(bytes(data))
    monkeypatch.setattr(archive, "MOST_ENTRIES", 1)
    assert "has 2 entries" in refused(make.threemf(make.box()))


def test_names_and_contents(make):
    opened = archive.Archive(io.BytesIO(make.threemf(make.box())))
    assert opened.names == ("_rels/.rels", ROOT)
    assert "/3D/3DModel.model" in opened
    with pytest.raises(MeshError, match="damaged or cut off"):
        archive.Archive(io.BytesIO(b"PK\x03\x04"))
