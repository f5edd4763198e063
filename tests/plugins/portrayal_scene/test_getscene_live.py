"""Scenes over HTTP: kept by clients, in pieces, for those who may have them."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from lxml import etree

from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.scene import answers, tiling

SCENE = "?service=3DPS&version=1.0&request=GetScene&crs=EPSG:25832&layers={}&format={}"
GLB = SCENE.format("town", "model/gltf-binary")
NATIVE = {"x-gotapi-origin": "test.application"}


@pytest.fixture
def hub_plugins(loaded: Any) -> list[Any]:
    return [loaded("gotapi_portrayal")]


@pytest.fixture
def store(live_hub: Any, write_town: Callable[..., None]) -> SqliteSceneStore:
    found = SqliteSceneStore(live_hub.hub.paths.data / "plugins" / "portrayal" / "scenes.sqlite3")
    write_town(found, "town")
    write_town(found, "hidden", public=False, north=5_700_100.0)
    return found


@pytest.fixture
async def http(live_hub: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"{live_hub.url}/3dps", trust_env=False) as client:
        yield client


async def test_a_scene_is_fetched_once_and_asked_about_afterwards(
    store: SqliteSceneStore, http: httpx2.AsyncClient, write_town: Callable[..., None]
) -> None:
    reply = await http.get(GLB)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "model/gltf-binary")
    assert reply.content[:4] == b"glTF"
    assert reply.headers["cache-control"] == "no-cache"
    again = await http.get(GLB, headers={"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await http.head(GLB)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(reply.content)))
    await asyncio.to_thread(write_town, store, "town", north=5_700_500.0)
    changed = await http.get(GLB, headers={"if-none-match": reply.headers["etag"]})
    assert changed.status_code == 200
    assert changed.content != reply.content


async def test_a_piece_of_a_scene(store: SqliteSceneStore, http: httpx2.AsyncClient) -> None:
    whole = (await http.get(GLB)).content
    some = await http.get(GLB, headers={"range": "bytes=8-11"})
    assert (some.status_code, struct.unpack("<I", some.content)) == (206, (len(whole),))
    assert some.headers["content-range"] == f"bytes 8-11/{len(whole)}"
    beyond = await http.get(GLB, headers={"range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416


async def test_tiles_are_fetched_by_their_links(
    live_hub: Any,
    store: SqliteSceneStore,
    http: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiling, "FULL", 20)
    reply = await http.get(GLB + "&deliveryOptions=spatialIndex")
    assert reply.headers["content-type"] == "application/json+3dtiles"
    uris = [child["content"]["uri"] for child in json.loads(reply.content)["root"]["children"]
            if "content" in child]  # fmt: skip
    assert uris
    for uri in uris:
        assert uri.startswith(f"{live_hub.url}/3dps?")
        tile = await http.get(uri)
        assert (tile.status_code, tile.headers["content-type"]) == (200, "model/gltf-binary")
        assert tile.headers["cache-control"] == "max-age=3600"
        piece = await http.get(uri, headers={"range": "bytes=0-3"})
        assert (piece.status_code, piece.content) == (206, b"glTF")
        seen = await http.get(uri, headers={"if-none-match": tile.headers["etag"]})
        assert seen.status_code == 304


async def test_private_tiles_are_for_the_approved(
    live_hub: Any, client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    query = SCENE.format("hidden", "model/gltf-binary") + "&deliveryOptions=spatialIndex"
    refused = await http.get(query)
    [exception] = etree.fromstring(refused.content)
    assert exception.get("exceptionCode") == "UnknownLayer"
    await client.authorize(["servicediscovery", "3dps"])
    token = client.reveal_token()
    reply = await http.get(f"{query}&accessToken={token}", headers=NATIVE)
    uri = json.loads(reply.content)["root"]["content"]["uri"]
    assert (await http.get(uri)).status_code == 404
    approved = await http.get(f"{uri}&accessToken={token}", headers=NATIVE)
    assert approved.content[:4] == b"glTF"
    assert approved.headers["cache-control"] == "private, max-age=3600"


async def test_path_tricks_are_refused(store: SqliteSceneStore, http: httpx2.AsyncClient) -> None:
    reply = await http.get(GLB + "&deliveryOptions=spatialIndex")
    uri = json.loads(reply.content)["root"]["content"]["uri"]
    query = urlsplit(uri).query
    path = "0-0-0.glb"
    for trick in ("../0-0-0.glb", "%2E%2E/0-0-0.glb", "..%2F0-0-0.glb", ".0-0-0.glb", "/", "a//b"):
        bad = await http.get("?" + query.replace(path, trick))
        [exception] = etree.fromstring(bad.content)
        assert bad.status_code in (400, 404)
        assert (exception.get("exceptionCode"), exception.get("locator")) == (
            "InvalidParameterValue",
            "resourceId",
        )


async def test_a_scene_without_end_is_refused(
    store: SqliteSceneStore, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_TRIANGLES", 20)
    reply = await http.get(GLB)
    [exception] = etree.fromstring(reply.content)
    assert (reply.status_code, exception.get("locator")) == (400, "boundingBox")
    assert "spatialIndex" in str(exception[0].text)
    blank = await http.get(GLB + "&exceptions=blank")
    assert (blank.status_code, blank.content[:4]) == (200, b"glTF")


async def test_a_scene_by_xml(store: SqliteSceneStore, http: httpx2.AsyncClient) -> None:
    document = """<scene:GetScene xmlns:core="http://www.opengis.net/3dps/1.0/core"
        xmlns:scene="http://www.opengis.net/3dps/1.0/scene" xmlns:ows="http://www.opengis.net/ows/2.0"
        service="3DPS" request="GetScene" version="1.0">
      <core:CRS>EPSG:25832</core:CRS>
      <core:Layers><ows:Identifier>town</ows:Identifier></core:Layers>
      <scene:Format>model/gltf-binary</scene:Format>
    </scene:GetScene>"""
    reply = await http.post("", content=document, headers={"content-type": "text/xml"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "model/gltf-binary")
    assert reply.content == (await http.get(GLB)).content


async def test_an_application_gets_a_scene_as_a_file(
    client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    await client.authorize(["servicediscovery", "3dps"])
    async with asyncio.timeout(30):
        while True:
            found = [one for one in await client.services() if one.id.startswith("hidden.")]
            if found:
                break
            await asyncio.sleep(0.05)
    answer = await client.get(
        "3dps", "scene", found[0].id, crs="EPSG:25832", format="model/gltf+json"
    )
    scene = await http.get(answer["uri"])
    assert answer["mimeType"] == "model/gltf+json"
    assert (len(scene.content), scene.json()["asset"]["version"]) == (answer["size"], "2.0")
