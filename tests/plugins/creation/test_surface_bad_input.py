"""What applications get wrong: each is told so, and nothing half done is left."""

import pytest

from gotapi_creation.pictures import MAX_FILE


@pytest.mark.parametrize(
    ("token", "code"), [("nobody", "INVALID_TOKEN"), (None, "INVALID_TOKEN"), ("", "INVALID_TOKEN")]
)
async def test_the_access_token_is_checked(app, token, code):
    app.token = token
    assert (await app.ask("servicediscovery"))["errorCode"] == code


async def test_a_token_for_something_else_is_refused(hub_of, fake):
    async with hub_of(fake.url, scope="servicediscovery") as app:
        assert (await app.ask("servicediscovery"))["errorCode"] == "OUT_OF_SCOPE"


async def test_another_origin_cannot_use_the_token(app):
    app.http.headers["X-GotAPI-Origin"] = "other.app"
    assert (await app.ask("servicediscovery"))["errorCode"] == "NOT_AUTHORIZED"


@pytest.mark.parametrize("secure", ["", "wrong"])
async def test_the_secure_token_is_checked(app, secure):
    await app.connect()
    app.secure = secure
    for op in ("filetransfer", "getattribute", "filereceive"):
        assert (await app.ask(op, number=1))["errorCode"] == "INVALID_SECURE_TOKEN"


async def test_a_secure_token_is_good_for_its_service_only(hub_of, fake, parts):
    async with parts["running"](parts["Fake"]()) as second, hub_of(fake.url, second.url) as app:
        await app.connect()
        answer = await app.ask("getattribute", serviceId="fake-1.creation")
        assert answer["errorCode"] == "INVALID_SECURE_TOKEN"


@pytest.mark.parametrize("wanted", ["nobody.creation", "fake-9"])
async def test_an_unknown_service_names_those_there_are(app, wanted):
    answer = await app.ask("serviceconnecting", serviceId=wanted)
    assert answer["errorCode"] == "UNKNOWN_SERVICE"
    assert "fake-0.creation" in answer["errorMessage"]


async def test_an_unknown_template_is_told_and_the_pictures_stay(app, fake):
    await app.connect()
    await app.send_pictures(1)
    answer = await app.ask("setattribute", "PUT", templateId=5, num_sil=1)
    assert (answer["errorCode"], answer["requestCode"]) == ("UNKNOWN_TEMPLATE", 10)
    answer = await app.ask("setattribute", "PUT", templateId=13579, num_sil=1)
    assert answer["result"] == 0


@pytest.mark.parametrize(
    "params",
    [
        {"num_sil": 3},
        {"num_sil": 1},
        {"num_sil": 2, "back_sil": "TRUE"},
        {"front_sil": "TRUE"},
        {"front_file": 5, "right_file": 6},
    ],
)
async def test_number_files_and_flags_must_agree(app, fake, params):
    await app.connect()
    await app.send_pictures(2)
    answer = await app.ask("setattribute", "PUT", templateId=13579, **params)
    assert answer["errorCode"] in ("CONTRADICTION", "UNKNOWN_FILE")
    assert fake.count("setattribute") == 0


async def test_files_can_be_assigned_to_views(app, fake, parts):
    await app.connect()
    files = (await app.send_pictures(2))["fileTransInfo"]
    answer = await app.ask(
        "setattribute",
        "PUT",
        templateId=13579,
        front_file=files[1]["fileId"],
        right_file=files[0]["fileId"],
        num_sil=2,
    )
    assert answer["result"] == 0
    assert fake.last("setattribute")["right_sil"] == "TRUE"


async def test_pictures_that_have_not_come_are_named(app):
    await app.connect()
    entries = (await app.ask("filetransfer", number=2))["fileTransInfo"]
    await app.http.put(entries[0]["url"], content=b"")
    answer = await app.ask("setattribute", "PUT", templateId=13579)
    assert answer["errorCode"] == "FILES_MISSING"
    assert "front, right" in answer["errorMessage"]


@pytest.mark.parametrize(
    "picture",
    [b"", b"GIF89a....", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"x" * 200, b"\xff\xd8\xff" + b"\0" * 50],
)
async def test_what_is_no_picture_is_refused_at_once(app, picture):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    answer = await app.http.put(entry["url"], content=picture)
    assert answer.status_code == 422
    assert answer.json()["errorCode"] == "BAD_PICTURE"


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (1, 1)])
async def test_pictures_of_an_impossible_size_are_refused(app, parts, width, height):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    small = parts["png"](width, 1)[:-1] if width < height else parts["png"](1, 1)
    head = small[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + small[24:]
    answer = await app.http.put(entry["url"], content=head)
    assert answer.json()["errorCode"] == "BAD_PICTURE"


async def test_a_picture_larger_than_the_limit_is_refused(app):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    answer = await app.http.put(entry["url"], content=b"\0" * (MAX_FILE + 1))
    assert answer.json()["errorCode"] == "BAD_PICTURE"


async def test_an_address_without_its_key_is_nobodys(app):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    base, _, key = entry["url"].rpartition("/")
    for url in (f"{base}/x{key}", base, f"{app.url}/3dcapi/files/abc/{key}", f"{base}/{key}/more"):
        for method in ("PUT", "GET", "DELETE"):
            answer = await app.http.request(method, url, content=b"x")
            assert answer.status_code == 404, (method, url)


async def test_a_picture_may_be_a_file_that_was_uploaded_before(app, parts):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    stored = await app.http.post(
        f"{app.url}/blobs/",
        params={"accessToken": app.token, "name": "f.png"},
        content=parts["png"](),
    )
    sent = await app.http.put(entry["url"], params={"uri": stored.json()["uri"]})
    assert sent.status_code == 200
    gone = await app.http.put(entry["url"], params={"uri": f"{app.url}/blobs/nothing"})
    assert gone.json()["errorCode"] == "UNKNOWN_FILE"


async def test_pictures_are_not_taken_once_the_job_runs(app, parts):
    await app.connect()
    [entry] = (await app.send_pictures())["fileTransInfo"]
    await app.ask("setattribute", "PUT", templateId=13579)
    answer = await app.http.put(entry["url"], content=parts["png"]())
    assert answer.json()["errorCode"] == "ILLEGAL_STATE"


async def test_there_is_an_end_to_unfinished_jobs(hub_of, fake):
    async with hub_of(fake.url, jobs_per_application=2) as app:
        await app.begin()
        await app.begin()
        answer = await app.ask("filetransfer", number=1)
        assert answer["errorCode"] == "TOO_MANY"
        assert (await app.ask("snapshot", op="CANCEL"))["result"] == 0
        assert (await app.ask("filetransfer", number=1))["result"] == 0


async def test_a_new_transfer_takes_the_place_of_one_never_used(app):
    await app.connect()
    for _ in range(6):
        assert (await app.ask("filetransfer", number=1))["result"] == 0


async def test_a_finished_job_is_not_started_again(app, fake):
    await app.begin()
    fake.finish()
    await app.done()
    answer = await app.ask("setattribute", "PUT", templateId=13579)
    assert answer["errorCode"] == "ILLEGAL_STATE"


async def test_a_job_of_another_session_cannot_be_named(app):
    await app.connect()
    answer = await app.ask("snapshot", op="START", jobId="else")
    assert answer["errorCode"] == "NO_JOB"


async def test_a_full_disk_is_told(app, monkeypatch, parts):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gotapi_core.whole_file.tempfile.mkstemp", full)
    answer = await app.http.put(entry["url"], content=parts["png"]())
    assert (answer.status_code, answer.json()["errorCode"]) == (507, "STORAGE_FULL")


@pytest.mark.parametrize("method", ["websocket", "ftp"])
async def test_a_method_the_service_does_not_have_is_told(app, method):
    await app.connect()
    answer = await app.ask("filetransfer", number=1, method=method)
    assert answer["errorCode"] == "NOT_SUPPORTED"


async def test_pictures_may_go_to_the_service_itself(app, fake):
    entry = {"method": "websocket", "fileId": 5, "url": "ws://elsewhere/5?key=k"}
    fake.answers["filetransfer"] = lambda _: {"fileNum": 1, "fileTransInfo": [entry]}
    await app.connect()
    [given] = (await app.ask("filetransfer", number=1, method="websocket"))["fileTransInfo"]
    assert (given["url"], given["fileId"]) == (entry["url"], 5)
    assert (await app.ask("setattribute", "PUT", templateId=13579))["result"] == 0
    assert fake.count("filetransfer") == 1
    fake.answers["filetransfer"] = lambda _: {"fileNum": 1, "fileTransInfo": [entry, entry]}
    again = await app.ask("filetransfer", number=1, method="websocket")
    assert again["errorCode"] == "BAD_ANSWER"
