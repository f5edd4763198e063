"""The contact sheet of all that views can look like, in docs/pictures: `make gallery`.

Nobody can tell from numbers whether a picture is good: look at it at full size after each change.
"""

import asyncio
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from gotapi_portrayal.data.demo import write_demo
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.request.types import ImageLayer
from gotapi_portrayal.view import offer
from gotapi_portrayal.view.framing import Shot
from gotapi_portrayal.view.looks import STYLES
from gotapi_portrayal.view.notes import noted
from gotapi_portrayal.view.photos import Looks, Photographer

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "pictures" / "gallery.webp"
SIZE = (400, 280)
COLUMNS = 4
LABEL = 24
MOST_BYTES = 400_000

STREET = Shot(SIZE, (458_020.0, 5_437_950.0, 255.0), (458_150.0, 5_438_110.0, 212.0))
NORTH = Shot(SIZE, (458_330.0, 5_438_270.0, 262.0), (458_200.0, 5_438_110.0, 212.0))
ABOVE = Shot(SIZE, (458_060.0, 5_437_980.0, 330.0), (458_170.0, 5_438_150.0, 212.0), window=260.0)
TABLE = Shot(SIZE, (3.0, -5.4, 3.2), (0.0, 0.0, 0.3))
DAY = Looks(background="sky")


@dataclass(frozen=True)
class Tile:
    """One picture of the sheet."""

    label: str
    shot: Shot = STREET
    looks: Looks = DAY
    layer: str = "COLOR"
    scene: str = "demo"


def tiles() -> Iterator[Tile]:
    """Give every style, overall style, background, projection and image layer."""
    for style in STYLES:
        yield Tile(f"style {style.id}", looks=Looks(style.id, background="sky"))
    for change in offer.OVERALL_STYLES:
        looks = Looks(overall=(change.id,), background="sky")
        shot = NORTH if change.id == offer.SHADOW else STREET  # the sun is behind the other one
        yield Tile(f"overall style {change.id}", shot, looks)
    drawing = Looks("plain", (offer.SHADOW, offer.SKETCH), "gradient")
    yield Tile("plain, shadow, sketch", NORTH, drawing)
    for background in offer.BACKGROUNDS:
        if background.id != offer.SKY:
            looks = Looks(background=background.id)
            yield Tile(f"background {background.id}", looks=looks)
    yield Tile("background 0xFFD8A0", looks=Looks(background=(255, 216, 160)))
    yield Tile("transparent background", looks=Looks(background=None))
    yield Tile("Orthographic", shot=ABOVE)
    for layer in offer.IMAGE_LAYERS:
        if layer.id != "COLOR":
            yield Tile(layer.id, layer=layer.id)
    for name in ("as-is", "plain"):
        looks = Looks(name, background="gradient")
        yield Tile(f"a model, {name}", TABLE, looks, scene="table")
    looks = Looks(overall=("shadow",), background="gradient")
    yield Tile("a model, shadow", TABLE, looks, scene="table")
    yield Tile("a model, OBJECTID", TABLE, layer="OBJECTID", scene="table")


def write_table(folder: Path) -> tuple[Order, ...]:
    """Write a still life: a textured board, a ball, a red cube in one of glass."""
    board = Image.new("RGB", (256, 256), (206, 178, 140))
    draw = ImageDraw.Draw(board)
    for number in range(64):
        x, y = number % 8 * 32, number // 8 * 32
        if (number % 8 + number // 8) % 2:
            draw.rectangle((x, y, x + 31, y + 31), (120, 84, 60))
    board.save(folder / "board.png")
    (folder / "table.mtl").write_text(
        "newmtl board\nmap_Kd board.png\nnewmtl red\nKd 0.8 0.12 0.1\n"
        "newmtl glass\nKd 0.35 0.6 0.75\nd 0.35\nnewmtl ball\nKd 0.95 0.75 0.2\n"
    )
    lines = ["mtllib table.mtl", "vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1", "usemtl board"]
    lines += ["v -2 -2 0", "v 2 -2 0", "v 2 2 0", "v -2 2 0", "f 1/1 2/2 3/3 4/4"]
    lines += ["usemtl red", *_cube(4, (0.9, 0.5, 0.02), 0.35)]
    lines += ["usemtl glass", *_cube(12, (0.9, 0.5, 0.01), 0.7)]
    lines += ["usemtl ball", *_ball(20, (-0.8, -0.2, 0.75), 0.7)]
    (folder / "table.obj").write_text("\n".join(lines) + "\n")
    return (Order((str(folder / "table.obj"),), "table", "A table"),)


def _cube(first: int, at: tuple[float, float, float], half: float) -> list[str]:
    x, y, z = at
    corners = [
        f"v {x + i * half} {y + j * half} {z + (k + 1) * half}"
        for k in (-1, 1)
        for j in (-1, 1)
        for i in (-1, 1)
    ]
    faces = ("1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 4 8 6")
    return corners + [
        "f " + " ".join(str(first + int(corner)) for corner in face.split()) for face in faces
    ]


def _ball(first: int, at: tuple[float, float, float], radius: float) -> list[str]:
    rows, columns = 16, 32
    x, y, z = at
    lines = []
    for row in range(rows + 1):
        high = math.pi * row / rows - math.pi / 2
        for column in range(columns):
            around = math.tau * column / columns
            flat = math.cos(high) * radius
            east, north = x + flat * math.cos(around), y + flat * math.sin(around)
            lines.append(f"v {east:.5f} {north:.5f} {z + radius * math.sin(high):.5f}")
    for row in range(rows):
        for column in range(columns):
            a = first + 1 + row * columns + column
            b = first + 1 + row * columns + (column + 1) % columns
            lines.append(f"f {a} {b} {b + columns} {a + columns}")
    return lines


async def drawn(store: SqliteSceneStore, tile: Tile) -> Image.Image:
    """Return a tile's picture without its label."""
    layers = [one for one in store.layers() if one.name.startswith(tile.scene)]
    photographer = Photographer(store, layers, tile.looks)
    try:
        data = await photographer.take(tile.shot, ImageLayer(tile.layer, offer.PNG))
    finally:
        photographer.close()
    # Numbers have something in all four bytes, which is no transparency.
    if tile.layer == "COLOR":
        return shown(data)
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def shown(data: bytes) -> Image.Image:
    """Return a picture as people can look at it: on squares where it is transparent."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        found: Any = image
    if found.mode != "RGBA":
        plain: Image.Image = found.convert("RGB")
        return plain
    squares = Image.new("RGB", found.size, (255, 255, 255))
    draw = ImageDraw.Draw(squares)
    for x in range(0, found.width, 20):
        for y in range(x // 20 % 2 * 20, found.height, 40):
            draw.rectangle((x, y, x + 19, y + 19), (224, 224, 224))
    squares.paste(found, mask=found.getchannel("A"))
    return squares


def errors() -> Iterator[tuple[str, Image.Image]]:
    """Give what went wrong as pictures."""
    words = "InvalidParameterValue: formats: DEPTH as 'image/jpeg'; there is image/png"
    for ground in ((255, 255, 255), (20, 24, 60)):
        yield "exceptions=inimage", shown(noted(words, offer.PNG, SIZE, ground)[1])


async def pictures(folder: Path) -> list[tuple[str, Image.Image]]:
    """Return all labels and pictures."""
    store = SqliteSceneStore(folder / "scenes.sqlite3")
    for order in (*write_demo(folder), *write_table(folder)):
        import_layer(store, order)
    found = [(tile.label, await drawn(store, tile)) for tile in tiles()]
    store.close()
    return [*found, *errors()]


def sheet(found: list[tuple[str, Image.Image]]) -> Image.Image:
    """Return one picture of all."""
    rows = -(-len(found) // COLUMNS)
    width, height = SIZE[0] + 8, SIZE[1] + LABEL + 8
    whole = Image.new("RGB", (COLUMNS * width + 8, rows * height + 8), (248, 248, 248))
    draw = ImageDraw.Draw(whole)
    font = ImageFont.load_default(16)
    for number, (label, image) in enumerate(found):
        x, y = 8 + number % COLUMNS * width, 8 + number // COLUMNS * height
        draw.text((x + 2, y + 2), label, (40, 40, 44), font)
        whole.paste(image, (x, y + LABEL))
    return whole


def main() -> int:
    """Write the sheet; the exit code is 1 where it is too large for the documentation."""
    with TemporaryDirectory() as folder:
        whole = sheet(asyncio.run(pictures(Path(folder))))
    for quality in (82, 70, 55):
        file = io.BytesIO()
        whole.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= MOST_BYTES:
            break
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(file.getvalue())
    print(f"{TARGET.relative_to(ROOT)}  {whole.width} x {whole.height}, {file.tell():,} bytes")
    return int(file.tell() > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
