"""The fixtures that plug-in authors use, and that pytest pays nothing for them until then."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from gotapi_auth.server import Access
from gotapi_core.hub import Ask
from gotapi_core.plugin import Call, Plugin, Result, Service, event, get
from gotapi_core.protocol.names import Method, Name

HEAVY = ("gotapi_core.hub", "gotapi_core.server", "gotapi_core.client", "sqlalchemy", "uvicorn")


class Seen(Result):
    steps: int


class PedometerPlugin(Plugin):
    id = "pedometer"
    name = "Pedometers"

    def services(self) -> list[Service]:
        return [Service(id="left", name="Left shoe", scopes=("walk",))]

    @get("walk", "steps")
    async def steps(self, call: Call) -> Seen:
        return Seen(steps=3)

    @event("walk", "steps")
    async def stepped(self, call: Call) -> AsyncIterator[Seen]:
        yield Seen(steps=4)
        await asyncio.Event().wait()


@pytest.fixture
def hub_plugins():
    return [PedometerPlugin]


async def test_hub_answers_without_a_socket(hub):
    access = Access(
        application_id="app", token_id="t", origin="test", scopes=frozenset({"walk"}), expires=2e9
    )
    [service] = await hub.discover(access)
    assert service.id == "left.pedometer"
    name = Name("walk", None, "steps")
    answer = await hub.call(access, Ask(Method.GET, name, service.id, {}))
    assert answer == {"steps": 3}


async def test_client_is_allowed_everything(client):
    assert set(client.token.scopes) >= {"walk", "servicediscovery"}
    assert (await client.get("walk", "steps", "left.pedometer"))["steps"] == 3
    async with client.events("walk", "steps", "left.pedometer") as events:
        assert (await anext(events)).members == {"steps": 4}


async def test_live_hub_is_the_one_the_client_talks_to(live_hub, client):
    assert client.url == live_hub.url
    [application] = live_hub.hub.auth.applications()
    assert application.origin == "test.application"


def test_loaded_loads_with_manifest_and_hooks(loaded):
    one = loaded("gotapi_printer")
    assert one.manifest.id == "printer"
    assert "3dp" in one.profiles


def test_loaded_fails_the_test_and_says_why(loaded):
    with pytest.raises(pytest.fail.Exception, match="nowhere_to_be_found cannot be loaded: "):
        loaded("nowhere_to_be_found")


def test_simulated_devices_give_settings_of_running_devices(simulated_devices):
    [port] = simulated_devices["printer"]["ports"]
    assert "simulated" in port["name"]
    assert port["path"].endswith("/demo-printer")


def test_a_run_without_the_fixtures_imports_nothing_heavy(tmp_path):
    (tmp_path / "test_plain.py").write_text(
        "import sys\n"
        "def test_plain():\n"
        f"    heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    assert 'gotapi_core.pytest_plugin' in sys.modules\n"
        "    assert heavy == []\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout + run.stderr
