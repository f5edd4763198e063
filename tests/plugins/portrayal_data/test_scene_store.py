"""The store: what is found by box and LOD, and that a layer appears as a whole or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from gotapi_portrayal.data import sqlite_files, tiles
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import (
    Box,
    Crs,
    FeatureDraft,
    LayerDraft,
    Lods,
    LodSelection,
    Material,
    SceneError,
    Spatial,
    StoreBusyError,
)

# Three cubes of ten metres: two near each other, one two tiles away.
PLACES = {
    "near": (1000.0, 1000.0, 0.0),
    "next": (1020.0, 1000.0, 0.0),
    "far": (1600.0, 1000.0, 0.0),
}


def box(*sides: float) -> Box:
    return Box(sides[:3], sides[3:])


def names(store: SqliteSceneStore, *words, layer: str = "cubes", **more) -> list[str]:
    """The object ids that a query finds, once for each LOD."""
    numbers = [n for part in store.query(layer, *words, **more) for n in part.features.tolist()]
    known = store.features(numbers)
    return sorted(known[number].object_id for number in numbers)


def test_an_empty_store_has_nothing(store) -> None:
    assert store.layers() == ()
    assert store.layer("cubes") is None
    assert list(store.query("cubes")) == []
    assert store.features([1]) == {}
    assert store.features_by_id("cubes", ["a"]) == {}
    assert store.children(0) == store.children(9) == ()
    assert store.materials("cubes") == {}
    assert store.textures("cubes") == ()
    assert store.texture(1) is None
    assert store.remove("cubes") is False
    assert store.sequence() == 0


def test_a_layer_tells_what_is_in_it(store, write_cubes) -> None:
    write_cubes(store, PLACES, {"near": ("1", "2.2"), "far": ("0",)})
    layer = store.layer("cubes")
    assert layer is not None
    assert store.layers() == (layer,)
    assert (layer.features, layer.triangles) == (3, 48)
    assert layer.lods == ("0", "1", "2.2")
    assert layer.box == box(1000, 1000, 0, 1610, 1010, 10)
    assert layer.classes == ("Building",)
    assert [(one.name, one.type) for one in layer.attributes] == [("name", "string")]
    assert layer.version == store.sequence() == 1


def test_features_are_found_by_number_and_by_id(store, write_cubes) -> None:
    numbers = write_cubes(store, PLACES, {"near": ("1", "2")})
    [near] = store.features([numbers["near"], 999]).values()
    assert (near.object_id, near.kind, near.lods) == ("near", "Building", ("1", "2"))
    assert near.box == box(1000, 1000, 0, 1010, 1010, 10)
    assert near.attributes == {"name": "near"}
    assert store.features_by_id("cubes", ["near", "nobody"]) == {"near": near}
    assert store.features_by_id("other", ["near"]) == {}


def test_more_ids_than_one_question_takes(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    asked = [f"x{number}" for number in range(1200)] + ["far"]
    assert list(store.features_by_id("cubes", asked)) == ["far"]


def test_vertices_come_back_where_they_were(store, write_cubes, area_of) -> None:
    write_cubes(store, {"a": (4_500_000.125, 5_300_000.5, 812.25)})
    [part] = store.query("cubes")
    absolute = part.vertices.astype(float) + np.array(part.origin)
    assert absolute.min(axis=0).tolist() == [4_500_000.125, 5_300_000.5, 812.25]
    assert absolute.max(axis=0).tolist() == [4_500_010.125, 5_300_010.5, 822.25]
    assert len(part.vertices) == 8  # corners at one place are one
    assert area_of(part) == 600
    assert part.surfaces.tolist() == [2] * 12
    assert part.triangle_starts.tolist() == [0, 12]
    assert part.vertex_starts.tolist() == [0, 8]


def test_small_models_keep_every_hundredth_of_a_millimetre(store, write_cubes) -> None:
    write_cubes(store, {"a": (0.00001, 0.0, 0.0)}, size=0.02, kind="model")
    [part] = store.query("cubes")
    assert part.vertices[:, 0].min() == pytest.approx(0.00001, rel=1e-4)


@pytest.mark.parametrize(
    ("sides", "found"),
    [
        ((0, 0, -9, 2000, 2000, 99), ["far", "near", "next"]),
        ((1015, 1005, 5, 1016, 1006, 6), []),
        ((1005, 1005, 5, 1025, 1006, 6), ["near", "next"]),
        ((1010, 1005, 5, 1019, 1006, 6), ["near"]),  # its face belongs to it
        ((990, 990, 10.1, 2000, 2000, 11), []),
        ((1002, 1002, 2, 1003, 1003, 3), []),  # inside of the hollow cube
        ((1599, 999, -1, 1611, 1011, 11), ["far"]),
    ],
)
def test_overlaps_finds_what_the_box_touches(store, write_cubes, sides, found) -> None:
    write_cubes(store, PLACES)
    assert names(store, box(*sides)) == found


def test_contains_center_asks_for_the_middle(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    asked = box(1004, 1004, 4, 1020.5, 1006, 6)
    assert names(store, asked, None, Spatial.CONTAINS_CENTER) == ["near"]
    assert names(store, asked, None, Spatial.OVERLAPS) == ["near", "next"]


def test_cut_gives_what_lies_inside(store, write_cubes, area_of) -> None:
    write_cubes(store, PLACES)
    [part] = store.query("cubes", box(1000, 1000, 0, 1005, 1010, 10), None, Spatial.CUT)
    assert area_of(part) == pytest.approx(100 + 4 * 50)  # one face, and half of four
    [whole] = store.query("cubes", box(999, 999, -1, 1012, 1012, 11), None, Spatial.CUT)
    assert area_of(whole) == 600


@pytest.mark.parametrize(
    ("selection", "wanted", "found"),
    [
        (LodSelection.EQUALS, "1", ["near", "next"]),
        (LodSelection.EQUALS_OR_SMALLER, "1.2", ["near", "next"]),
        (LodSelection.EQUALS_OR_SMALLER, "3", ["far", "near", "next"]),
        (LodSelection.COMBINED, "2", ["near", "near", "next"]),
        (LodSelection.EQUALS_OR_SIMILAR, "2", ["far", "near", "next"]),
    ],
)
def test_levels_are_chosen_for_each_feature(store, write_cubes, selection, wanted, found) -> None:
    write_cubes(store, PLACES, {"near": ("1", "2"), "far": ("3",)})
    assert names(store, None, Lods(wanted, selection)) == found


def test_each_level_is_a_part_of_its_own(store, write_cubes) -> None:
    write_cubes(store, PLACES, {"near": ("1", "2")})
    assert sorted(part.lod for part in store.query("cubes")) == ["1", "1", "1", "2"]
    [part] = store.query("cubes", box(0, 0, 0, 1100, 1100, 9), Lods("2"))
    assert (part.lod, len(part.features)) == ("2", 1)


def test_a_level_that_is_none_is_refused(store) -> None:
    with pytest.raises(SceneError, match="no level of detail"):
        list(store.query("cubes", None, Lods("nine")))


def test_layers_do_not_mix(store, write_cubes) -> None:
    write_cubes(store, {"a": (0.0, 0.0, 0.0)}, layer="one")
    write_cubes(store, {"b": (0.0, 0.0, 0.0)}, layer="two")
    assert names(store, box(-1, -1, -1, 20, 20, 20), layer="one") == ["a"]
    assert names(store, box(-1, -1, -1, 20, 20, 20), layer="two") == ["b"]


def test_a_layer_is_replaced_by_one_of_its_name(store, write_cubes) -> None:
    write_cubes(store, {"old": (0.0, 0.0, 0.0)})
    write_cubes(store, {"new": (5.0, 0.0, 0.0)})
    assert names(store) == names(store, box(-1, -1, -1, 20, 20, 20)) == ["new"]
    assert store.features_by_id("cubes", ["old"]) == {}
    [layer] = store.layers()
    assert (layer.version, store.sequence()) == (2, 2)


def test_a_removed_layer_leaves_nothing(store, write_cubes, tmp_path: Path) -> None:
    write_cubes(store, PLACES)
    assert store.remove("cubes") is True
    assert store.layers() == ()
    assert store.sequence() == 2
    with sqlite3.connect(tmp_path / "scenes.sqlite3") as connection:
        for table in ("features", "parts", "parts_index", "materials", "textures"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()


def test_an_exception_leaves_everything_as_it_was(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    draft = LayerDraft("cubes", "Other", Crs())
    with pytest.raises(RuntimeError), store.write(draft) as writer:  # noqa: PT012
        writer.feature(FeatureDraft("a", "Road"))
        raise RuntimeError
    assert names(store) == ["far", "near", "next"]
    assert store.sequence() == 1


def test_a_layer_without_any_surface_is_refused(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    draft = LayerDraft("cubes", "Nothing", Crs(), sources=("file.json",))
    with pytest.raises(SceneError, match=r"nothing in file\.json"), store.write(draft) as writer:
        writer.feature(FeatureDraft("a", "Road"))
    assert names(store) == ["far", "near", "next"]


def test_nobody_sees_a_layer_that_is_being_written(store, write_cubes) -> None:
    seen = []
    with store.write(LayerDraft("new", "New", Crs())) as writer:
        number = writer.feature(FeatureDraft("a", "Building"))
        writer.triangles(one_triangle(number))
        seen.append(store.layers())
    seen.append(store.layers())
    assert [len(layers) for layers in seen] == [0, 1]


def one_triangle(number: int, size: float = 1.0, uvs: bool = False) -> TriangleBatch:
    return TriangleBatch(
        points=np.array([[0, 0, 0], [size, 0, 0], [0, size, 0]], float),
        triangles=np.array([[0, 1, 2]]),
        features=np.array([number], np.int64),
        lods=np.array([10], np.uint8),
        masks=np.array([16], np.uint32),
        materials=np.array([0], np.uint32),
        surfaces=np.array([0], np.uint8),
        uvs=np.array([[0, 0], [1, 0], [0, 1]], np.float32) if uvs else None,
    )


def test_a_reader_keeps_its_state_while_the_layer_is_replaced(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    reading = store.query("cubes")
    next(reading)
    write_cubes(store, {"new": (0.0, 0.0, 0.0)})
    assert len(list(reading)) == 2  # the other tiles of the former layer
    assert names(store) == ["new"]


def test_a_second_writer_is_told_to_wait(
    store, write_cubes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "WAIT", 0.05)
    connection = sqlite3.connect(tmp_path / "scenes.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="being written"):
        store.remove("cubes")
    connection.close()
    assert store.remove("cubes") is False


def test_a_store_can_be_opened_while_somebody_writes(
    store, write_cubes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "WAIT", 0.05)
    write_cubes(store, PLACES)
    with store._files.writing():
        again = SqliteSceneStore(tmp_path / "scenes.sqlite3")
        assert names(again) == ["far", "near", "next"]
        again.close()


def test_two_may_make_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteSceneStore(tmp_path / "s.sqlite3").close()
    answers = iter((False, True))  # it was not there, and then somebody else was quicker
    monkeypatch.setattr(sqlite_files, "_is_ready", lambda *_: next(answers))
    store = SqliteSceneStore(tmp_path / "s.sqlite3")
    assert store.layers() == ()
    store.close()


def test_a_new_file_that_stays_busy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "WAIT", 0.05)
    connection = sqlite3.connect(tmp_path / "s.sqlite3", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusyError):
        SqliteSceneStore(tmp_path / "s.sqlite3")
    connection.close()


def test_other_errors_of_the_database_are_not_called_busy() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), sqlite_files.busy_told():
        connection.execute("SELECT * FROM missing")
    connection.close()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "new.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SceneError, match="format 99"):
        SqliteSceneStore(tmp_path / "new.sqlite3")


def test_a_store_is_opened_again(store, write_cubes, tmp_path: Path) -> None:
    write_cubes(store, PLACES)
    again = SqliteSceneStore(tmp_path / "scenes.sqlite3")
    assert names(again) == ["far", "near", "next"]
    again.close()


def test_many_threads_read_at_once(store, write_cubes) -> None:
    write_cubes(store, PLACES)
    found: list[list[str]] = []
    barrier = threading.Barrier(8)

    def read() -> None:
        iterators = [store.query("cubes") for _ in range(3)]
        for one in iterators:
            next(one)
        barrier.wait(30)
        found.append(names(store))
        for one in iterators:
            one.close()

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [["far", "near", "next"]] * 8


def test_a_damaged_part_is_told(store, write_cubes, tmp_path: Path) -> None:
    write_cubes(store, PLACES)
    with sqlite3.connect(tmp_path / "scenes.sqlite3") as connection:
        connection.execute("UPDATE parts SET data = x'0011'")
    connection.close()
    with pytest.raises(SceneError, match="damaged; import it again"):
        list(store.query("cubes"))


@pytest.mark.parametrize("room", [0, 1 << 20])
def test_parts_are_kept_in_memory_within_bounds(tmp_path: Path, write_cubes, room: int) -> None:
    store = SqliteSceneStore(tmp_path / "s.sqlite3", cache_bytes=room)
    write_cubes(store, PLACES)
    first, again = (list(store.query("cubes")) for _ in range(2))
    same = [one.vertices is other.vertices for one, other in zip(first, again, strict=True)]
    assert all(same) is (room > 0)
    twice = store._cache
    twice.put(1, (first[0], np.zeros(1, np.uint32)))  # another thread was as quick
    assert twice._bytes <= room
    store.close()


def test_materials_and_textures_are_kept_once(store) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        picture = writer.texture(b"picture", "image/png", 2, 3)
        assert writer.texture(b"picture", "image/png", 2, 3) == picture
        red = writer.material(Material("red", (1.0, 0.0, 0.0)))
        assert writer.material(Material("red", (1.0, 0.0, 0.0))) == red
        brick = writer.material(Material("brick", texture=picture))
        number = writer.feature(FeatureDraft("a", "Building"))
        writer.triangles(one_triangle(number, uvs=True))
    assert store.materials("a") == {
        red: Material("red", (1.0, 0.0, 0.0)),
        brick: Material("brick", texture=picture),
    }
    [texture] = store.textures("a")
    assert (texture.number, texture.mime, texture.width, texture.data) == (
        picture, "image/png", 2, b"",
    )  # fmt: skip
    found = store.texture(picture)
    assert found is not None
    assert found.data == b"picture"
    layer = store.layer("a")
    assert layer is not None
    assert layer.textured
    [part] = store.query("a")
    assert part.uvs is not None
    assert part.uvs.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert part.nbytes > part.uvs.nbytes


def test_what_has_places_in_pictures_and_what_has_none_lie_in_one_part(store) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        for name, textured in (("plain", False), ("textured", True)):
            writer.triangles(one_triangle(writer.feature(FeatureDraft(name, "X")), uvs=textured))
    [part] = store.query("a")
    assert part.uvs is not None
    assert part.uvs[:3].tolist() == [[0, 0]] * 3
    assert part.uvs[3:].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_an_object_id_can_be_there_only_once(store) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        number = writer.feature(FeatureDraft("a", "Building"))
        with pytest.raises(SceneError, match="another object"):
            writer.feature(FeatureDraft("a", "Road"))
        writer.triangles(one_triangle(number))
    assert [one.features for one in store.layers()] == [1]


def test_parts_of_a_feature_are_its_children(store) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        whole = writer.feature(FeatureDraft("whole", "Building"))
        writer.feature(FeatureDraft("part", "BuildingPart", whole))
        writer.triangles(one_triangle(whole))
    assert [child.object_id for child in store.children(whole)] == ["part"]
    [child] = store.children(whole)
    assert (child.parent, child.box) == (whole, None)


def test_types_of_attributes_are_joined(store) -> None:
    drafts = [
        {"n": 1, "m": 1, "b": True, "none": None},
        {"n": 2.5, "m": "x", "b": False, "none": None},
        {"n": 3, "m": 4, "b": None},
    ]
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        for place, attributes in enumerate(drafts):
            number = writer.feature(FeatureDraft(str(place), "X", 0, attributes))
        writer.triangles(one_triangle(number))
    layer = store.layer("a")
    assert layer is not None
    types = {one.name: one.type for one in layer.attributes}
    assert types == {"n": "number", "m": "string", "b": "boolean"}


def test_triangles_without_area_are_left_out(store) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        number = writer.feature(FeatureDraft("a", "X"))
        writer.triangles(one_triangle(number))
        writer.triangles(one_triangle(number, size=1e-9))  # on the grid it is a point
    assert [one.triangles for one in store.layers()] == [1]


def sheet(number: int, count: int, step: float) -> TriangleBatch:
    """A flat square of 2 * count * count triangles."""
    side = np.arange(count + 1) * step
    east, north = np.meshgrid(side, side)
    points = np.column_stack((east.ravel(), north.ravel(), np.zeros(east.size)))
    corners = np.arange(len(points)).reshape(count + 1, count + 1)
    a, b = corners[:-1, :-1].ravel(), corners[:-1, 1:].ravel()
    c, d = corners[1:, :-1].ravel(), corners[1:, 1:].ravel()
    triangles = np.concatenate((np.column_stack((a, b, d)), np.column_stack((a, d, c))))
    rows = len(triangles)
    return TriangleBatch(
        points, triangles, np.full(rows, number, np.int64), np.full(rows, 255, np.uint8),
        np.full(rows, 1 << 31, np.uint32), np.zeros(rows, np.uint32), np.zeros(rows, np.uint8),
    )  # fmt: skip


@pytest.mark.parametrize(("count", "step"), [(40, 100.0), (130, 1.0), (130, 0.01)])
def test_a_large_feature_is_split_by_place_and_nothing_is_lost(
    store, area_of, count: int, step: float
) -> None:
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        writer.triangles(sheet(writer.feature(FeatureDraft("a", "Relief")), count, step))
    parts = list(store.query("a"))
    assert sum(len(part.triangles) for part in parts) == 2 * count * count
    assert sum(map(area_of, parts)) == pytest.approx((count * step) ** 2, rel=1e-2)
    assert max(len(part.triangles) for part in parts) <= 2 * tiles.MOST_TRIANGLES
    assert len(parts) > 1
    assert {tuple(part.features.tolist()) for part in parts} == {(1,)}
    corner = box(0, 0, 0, step, step, 0)
    near = sum(len(part.triangles) for part in store.query("a", corner))
    assert near <= sum(len(part.triangles) for part in parts[:4])


def test_full_tiles_are_written_before_the_end(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MOST_TRIANGLES", 4)
    monkeypatch.setattr(tiles, "MOST_WAITING", 6)
    with store.write(LayerDraft("a", "A", Crs())) as writer:
        for place in range(30):
            batch = one_triangle(writer.feature(FeatureDraft(str(place), "X")))
            batch.points[:] += (place % 7) * 300.0
            writer.triangles(batch)
    parts = list(store.query("a"))
    assert len(parts) > 7
    assert sorted(n for part in parts for n in part.features.tolist()) == list(range(1, 31))


WRITER = """
import sys, pathlib
sys.path[:0] = {path!r}
import numpy as np
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.types import LayerDraft, FeatureDraft, Crs
store = SqliteSceneStore(pathlib.Path({file!r}))
with store.write(LayerDraft("cubes", "Half", Crs())) as writer:
    for number in range(20000):
        writer.feature(FeatureDraft(str(number), "X"))
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is for POSIX")
def test_a_killed_import_leaves_everything_as_it_was(store, write_cubes, tmp_path: Path) -> None:
    write_cubes(store, PLACES)
    program = WRITER.format(path=sys.path, file=str(tmp_path / "scenes.sqlite3"))
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    assert names(store) == ["far", "near", "next"]
    write_cubes(store, {"new": (0.0, 0.0, 0.0)})  # nothing is locked either
    assert names(store) == ["new"]


def test_boxes_are_joined_and_have_a_middle() -> None:
    joined = box(0, 0, 0, 1, 1, 1).joined(box(-1, 0.5, 0, 0, 3, 0))
    assert joined == box(-1, 0, 0, 1, 3, 1)
    assert joined.centre == (0, 1.5, 0.5)
