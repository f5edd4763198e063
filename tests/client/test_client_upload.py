"""Uploads of the client when the connection, the hub or the file lets it down."""

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gotapi_core.client import (
    FileChanged,
    HubClient,
    HubFault,
    HubRefused,
    HubUnreachable,
    Token,
    TokenRejected,
)

BODY = os.urandom(2_000_000)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.gcode"
    path.write_bytes(BODY)
    return path


def offsets(hub: Any) -> list[int]:
    return [
        int(headers["upload-offset"]) for method, _, _, headers in hub.asked if method == "PATCH"
    ]


async def test_it_goes_on_where_it_was_cut(client: HubClient, hub: Any, big: Path) -> None:
    hub.cut_after = [100_000, 1, 1_000_000]
    seen: list[int] = []
    stored = await client.upload(big, lambda sent, size: seen.append(sent))
    assert hub.files == {"big.gcode": BODY}
    assert (stored.uri, stored.size) == (f"{hub.url}/blobs/1", len(BODY))
    places = offsets(hub)
    assert places[0] == 0
    assert len(places) == 4
    assert all(a < b for a, b in itertools.pairwise(places))
    assert seen[-1] == len(BODY)


async def test_what_is_announced(client: HubClient, hub: Any, big: Path) -> None:
    await client.upload(big)
    _, path, params, headers = next(one for one in hub.asked if one[0] == "POST")
    assert (path, params, headers["upload-length"]) == ("/blobs/", {}, str(len(BODY)))
    assert hub.wish["filetype"] == "application/octet-stream"
    assert headers["authorization"].startswith("Bearer ")


async def test_an_empty_file(client: HubClient, hub: Any, tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(b"")
    assert (await client.upload(tmp_path / "none")).size == 0
    assert hub.paths("PATCH") == []


@pytest.mark.parametrize("status", [409, 423, 503])
async def test_a_busy_upload_is_asked_again(
    client: HubClient, hub: Any, tools: Any, big: Path, status: int
) -> None:
    async def answer(request: Request) -> Response:
        del hub.answers["PATCH", "/blobs/1"]
        return tools.refuse(16, "busy", status)  # type: ignore[no-any-return]

    hub.answers["PATCH", "/blobs/1"] = answer
    await client.upload(big)
    assert hub.files == {"big.gcode": BODY}
    assert hub.paths("HEAD") == ["/blobs/1"]


async def test_patience_ends(served: Any, hub: Any, tools: Any, big: Path) -> None:
    async def busy(request: Request) -> Response:
        return tools.refuse(16, "somebody writes", 423)  # type: ignore[no-any-return]

    hub.answers["PATCH", "/blobs/1"] = busy
    token = Token("good-secret-token", "client-1", ("3dp",), 4e9)
    async with HubClient(hub.url, "a.b", "A", token, patience=0.2) as client:
        with pytest.raises(HubRefused, match="somebody writes"):
            await client.upload(big)
        hub.answers.clear()
        hub.cut_after = [1] * 3
        hub.answers["HEAD", "/blobs/1"] = _cut
        with pytest.raises(HubUnreachable, match="HTTP 500"):
            await client.upload(big)


async def _cut(request: Request) -> Response:
    raise ConnectionError("cut")


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [(404, HubRefused, "send the file again"), (403, TokenRejected, "taken back")],
)
async def test_a_hub_that_has_forgotten(
    client: HubClient, hub: Any, big: Path, status: int, kind: type[HubRefused], text: str
) -> None:
    async def answer(request: Request) -> Response:
        return Response(status_code=status)

    hub.cut_after = [1]
    hub.answers["HEAD", "/blobs/1"] = answer
    with pytest.raises(kind, match=text) as caught:
        await client.upload(big)
    assert caught.value.status == status


@pytest.mark.parametrize("offset", ["", "x", "-1", str(len(BODY) + 1), "9" * 30, "٣"])
async def test_an_offset_that_is_none(client: HubClient, hub: Any, big: Path, offset: str) -> None:
    async def answer(request: Request) -> Response:
        response = Response(status_code=204)
        response.raw_headers.append((b"upload-offset", offset.encode()))
        return response

    hub.answers["PATCH", "/blobs/1"] = answer
    with pytest.raises(HubFault, match="no place in the file"):
        await client.upload(big)


@pytest.mark.parametrize(
    "location", ["", "/elsewhere/1", "http://evil.example/", "/blobs/", "http://evil.example/x"]
)
async def test_a_location_that_is_no_upload(
    client: HubClient, hub: Any, big: Path, location: str
) -> None:
    async def answer(request: Request) -> Response:
        return Response(status_code=201, headers={"location": location})

    hub.answers["POST", "/blobs/"] = answer
    with pytest.raises(HubFault, match="where the upload is"):
        await client.upload(big)


async def test_the_token_goes_to_the_hub_only(client: HubClient, hub: Any, big: Path) -> None:
    async def answer(request: Request) -> Response:
        await hub._upload(request, "POST")
        return Response(status_code=201, headers={"location": "http://evil.example/blobs/1"})

    hub.answers["POST", "/blobs/"] = answer
    await client.upload(big)
    assert hub.files == {"big.gcode": BODY}  # every byte came here


async def test_a_damaged_file_is_refused(client: HubClient, hub: Any, big: Path) -> None:
    async def damage(request: Request) -> Response:
        hub.received += b"x"
        hub.wish["sha256"] = "0" * 64
        del hub.answers["HEAD", "/blobs/1"]
        return Response(headers={"upload-offset": str(len(hub.received))})

    hub.cut_after = [1]
    hub.answers["HEAD", "/blobs/1"] = damage
    with pytest.raises(HubRefused, match="the hash differs") as caught:
        await client.upload(big)
    assert caught.value.status == 460


async def test_an_old_hub_is_told_so(client: HubClient, hub: Any, tools: Any, big: Path) -> None:
    async def answer(request: Request) -> Response:
        return tools.ok(uri="x", size=0)  # type: ignore[no-any-return]

    hub.answers["POST", "/blobs/"] = answer
    with pytest.raises(HubFault, match="needs a newer release"):
        await client.upload(big)


async def test_a_file_that_shrinks_is_taken_back(client: HubClient, hub: Any, big: Path) -> None:
    def shrink(sent: int, size: int) -> None:
        os.truncate(big, 1000)

    with pytest.raises(FileChanged, match="send it again"):
        await client.upload(big, shrink)
    assert hub.paths("DELETE") == ["/blobs/1"]
    assert hub.files == {}


async def test_a_refusal_does_not_repeat_the_token(
    client: HubClient, hub: Any, tools: Any, big: Path
) -> None:
    async def answer(request: Request) -> Response:
        return tools.refuse(10, f"bad {tools.GOOD}", 400)  # type: ignore[no-any-return]

    hub.answers["POST", "/blobs/"] = answer
    with pytest.raises(HubRefused, match=r"\(access token\)") as caught:
        await client.upload(big)
    assert tools.GOOD not in str(caught.value)
