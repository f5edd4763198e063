"""Pictures of scenes of our own, compared with those that somebody has looked at.

After a change of the drawing that is meant: `GOTAPI_WRITE_GOLDEN=1 pytest` on this file writes them
anew; then look at each of them, and at the sheet of `make gallery`.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gotapi_portrayal.data.demo import write_demo
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.request.types import ImageLayer
from gotapi_portrayal.view import offer
from gotapi_portrayal.view.framing import Shot
from gotapi_portrayal.view.photos import Looks, Photographer

GOLDEN = Path(__file__).parent / "golden"
SIZE = (160, 112)
SHARE = 0.01  # of the pixels that may look otherwise: edges, which other processors round otherwise
STREET = Shot(SIZE, (458_020.0, 5_437_950.0, 255.0), (458_150.0, 5_438_110.0, 212.0))
NORTH = Shot(SIZE, (458_330.0, 5_438_270.0, 262.0), (458_200.0, 5_438_110.0, 212.0))
ABOVE = Shot(SIZE, (458_060.0, 5_437_980.0, 330.0), (458_170.0, 5_438_150.0, 212.0), window=260.0)
TABLE = Shot(SIZE, (2.6, -4.6, 2.8), (0.0, 0.0, 0.4))
DAY = Looks(background="sky")

# Name: scene, camera, looks, image layer.
PICTURES = {
    "as-is": ("demo", STREET, DAY, "COLOR"),
    "thematic-night": ("demo", STREET, Looks("thematic", background="night"), "COLOR"),
    "plain-orthographic": ("demo", ABOVE, Looks("plain"), "COLOR"),
    "shadow": ("demo", NORTH, Looks(overall=("shadow",), background="sky"), "COLOR"),
    "fog": ("demo", STREET, Looks(overall=("fog",), background="sky"), "COLOR"),
    "wireframe": ("demo", STREET, Looks(overall=("wireframe",)), "COLOR"),
    "xray": ("demo", STREET, Looks(overall=("xray",)), "COLOR"),
    "sketch": ("demo", STREET, Looks(overall=("sketch",)), "COLOR"),
    "aliased": ("demo", STREET, Looks(overall=("aliased",), background=(255, 216, 160)), "COLOR"),
    "transparent": ("demo", STREET, Looks(background=None), "COLOR"),
    "depth": ("demo", STREET, DAY, "DEPTH"),
    "objectid": ("demo", STREET, DAY, "OBJECTID"),
    "normal": ("demo", STREET, DAY, "NORMAL"),
    "mask": ("demo", STREET, DAY, "MASK"),
    "linear-depth": ("demo", ABOVE, DAY, "LINEAR_DEPTH"),
    "glass": ("table", TABLE, Looks(), "COLOR"),
    "glass-normal": ("table", TABLE, Looks(), "NORMAL"),
}

BOX = """v {0} {1} {4}\nv {2} {1} {4}\nv {2} {3} {4}\nv {0} {3} {4}
v {0} {1} {5}\nv {2} {1} {5}\nv {2} {3} {5}\nv {0} {3} {5}
f -8 -5 -6 -7\nf -4 -3 -2 -1\nf -8 -7 -3 -4\nf -7 -6 -2 -3\nf -6 -5 -1 -2\nf -5 -8 -4 -1
"""


def write_table(folder: Path) -> tuple[Order, ...]:
    """A board with a picture on it, a red box in one of glass, and a yellow one."""
    squares = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8))) > 0
    board = np.where(squares[..., None], (120, 84, 60), (206, 178, 140)).astype(np.uint8)
    Image.fromarray(board).save(folder / "board.png")
    (folder / "table.mtl").write_text(
        "newmtl board\nmap_Kd board.png\nnewmtl red\nKd 0.8 0.12 0.1\n"
        "newmtl glass\nKd 0.35 0.6 0.75\nd 0.35\nnewmtl yellow\nKd 0.95 0.75 0.2\n"
    )
    (folder / "table.obj").write_text(
        "mtllib table.mtl\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl board\n"
        "v -2 -2 0\nv 2 -2 0\nv 2 2 0\nv -2 2 0\nf 1/1 2/2 3/3 4/4\nusemtl red\n"
        + BOX.format(0.6, 0.2, 1.2, 0.8, 0.02, 0.7)
        + "usemtl glass\n"
        + BOX.format(0.2, -0.2, 1.6, 1.2, 0.01, 1.4)
        + "usemtl yellow\n"
        + BOX.format(-1.4, -0.8, -0.5, 0.2, 0.01, 1.1)
    )
    return (Order((str(folder / "table.obj"),), "table"),)


@pytest.fixture(scope="module")
def scenes(native, tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    store = SqliteSceneStore(folder / "scenes.sqlite3")
    for order in (*write_demo(folder), *write_table(folder)):
        import_layer(store, order)
    yield store
    store.close()


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA" if image.mode in ("RGBA", "LA") else "RGB"))


def differing(one: np.ndarray, other: np.ndarray, exact: bool) -> float:
    """Return the share of pixels that look otherwise."""
    assert one.shape == other.shape
    apart = np.abs(one.astype(int) - other.astype(int)).max(axis=2)
    return float((apart > (0 if exact else 24)).mean())


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_is_what_it_was(scenes, name):
    scene, shot, looks, layer = PICTURES[name]
    layers = [one for one in scenes.layers() if one.name.startswith(scene)]
    photographer = Photographer(scenes, layers, looks)
    try:
        data = await photographer.take(shot, ImageLayer(layer, offer.PNG))
    finally:
        photographer.close()
    file = GOLDEN / f"{name}.png"
    if os.environ.get("GOTAPI_WRITE_GOLDEN"):
        Image.open(io.BytesIO(data)).save(file, optimize=True)
    found, known = pixels(data), pixels(file.read_bytes())
    if layer == "DEPTH":  # the bytes of floats: the lower ones are beyond a millimetre
        found, known = found[..., 2:], known[..., 2:]
    exact = layer in ("OBJECTID", "MASK")
    assert differing(found, known, exact) <= SHARE
    assert np.abs(found.astype(int) - known).mean() <= 2.0


def test_a_picture_that_moved_or_lacks_something_is_another():
    known = pixels((GOLDEN / "as-is.png").read_bytes())
    assert differing(known, np.roll(known, 2, axis=1), exact=False) > SHARE
    hole = known.copy()
    hole[70:90, 60:80] = (110, 166, 228)  # a triangle lets the sky through
    assert differing(known, hole, exact=False) > SHARE
    turned = known.copy()
    turned[60:] = turned[60:] // 2  # normals that point inwards leave it dark
    assert differing(known, turned, exact=False) > SHARE


def test_the_pictures_are_small_and_none_is_left_over():
    files = list(GOLDEN.iterdir())
    assert {path.stem for path in files} == set(PICTURES)
    assert sum(path.stat().st_size for path in files) < 300_000
