"""A server that the checks call good, without HTTP, and what stands before it to spoil answers."""

import asyncio
import io
import json
import re
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gotapi_core.conformance import Outcome, Verdict
from gotapi_core.conformance.run import attempt
from gotapi_core.plugin import SurfaceRequest
from gotapi_portrayal.conformance.model import ServerCheck
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.server import Server
from gotapi_portrayal.conformance.suite import CHECKS
from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.model import PortrayalSettings
from gotapi_portrayal.service import PortrayalService
from gotapi_portrayal.surface import PortrayalSurface

T = TypeVar("T")

BASE = "http://good.example"
URL = f"{BASE}/3dps"
EAST, NORTH = 458_000.0, 5_438_000.0
CRS = "https://www.opengis.net/def/crs/EPSG/0/25832"


class Asked(msgspec.Struct, frozen=True):
    """One request, as spoilers see it; `portrayals` is as it was sent."""

    method: str
    url: str
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query by lower-case names."""
        pairs = (word.partition("=") for word in urlsplit(self.url).query.split("&"))
        return {unquote(name).lower(): unquote(value) for name, _, value in pairs}

    @property
    def operation(self) -> str:
        if self.method == "POST":
            return self.body.partition(b"?>")[2].partition(b":")[2].partition(b" ")[0].decode()
        return self.params.get("request", "")

    def of(self, operation: str, **wanted: str | None) -> bool:
        """Whether it is a GET of an operation (the start of its name) with these parameters."""
        if self.method != "GET" or not self.operation.startswith(operation):
            return False
        params = self.params
        return all(params.get(name.lower()) == value for name, value in wanted.items())


Spoil = Callable[[Asked, Reply], Reply | None]


class Good:
    """The service in a loop of its own; what it answered once it answers again without work."""

    def __init__(self, folder: Path) -> None:
        service = PortrayalService(folder, PortrayalSettings().service())
        self._service = service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._surface = PortrayalSurface(service)
        self._known: dict[Asked, Reply] = {}

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._service.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop of the service."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def reply(self, asked: Asked) -> Reply:
        if asked not in self._known:
            self._known[asked] = await self._answer(asked)
        return self._known[asked]

    async def _answer(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.url)
        kind = (("content-type", "text/xml"),) if asked.body else ()
        request = SurfaceRequest(
            method=asked.method,
            path=parts.path,
            query=parts.query.encode(),
            headers=kind,
            body=asked.body,
            base_url=BASE,
        )
        got = await self._surface.answer(request)
        return Reply(f"{asked.method} {asked.url}", got.status, dict(got.headers), got.body)


class Spoiled:
    """A transport over the good server; `spoil` may replace an answer, None leaves it as it is."""

    def __init__(self, good: Good, spoil: Spoil = lambda asked, reply: None) -> None:
        self._good = good
        self._spoil = spoil
        self.asked: list[Asked] = []

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        asked = Asked(method, url, body)
        self.asked.append(asked)
        got = await self._good.reply(asked)
        return self._spoil(asked, got) or got


class Runner:
    """Runs checks against the good server, and those that a spoiler concerns against a spoiled."""

    def __init__(self, good: Good) -> None:
        self._good = good
        self._base: dict[str, tuple[Outcome, list[Asked]]] = {}

    def base(self, check: ServerCheck) -> tuple[Outcome, list[Asked]]:
        """Return what comes of a check on the good server, and what it asked for."""
        if check.id not in self._base:
            link = Spoiled(self._good)
            [outcome] = self._run(link, check)
            self._base[check.id] = outcome, link.asked
        return self._base[check.id]

    def outcomes(self, spoil: Spoil, family: str) -> dict[str, Outcome]:
        """Return what comes of the checks of a class when answers are spoiled.

        A check that gets no other answers than on the good server has no other outcome.
        """
        found = {}
        for check in CHECKS[family]:
            outcome, asked = self.base(check)
            if any(self._touched(spoil, one) for one in asked):
                [outcome] = self._run(Spoiled(self._good, spoil), check)
            found[check.id] = outcome
        return found

    def failed(self, spoil: Spoil, family: str) -> set[str]:
        """Return the checks of a class that fail when answers are spoiled."""
        outcomes = self.outcomes(spoil, family)
        return {id_ for id_, one in outcomes.items() if one.verdict is Verdict.FAIL}

    def reason(self, id_: str, spoil: Spoil) -> str:
        """Return what a check says about a spoiled server."""
        [check] = [one for checks in CHECKS.values() for one in checks if one.id == id_]
        [outcome] = self._run(Spoiled(self._good, spoil), check)
        return outcome.reason

    def _touched(self, spoil: Spoil, asked: Asked) -> bool:
        return spoil(asked, self._good.do(self._good.reply(asked))) is not None

    def _run(self, link: Spoiled, check: ServerCheck) -> tuple[Outcome, ...]:
        async def run() -> tuple[Outcome, ...]:
            server = Server(URL, link)
            return await attempt([(check, lambda: check.run(server))])

        return self._good.do(run())


def town() -> dict[str, Any]:
    """A CityJSON of nine houses in two levels of detail, each 20 m wide, 10 to 18 m high."""
    vertices: list[list[int]] = []
    objects: dict[str, Any] = {}
    for number in range(9):
        east, north = 40 * (number % 3), 40 * (number // 3)
        geometry = [
            _box(vertices, east, north, 200, top, lod)
            for lod, top in (("1", 210 + number), ("2", 209 + number))
        ]
        attributes = {"function": f"house number {number}", "storeys": 3}
        objects[f"house-{number}"] = {
            "type": "Building",
            "attributes": attributes,
            "geometry": geometry,
        }
    return {
        "type": "CityJSON",
        "version": "2.0",
        "metadata": {"referenceSystem": CRS},
        "transform": {"scale": [1.0] * 3, "translate": [EAST, NORTH, 0.0]},
        "CityObjects": objects,
        "vertices": vertices,
    }


def _box(
    vertices: list[list[int]], east: int, north: int, low: int, high: int, lod: str
) -> dict[str, Any]:
    first = len(vertices)
    for z in (low, high):
        for x, y in ((0, 0), (20, 0), (20, 20), (0, 20)):
            vertices.append([east + x, north + y, z])
    sides = ((3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
    return {
        "type": "Solid",
        "lod": lod,
        "boundaries": [[[[first + corner for corner in side]] for side in sides]],
    }


@pytest.fixture(scope="session")
def small_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of scenes: a town of nine houses and the hill it stands on."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "town.json").write_text(json.dumps(town()))
    side = np.linspace(-20.0, 120.0, 8)
    heights = np.array([[198.0 + (x + y) / 100 for x in side] for y in side])
    place = {"xmin": EAST - 20, "xmax": EAST + 120, "ymin": NORTH - 20, "ymax": NORTH + 120}
    np.savez(folder / "hill.npz", elevation=heights, crs=np.array("EPSG:25832"), **place)
    store = SqliteSceneStore(folder / FILE_NAME)
    import_layer(store, Order((str(folder / "town.json"),), "town", "Town"))
    import_layer(store, Order((str(folder / "hill.npz"),), "hill", "Hill"))
    store.close()
    return folder


@pytest.fixture(scope="session")
def good(small_scenes: Path) -> Iterator[Good]:
    one = Good(small_scenes)
    yield one
    one.close()


@pytest.fixture(scope="session")
def runner(good: Good) -> Runner:
    return Runner(good)


class Make:
    """Makes spoilers out of conditions on requests and changes of replies."""

    @staticmethod
    def caps(pattern: str, words: str) -> Spoil:
        """Replace text in every metadata document."""

        def spoil(asked: Asked, reply: Reply) -> Reply | None:
            if b"<core:Capabilities" not in reply.body:
                return None
            body = re.sub(pattern.encode(), words.encode(), reply.body, flags=re.DOTALL)
            return None if body == reply.body else but(reply, body=body)

        return spoil

    @staticmethod
    def when(condition: Callable[[Asked], bool], change: Callable[[Reply], Reply]) -> Spoil:
        """Change the replies to the requests that a condition picks."""
        return lambda asked, reply: change(reply) if condition(asked) else None

    @staticmethod
    def sent(words: str, change: Callable[[Reply], Reply]) -> Spoil:
        """Change the replies to requests whose address has these words, as it was sent."""
        return lambda asked, reply: change(reply) if words in asked.url else None

    @staticmethod
    def posted(operation: str, change: Callable[[Reply], Reply]) -> Spoil:
        """Change the good replies to XML."""

        def spoil(asked: Asked, reply: Reply) -> Reply | None:
            named = asked.method == "POST" and asked.operation == operation
            return change(reply) if named and reply.good else None

        return spoil

    @staticmethod
    def refused(reply: Reply) -> Reply:
        """An exception instead."""
        return but(reply, REPORT, "text/xml", 400)

    @staticmethod
    def lost(reply: Reply) -> Reply:
        """What a server says that lost its mind."""
        return but(reply, b"<h1>Oops</h1>", "text/html", 500)

    @staticmethod
    def taken(reply: Reply) -> Reply:
        """An answer without meaning instead."""
        return but(reply, b"taken", "text/plain", 200)

    @staticmethod
    def as_other(reply: Reply) -> Reply:
        """The same exception with another code and no locator, and status 400."""
        body = re.sub(
            rb'exceptionCode="\w+"( locator="[^"]*")?', b'exceptionCode="Other"', reply.body
        )
        return but(reply, body, status=400)

    @staticmethod
    def unlocated(reply: Reply) -> Reply:
        """The same exception without its locator."""
        return but(reply, re.sub(rb' locator="[^"]*"', b"", reply.body))

    @staticmethod
    def body(body: bytes, media: str = "") -> Callable[[Reply], Reply]:
        return lambda reply: but(reply, body, media or reply.media, 200)

    @staticmethod
    def features(*features: tuple[str, str, str]) -> Callable[[Reply], Reply]:
        """Features as (object id, feature id, value of an attribute)."""
        lists = "".join(
            f"<FeatureInfoList><ObjectId>{number}</ObjectId><FeatureId>{name}</FeatureId>"
            f'<FeatureAttributeList><FeatureAttribute name="a">{value}</FeatureAttribute>'
            "</FeatureAttributeList></FeatureInfoList>"
            for number, name, value in features
        )
        text = f'<FeatureInfo xmlns="http://www.opengis.net/3dps/1.0/info">{lists}</FeatureInfo>'
        return Make.body(text.encode(), "text/xml")

    @staticmethod
    def scene(at: tuple[float, float, float] = (0.0, 0.0, 0.0), count: int = 1) -> Any:
        """A GLB or glTF of some triangles in one place, 1 wide."""
        points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32).tobytes()
        binary = points + np.tile(np.arange(3, dtype=np.uint32), count).tobytes()
        document = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0, "translation": list(at)}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
                {"bufferView": 1, "componentType": 5125, "count": 3 * count, "type": "SCALAR"},
            ],
            "bufferViews": [
                {"buffer": 0, "byteLength": 36},
                {"buffer": 0, "byteOffset": 36, "byteLength": 12 * count},
            ],
            "buffers": [{"byteLength": len(binary)}],
        }

        def change(reply: Reply) -> Reply:
            if "model/gltf-binary" not in unquote(reply.asked):
                uri = f"data:,{quote(binary)}"
                text = {**document, "buffers": [{"byteLength": len(binary), "uri": uri}]}
                return but(reply, json.dumps(text).encode(), status=200)
            text = json.dumps(document).encode()
            text += b" " * (-len(text) % 4)
            chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
            chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
            head = struct.pack("<4sII", b"glTF", 2, 12 + len(chunks))
            return but(reply, head + chunks, "model/gltf-binary", 200)

        return change

    @staticmethod
    def paint(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Callable[[Reply], Reply]:
        """The picture with other pixels, as PNG."""

        def repaint(reply: Reply) -> Reply:
            picture = Image.open(io.BytesIO(reply.body))
            wide = picture.convert("L") if picture.mode == "1" else picture
            painted = Image.fromarray(change(np.array(wide)))
            file = io.BytesIO()
            (painted.convert("1") if picture.mode == "1" else painted).save(file, "PNG")
            return but(reply, file.getvalue())

        return repaint


REPORT = (
    b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/2.0" version="1.0.0">'
    b'<ows:Exception exceptionCode="InvalidParameterValue" locator="spoiled"/>'
    b"</ows:ExceptionReport>"
)


def but(reply: Reply, body: bytes | None = None, media: str = "", status: int = 0) -> Reply:
    """Return a reply with other content."""
    headers = {**reply.headers, "content-type": media} if media else reply.headers
    return Reply(reply.asked, status or reply.status, headers, reply.body if body is None else body)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture(scope="session")
def spoiled(good: Good) -> Callable[[Spoil], Spoiled]:
    """Put a spoiler before the good server."""
    return lambda spoil: Spoiled(good, spoil)
