"""The demonstration city: sound in every respect, and the same each time."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_portrayal.data.cli import scenes
from gotapi_portrayal.data.demo import height, write_demo
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.types import SURFACES, Lods


def test_the_city_has_everything_and_no_fault(store, tmp_path: Path) -> None:
    done = [import_layer(store, order) for order in write_demo(tmp_path / "demo")]
    assert [one.faults for one in done] == [(), ()]
    city, terrain = (one.layer for one in done)
    assert city.classes == ("Building", "BuildingPart", "Road", "SolitaryVegetationObject")
    assert (city.lods, city.textured) == (("1", "2"), True)
    assert city.crs == terrain.crs
    assert (city.crs.horizontal, city.crs.vertical) == ("EPSG:25832", "EPSG:7837")
    assert terrain.kind == "terrain"
    [tower] = store.features_by_id("demo-city", ["tower"]).values()
    assert store.features([tower.parent])[tower.parent].kind == "Building"


def test_houses_stand_on_the_hills(store, tmp_path: Path) -> None:
    city, terrain = [import_layer(store, order).layer for order in write_demo(tmp_path / "demo")]
    assert terrain.box.low[0] < city.box.low[0]
    assert terrain.box.high[1] > city.box.high[1]
    numbers = [f"house-{number}" for number in range(64)]
    found = store.features_by_id("demo-city", numbers)
    assert len(found) == 64
    for house in found.values():
        assert house.box is not None
        low, high = house.box.low, house.box.high
        ground = height(low[0] - 458_000.0, low[1] - 5_438_000.0)
        assert abs(low[2] - ground) < 6
        assert high[2] - low[2] > 9


def test_walls_have_pictures_and_roofs_have_colours(store, tmp_path: Path) -> None:
    import_layer(store, write_demo(tmp_path / "demo")[0])
    materials = store.materials("demo-city")
    seen: dict[str, set[str]] = {}
    for part in store.query("demo-city", None, Lods("2")):
        for surface, material in zip(part.surfaces.tolist(), part.materials.tolist(), strict=True):
            name = materials[material].name if material else ""
            seen.setdefault(SURFACES[surface], set()).add(name)
    assert seen["WallSurface"] == {"facade.png", ""}
    assert seen["RoofSurface"] == {"roof 0", "roof 1", "roof 2"}
    assert seen[""] == {"road", "leaves"}


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    write_demo(tmp_path / "one")
    write_demo(tmp_path / "two")
    for name in ("city.json", "facade.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_command_makes_files_and_scenes(tmp_path: Path) -> None:
    result = CliRunner().invoke(scenes, ["demo", str(tmp_path / "demo")])
    assert result.exit_code == 0, result.output
    assert "demo-city  Demo city" in result.output
    store = SqliteSceneStore(tmp_path / "demo" / "scenes.sqlite3")
    assert [layer.name for layer in store.layers()] == ["demo-city", "demo-terrain"]
    store.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(scenes, ["demo", str(tmp_path / "file" / "demo")])
    assert result.exit_code == 1
    assert "Error" in result.output


@pytest.mark.parametrize("place", [(0.0, 0.0), (1e6, -1e6)])
def test_the_ground_is_never_far(place: tuple[float, float]) -> None:
    assert 200 <= height(*place) <= 220
