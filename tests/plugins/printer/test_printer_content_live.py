"""Content servers as applications use them: connect, list, print with a token (7.2.4, 7.2.6)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

GCODE = "G28\nM117 from a content server\nG1 X10 F3000\n"
TOKEN = b'{"secureToken": "s3cret"}'
BOX = Path(__file__).parents[3] / "examples" / "box.gcode"


def local(server: Any, **members: str) -> dict[str, Any]:
    return {"content": [{"name": "Local", "url": server.url, **members}]}


async def connected(desk: Any) -> dict[str, dict[str, str]]:
    servers = (await desk.call("get", "serviceconnecting"))["contentserver"]
    assert {"servicename", "url", "secureToken"} <= set(servers[0])
    return {server["servicename"]: server for server in servers}


async def order(desk: Any, uri: str, **params: Any) -> str:
    answer = await desk.call("put", "printingcommand", uri=uri, **params)
    return str(answer["jobId"])


def own_folder(desk: Any) -> Path:
    return desk.folder / "home" / "data" / "plugins" / "printer" / "contents"


# -- the hub's own ----------------------------------------------------------------------------


async def test_a_file_of_the_hub_s_own_server_is_listed_read_and_printed(desk) -> None:
    async with desk() as one:
        (own_folder(one) / "my part.gcode").write_text(GCODE)
        own = (await connected(one))["Files of this hub"]
        assert own["url"] == f"{one.hub.url}/contents"
        bearer = {"authorization": f"Bearer {own['secureToken']}", "origin": "https://page.example"}
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(own["url"])).status_code == 401
            listing = await http.get(own["url"], headers=bearer)
            [file] = json.loads(listing.content)["files"]
            uri = one.hub.url + file["url"]
            assert (await http.get(uri, headers=bearer)).text == GCODE
        for token in ("", "wrong"):
            assert "secureToken" in await one.refused(
                11, "put", "printingcommand", uri=uri, secureToken=token
            )
        missing = f"{own['url']}/missing.gcode"
        token = own["secureToken"]
        assert "no such file" in await one.refused(
            10, "put", "printingcommand", uri=missing, secureToken=token
        )
        done = await one.job(await order(one, uri, secureToken=token), "done")
        assert done["name"] == "my part.gcode"
        assert "M117 from a content server" in one.transcript()
        left = [path.name for path in own_folder(one).parent.glob("copy-*")]
        assert left == []


async def test_the_token_of_another_application_is_not_taken(desk) -> None:
    async with desk() as one:
        (own_folder(one) / "a.gcode").write_text(GCODE)
        foreign = one.hub.hub.registry  # the plug-in's own tokens, as another application has one
        [supervisor] = foreign
        plugin = supervisor._port._plugin
        token = plugin.contents.tokens.issue("somebody else")
        words = await one.refused(
            11,
            "put",
            "printingcommand",
            uri=f"{one.hub.url}/contents/a.gcode",
            secureToken=token,
        )
        assert "secureToken" in words


async def test_a_folder_of_the_settings_is_served(desk, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.gcode").write_text(GCODE)
    async with desk(plugin={"contents": str(tmp_path / "mine")}) as one:
        own = (await connected(one))["Files of this hub"]
        uri = f"{own['url']}/a.gcode"
        await one.job(await order(one, uri, secureToken=own["secureToken"]), "done")


# -- others' ----------------------------------------------------------------------------------


async def test_the_printer_fetches_with_the_token_that_the_application_passes_on(
    desk, serve, make, tmp_path: Path
) -> None:
    login = tmp_path / "login"
    login.write_text("anna:w0rd\n")
    server = await serve({"/token": make.reply(TOKEN), "/a.gcode": make.reply(GCODE.encode())})
    async with desk(plugin=local(server, login_file=str(login))) as one:
        entry = (await connected(one))["Local"]
        assert (entry["url"], entry["secureToken"]) == (server.url, "s3cret")
        uri = f"{entry['url']}/a.gcode"
        job = await order(one, uri, secureToken=entry["secureToken"])
        done = await one.job(job, "done")
        assert (done["uri"], done["name"]) == (uri, "a.gcode")
        assert "M117 from a content server" in one.transcript()
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert server.asked[-1].headers["authorization"] == "Bearer s3cret"


async def test_without_a_token_the_plug_in_gives_its_own(desk, serve, make) -> None:
    server = await serve({"/token": make.reply(TOKEN), "/a.gcode": make.reply(GCODE.encode())})
    async with desk(plugin=local(server)) as one:
        await one.job(await order(one, f"{server.url}/a.gcode"), "done")
    assert server.asked[-1].headers["authorization"] == "Bearer s3cret"


async def test_a_server_that_is_down_is_listed_with_the_reason(desk, serve, make) -> None:
    server = await serve({"/token": make.reply(b"", 503)})
    async with desk(plugin=local(server)) as one:
        entry = (await connected(one))["Local"]
    assert entry["secureToken"] == ""
    assert "status 503" in entry["reason"]


async def test_a_job_shows_that_it_is_fetched_and_can_be_removed(desk, serve, make) -> None:
    slow = make.silent(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nG28\nG")
    server = await serve({"/token": make.reply(TOKEN), "/a.gcode": slow})
    async with desk(plugin=local(server)) as one:
        job = await order(one, f"{server.url}/a.gcode")
        waiting = await one.print(GCODE)
        status = await one.until(
            lambda status: status["printQueue"][0]["msg"] == "Fetching 50 %",
        )
        assert [entry["state"] for entry in status["printQueue"]] == ["fetching", "queued"]
        removed = await one.call("delete", "queue", jobId=job)
        assert removed["printqueue"][0]["state"] == "stopped"
        await one.job(waiting, "done")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("missing", "status 404"),
        ("binary", "no text file"),
        ("empty", "empty"),
        ("html", "cannot be printed"),
        ("elsewhere", "own network"),
    ],
)
async def test_what_cannot_be_fetched_or_printed_fails_with_the_reason_and_holds_nobody(
    desk, serve, make, answer: str, reason: str
) -> None:
    inside = await serve({})
    behaviours = {
        "missing": make.reply(b"", 404),
        "binary": make.reply(bytes(range(256)) * 10),
        "empty": make.reply(b""),
        "html": make.reply(b"<!doctype html><html><body>Sorry</body></html>"),
        "elsewhere": make.redirect(f"{inside.url}/x"),
    }
    server = await serve({"/token": make.reply(TOKEN), "/a.gcode": behaviours[answer]})
    async with desk(plugin=local(server)) as one:
        job = await order(one, f"{server.url}/a.gcode")
        after = await one.print(GCODE)
        failed = await one.job(job, "failed")
        assert reason in failed["reason"], failed["reason"]
        await one.job(after, "done")
        jobs = own_folder(one).parent / "jobs"
        while any(path.is_file() for path in jobs.rglob("*")):  # noqa: ASYNC110  # gone soon after
            await asyncio.sleep(0.02)


async def test_this_computer_is_not_reached_through_the_hub(desk, serve, make) -> None:
    server = await serve({"/a.gcode": make.reply(GCODE.encode())})
    async with desk() as one:
        job = await order(one, f"{server.url}/a.gcode")
        failed = await one.job(job, "failed")
        assert "gotapi printers content add" in failed["reason"]
        for uri in ("http://user:word@a.example/x", "http://a.example:25/"):
            assert "fetched" in await one.refused(10, "put", "printingcommand", uri=uri)
    assert server.asked == []


async def test_a_model_that_is_fetched_is_sliced(desk, serve, make) -> None:
    stl = cube(10.0)
    server = await serve({"/token": make.reply(TOKEN), "/cube.stl": make.reply(stl)})
    async with desk(plugin=local(server)) as one:
        job = await order(one, f"{server.url}/cube.stl", slicer="embedded", layerHeight=0.3)
        done = await one.job(job, "done", "failed")
        assert done["state"] == "done", done["reason"]
        assert done["layers"] > 20


async def test_a_stopped_hub_fetches_anew_after_its_start(desk, serve, make) -> None:
    server = await serve({"/token": make.reply(TOKEN), "/a.gcode": make.silent()})
    async with desk(plugin=local(server)) as one:
        job = await order(one, f"{server.url}/a.gcode", secureToken="passed-on")
        async with asyncio.timeout(10):
            while "/a.gcode" not in [asked.path for asked in server.asked]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    server.answers["/a.gcode"] = make.reply(GCODE.encode())
    async with desk(plugin=local(server)) as one:
        await one.job(job, "done")
        assert server.asked[-1].headers["authorization"] == "Bearer passed-on"


def cube(side: float) -> bytes:
    """A cube as ASCII STL."""
    corners = [(x, y, z) for x in (0.0, side) for y in (0.0, side) for z in (0.0, side)]
    faces = [
        (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
        (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
    ]  # fmt: skip
    lines = ["solid cube"]
    for face in faces:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += ["vertex {} {} {}".format(*corners[place]) for place in face]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid cube", ""]).encode()
