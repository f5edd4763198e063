"""3DCAPI-2 as a hub speaks it: every operation, in order and out of order."""

import asyncio
import hashlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.words import Opening
from gotapi_creation.transfer.ws_client import download, upload
from gotapi_creation.wire.codes import Code, CreationError


async def reports(url: str, hello: dict) -> tuple[list[dict], int | None]:
    """Everything that a snapshot socket says, and the code it closes with."""
    found = []
    async with connect(url, compression=None) as socket:
        await socket.send(json.dumps(hello))
        try:
            async for text in socket:
                found.append(json.loads(text))
        except ConnectionClosed:
            pass
    return found, socket.close_code


async def test_three_drawings_become_a_model(creation, png) -> None:
    entries = await creation.send(png(32, 64), png(40, 64), png(32, 64))
    assert [one["view"] for one in entries] == ["front", "right", "back"]
    begun = await creation.begin(num_sil=3, front_sil="TRUE", right_sil="TRUE", back_sil="TRUE")
    assert (begun["result"], begun["queue"]) == (0, 0)
    assert await creation.ended(begun["jobId"]) == "done"
    found = await creation.ask("filereceive", requestCode=11)
    assert (found["requestCode"], found["result"], found["fileNum"]) == (11, 0, 3)
    for entry in found["fileTransInfo"]:
        body = (await creation.http.get(entry["url"])).content
        assert body == f"model.{entry['format']}".encode() * 100
        assert (entry["size"], entry["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert creation.tries() == ["good ['back', 'front', 'right']"]


async def test_previews_and_report_are_given_where_all_parts_are_wanted(creation, png) -> None:
    await creation.send(png(32, 64))
    await creation.ended((await creation.begin())["jobId"])
    found = await creation.ask("filereceive", parts="all")
    parts = {one.get("part", "") for one in found["fileTransInfo"]}
    assert parts == {"", "preview", "preview-front", "report"}


async def test_a_file_keeps_its_number(creation, png) -> None:
    await creation.send(png(32, 64))
    await creation.ended((await creation.begin())["jobId"])
    first, again = [await creation.ask("filereceive") for _ in range(2)]
    assert first == again


async def test_files_travel_by_websocket_both_ways(creation, png, tmp_path) -> None:
    picture = tmp_path / "front.png"
    picture.write_bytes(png(32, 64))
    asked = await creation.ask("filetransfer", number=1, method="websocket")
    [entry] = asked["fileTransInfo"]
    opening = Opening(entry["fileId"], creation.secret, creation.token)
    await upload(entry["url"], opening, picture)
    await creation.ended((await creation.begin())["jobId"])
    found = await creation.ask("filereceive")
    entry = found["fileTransInfo"][1]
    assert entry["method"] == "websocket"
    slot = Slot(tmp_path / "model.stl", 1 << 20)
    opening = Opening(entry["fileId"], creation.secret, creation.token)
    assert await download(entry["url"], opening, slot) == entry["sha256"]


async def test_a_file_has_an_address_with_a_key_or_wants_its_secure_token(
    creation, png, tmp_path
) -> None:
    asked = await creation.ask("filetransfer", number=1, method="websocket")
    [entry] = asked["fileTransInfo"]
    picture = tmp_path / "front.png"
    picture.write_bytes(png(32, 64))
    number, token = entry["fileId"], creation.token
    plain, _, key = entry["url"].rpartition("/")
    shared = f"ws{creation.base[4:]}/3dcapi/files"
    await creation.connect()
    with pytest.raises(CreationError, match="another secureToken"):
        await upload(shared, Opening(number, "", creation.token), picture)
    with pytest.raises(CreationError, match="secureToken is missing"):
        await upload(shared, Opening(number), picture)
    with pytest.raises(CreationError, match="no such file"):
        await upload(f"{plain}/{key[::-1]}", Opening(number, "", token), picture)
    await upload(entry["url"], Opening(number), picture)
    creation.token = token
    with pytest.raises(CreationError, match="arrived already"):
        await upload(shared, Opening(number, "", token), picture)
    assert (await creation.begin())["result"] == 0


async def test_the_templates_have_silhouettes_of_three_sides(creation) -> None:
    found = await creation.ask("getattribute", requestCode=3)
    species = {one["species"] for one in found["templateInfo"]}
    assert species == {"HUMAN", "ELF", "ORC"}
    one = found["templateInfo"][0]
    assert 0 < one["style"] <= 0.5
    for name in ("2DsilhouetteImgUrl", "rightSilhouetteImgUrl", "backSilhouetteImgUrl"):
        picture = await creation.http.get(one[name])
        assert picture.content.startswith(b"\x89PNG")
    assert (await creation.http.get(f"{creation.base}/silhouettes/1-up.png")).status_code == 404


async def test_the_status_needs_no_token(creation) -> None:
    found = (await creation.http.get(f"{creation.base}/3dcapi/status")).json()
    assert (found["zone"], found["protocol"], found["revision"]) == ("UTC", "3DCAPI", "1.0")


async def test_reports_come_first_changed_and_last(creation, png, until) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    url = (await creation.ask("snapshot", op="START", time=3600))["websocketUrl"]
    listening = asyncio.create_task(
        reports(url, {"accessToken": creation.secret, "secureToken": creation.token})
    )
    await until(creation.tries)
    creation.wish("good")
    found, code = await listening
    assert code == 1000
    assert [one["progress"] for one in found] == sorted(one["progress"] for one in found)
    last = found[-1]
    assert (last["progress"], last["status"], last["jobId"]) == (1.0, "done", job)
    assert last["serviceId"] == "embedded"
    for name in ("snapshotUrl", "previewModelUrl"):
        assert (await creation.http.get(last[name])).status_code == 200


async def test_the_access_token_alone_is_enough_for_reports(creation, png) -> None:
    """7.5.2: the first message is {"accessToken"}; the address says which job."""
    await creation.send(png(32, 64))
    await creation.begin()
    url = (await creation.ask("snapshot", op="START"))["websocketUrl"]
    found, _ = await reports(url, {"accessToken": creation.secret})
    assert found[-1]["progress"] == 1.0


async def test_stop_ends_the_reports_and_not_the_job(creation, png, until) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    url = (await creation.ask("snapshot", op="START", time=3600))["websocketUrl"]
    listening = asyncio.create_task(reports(url, {"accessToken": creation.secret}))
    await until(lambda: creation.service._runner._watchers)
    assert (await creation.ask("snapshot", op="STOP"))["result"] == 0
    _, code = await listening
    assert code == 1000
    creation.wish("good")
    assert await creation.ended(job) == "done"


async def test_cancel_ends_the_job_at_once(creation, png, until) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    url = (await creation.ask("snapshot", op="START"))["websocketUrl"]
    listening = asyncio.create_task(reports(url, {"accessToken": creation.secret}))
    await until(creation.tries)
    assert (await creation.ask("snapshot", op="CANCEL"))["result"] == 0
    assert await creation.ended(job) == "cancelled"
    found, code = await listening
    assert (found[-1]["status"], code) == ("cancelled", 1011)
    assert (await creation.ask("filereceive"))["result"] == Code.JOB_CANCELLED
    assert (await creation.ask("snapshot", op="CANCEL"))["result"] == 0  # said twice


async def test_a_failed_job_says_why_everywhere(creation, png) -> None:
    creation.wish("refuse")
    await creation.send(png(32, 64))
    await creation.begin()
    url = (await creation.ask("snapshot", op="START"))["websocketUrl"]
    found, code = await reports(url, {"accessToken": creation.secret})
    assert code == 1011
    assert found[-1]["errorMessage"] == "The front drawing is blank"
    answer = await creation.ask("filereceive")
    assert (answer["result"], answer["errorMessage"]) == (
        Code.JOB_FAILED,
        "The front drawing is blank",
    )


async def test_a_request_that_is_repeated_begins_one_job(creation, png) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    for key in ("once", ""):
        jobs = {(await creation.begin(idempotencyKey=key))["jobId"] for _ in range(3)}
        assert len(jobs) == 1
    creation.wish("good")
    again = await creation.begin(idempotencyKey="once")
    assert await creation.ended(again["jobId"]) == "done"


async def test_the_same_pictures_can_be_made_again_otherwise(creation, png) -> None:
    await creation.send(png(32, 64))
    first = (await creation.begin())["jobId"]
    await creation.ended(first)
    second = (await creation.begin(templateId=212, style=0.3, height=50, foot="TRUE"))["jobId"]
    assert first != second
    assert await creation.ended(second) == "done"


async def test_two_figures_of_one_session_do_not_mix(creation, png) -> None:
    asked = [await creation.ask("filetransfer", number=number) for number in (1, 2)]
    for found in asked:
        for entry in found["fileTransInfo"]:
            await creation.http.put(entry["url"], content=png(32, 64))
    begun = [await creation.begin(jobId=found["jobId"]) for found in asked]
    assert [one["jobId"] for one in begun] == [found["jobId"] for found in asked]
    for one in begun:
        assert await creation.ended(one["jobId"]) == "done"
    assert creation.tries() == ["good ['front']", "good ['front', 'right']"]
    assert (await creation.begin(jobId="other"))["result"] == Code.FILES_MISSING


async def test_results_go_with_the_acknowledgement(creation, png) -> None:
    await creation.send(png(32, 64))
    await creation.ended((await creation.begin())["jobId"])
    entry = (await creation.ask("filereceive"))["fileTransInfo"][0]
    assert (await creation.ask("filereceive", op="ACK"))["result"] == 0
    assert (await creation.ask("filereceive"))["result"] == Code.RESULT_GONE
    assert (await creation.http.get(entry["url"])).status_code == 404


async def test_files_may_be_assigned_to_other_views(creation, png) -> None:
    entries = await creation.send(png(32, 64), png(32, 64))
    ids = {"front_file": entries[1]["fileId"], "back_file": entries[0]["fileId"]}
    job = (await creation.begin(**ids))["jobId"]
    await creation.ended(job)
    assert creation.tries() == ["good ['back', 'front']"]


async def test_parameters_may_come_as_a_form(creation, png) -> None:
    await creation.send(png(32, 64))
    answer = await creation.http.put(
        f"{creation.base}/3dcapi/setattribute?secureToken={creation.token}",
        data={"templateId": "112"},
        headers={"Authorization": f"Bearer {creation.secret}"},
    )
    assert answer.json()["result"] == 0
    await creation.ended(answer.json()["jobId"])


CONTRADICTIONS = [
    ({"num_sil": 3}, Code.CONTRADICTION, "3 silhouettes are to be used"),
    ({"num_sil": 2, "front_sil": "FALSE"}, Code.CONTRADICTION, "front"),
    ({"num_sil": 5}, Code.CONTRADICTION, "5 pictures are not possible"),
    ({"templateId": 9999}, Code.UNKNOWN_TEMPLATE, "getattribute lists them"),
    ({"templateId": "x"}, Code.INVALID_PARAMETER, "templateId"),
    ({"style": "0.9"}, Code.INVALID_PARAMETER, "style"),
    ({"style": "0.01"}, Code.INVALID_PARAMETER, "0.08"),
    ({"species": "dragon"}, Code.INVALID_PARAMETER, "species are"),
    ({"height": "nan"}, Code.INVALID_PARAMETER, "from 5 to 2000"),
    ({"grid": 9999}, Code.INVALID_PARAMETER, "from 64 to 384"),
    ({"profile": "odd"}, Code.INVALID_PARAMETER, "auto, round, box"),
    ({"foot": "perhaps"}, Code.INVALID_PARAMETER, "TRUE or FALSE"),
    ({"paper": "white"}, Code.INVALID_PARAMETER, "#ffffff"),
    ({"engine": "../other"}, Code.INVALID_PARAMETER, "there is: shape"),
    ({"front_file": 1}, Code.UNKNOWN_FILE, "no file 1"),
    ({"secureToken": "guess"}, Code.INVALID_SECURE_TOKEN, "serviceconnecting"),
    ({"accessToken": "guess"}, Code.INVALID_TOKEN, "accessToken"),
    ({"accessToken": "ünïcode"}, Code.INVALID_TOKEN, "accessToken"),
    ({"serviceId": "other"}, Code.UNKNOWN_SERVICE, "embedded"),
]


@pytest.mark.parametrize(("params", "code", "words"), CONTRADICTIONS)
async def test_what_contradicts_is_refused_with_words(creation, png, params, code, words) -> None:
    await creation.send(png(32, 64))
    answer = await creation.begin(requestCode=5, **params)
    assert (answer["result"], answer["requestCode"]) == (code, 5)
    assert words in answer["errorMessage"]
    assert creation.service._records.count_open() == 0
    assert list((creation.home / "jobs").glob("*")) == []


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("filetransfer", {"number": 4}, Code.INVALID_PARAMETER),
        ("filetransfer", {}, Code.INVALID_PARAMETER),
        ("filetransfer", {"number": 1, "method": "ftp"}, Code.NOT_SUPPORTED),
        ("filetransfer", {"number": 1, "method": "pigeon"}, Code.NOT_SUPPORTED),
        ("snapshot", {"op": "START"}, Code.NO_JOB),
        ("snapshot", {"op": "DANCE"}, Code.INVALID_PARAMETER),
        ("snapshot", {"op": "START", "time": 0}, Code.INVALID_PARAMETER),
        ("filereceive", {}, Code.NO_JOB),
        ("printing", {}, Code.INVALID_METHOD),
        ("nonsense", {}, Code.UNKNOWN_OPERATION),
        ("setattribute", {"templateId": 112}, Code.INVALID_METHOD),
    ],
)
async def test_what_cannot_be_is_refused(creation, operation, params, code) -> None:
    answer = await creation.ask(operation, **params)
    assert answer["result"] == code
    assert answer["errorMessage"]


async def test_a_job_without_its_pictures_is_refused(creation, png) -> None:
    assert (await creation.begin())["result"] == Code.FILES_MISSING
    entries = (await creation.ask("filetransfer", number=3))["fileTransInfo"]
    await creation.http.put(entries[0]["url"], content=png(32, 64))
    answer = await creation.begin()
    assert answer["result"] == Code.FILES_MISSING
    assert "right and back picture has not arrived" in answer["errorMessage"]


async def test_a_model_that_is_not_ready_says_how_far_it_is(creation, png) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    answer = await creation.ask("filereceive")
    assert answer["result"] == Code.NOT_READY
    assert "takes about" in answer["errorMessage"]
    assert (await creation.ask("filereceive", op="ACK"))["result"] == Code.NOT_READY
    creation.wish("good")
    await creation.ended(job)


@pytest.mark.parametrize(
    "hello",
    [{"accessToken": "guess"}, {}, {"accessToken": "", "secureToken": "x"}],
)
async def test_who_has_no_token_gets_no_report(creation, png, hello) -> None:
    await creation.send(png(32, 64))
    await creation.begin()
    url = (await creation.ask("snapshot", op="START"))["websocketUrl"]
    found, code = await reports(url, hello)
    assert code == 1008
    assert [one["result"] for one in found] == [Code.INVALID_TOKEN]


async def test_a_job_of_another_is_not_reported(creation, png) -> None:
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    await creation.connect()
    hello = {"accessToken": creation.secret, "secureToken": creation.token, "jobId": job}
    found, code = await reports(f"ws{creation.base[4:]}/3dcapi/websocket", hello)
    assert (found[0]["result"], code) == (Code.NO_JOB, 1008)
    unknown = f"ws{creation.base[4:]}/3dcapi/websocket/none"
    found, code = await reports(unknown, {"accessToken": creation.secret})
    assert (found[0]["result"], code) == (Code.INVALID_SECURE_TOKEN, 1008)
