"""The plug-in behaves the same in the hub's process and in one of its own."""

import msgspec
import pytest

from gotapi_core.conformance import Verdict
from gotapi_core.testing import live_hub
from gotapi_core.testing.conform import check_hub


@pytest.mark.timeout(180)
@pytest.mark.parametrize("port", ["inprocess", "stdio"])
async def test_a_model_is_made_through_every_port(fake, parts, loaded, tmp_path, port):
    import httpx2

    settings = {
        "plugins": {
            "creation": {"embedded": False, "services": [{"url": fake.url, "name": "Fake 0"}]}
        },
        "plugin_host": {"creation": {"port": port}},
    }
    async with live_hub(tmp_path / "hub", [loaded("gotapi_creation")], settings=settings) as live:
        headers = {"X-GotAPI-Origin": "test.app"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            token = await parts["token_of"](live, http, "3dcapi")
            app = parts["Application"](live, http, token, "fake-0.creation")
            await app.begin(3)
            async with app.socket(secureToken=app.secure) as socket:
                assert (await parts["next_report"](socket))["serviceId"] == app.service
                fake.finish()
                while (await parts["next_report"](socket))["status"] != "done":
                    pass
            answer = await app.done()
            [entry] = answer["fileTransInfo"]
            assert (await http.get(entry["url"])).content == fake.models["stl"]
            failed = await app.ask("printing", "PUT")
            assert failed["errorCode"] == "NOT_PRINTED"
            app.token = "wrong"
            assert (await app.ask("filereceive"))["errorCode"] == "INVALID_TOKEN"


@pytest.mark.timeout(240)
async def test_the_plugin_keeps_the_rules_of_gotapi(fake, loaded, tmp_path):
    services = [{"url": fake.url, "name": "Fake 0"}]
    settings = {"plugins": {"creation": {"embedded": False, "services": services}}}
    async with live_hub(tmp_path / "hub", [loaded("gotapi_creation")], settings=settings) as live:
        report = await check_hub(live)
    failed = {one.check.id: one.reason for one in report.outcomes if one.verdict is Verdict.FAIL}
    assert not failed, msgspec.json.encode(failed)
