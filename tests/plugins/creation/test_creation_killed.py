"""A hub that is killed goes on with its jobs, in processes of their own."""

import asyncio
import json

import httpx2
import pytest

from gotapi_core.testing.process import HubProcess

HEADERS = {"X-GotAPI-Origin": "test.app"}


async def token_of(hub: HubProcess, http: httpx2.AsyncClient) -> str:
    base = f"{hub.url}/gotapi/authorization"
    client = (await http.get(f"{base}/grant")).json()["clientId"]
    wish = {"clientId": client, "scope": "3dcapi", "applicationName": "A test"}
    asked = asyncio.create_task(http.get(f"{base}/accesstoken", params=wish))
    await asyncio.to_thread(hub.approve_next)
    return str((await asked).json()["accessToken"])


def made(live, http, token, secure, parts):
    app = parts["Application"](live, http, token, "fake-0.creation")
    app.secure = secure
    return app


@pytest.mark.timeout(180)
async def test_an_acknowledged_job_survives_the_kill_of_the_hub(tmp_path, fake, parts):
    services = json.dumps([{"url": fake.url, "name": "Fake 0"}]).replace(": ", "=")
    services = services.replace('"url"', "url").replace('"name"', "name")
    hub = HubProcess(
        tmp_path / "home",
        "--set", "plugins.creation.embedded=false",
        "--set", f"plugins.creation.services={services}",
    )  # fmt: skip
    try:
        await asyncio.to_thread(hub.start)
        async with httpx2.AsyncClient(headers=HEADERS, timeout=30) as http:
            app = made(hub, http, await token_of(hub, http), "", parts)
            begun = await app.begin(2)
            await parts["until"](lambda: fake.hellos)
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(hub.start)
            again = made(hub, http, app.token, app.secure, parts)
            await parts["until"](lambda: len(fake.hellos) == 2)
            fake.finish()  # which the socket of the killed hub may still have taken
            fake.finish()
            answer = await again.done()
            assert answer["result"] == 0, answer
            assert answer["jobId"] == begun["jobId"]
            await asyncio.to_thread(hub.kill)
            await asyncio.to_thread(hub.start)
            kept = await made(hub, http, app.token, app.secure, parts).ask("filereceive")
            assert [one["sha256"] for one in kept["fileTransInfo"]] == [
                one["sha256"] for one in answer["fileTransInfo"]
            ]
        assert fake.count("setattribute") == 1
    finally:
        await asyncio.to_thread(hub.stop)
