"""Terrain grids: where heights are, gaps, and files that are none."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from gotapi_portrayal.data import grids, terrain
from gotapi_portrayal.data.grids import read_ascii, read_geotiff, read_npz
from gotapi_portrayal.data.types import SceneError

ASCII = b"""ncols 3
nrows 2
xllcorner 1000
yllcorner 2000
cellsize 10
NODATA_value -9999
1 2 3
4 5 6
"""


def test_an_ascii_grid_begins_in_the_north_west() -> None:
    grid = read_ascii(ASCII)
    assert grid.heights.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert grid.east.tolist() == [1005, 1015, 1025]
    assert grid.north.tolist() == [2015, 2005]
    assert grid.crs == ""


def test_centres_and_two_cell_sizes_and_gaps() -> None:
    text = ASCII.replace(b"corner", b"center").replace(b"cellsize 10", b"dx 10\ndy 5")
    grid = read_ascii(text.replace(b"4 5", b"-9999 5"))
    assert grid.east.tolist() == [1000, 1010, 1020]
    assert grid.north.tolist() == [2005, 2000]
    assert np.isnan(grid.heights[1, 0])


def test_a_forgotten_no_data_value_is_a_gap() -> None:
    assert np.isnan(read_ascii(ASCII.replace(b"6\n", b"-3.4e38\n")).heights[1, 2])
    assert np.isnan(read_ascii(ASCII.replace(b"6\n", b"nan\n")).heights[1, 2])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"5 6", b"5", "cut off"),
        (b"5 6", b"5 x", "no number"),
        (b"ncols 3", b"ncols x", "no number"),
        (b"ncols 3", b"ncols 1", "two columns"),
        (b"ncols 3", b"ncols 3.5", "two columns"),
        (b"nrows 2", b"rows 2", "two columns"),
        (b"ncols 3", b"ncols 99999999", "more than"),
        (b"xllcorner 1000\n", b"", "no xllcorner"),
        (b"cellsize 10", b"cellsize", "no line"),
        (b"cellsize 10", b"cellsize 0", "no places"),
        (b"1 2 3\n4 5 6", b"-9999 " * 6, "no heights"),
    ],
)
def test_ascii_grids_that_are_none(old: bytes, new: bytes, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        read_ascii(ASCII.replace(old, new))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*ASCII.split(b"\n"), b"\0", b"ncols 3 3", b"nan", b"a b"])))
def test_lines_in_any_order_are_read_or_refused(lines: list[bytes]) -> None:
    try:
        grid = read_ascii(b"\n".join(lines))
    except SceneError:
        return
    assert grid.heights.shape == (len(grid.north), len(grid.east))


def npz(**arrays: Any) -> io.BytesIO:
    file = io.BytesIO()
    sides = {"xmin": 0.0, "xmax": 20.0, "ymin": 50.0, "ymax": 40.0}
    np.savez(file, **{"elevation": np.arange(6).reshape(2, 3), **sides, **arrays})
    file.seek(0)
    return file


def test_an_archive_says_its_sides() -> None:
    grid = read_npz(npz(crs=np.array("EPSG:25832")))
    assert grid.heights.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert grid.east.tolist() == [0, 10, 20]
    assert grid.north.tolist() == [50, 40]
    assert grid.crs == "EPSG:25832"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"elevation": np.arange(6)}, "two axes"),
        ({"elevation": np.array([["a"] * 3] * 2)}, "two axes"),
        ({"elevation": np.zeros((1, 9))}, "two columns"),
        ({"xmin": np.array("x")}, "no number 'xmin'"),
        ({"ymax": np.arange(2.0)}, "no number 'ymax'"),
        ({"xmin": 20.0}, "no places"),
        ({"elevation": np.full((2, 3), np.nan)}, "no heights"),
        ({"more": np.array([object()])}, "no archive"),
    ],
)
def test_archives_that_are_none(arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(SceneError, match=words):
        read_npz(npz(**arrays))


def test_an_archive_without_heights_is_refused() -> None:
    file = io.BytesIO()
    np.savez(file, other=np.zeros((2, 2)))
    file.seek(0)
    with pytest.raises(SceneError, match="no array of heights"):
        read_npz(file)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grids, "MOST_BYTES", 100)
    with pytest.raises(SceneError, match="bytes"):
        read_npz(npz())


def test_a_damaged_archive_is_refused() -> None:
    data = npz().getvalue()
    with pytest.raises(SceneError, match="no archive"):
        read_npz(io.BytesIO(data[: len(data) // 2]))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("elevation.npy", b"no array")
    file.seek(0)
    with pytest.raises(SceneError, match="no array of heights"):
        read_npz(file)


def tiff(heights: Any, dtype: str = "float32", **tags: Any) -> bytes:
    """A GeoTIFF; tags as scale, tie, keys, nodata; None leaves one out."""
    image = Image.fromarray(np.array(heights, dtype))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    members = {
        "scale": (10.0, 5.0, 0.0), "tie": (0.0, 0.0, 0.0, 1000.0, 2000.0, 0.0),
        "keys": (1, 1, 0, 3, 1025, 0, 1, 1, 3072, 0, 1, 25832, 4096, 0, 1, 7837), "nodata": None,
        **tags,
    }  # fmt: skip
    for number, kind, value in (
        (33550, 12, members["scale"]), (33922, 12, members["tie"]),
        (34735, 3, members["keys"]), (42113, 2, members["nodata"]),
    ):  # fmt: skip
        if value is not None:
            info[number] = value
            info.tagtype[number] = kind
    file = io.BytesIO()
    image.save(file, "TIFF", tiffinfo=info, compression=tags.get("compression"))
    return file.getvalue()


HEIGHTS = [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint16", "uint8", "int32"])
def test_a_geotiff_says_where_it_is(dtype: str) -> None:
    grid = read_geotiff(tiff(HEIGHTS, dtype if dtype != "int16" else "uint16"))
    assert grid.heights.tolist() == HEIGHTS
    assert grid.east.tolist() == [1005, 1015, 1025]
    assert grid.north.tolist() == [1997.5, 1992.5]
    assert grid.crs == "EPSG:25832+7837"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_geotiffs_are_read(compression: str) -> None:
    assert read_geotiff(tiff(HEIGHTS, compression=compression)).heights.tolist() == HEIGHTS


@pytest.mark.parametrize(
    ("keys", "crs", "first"),
    [
        ((1, 1, 0, 2, 1025, 0, 1, 2, 2048, 0, 1, 4326), "EPSG:4326", 1000),
        ((1, 1, 0, 1, 3072, 0, 1, 32767), "", 1005),
        ((1, 1, 0, 1, 3072, 34737, 1, 0), "", 1005),
        (None, "", 1005),
    ],
)
def test_points_and_areas_and_other_keys(keys: Any, crs: str, first: float) -> None:
    grid = read_geotiff(tiff(HEIGHTS, keys=keys))
    assert (grid.crs, grid.east[0]) == (crs, first)


def test_no_data_of_a_geotiff_is_a_gap() -> None:
    grid = read_geotiff(tiff([[1, -32768, 3], [4, 5, 6]], nodata="-32768 "))
    assert np.isnan(grid.heights[0, 1])
    assert np.nansum(grid.heights) == 19


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(HEIGHTS, scale=None), "does not say where"),
        (tiff(HEIGHTS, tie=None), "does not say where"),
        (tiff(HEIGHTS, tie=(1.0, 2.0)), "does not say where"),
        (tiff(HEIGHTS, scale=(0.0, 0.0, 0.0)), "no places"),
        (tiff(HEIGHTS, nodata="none"), "no number"),
        (tiff([[1, 2, 3]]), "two columns"),
        (tiff(np.zeros((2, 2, 3)), "uint8"), "one band"),
        (tiff(HEIGHTS)[:60], "cannot be read"),
        (b"II*\0", "cannot be read"),
    ],
)
def test_geotiffs_that_are_none(data: bytes, words: str) -> None:
    with pytest.raises(SceneError, match=words):
        read_geotiff(data)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_damaged_geotiffs_are_read_or_refused(place: int, change: bytes) -> None:
    data = bytearray(tiff(HEIGHTS))
    data[place : place + len(change)] = change
    try:
        grid = read_geotiff(bytes(data))
    except SceneError:
        return
    assert grid.heights.shape == (len(grid.north), len(grid.east))


def test_terrain_becomes_one_feature_with_its_face_up(imported, store, area_of) -> None:
    done = imported(ASCII, "dem.asc", crs="EPSG:25832")
    assert (done.layer.kind, done.layer.lods, done.layer.triangles) == ("terrain", (), 4)
    assert done.layer.box.low == (1005, 2005, 1)
    assert done.layer.box.high == (1025, 2015, 6)
    [feature] = store.features_by_id("new", ["dem"]).values()
    assert feature.kind == "ReliefFeature"
    assert feature.attributes == {"columns": 3, "rows": 2, "lowest": 1, "highest": 6}
    [part] = store.query("new")
    corners = part.vertices[part.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).all()


@pytest.mark.parametrize("sides", [{}, {"ymin": 40.0, "ymax": 50.0}, {"xmin": 20.0, "xmax": 0.0}])
def test_every_order_of_rows_and_columns_has_its_face_up(imported, store, sides) -> None:
    imported(npz(**sides).getvalue(), "dem.npz", crs="EPSG:25832")
    [part] = store.query("new")
    corners = part.vertices[part.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).all()


def test_gaps_stay_open(imported) -> None:
    assert (
        imported(ASCII.replace(b"1 2", b"-9999 2"), "d.asc", crs="EPSG:25832").layer.triangles == 2
    )


def test_a_geotiff_in_degrees_becomes_metres(imported) -> None:
    keys = (1, 1, 0, 1, 2048, 0, 1, 4326)
    data = tiff(HEIGHTS, scale=(0.001, 0.001, 0), tie=(0, 0, 0, 10.0, 50.0, 0), keys=keys)
    done = imported(data, "dem.tif")
    assert done.layer.crs.name == "EPSG:32632"
    assert done.layer.crs.source == "EPSG:4326"
    assert done.layer.box.high[0] - done.layer.box.low[0] == pytest.approx(143, abs=2)


def test_a_large_grid_is_thinned_and_that_is_told(told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terrain, "MOST_HEIGHTS", 30)
    data = npz(elevation=np.arange(100.0).reshape(10, 10)).getvalue()
    [(name, message)] = told(data, "dem.npz", crs="EPSG:25832")
    assert (name, "thinned" in message) == ("dem", True)


def test_many_rows_are_joined_without_a_seam(imported, store, area_of) -> None:
    imported(npz(elevation=np.zeros((150, 3))).getvalue(), "dem.npz", crs="EPSG:25832")
    assert sum(area_of(part) for part in store.query("new")) == pytest.approx(200, rel=1e-3)


def test_strips_without_heights_are_left_out(imported) -> None:
    heights = np.zeros((150, 3))
    heights[:100] = np.nan
    done = imported(npz(elevation=heights).getvalue(), "dem.npz", crs="EPSG:25832")
    assert done.layer.triangles == 49 * 4


def test_too_large_files_are_refused(imported, monkeypatch: pytest.MonkeyPatch) -> None:
    from gotapi_portrayal.data import importing

    monkeypatch.setattr(importing, "MOST_GRID_BYTES", 10)
    with pytest.raises(SceneError, match="10 are read"):
        imported(ASCII, "dem.asc")
