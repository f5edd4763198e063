"""Layers that applications put in, and views that follow their layers, on a live hub."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from gotapi_core.client import HubRefused
from gotapi_core.plugin import Blob
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, TooManyRequests
from gotapi_portrayal import lending
from gotapi_portrayal.data.orders import Imported, Order
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.types import Box, Crs, Layer, SceneError
from gotapi_portrayal.lending import Lender, Lent, Wanted

DEADLINE = 60.0
WHOLE = "3dps.portrayal"


GRID = b"ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n3 4\n"


def obj(size: float) -> bytes:
    """A tetrahedron; OBJ has metres."""
    return (
        f"v 0 0 0\nv {size} 0 0\nv 0 {size} 0\nv 0 0 {size}\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"
    ).encode()


@pytest.fixture
def hub_plugins(loaded: Any) -> list[Any]:
    return [loaded("gotapi_portrayal")]


@pytest.fixture
def store(live_hub: Any, fill_layer: Callable[..., None]) -> SqliteSceneStore:
    found = SqliteSceneStore(live_hub.hub.paths.data / "plugins" / "portrayal" / "scenes.sqlite3")
    fill_layer(found, "town")
    return found


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def add(client: Any, tmp_path: Path) -> Callable[..., Any]:
    async def add(data: bytes, layer: str, **params: Any) -> dict[str, Any]:
        file = tmp_path / "model.obj"
        file.write_bytes(data)
        stored = await client.upload(file)
        done: dict[str, Any] = await client.post(
            "3dps", "layer", WHOLE, uri=stored.uri, layer=layer, **params
        )
        return done

    return add


async def layers(client: Any) -> dict[str, dict[str, Any]]:
    answer = await client.get("3dps", "layers", WHOLE)
    return {one["serviceId"]: one for one in answer["layers"]}


async def test_an_application_shows_a_model_and_takes_it_out(
    live_hub: Any, client: Any, add: Callable[..., Any], http: httpx2.AsyncClient
) -> None:
    added = await add(obj(2), "mine", title="My model", parent="models", scale=0.5)
    assert added["layer"]["title"] == "My model"
    assert added["layer"]["upperCorner"] == [1, 1, 1]
    assert added["layer"]["public"] is False
    assert set(await layers(client)) == {"mine"}
    document = await client.get("3dps", "capabilities", WHOLE)
    content = (await http.get(document["uri"])).text
    assert ">mine<" in content
    assert ">models<" in content
    everybody = await http.get(f"{live_hub.url}/3dps?service=3DPS&request=GetCapabilities")
    assert ">mine<" not in everybody.text
    await add(obj(4), "mine")
    assert (await layers(client))["mine"]["upperCorner"] == [4, 4, 4]
    await client.delete("3dps", "layer", WHOLE, layer="mine")
    assert await layers(client) == {}
    with pytest.raises(HubRefused, match="put no layer 'mine' in"):
        await client.delete("3dps", "layer", WHOLE, layer="mine")


async def test_a_model_may_stand_on_earth(client: Any, add: Callable[..., Any]) -> None:
    await add(obj(1), "tower", crs="EPSG:25832", at="500000,5600000,100")
    found = (await layers(client))["tower"]
    assert (found["crs"], found["lowerCorner"]) == ("EPSG:25832", [500_000, 5_600_000, 100])


async def test_what_cannot_be_shown_is_told(
    client: Any, add: Callable[..., Any], store: SqliteSceneStore
) -> None:
    for data, layer, more, words in (
        (obj(1), "town", {}, "not yours"),
        (obj(1), "../etc", {}, "a letter, then letters"),
        (obj(1), "mine", {"at": "1,2"}, "no east, north, height"),
        (obj(1), "mine", {"at": "1,2,inf"}, "without end"),
        (b"nothing of the kind", "mine", {}, "cannot be shown"),
        (GRID, "mine", {}, "no model"),
    ):
        with pytest.raises(HubRefused, match=words):
            await add(data, layer, **more)
    with pytest.raises(HubRefused):
        await client.post("3dps", "layer", WHOLE, uri="/blobs/unknown", layer="mine")
    with pytest.raises(HubRefused, match="put no layer 'town' in"):
        await client.delete("3dps", "layer", WHOLE, layer="town")


async def test_a_model_cannot_name_other_files(client: Any, add: Callable[..., Any]) -> None:
    # Beside the file of the hub lie those of other applications.
    await add(b"mtllib model.obj\n" + obj(1), "mine")
    found = (await layers(client))["mine"]
    assert found["triangles"] == 4


async def test_a_layer_goes_when_its_time_is_over(client: Any, add: Callable[..., Any]) -> None:
    await add(obj(1), "mine", lifetime=0.001)
    async with asyncio.timeout(DEADLINE):
        while True:
            if "mine" not in await layers(client):
                break
            await asyncio.sleep(0.05)


# -- views that follow their layers

PORTRAYALS = (
    "WIDTH=48;HEIGHT=32;PROJECTION=Perspective,4,-6,5,0.5,0.5,0.5,,,,60,,0.1,100;"
    "IMAGELAYERS=COLOR;FORMATS=image/png"
)
VIEW = {"crs": "LOCAL:METRES", "layers": "mine", "portrayals": PORTRAYALS}


async def test_a_view_is_announced_whenever_its_layer_changes(
    live_hub: Any, client: Any, add: Callable[..., Any], http: httpx2.AsyncClient
) -> None:
    async def picture(news: Any) -> bytes:
        assert news.members["mimeType"] == "image/png"
        reply = await http.get(news.members["uri"])
        assert (reply.status_code, len(reply.content)) == (200, news.members["size"])
        return reply.content

    before = live_hub.hub.listeners.streams()
    async with client.events("3dps", "view", WHOLE, **VIEW) as events, asyncio.timeout(DEADLINE):
        heard = aiter(events)
        await add(obj(1), "mine")  # it was not there when the application began to listen
        first = await picture(await anext(heard))
        await add(obj(1), "other")  # of which the view knows nothing
        await add(obj(3), "mine")
        second = await picture(await anext(heard))
        assert first != second
    async with asyncio.timeout(DEADLINE):
        while True:
            if live_hub.hub.listeners.streams() == before:
                break
            await asyncio.sleep(0.02)


async def test_a_wrong_view_is_told_to_its_listener(client: Any, add: Callable[..., Any]) -> None:
    await add(obj(1), "mine")
    wrong = VIEW | {"crs": "EPSG:4326"}
    async with client.events("3dps", "view", WHOLE, **wrong) as events, asyncio.timeout(DEADLINE):
        with pytest.raises(HubRefused, match="crs"):
            await anext(aiter(events))


async def test_a_view_of_all_layers(
    client: Any, add: Callable[..., Any], http: httpx2.AsyncClient, live_hub: Any
) -> None:
    await add(obj(1), "mine")
    answer = await client.get("3dps", "view", WHOLE, crs="LOCAL:METRES", portrayals=PORTRAYALS)
    assert (await http.get(answer["uri"])).content.startswith(b"\x89PNG")


# -- limits


class Kept:
    """A collection in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, msgspec.Struct] = {}

    async def put(self, key: str, document: msgspec.Struct) -> None:
        self.documents[key] = document

    async def delete(self, key: str) -> None:
        self.documents.pop(key, None)

    async def all(self, kind: type[Any]) -> list[Any]:
        return list(self.documents.values())


class Bench:
    """A lender whose imports and removals a test decides."""

    def __init__(self, folder: Path) -> None:
        self.kept = Kept()
        self.now = 0.0
        self.fault: Exception | None = None
        self.removed: list[str] = []
        self.there = {"town": 1}
        self.go = asyncio.Event()
        self.go.set()
        (folder / "lent-left").mkdir()
        (folder / "file").write_bytes(b"x")
        self.file = Blob("b", "file", 1, "", folder / "file")
        self.lender = Lender(self.kept, folder, folder / "s", self, lambda: self.now, self.imported)

    def versions(self) -> dict[str, int]:
        return self.there

    def remove(self, layer: str) -> bool:
        if self.fault is not None:
            raise self.fault
        self.removed.append(layer)
        del self.there[layer]
        return True

    async def imported(self, _store: Path, order: Order, *_: Any) -> Imported:
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        assert os.path.islink(order.files[0])  # noqa: ASYNC240  # at once, and only here
        box = Box((0, 0, 0), (1, 1, 1))
        version = self.there[order.layer] = self.there.get(order.layer, 6) + 1
        return Imported(Layer(order.layer, "", "model", Crs(), box, (), version, 1, 1), ())

    async def put(self, layer: str, application: str = "a", lifetime: float = 10.0) -> Layer:
        wanted = Wanted(layer, lifetime=lifetime)
        return await self.lender.put(application, wanted, self.file)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    await made.lender.load()
    return made


async def test_what_an_import_left_is_removed_at_the_start(bench: Bench, tmp_path: Path) -> None:
    assert os.listdir(tmp_path) == ["file"]
    await bench.put("one")
    assert os.listdir(tmp_path) == ["file"]


async def test_what_was_put_in_before_a_restart_is_known(bench: Bench) -> None:
    bench.kept.documents["old"] = Lent("old", "a", 5.0)  # killed before its version was known
    bench.there["old"] = 3
    await bench.lender.load()
    with pytest.raises(InvalidParameter, match="not yours"):
        await bench.put("old", "b")
    assert await bench.lender.expire() is False
    bench.now = 5.0
    assert await bench.lender.expire() is True
    assert (bench.removed, bench.kept.documents) == (["old"], {})


async def test_a_layer_that_is_put_in_anew_lives_on(bench: Bench) -> None:
    await bench.put("one", lifetime=10.0)
    bench.now = 9.0
    bench.go.clear()
    again = asyncio.create_task(bench.put("one", lifetime=10.0))
    await asyncio.sleep(0)
    bench.now = 11.0
    late = asyncio.create_task(bench.lender.expire())
    bench.go.set()
    await again
    await late
    assert bench.removed == []


async def test_an_import_that_fails_leaves_what_was_there(bench: Bench) -> None:
    await bench.put("one")
    bench.fault = SceneError("cut off")
    bench.now = 1.0
    for layer in ("one", "two"):
        with pytest.raises(InvalidParameter, match="cut off"):
            await bench.put(layer)
    assert bench.kept.documents == {"one": Lent("one", "a", 10.0, 7)}


async def test_what_the_operator_put_in_its_place_stays(bench: Bench) -> None:
    await bench.put("one")
    bench.there["one"] = 99
    with pytest.raises(InvalidParameter, match="not yours"):
        await bench.put("one")
    bench.now = 11.0
    assert await bench.lender.expire() is True
    assert (bench.removed, bench.kept.documents, bench.there["one"]) == ([], {}, 99)
    with pytest.raises(InvalidParameter, match="not yours"):
        await bench.put("one")


async def test_a_store_that_is_busy_keeps_the_layer(bench: Bench) -> None:
    await bench.put("one")
    bench.fault = SceneError("busy")
    with pytest.raises(IllegalServerState, match="busy"):
        await bench.lender.take("a", "one")
    bench.fault = None
    with pytest.raises(InvalidParameter):
        await bench.lender.take("b", "one")
    await bench.lender.take("a", "one")
    assert bench.removed == ["one"]


async def test_there_are_limits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "MOST_LAYERS", 2)
    for layer in ("one", "two", "one"):
        await bench.put(layer)
    with pytest.raises(TooManyRequests, match="shows 2 layers"):
        await bench.put("three")
    await bench.put("three", "b")
    monkeypatch.setattr(lending, "MOST_WAITING", 1)
    bench.go.clear()
    running = asyncio.create_task(bench.put("one"))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests, match="being read"):
        await bench.put("two")
    bench.go.set()
    await running
    monkeypatch.setattr(lending, "MOST_BYTES", 0)
    with pytest.raises(InvalidParameter, match="1 bytes"):
        await bench.put("one")
