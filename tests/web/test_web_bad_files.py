"""Files of every wrong kind, on the page that draws and on the page that prints."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


def png(width: int = 60, height: int = 80) -> bytes:
    """A picture, noisy enough to have some size."""
    image = Image.effect_noise((width, height), 90).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def huge() -> bytes:
    """The beginning of a picture of 30000 x 30000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + check + png()[33:]


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 80), "#c02020").save(buffer, kind, **options)
    return buffer.getvalue()


SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>struck=1</script></svg>'
)
JPEG_HUGE = saved("JPEG").replace(struct.pack(">HH", 80, 60), struct.pack(">HH", 30_000, 30_000))
WEBP_HUGE = saved("WEBP")[:26] + struct.pack("<HH", 16_000, 16_000) + saved("WEBP")[30:]
REFUSED = {
    "nothing.png": (b"", "is empty"),
    "thesis.png": (b"%PDF-1.7 " * 20, "is a PDF document"),
    "notes.png": (b"Dear diary,\n", "is a text"),
    "zip.jpg": (b"PK\x03\x04\0\0\0\0" * 9, "is no picture"),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC photo"),
    "scan.tif": (saved("TIFF"), "is a TIFF picture"),
    "script.svg": (SVG, "is an SVG drawing"),
    "header.png": (png()[:20], "is cut short: its end is missing"),
    "half.jpg": (saved("JPEG")[:-20], "is cut short: its end is missing"),
    "half.png": (png()[:3000], "is cut short"),
    "broken.png": (png()[:40] + b"\xff" * 500 + b"\0\0\0\0IEND\xaeB`\x82", "is broken"),
    "huge.png": (huge(), "has 30,000"),
    "huge.jpg": (JPEG_HUGE, "has 30,000"),
    "huge.webp": (WEBP_HUGE, "has 16,000"),
}
TAKEN = {
    "whole.png": (png(), ""),
    "moves.gif": (
        saved("GIF", save_all=True, append_images=[Image.new("RGB", (60, 80))]),
        "the first picture was taken",
    ),
}
NOT_PRINTED = {
    "empty.gcode": (b"", "“empty.gcode” is empty"),
    "picture.gcode": (png(), "it is a PNG picture"),
    "thesis.stl": (b"%PDF-1.7 " * 20, "it is a PDF document"),
    "cut.stl": (b"solid box\n facet normal 0 0 1\n  outer loop\n", "it was cut off"),
    "bomb.3mf": (b"PK\x03\x04" + b"\0" * 60, "the archive is damaged or cut off"),
    "page.obj": (b"<html><script>struck=1</script></html>", "it is none of G-code, STL"),
}


async def opened(studio: Any, open_tab: Any, page: str) -> Any:
    tab = await open_tab(studio.link())
    await tab.wait_for_selector('.link[data-state="live"]', state="attached")
    await tab.goto(f"{studio.url}/console/{page}")
    return tab


async def drawn(tab: Any) -> bool:
    return bool(await tab.locator('[role=tab]:has-text("Front"):has-text("empty")').count() == 0)


async def test_no_file_is_taken_as_a_picture_that_is_none(studio, open_tab):
    tab = await opened(studio, open_tab, "create")
    field = "drawing-board input[type=file]"
    await tab.wait_for_selector(field, state="attached")
    for name, (content, words) in REFUSED.items():
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        await tab.set_input_files(field, file)
        await tab.wait_for_selector(f"drawing-board .reason >> text=“{name}” {words}")
        assert not await drawn(tab), name
    for name, (content, words) in TAKEN.items():
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        await tab.set_input_files(field, file)
        await tab.wait_for_selector('[role=tab]:has-text("Front"):not(:has-text("empty"))')
        if words:
            await tab.wait_for_selector(f"drawing-board .reason >> text={words}")
        await tab.click('.buttons >> text="Clear"')
        await tab.click("dialog button.danger")
        await tab.wait_for_selector('[role=tab]:has-text("Front"):has-text("empty")')
    # One that has two gigabytes, as far as can be told from its name and size.
    await tab.evaluate(
        "() => { const file = new File(['x'], 'film.png');"
        " Object.defineProperty(file, 'size', { value: 2 ** 31 });"
        " const drop = new Event('drop'); drop.dataTransfer = { files: [file] };"
        " document.querySelector('.paper').dispatchEvent(drop); }"
    )
    await tab.wait_for_selector("drawing-board .reason >> text=“film.png” has 2.1 GB")


async def test_no_file_is_printed_that_cannot_be(studio, open_tab):
    tab = await opened(studio, open_tab, "printers")
    for name, (content, words) in NOT_PRINTED.items():
        await tab.wait_for_selector("print-file >> text=Choose a file")
        file = {"name": name, "mimeType": "text/plain", "buffer": content}
        await tab.set_input_files("print-file input[type=file]", file)
        await tab.wait_for_selector(f"print-file [role=alert] >> text={words}")
        assert await tab.locator("print-file button").count() == 1, "only another file can help"
        await tab.click("text=Another file")
    # One that has a terabyte, as far as can be told from its name and size.
    await tab.evaluate(
        "() => { const file = new File(['x'], 'film.gcode');"
        " Object.defineProperty(file, 'size', { value: 2 ** 40 });"
        " document.querySelector('print-file').take(file); }"
    )
    await tab.wait_for_selector("print-file [role=alert] >> text=The file is larger than")
