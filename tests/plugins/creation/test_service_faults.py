"""Creation services that are down, slow, die, lie or never end."""

import asyncio
import json
import zipfile
from io import BytesIO

import pytest
from starlette.responses import Response

from gotapi_creation.jobs import Works

NAN = float("nan")


async def test_a_service_that_is_down_is_listed_as_not_online(hub_of):
    async with hub_of("http://127.0.0.1:9") as app:
        [entry] = (await app.ask("servicediscovery"))["services"]
        assert entry["online"] is False
        answer = await app.ask("serviceconnecting")
        assert answer["errorCode"] == "SERVICE_OFFLINE"


async def test_a_slow_service_does_not_hold_up_discovery(hub_of, fake, monkeypatch):
    monkeypatch.setattr("gotapi_creation.services.PROBE_TIME", 0.1)
    fake.answers["servicediscovery"] = lambda _: asyncio.sleep(60)
    async with hub_of(fake.url, call_time=1.0) as app:
        [entry] = (await app.ask("servicediscovery"))["services"]
        assert entry["online"] is False
        fake.answers["serviceconnecting"] = lambda _: asyncio.sleep(60)
        assert (await app.ask("serviceconnecting"))["errorCode"] == "SERVICE_TIMEOUT"
        assert fake.count("serviceconnecting") == 3


async def test_the_answer_of_a_probe_is_kept_for_a_while(app, fake):
    await app.ask("servicediscovery")
    count = fake.count("servicediscovery")
    await app.ask("servicediscovery")
    assert fake.count("servicediscovery") == count


async def test_several_services_at_one_address_have_an_id_each(hub_of, fake):
    names = ["com.example.one", "com.example.two"]
    fake.answers["servicediscovery"] = lambda _: {
        "services": [{"serviceId": name, "name": name} for name in names]
    }
    async with hub_of(fake.url) as app:
        found = (await app.ask("servicediscovery"))["services"]
        ids = [one["serviceId"] for one in found]
        assert ids == ["fake-0-com-example-one.creation", "fake-0-com-example-two.creation"]
        assert (await app.ask("serviceconnecting", serviceId=ids[1]))["result"] == 0
        assert fake.last("serviceconnecting")["serviceId"] == "com.example.two"
        assert (await app.ask("serviceconnecting", serviceId=None))["result"] == 6


async def test_a_request_that_failed_on_the_way_is_tried_again(app, fake):
    await app.connect()
    fake.cut = 2
    answer = await app.ask("getattribute")
    assert answer["result"] == 0
    assert fake.count("getattribute") == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response("<html>It works</html>"), "BAD_ANSWER"),
        (Response("[1, 2"), "BAD_ANSWER"),
        (Response("{}"), "BAD_ANSWER"),
        (Response("x" * (1 << 21)), "BAD_ANSWER"),
        (Response("no", status_code=404), "BAD_ANSWER"),
        (Response("no", status_code=503), "SERVICE_OFFLINE"),
        (Response('{"result": 4711, "errorMessage": "busy"}', status_code=409), "SERVICE_REFUSED"),
        (Response("", status_code=302, headers={"location": "http://else/"}), "BAD_ANSWER"),
        ({"3dContentCreationServerList": []}, "BAD_ANSWER"),
    ],
)
async def test_garbage_is_told_from_an_answer(app, fake, answer, code):
    fake.answers["serviceconnecting"] = lambda _: answer
    found = await app.ask("serviceconnecting")
    assert found["errorCode"] == code
    assert found["errorMessage"]


async def test_a_service_that_forgot_the_hub_is_connected_to_again(app, fake):
    await app.connect()
    before = fake.last("serviceconnecting")
    good = fake.getattribute
    answers = iter([{"result": 106, "errorMessage": "who are you?"}])
    fake.answers["getattribute"] = lambda params: next(answers, None) or good(params)
    assert (await app.ask("getattribute"))["result"] == 0
    assert fake.count("serviceconnecting") == 2
    assert before


async def test_a_service_without_a_socket_is_asked_by_http(app, fake):
    fake.answers["snapshot"] = lambda _: {}
    await app.begin()
    fake.ready = True
    assert (await app.done())["result"] == 0


async def test_garbage_on_the_socket_ends_in_asking_by_http(app, fake, parts):
    await app.begin()
    await parts["until"](lambda: fake.hellos)
    fake.ready = True
    fake.reports.put_nowait("garbage")  # type: ignore[arg-type]  # that is the point
    assert (await app.done())["result"] == 0


async def test_tokens_are_not_sent_to_another_host(app, fake):
    fake.answers["snapshot"] = lambda _: {"websocketUrl": "ws://localhost:1/3dcapi/websocket"}
    await app.begin()
    fake.ready = True
    assert (await app.done())["result"] == 0
    assert not fake.hellos


async def test_a_socket_that_says_nothing_is_not_trusted(hub_of, fake, monkeypatch, parts):
    monkeypatch.setitem(Works.__init__.__kwdefaults__, "quiet", 0.1)
    async with hub_of(fake.url) as app:
        await app.begin()
        await parts["until"](lambda: fake.hellos)
        fake.ready = True
        assert (await app.done())["result"] == 0


async def test_a_job_that_fails_says_why(app, fake, parts):
    await app.begin()
    await parts["until"](lambda: fake.hellos)
    fake.reports.put_nowait({"progress": 0.3, "status": "failed", "errorMessage": "open outline"})
    answer = await app.done()
    assert (answer["errorCode"], answer["errorMessage"]) == ("JOB_FAILED", "open outline")
    assert fake.count("setattribute") == 1


async def test_a_job_that_the_service_lost_is_made_again(app, fake, parts):
    await app.begin()
    await parts["until"](lambda: fake.hellos)
    fake.answers["filereceive"] = lambda _: {"result": 112, "errorMessage": "no such job"}
    fake.reports.put_nowait(None)
    await parts["until"](lambda: fake.count("setattribute") == 2)
    del fake.answers["filereceive"]
    keys = {params["idempotencyKey"] for op, params in fake.asked if op == "setattribute"}
    assert len(keys) == 2
    fake.finish()
    assert (await app.done())["result"] == 0


async def test_a_service_that_never_has_the_job_is_tried_three_times(app, fake):
    fake.answers["snapshot"] = lambda _: {"result": 112, "errorMessage": "no such job"}
    await app.begin()
    answer = await app.done()
    assert (answer["errorCode"], answer["errorMessage"]) == ("JOB_FAILED", "no such job")
    assert fake.count("setattribute") == 3


async def test_a_service_that_dies_ends_the_job_in_the_end(hub_of, parts):
    fake = parts["Fake"]()
    async with parts["running"](fake):
        url = fake.url
        runs = hub_of(url, lost_time=0.3, call_time=5.0)
        app = await runs.__aenter__()
        await app.begin()
    try:
        answer = await app.done()
        assert answer["errorCode"] == "JOB_FAILED"
        assert "reached" in answer["errorMessage"]
    finally:
        await runs.__aexit__(None, None, None)


async def test_a_model_that_takes_too_long_is_given_up(hub_of, fake):
    async with hub_of(fake.url, job_time=0.5) as app:
        await app.connect()
        await app.send_pictures()
        await app.ask("setattribute", "PUT", templateId=13579)
        answer = await app.done()
        assert answer["errorCode"] == "JOB_FAILED"
        assert "0.5 s" in answer["errorMessage"]


def bomb() -> bytes:
    """Return a small 3MF whose model unpacks to 108 MB."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("3D/3dmodel.model", b"<model>" + b" " * (108 << 20) + b"</model>")
    return data.getvalue()


@pytest.mark.parametrize(
    ("kind", "words"),
    [("nan", "NaN|finite|number"), ("bomb", "3mf"), ("text", "neither"), ("cut", "stl"),
     ("empty", "neither|triangles")],
)  # fmt: skip
async def test_an_unfit_model_is_no_result(app, fake, parts, kind, words):
    model = parts["stl"]((NAN, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    fake.models = {
        "nan": {"stl": model},
        "bomb": {"3mf": bomb()},
        "text": {"stl": b"this is no model at all"},
        "cut": {"stl": parts["stl"]()[:200]},
        "empty": {"stl": b""},
    }[kind]
    await app.begin()
    fake.finish()
    answer = await app.done()
    assert answer["errorCode"] == "JOB_FAILED"
    import re

    assert re.search(words, answer["errorMessage"], re.IGNORECASE), answer
    folder = app.live.hub.paths.plugin("creation") / "jobs"
    assert not list(folder.glob("*/results*"))


async def test_an_endless_file_is_cut_off(app, fake, monkeypatch):
    monkeypatch.setattr("gotapi_creation.results._WHOLE", 1 << 20)
    fake.answers["filereceive"] = lambda _: (
        {"fileNum": 1, "fileTransInfo": [{"method": "http", "fileId": 1, "url": "/out/endless"}]}
        if fake.ready
        else {"result": 111}
    )
    await app.begin()
    fake.finish()
    answer = await app.done()
    assert answer["errorCode"] == "JOB_FAILED"
    assert "1048576" in answer["errorMessage"]


@pytest.mark.parametrize("change", ["size", "sha256", "method", "twice", "gone"])
async def test_files_that_are_not_as_announced_are_no_result(app, fake, change):
    entry = {"method": "http", "fileId": 1, "url": "/out/stl"}
    wrong = {
        "size": [entry | {"size": 5}],
        "sha256": [entry | {"sha256": "0" * 64}],
        "method": [entry | {"method": "carrier pigeon"}],
        "twice": [entry, entry | {"fileId": 2}],
        "gone": [entry | {"url": "/nowhere"}],
    }[change]
    fake.answers["filereceive"] = lambda _: (
        {"fileNum": 1, "fileTransInfo": wrong} if fake.ready else {"result": 111}
    )
    await app.begin()
    fake.finish()
    answer = await app.done()
    assert answer["errorCode"] == "JOB_FAILED"
    assert json.dumps(answer)


async def test_no_room_for_the_model_is_told(app, fake, monkeypatch):
    monkeypatch.setattr("gotapi_creation.transfer.slots._ROOM", 1 << 60)
    await app.begin()
    fake.finish()
    answer = await app.done()
    assert "disk is full" in answer["errorMessage"]
