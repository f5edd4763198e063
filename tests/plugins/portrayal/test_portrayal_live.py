"""The service on a live hub: OGC clients over HTTP, applications over profile 3dps."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from lxml import etree

from gotapi_core.client import HubRefused
from gotapi_portrayal.catalogue import Service, Text
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore

CAPS = "?service=3DPS&request=GetCapabilities"
OWS = "{http://www.opengis.net/ows/2.0}"
CORE = "{http://www.opengis.net/3dps/1.0/core}"
NATIVE = {"x-gotapi-origin": "test.application"}  # as the fixture `client` says it
PAGE = "https://page.example"
DEADLINE = 30.0


@pytest.fixture
def hub_plugins(loaded: Any) -> list[Any]:
    return [loaded("gotapi_portrayal")]


@pytest.fixture
def store(live_hub: Any, fill_layer: Callable[..., None]) -> SqliteSceneStore:
    folder = live_hub.hub.paths.data / "plugins" / "portrayal"
    found = SqliteSceneStore(folder / "scenes.sqlite3")
    fill_layer(found, "town")
    fill_layer(found, "hidden", public=False, north=5_700_100.0)
    return found


@pytest.fixture
async def http(live_hub: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"{live_hub.url}/3dps", trust_env=False) as client:
        yield client


def layers(reply: httpx2.Response) -> set[str]:
    root = etree.fromstring(reply.content)
    return {
        str(one.text)
        for one in root.iter(f"{OWS}Identifier")
        if one.getparent().tag == f"{CORE}Layer"
    }


def code(reply: httpx2.Response) -> tuple[int, str | None, str | None]:
    [exception] = etree.fromstring(reply.content)
    return reply.status_code, exception.get("exceptionCode"), exception.get("locator")


async def services(client: Any, wanted: set[str]) -> dict[str, Any]:
    """Return the services by the name of their layer, as soon as they are what is expected.

    One stands for all layers, and is always there.
    """
    async with asyncio.timeout(DEADLINE):
        while True:
            found = {one.id.partition(".")[0]: one for one in await client.services()}
            if set(found) == wanted | {"3dps"}:
                return found
            await asyncio.sleep(0.05)


async def test_a_hub_without_scenes_has_an_empty_document(http: httpx2.AsyncClient) -> None:
    reply = await http.get(CAPS)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert layers(reply) == set()


async def test_everybody_sees_public_layers_and_the_approved_all(
    live_hub: Any, client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    assert layers(await http.get(CAPS)) == {"town"}
    token = client.reveal_token()
    by_query = await http.get(f"{CAPS}&accessToken={token}", headers=NATIVE)
    assert layers(by_query) == {"town", "hidden"}
    assert by_query.headers["cache-control"] == "private, no-cache"
    bearer = {"authorization": f"Bearer {token}", **NATIVE}
    assert layers(await http.get(CAPS, headers=bearer)) == {"town", "hidden"}


async def test_a_token_that_does_not_do_is_said_so(http: httpx2.AsyncClient) -> None:
    reply = await http.get(CAPS, headers={"authorization": "Bearer nonsense", "origin": PAGE})
    assert code(reply) == (401, "NoApplicableCode", None)
    assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_an_answer_is_asked_about_by_its_etag(
    http: httpx2.AsyncClient, store: SqliteSceneStore, fill_layer: Callable[..., None]
) -> None:
    first = await http.get(CAPS)
    tag = first.headers["etag"]
    again = await http.get(CAPS, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    fill_layer(store, "village")
    changed = await http.get(CAPS, headers={"if-none-match": tag})
    assert (changed.status_code, layers(changed)) == (200, {"town", "village"})


async def test_what_the_service_says_of_itself_is_part_of_its_etag(
    http: httpx2.AsyncClient, live_hub: Any, store: SqliteSceneStore
) -> None:
    tag = (await http.get(CAPS)).headers["etag"]
    [supervisor] = live_hub.hub.registry
    service = supervisor._port._plugin.service  # as if the settings had changed
    service._service, service._shelves = Service(title=(Text("Another"),)), None
    again = await http.get(CAPS, headers={"if-none-match": tag})
    assert (again.status_code, again.headers["etag"] != tag) == (200, True)


async def test_ranges_of_an_answer(http: httpx2.AsyncClient, store: SqliteSceneStore) -> None:
    whole = await http.get(CAPS)
    tag = whole.headers["etag"]
    part = await http.get(CAPS, headers={"range": "bytes=0-9", "if-range": tag})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    assert part.headers["content-range"] == f"bytes 0-9/{len(whole.content)}"
    late = await http.get(CAPS, headers={"range": "bytes=9999999-"})
    assert late.status_code == 416
    for fields in ({"range": "bytes=0-1,5-6"}, {"range": "bytes=0-9", "if-range": '"old"'}):
        assert (await http.get(CAPS, headers=fields)).content == whole.content


async def test_head_has_no_body(http: httpx2.AsyncClient) -> None:
    reply = await http.head(CAPS)
    assert (reply.status_code, reply.content) == (200, b"")


async def test_requests_by_post(http: httpx2.AsyncClient, store: SqliteSceneStore) -> None:
    document = '<GetCapabilities xmlns="http://www.opengis.net/3dps/1.0/core" service="3DPS"/>'
    by_xml = await http.post("", content=document, headers={"content-type": "text/xml"})
    assert layers(by_xml) == {"town"}
    form = {"content-type": "application/x-www-form-urlencoded"}
    by_form = await http.post("", content=CAPS[1:], headers=form)
    assert layers(by_form) == {"town"}
    entity = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    refused = await http.post("", content=entity, headers={"content-type": "text/xml"})
    assert code(refused) == (400, "NoApplicableCode", None)
    huge = await http.post("", content=b" " * (1 << 21), headers={"content-type": "text/xml"})
    assert code(huge) == (413, "NoApplicableCode", None)


async def test_exceptions_have_the_statuses_of_ows(http: httpx2.AsyncClient) -> None:
    assert code(await http.get("")) == (400, "MissingParameterValue", "service")
    unknown = await http.get("?service=3DPS&request=GetMap")
    assert code(unknown) == (501, "OperationNotSupported", "GetMap")
    resource = (
        "?service=3DPS&request=GetResourceById&version=1.0&outputFormat=image/png&resourceId="
    )
    assert code(await http.get(f"{resource}none/1")) == (
        404, "InvalidParameterValue", "resourceId",
    )  # fmt: skip
    assert code(await http.get(f"{resource}a%2F..%2Fb"))[0] == 400


async def test_the_schemas_of_the_documents_are_served(http: httpx2.AsyncClient) -> None:
    root = etree.fromstring((await http.get(CAPS)).content)
    location = str(root.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")).split()
    schema = await http.get(location[1])
    assert (schema.status_code, schema.headers["content-type"]) == (200, "application/xml")
    assert etree.fromstring(schema.content).get("targetNamespace") == location[0]
    for name in ("3dps-none.xsd", "..%2Fbuild.py", "../build.py"):
        assert (await http.get(f"/schemas/{name}")).status_code == 404


async def test_other_paths_and_methods(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/elsewhere")).status_code == 404
    reply = await http.delete("")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_layers_are_services_and_changes_are_events(
    live_hub: Any, client: Any, store: SqliteSceneStore, fill_layer: Callable[..., None]
) -> None:
    found = await services(client, {"town", "hidden"})
    town = found["town"].id
    listed = await client.get("3dps", "layers", town)
    assert listed["url"] == f"{live_hub.url}/3dps"
    entry = {one["serviceId"]: one for one in listed["layers"]}["town"]
    assert (entry["title"], entry["features"], entry["lods"]) == ("Town", 3, ["2"])
    async with client.events("3dps", "layers", town) as events:
        fill_layer(store, "village")
        async with asyncio.timeout(DEADLINE):
            news = await anext(aiter(events))
    assert {one["serviceId"] for one in news.members["layers"]} == {"town", "hidden", "village"}
    store.remove("village")
    await services(client, {"town", "hidden"})


async def test_an_application_gets_documents_as_files(
    live_hub: Any, client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    town = (await services(client, {"town", "hidden"}))["town"].id
    answer = await client.get("3dps", "capabilities", town, sections="Contents")
    assert answer["mimeType"] == "text/xml"
    document = await http.get(answer["uri"])
    assert layers(document) == {"town", "hidden"}
    assert len(document.content) == answer["size"]


VIEW = (
    "?service=3DPS&version=1.0&request=GetView&crs=EPSG:25832&layers=town&portrayals="
    "WIDTH=64;HEIGHT=48;PROJECTION=Perspective,500005,5699950,80,500005,5700005,55,,,,60,,,;"
)


async def test_views(http: httpx2.AsyncClient, store: SqliteSceneStore) -> None:
    query = f"{VIEW}IMAGELAYERS=COLOR,OBJECTID;FORMATS=image/jpeg,image/png%3Bmode=32bit"
    reply = await http.get(query)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == (
        "multipart/mixed; boundary=3DPS_MULTIPART_MESSAGE_BOUNDARY"
    )
    kinds = [line for line in reply.content.split(b"\r\n") if line.startswith(b"Content-Type")]
    assert kinds == [b"Content-Type: image/jpeg", b"Content-Type: image/png;mode=32bit"]
    again = await http.get(query, headers={"if-none-match": reply.headers["etag"]})
    assert again.status_code == 304


async def test_an_application_gets_a_view_as_a_file(
    client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    town = (await services(client, {"town", "hidden"}))["town"].id
    portrayals = (
        f"{VIEW.partition('portrayals=')[2]}IMAGELAYERS=COLOR;FORMATS=image/png%3Bmode=24bit"
    )
    answer = await client.get("3dps", "view", town, crs="EPSG:25832", portrayals=portrayals)
    picture = (await http.get(answer["uri"])).content
    assert answer["mimeType"] == "image/png;mode=24bit"
    assert (picture[:4], len(picture)) == (b"\x89PNG", answer["size"])


async def test_views_that_fail(http: httpx2.AsyncClient, store: SqliteSceneStore) -> None:
    broken = f"{VIEW}IMAGELAYERS=COLOR;FORMATS=image/png".replace("town", "nowhere")
    assert code(await http.get(broken)) == (400, "UnknownLayer", "nowhere")
    drawn = await http.get(f"{broken}&exceptions=INIMAGE")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/png")
    assert drawn.content.startswith(b"\x89PNG")


async def test_feature_info_over_http_and_as_a_file(
    client: Any, store: SqliteSceneStore, http: httpx2.AsyncClient
) -> None:
    query = "?service=3DPS&version=1.0&request=GetFeatureInfoByObjectId&format=text/plain"
    reply = await http.get(f"{query}&layers=town&objectId=town-1")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "storeys: 2" in reply.text
    assert code(await http.get(f"{query}&layers=hidden&objectId=hidden-1")) == (
        400,
        "UnknownLayer",
        "hidden",
    )
    hidden = (await services(client, {"town", "hidden"}))["hidden"].id
    answer = await client.get("3dps", "featureinfo", hidden, objectId="hidden-1")
    assert answer["mimeType"] == "application/json"
    [found] = json.loads((await http.get(answer["uri"])).content)["featureInfo"]
    assert found["featureId"] == "hidden-1"


async def test_what_an_application_asks_wrongly_is_told(
    client: Any, store: SqliteSceneStore
) -> None:
    town = (await services(client, {"town", "hidden"}))["town"].id
    with pytest.raises(HubRefused, match="MissingParameterValue"):
        await client.get("3dps", "featureinfo", town, coordinate="1,2,3")
    with pytest.raises(HubRefused, match="UnknownLayer"):
        await client.get("3dps", "featureinfo", town, objectId="a", layers="nowhere")


@pytest.mark.parametrize("part", ["answer", "shelf"])
async def test_a_fault_inside_is_an_exception_too(
    live_hub: Any, http: httpx2.AsyncClient, store: SqliteSceneStore, part: str
) -> None:
    [supervisor] = live_hub.hub.registry

    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("a wheel came off")

    setattr(supervisor._port._plugin.service, part, break_down)
    reply = await http.get(CAPS)
    assert code(reply) == (500, "NoApplicableCode", None)
    assert b"wheel" not in reply.content
