"""3DCAPI-1 from discovery to the files of the model, against a small service."""

import json


async def test_discovery_lists_every_service_with_the_members_of_the_table(app, fake):
    answer = await app.ask("servicediscovery", serviceId=None)
    assert answer == {
        "requestCode": 10,
        "result": 0,
        "services": [
            {
                "serviceId": "fake-0.creation",
                "name": "Fake 0",
                "provider": "e",
                "online": True,
                "scopes": ["3dmodeling"],
            }
        ],
    }
    assert fake.last("servicediscovery")["accessToken"] == "the-key"


async def test_a_drawing_becomes_a_model(app, fake, parts):
    begun = await app.begin(3)
    assert begun["jobId"]
    assert (begun["queue"], begun["estimate"]) == (2, 3.5)
    assert fake.last("setattribute")["num_sil"] == "3"
    assert list(fake.pictures.values()) == [parts["png"]()] * 3
    waiting = await app.ask("filereceive")
    assert waiting["result"] == 111
    fake.finish()
    answer = await app.done()
    assert answer["result"] == 0
    assert answer["fileNum"] == 1
    [entry] = answer["fileTransInfo"]
    assert (entry["method"], entry["format"], entry["size"]) == ("http", "stl", 284)
    assert isinstance(entry["fileId"], int)
    fetched = await app.http.get(entry["url"], headers={"X-GotAPI-Origin": ""})
    assert fetched.content == fake.models["stl"]
    await parts["until"](lambda: fake.last("filereceive").get("op") == "ACK")


async def test_tokens_of_hub_and_service_stay_apart(app, fake):
    await app.begin()
    assert app.secure
    sent = json.dumps(fake.asked) + json.dumps(fake.hellos)
    assert app.token not in sent
    assert app.secure not in sent


async def test_the_request_code_is_kept_in_the_session(app, fake):
    await app.connect()
    first = (await app.ask("getattribute"))["requestCode"]
    assert (await app.ask("getattribute"))["requestCode"] == first
    assert (await app.ask("getattribute", requestCode=4711))["requestCode"] == 4711
    assert (await app.ask("getattribute"))["requestCode"] == 4711
    assert fake.last("getattribute")["requestCode"] == "4711"


async def test_templates_go_through_and_their_guides_are_had_from_the_hub(app, fake):
    await app.connect()
    [entry] = (await app.ask("getattribute"))["templateInfo"]
    assert entry["templateId"] == 13579
    assert entry["partNames"] == ["head"]
    assert entry["2DsilhouetteImgUrl"].startswith(f"{app.url}/3dcapi/files/guides/")


async def test_the_only_service_is_connected_to_without_its_id(app):
    answer = await app.ask("serviceconnecting", serviceId=None)
    assert answer["result"] == 0
    assert answer["3dContentCreationServerList"][0]["servicename"]


async def test_the_status_needs_no_service(app):
    answer = await app.ask("status")
    assert answer["zone"] == "UTC"
    assert answer["time"].endswith("Z")
    assert 0 < answer["resolution"] < 1
    assert answer["protocol"] == "OMA 3DCAPI 1.0"


async def test_setting_the_attributes_again_begins_no_second_job(app, fake):
    first = await app.begin()
    again = await app.ask("setattribute", "PUT", templateId=13579, num_sil=1)
    assert again["jobId"] == first["jobId"]
    assert fake.count("setattribute") == 1


async def test_the_figures_spelling_comes_on_top(hub_of, fake):
    async with hub_of(fake.url, compat="figures") as app:
        answer = await app.ask("serviceconnecting")
        assert answer["resquestCode"] == answer["requestCode"]
        assert "3dConecntCreationServerList" in answer


async def test_strict_statuses_are_a_setting(hub_of, fake):
    async with hub_of(fake.url, strict_http=True) as app:
        answer = await app.raw("snapshot", op="START")
        assert answer.status_code == 403
        assert answer.json()["errorCode"] == "INVALID_SECURE_TOKEN"


async def test_errors_are_answers_with_status_200(app):
    answer = await app.raw("snapshot", op="START", requestCode=5)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["result"], body["requestCode"]) == (106, 5)
    assert "serviceconnecting" in body["errorMessage"]
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_acknowledged_results_are_let_go(app, fake):
    await app.begin()
    fake.finish()
    await app.done()
    assert (await app.ask("filereceive", op="ACK"))["result"] == 0
    assert (await app.ask("filereceive"))["result"] == 112


async def test_parameters_may_come_in_a_form(app, fake):
    await app.connect()
    await app.send_pictures()
    answer = await app.http.put(
        f"{app.url}/3dcapi/setattribute",
        params={"accessToken": app.token},
        data={"serviceId": app.service, "secureToken": app.secure, "templateId": "13579"},
    )
    assert answer.json()["result"] == 0
