"""The same operations as profile `3dcapi` of GotAPI."""

import pytest


async def ask(app, attribute, method="GET", **params):
    given = {"accessToken": app.token, "serviceId": app.service, **params}
    answer = await app.http.request(method, f"{app.url}/gotapi/3dcapi/{attribute}", params=given)
    return answer.json()


async def test_a_drawing_becomes_a_model_by_the_profile_alone(app, fake, parts):
    found = await ask(app, "servicediscovery")
    assert found["services"][0]["serviceId"] == app.service
    connected = await ask(app, "serviceconnecting")
    assert connected["result"] == 0
    app.secure = connected["3dContentCreationServerList"][0]["secureToken"]
    secure = {"secureToken": app.secure}
    assert (await ask(app, "getattribute", **secure))["templateInfo"][0]["templateId"] == 13579
    files = (await ask(app, "filetransfer", number=2, **secure))["fileTransInfo"]
    assert [one["view"] for one in files] == ["front", "right"]
    for one in files:
        await app.http.put(one["url"], content=parts["png"]())
    begun = await ask(
        app, "setattribute", "PUT", templateId=13579, num_sil=2, style=0.2, engine="x", **secure
    )
    assert begun["jobId"]
    assert (fake.last("setattribute")["engine"], fake.last("setattribute")["style"]) == ("x", "0.2")
    started = await ask(app, "snapshot", op="START", **secure)
    assert started["websocketUrl"].startswith("ws://")
    fake.finish()
    await app.done()
    files = await ask(app, "filereceive", **secure)
    assert files["fileNum"] == 1
    assert files["fileTransInfo"][0]["format"] == "stl"
    assert (await ask(app, "status"))["zone"] == "UTC"


@pytest.mark.parametrize(
    ("attribute", "params", "code"),
    [
        ("filetransfer", {"number": 9}, 10),
        ("filetransfer", {"number": 1, "secureToken": "x"}, 106),
        ("snapshot", {"op": "DANCE"}, 10),
        ("filereceive", {}, 106),
    ],
)
async def test_failures_have_the_codes_of_3dcapi(app, attribute, params, code):
    answer = await ask(app, attribute, **params)
    assert (answer["result"], answer["errorCode"]) == (1, code), answer
    assert answer["errorMessage"]


async def test_the_services_are_services_of_the_hub(app):
    answer = await app.http.get(
        f"{app.url}/gotapi/servicediscovery", params={"accessToken": app.token}
    )
    [service] = answer.json()["services"]
    assert service["serviceId"] == "fake-0.creation"
    assert "3dmodeling" in service["scopes"]
    assert service["online"] is True
