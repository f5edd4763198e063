"""`gotapi view`: pictures of files and of layers, without a hub."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh
from gotapi_portrayal.data import lod
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft
from gotapi_portrayal.view import cli
from gotapi_portrayal.view.photos import style_names

pytestmark = pytest.mark.usefixtures("native")
SIZE = ("--size", "64x48")
CORNERS = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], float)
FACES = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)], np.uint32)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "home"))

    def do(*words, good=True):
        done = CliRunner().invoke(cli.view, [*words, *SIZE])
        assert (done.exit_code == 0) is good, done.output
        return done.output

    return do


@pytest.fixture
def red(tmp_path):
    """A red tetrahedron of a metre."""
    mesh = Mesh(CORNERS * 1000, FACES)
    file = tmp_path / "red.glb"
    file.write_bytes(write_glb(mesh, np.full((4, 3), (255, 0, 0), np.uint8)))
    return "red.glb"


@pytest.fixture
def hub(tmp_path):
    """Layers `town` on earth and `hall` within it, at two levels of detail."""
    folder = tmp_path / "home" / "data" / "plugins" / "portrayal"
    folder.mkdir(parents=True)
    store = SqliteSceneStore(folder / "scenes.sqlite3")
    crs = Crs("EPSG:25832", "EPSG:25832")
    for name, size in (("town", 40.0), ("hall", 10.0)):
        with store.write(LayerDraft(name, name, crs)) as writer:
            number = writer.feature(FeatureDraft(f"{name}-1", "Building"))
            for code, scale in ((lod.code("1"), 1.0), (lod.code("2"), 2.0)):
                count = len(FACES)
                writer.triangles(
                    TriangleBatch(
                        points=CORNERS * size * scale + np.array((456_000.0, 5_428_000.0, 110.0)),
                        triangles=FACES.astype(np.int64),
                        features=np.full(count, number),
                        lods=np.full(count, code, np.uint8),
                        masks=np.full(
                            count, lod.bit(lod.code("1")) | lod.bit(lod.code("2")), np.uint32
                        ),
                        materials=np.zeros(count, np.uint32),
                        surfaces=np.zeros(count, np.uint8),
                    )
                )
    store.close()
    return store


def picture(path, mode="RGB"):
    with Image.open(path) as image:
        return image.format, np.asarray(image.convert(mode))


def test_a_model_is_drawn_in_its_colours(run, red, tmp_path):
    output = run(red, "-o", "red.png")
    assert output.startswith("red.png  color, 64 x 48, ")
    form, pixels = picture(tmp_path / "red.png")
    assert (form, pixels.shape) == ("PNG", (48, 64, 3))
    reddish = (pixels[..., 0] > 60) & (pixels[..., 1] < 30)
    assert reddish.sum() > 200
    assert not reddish[[0, -1]].any()
    assert not list(tmp_path.glob("gotapi-view-*"))


def test_formats_go_by_the_ending(run, hub, tmp_path):
    for ending, form in (("jpg", "JPEG"), ("JPEG", "JPEG"), ("webp", "WEBP")):
        run("town", "-o", f"a.{ending}", "--quality", "70")
        assert picture(tmp_path / f"a.{ending}")[0] == form
    assert "end it in .png" in run("town", "-o", "a.gif", good=False)
    assert "depth is written as .png, not as .jpg" in run(
        "town", "--layers", "depth", "-o", "a.jpg", good=False
    )
    assert "there is color, depth" in run("town", "--layers", "colour", good=False)


def test_several_image_layers_are_several_files(run, hub, tmp_path):
    run("town", "--layers", "color,mask,Depth", "-o", "a.webp")
    assert sorted(path.name for path in tmp_path.glob("a*")) == [
        "a-color.webp", "a-depth.png", "a-mask.png",
    ]  # fmt: skip
    mask = picture(tmp_path / "a-mask.png", "L")[1]
    depth = picture(tmp_path / "a-depth.png", "RGBA")[1]
    assert ((mask == 0) == depth.any(axis=2)).all()


def test_a_turn_is_an_animation(run, hub, tmp_path):
    assert "5 pictures" in run("town", "--orbit", "5", "-o", "turn.webp", "--seconds", "2")
    with Image.open(tmp_path / "turn.webp") as image:
        assert (image.n_frames, image.size) == (5, (64, 48))
        frames = []
        for number in range(5):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            assert image.info["duration"] == 400
    assert len({frame.tobytes() for frame in frames}) == 5
    assert "-o turn.webp" in run("town", "--orbit", "5", good=False)


def test_a_turn_has_its_limit(run, hub, monkeypatch):
    monkeypatch.setattr(cli, "MOST_PIXELS", 64 * 48 * 4)
    assert "too much" in run("town", "--orbit", "5", "-o", "turn.webp", good=False)


def test_layers_of_the_hub_by_their_names(run, hub, tmp_path):
    run("town", "hall", "-o", "both.png")
    run("hall", "-o", "hall.png", "--lod", "1")
    assert (picture(tmp_path / "both.png")[1] != picture(tmp_path / "hall.png")[1]).any()
    output = run("village", good=False)
    assert "no layer 'village'; the hub's layers: hall, town" in output
    assert "is not one of" in run("hall", "--lod", "9", good=False)


def test_where_the_camera_is(run, hub, tmp_path):
    said = ("--from", "456010,5427900,150", "--to", "456010,5428010,120")
    run("town", "-o", "one.png", *said)
    run("town", "-o", "two.png", *said, "--fov", "20")
    run("town", "-o", "three.png", *said, "--parallel", "60", "--up", "0,0,1")
    run("town", "-o", "four.png", "--parallel", "0")
    names = ("one", "two", "three", "four")
    found = {picture(tmp_path / f"{one}.png")[1].tobytes() for one in names}
    assert len(found) == 4
    degrees = ("--from", "8.4,48.99,900", "--to", "8.4003,49.0028,110", "--crs", "CRS:84")
    run("town", "-o", "five.png", *degrees)
    assert "same point" in run("town", "--from", "1,2,3", "--to", "1,2,3", good=False)


def test_backgrounds_and_styles(run, hub, tmp_path):
    run("town", "-o", "sky.png")
    run("town", "-o", "green.png", "--background", "#00ff00", "--style", "plain,wireframe")
    run("town", "-o", "none.png", "--background", "transparent", "--style", "sketch")
    assert picture(tmp_path / "green.png")[1][0, 0].tolist() == [0, 255, 0]
    assert picture(tmp_path / "none.png", "RGBA")[1][0, 0, 3] == 0
    assert picture(tmp_path / "sky.png")[1][0, 0, 0] != 255
    assert "none of sky" in run("town", "--background", "pink", good=False)
    assert "no style 'odd'" in run("town", "--style", "odd", good=False)
    assert "only one of" in run("town", "--style", "plain", "--style", "thematic", good=False)
    assert style_names(["fog", "plain"]) == ("plain", ("fog",))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("town", "--from", "1,2"), "write east, north and height"),
        (("town", "--size", "0x10"), "no size"),
        (("town", "--size", "large"), "no size"),
        (("nothing",), "the hub has no scenes"),
        (("red.glb", "nothing"), "'nothing' is no file"),
        (("bad.txt",), "bad.txt"),
        (("red.glb", "-o", "none/view.png"), "none/view.png"),
    ],
)
def test_what_is_wrong_is_told(run, red, tmp_path, words, told):
    (tmp_path / "bad.txt").write_text("no scene at all\n")
    done = CliRunner().invoke(cli.view, [*words])
    assert done.exit_code != 0
    assert told in done.output


def test_faults_of_a_file_are_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "SHOWN", 1)
    good = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]], [[0, 0, 1]]]}
    city = {
        "type": "CityJSON", "version": "2.0", "transform": {"scale": [1, 1, 1],
        "translate": [0, 0, 0]}, "vertices": [[0, 0, 0], [9, 0, 0], [0, 9, 5]],
        "CityObjects": {name: {"type": "Building", "geometry": [good]} for name in "ab"},
    }  # fmt: skip
    (tmp_path / "odd.json").write_text(json.dumps(city))
    output = run("odd.json", "-o", "a.png")
    assert "odd.json: " in output
    assert "more faults" in output


def test_files_with_the_same_name_are_both_seen(run, red, tmp_path):
    (tmp_path / "other").mkdir()
    mesh = Mesh(CORNERS * 3000, FACES)
    (tmp_path / "other" / "red.glb").write_bytes(write_glb(mesh))
    run("red.glb", "-o", "one.png")
    run("red.glb", "other/red.glb", "-o", "two.png")
    one, two = (io.BytesIO((tmp_path / f"{name}.png").read_bytes()) for name in ("one", "two"))
    assert one.getvalue() != two.getvalue()
