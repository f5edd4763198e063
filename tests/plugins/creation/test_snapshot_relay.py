"""3DCAPI-3: reports of the service reach the application, by its socket and by the hub's."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def test_reports_come_over_the_socket_of_the_text(app, fake, parts):
    begun = await app.begin()
    await parts["until"](lambda: fake.hellos)
    assert fake.hellos[0]["secureToken"].startswith("remote-secret")
    async with app.socket(secureToken=app.secure) as socket:
        first = await parts["next_report"](socket)
        assert first["serviceId"] == "fake-0.creation"
        assert first["jobId"] == begun["jobId"]
        fake.reports.put_nowait({"progress": 40, "time": 1, "stage": "carving"})
        while (report := await parts["next_report"](socket)).get("stage") != "carving":
            pass
        assert (report["progress"], report["status"]) == (0.4, "running")
        fake.finish()
        while (report := await parts["next_report"](socket))["progress"] < 1:
            assert report["status"] == "running"
        assert report["status"] == "done"
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 30)
        assert socket.close_code == 1000
    assert (await app.ask("filereceive"))["result"] == 0  # 1.00 means it can be fetched


async def test_the_access_token_alone_is_enough_for_the_newest_job(app, fake, parts):
    begun = await app.begin()
    async with app.socket() as socket:
        assert (await parts["next_report"](socket))["jobId"] == begun["jobId"]


async def test_the_answer_of_start_names_the_hubs_own_socket(app):
    await app.begin()
    answer = await app.ask("snapshot", op="START", time=90)
    assert answer["websocketUrl"] == f"{app.url.replace('http', 'ws')}/3dcapi/websocket"
    stopped = await app.ask("snapshot", op="STOP")
    assert "websocketUrl" not in stopped
    assert stopped["result"] == 0


async def test_an_application_hears_nothing_of_another_ones_jobs(app, fake, parts):
    await app.begin()
    url = f"{app.url}/gotapi/3dcapi/snapshot"
    mine = {"serviceId": app.service, "accessToken": app.token}
    await app.http.put(url, params=mine)
    app.http.headers["X-GotAPI-Origin"] = "other.app"
    other = parts["Application"](app.live, app.http, "", app.service)
    other.token = await parts["token_of"](app.live, app.http, "3dcapi")
    ws = f"{app.url.replace('http', 'ws')}/gotapi/websocket"
    async with connect(ws, additional_headers={"X-GotAPI-Origin": "other.app"}, proxy=None) as one:
        await one.send(json.dumps({"accessToken": other.token}))
        assert (await parts["next_report"](one))["result"] == 0
        await app.http.put(url, params=mine | {"accessToken": other.token})
        begun = await other.begin()
        await other.ask("snapshot", op="START", time=1)
        assert (await parts["next_report"](one))["jobId"] == begun["jobId"]
    other.secure = app.secure
    assert (await other.ask("filereceive"))["errorCode"] == "INVALID_SECURE_TOKEN"


async def test_stop_stops_reports_only(app, fake, parts):
    await app.begin()
    async with app.socket(secureToken=app.secure) as socket:
        await parts["next_report"](socket)
        await app.ask("snapshot", op="STOP")
        fake.reports.put_nowait({"progress": 0.5, "time": 1, "stage": "carving"})
        await parts["until"](lambda: _progress(app) == 0.5)
        fake.finish()
        report = await parts["next_report"](socket)
        assert report["status"] == "done"  # the end is told in any case


def _progress(app):
    [job] = _plugin(app).book.jobs.values()
    return _plugin(app).book.live(job).progress


def _plugin(app):
    for supervisor in app.live.hub.registry:
        return supervisor._port._plugin
    raise AssertionError


async def test_cancel_ends_the_job_here_and_there(app, fake, parts):
    await app.begin()
    await parts["until"](lambda: fake.hellos)
    async with app.socket(secureToken=app.secure) as socket:
        await parts["next_report"](socket)
        assert (await app.ask("snapshot", op="CANCEL"))["result"] == 0
        report = await parts["next_report"](socket)
        assert report["status"] == "cancelled"
    assert fake.last("snapshot")["op"] == "CANCEL"
    assert (await app.ask("filereceive"))["errorCode"] == "JOB_CANCELLED"
    assert (await app.ask("snapshot", op="CANCEL"))["result"] == 0


async def test_a_failure_is_a_report_too(app, fake, parts):
    await app.begin()
    async with app.socket(secureToken=app.secure) as socket:
        fake.reports.put_nowait({"progress": 0.1, "status": "failed", "errorMessage": "too thin"})
        while (report := await parts["next_report"](socket))["status"] != "failed":
            pass
        assert report["errorMessage"] == "too thin"


async def test_previews_are_fetched_and_served_on(app, fake, parts):
    fake.models["look"] = parts["png"]()
    await app.begin()
    async with app.socket(secureToken=app.secure) as socket:
        fake.reports.put_nowait({"progress": 0.5, "snapshotUrl": "/out/look"})
        fake.reports.put_nowait({"progress": 0.6, "previewModelUrl": "/out/nothing"})
        while "snapshotUrl" not in (report := await parts["next_report"](socket)):
            pass
        assert report["snapshotUrl"].startswith(app.url)
        answer = await app.http.get(report["snapshotUrl"])
        assert (answer.content, answer.headers["content-type"]) == (parts["png"](), "image/png")
        missing = await app.http.get(report["snapshotUrl"].replace("preview", "other"))
        assert missing.status_code == 404
    fake.models.pop("look")


async def test_the_socket_wants_a_job_and_the_right_token(app, fake, parts):
    await app.connect()
    for members in ({"secureToken": "wrong"}, {"jobId": "x", "secureToken": app.secure}):
        async with app.socket(**members) as socket:
            assert (await parts["next_report"](socket))["result"] == 10


async def test_the_socket_may_be_there_before_the_job(app, fake, parts):
    await app.connect()
    await app.ask("snapshot", op="START", time=1)
    async with app.socket(secureToken=app.secure) as socket:
        begun = await app.begin()
        await app.ask("snapshot", op="START", time=1)
        assert (await parts["next_report"](socket))["jobId"] == begun["jobId"]


async def test_reports_come_over_the_hubs_websocket(app, fake, parts):
    begun = await app.begin()
    await app.ask("snapshot", op="START", time=1)
    params = {"accessToken": app.token, "serviceId": app.service, "secureToken": app.secure}
    headers = {"X-GotAPI-Origin": "test.app"}
    url = f"{app.url.replace('http', 'ws')}/gotapi/websocket"
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        await socket.send(json.dumps({"accessToken": app.token}))
        assert (await parts["next_report"](socket))["result"] == 0
        await app.http.put(f"{app.url}/gotapi/3dcapi/snapshot", params=params)
        frame = await parts["next_report"](socket)
        assert (frame["profile"], frame["attribute"]) == ("3dcapi", "snapshot")
        assert frame["jobId"] == begun["jobId"]
        fake.finish()
        while (frame := await parts["next_report"](socket))["status"] != "done":
            pass
        assert frame["progress"] == 1.0
