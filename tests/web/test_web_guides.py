"""Guides of any creation service are drawn over: the page has them from the hub alone."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw

from gotapi_core.host.loader import find_plugins, load

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


def silhouette() -> bytes:
    """A leaning figure, black on white, small and far from the middle."""
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).polygon([(20, 250), (60, 50), (120, 250)], "black")
    data = io.BytesIO()
    image.save(data, "JPEG")
    return data.getvalue()


class Service(BaseHTTPRequestHandler):
    """A creation service of somebody else, with templates as the text has them."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/guide.jpg":
            return self.say(silhouette(), "image/jpeg")
        one = {"species": "ROBOT", "gender": "MALE", "age": 3, "style": 0.2, "silhouetteId": 1}
        here = f"http://{self.headers['host']}/guide.jpg"
        answers: dict[str, Any] = {
            "servicediscovery": {"services": [{"serviceId": "maker", "name": "Maker"}]},
            "serviceconnecting": {
                "3dContentCreationServerList": [{"servicename": "Maker", "url": here}]
            },
            "getattribute": {
                "templateInfo": [
                    one | {"templateId": 1, "2DsilhouetteImgUrl": here},
                    one | {"templateId": 2, "name": "Without", "2DsilhouetteImgUrl": ""},
                    one | {"templateId": 3, "2DsilhouetteImgUrl": "http://10.0.0.1/guide.png"},
                ]
            },
        }
        body = {"result": 0, "requestCode": 1} | answers.get(path.rpartition("/")[2], {})
        return self.say(json.dumps(body).encode(), "application/json")

    def say(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module")
def maker() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(maker: str, serve_site: Any, tmp_path_factory: Any) -> AsyncIterator[Any]:
    parts = [load(one) for one in find_plugins() if one.manifest.id == "creation"]
    section = {"embedded": False, "services": [{"url": maker, "name": "Maker"}]}
    folder = tmp_path_factory.mktemp("studio")
    async with serve_site(folder, *parts, settings={"plugins": {"creation": section}}) as site:
        yield site


async def pixels(page: Any, canvas: str) -> int:
    """How many pixels of a canvas have anything on them."""
    count = await page.evaluate(
        "(which) => { const c = document.querySelector(which);"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 20) n += 1; return n; }",
        canvas,
    )
    return int(count)


async def test_the_guide_of_another_service_is_drawn_over_and_words_stand_in(studio, open_tab):
    page = await open_tab(studio.link())
    await page.wait_for_selector('.link[data-state="live"]', state="attached")
    await page.goto(f"{studio.url}/console/create")
    await page.click("text=Start from the guide")
    # A triangle that is half as wide as it is high: 720 pixels of the sheet, without its paper.
    figure = await pixels(page, ".drawn")
    assert figure == pytest.approx(360 * 720 / 2, rel=0.05)
    assert figure < await pixels(page, ".under") < 1.1 * figure
    await page.click('[role=tab]:has-text("Back")')  # the front, mirrored
    await page.wait_for_selector('[role=tab]:has-text("Back"):not(:has-text("empty"))')
    assert await pixels(page, ".drawn") == pytest.approx(figure, rel=0.01)
    await page.click('[role=tab]:has-text("Right side")')
    await page.wait_for_selector("text=has no guide for this side")
    assert await pixels(page, ".under") == 0
    await page.select_option('select:has(option:text("Without"))', "2")
    await page.wait_for_selector("text=This template has no guide.")
    await page.select_option('select:has(option:text("Without"))', "3")
    await page.wait_for_selector("text=The guide could not be had")
    await page.wait_for_selector("text=another place than its own")
