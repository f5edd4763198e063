"""What happens to the hub, and to the plug-in, when a plug-in crashes, hangs, lies or floods."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_core.client import HubRefused
from gotapi_core.host.loader import Found
from gotapi_core.host.port_stdio import StdioPort
from gotapi_core.host.restart import Crashes
from gotapi_core.host.supervisor import CallLimits, PluginState, Supervisor
from gotapi_core.plugin import Call, Context, SurfaceRequest
from gotapi_core.protocol.errors import GotapiError, PluginDisabled, PluginSuspended, ResultCode

pytestmark = pytest.mark.timeout(40)

PLUGINS = Path(__file__).parent / "plugins"
CALL = Call(service_id="wall", origin="http://app.example", application="A1")
Make = Callable[..., Any]


class Watched:
    """A supervised stdio plug-in, and every state it was in."""

    def __init__(self, supervisor: Supervisor, port: StdioPort, states: list[str]) -> None:
        self.supervisor = supervisor
        self.port = port
        self.states = states

    def route(self, attribute: str) -> Any:
        routes = self.supervisor.description.routes
        return next(one for one in routes if one.name.attribute == attribute)

    async def call(self, attribute: str, **params: str) -> Any:
        return await self.supervisor.call(self.route(attribute), CALL, params)

    async def until(self, state: PluginState) -> None:
        async with asyncio.timeout(9):
            while self.supervisor.health.state is not state:  # noqa: ASYNC110  # bounded
                await asyncio.sleep(0.01)


@pytest.fixture
def watch(tmp_path: Path, echo_found: Found) -> Make:
    """Start a stdio plug-in under a supervisor that restarts at once."""

    @asynccontextmanager
    async def make(
        *command: str, memory: int = 512, settings: Any = None, most: int = 5, start: float = 10.0
    ) -> AsyncIterator[Watched]:
        from gotapi_core.host.port_stdio import worker_command

        words = command or worker_command("echo_plugin", PLUGINS)
        manifest = echo_found.manifest
        port = StdioPort(manifest, words, spool_root=tmp_path / "spool", memory=memory)
        states: list[str] = []
        crashes = Crashes(first=0.01, most=most)
        supervisor = Supervisor(
            manifest,
            port,
            CallLimits(start=start),
            lambda one: states.append(one.health.state.value),
            crashes,
        )
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        nothing: Any = None
        context = Context(
            plugin_id="echo",
            settings=settings or {},
            folder=folder,
            log=logging.getLogger("gotapi.plugin.echo"),
            blobs=nothing,
            collection=nothing,
            spawn=nothing,
        )
        try:
            await supervisor.start(context)
            yield Watched(supervisor, port, states)
        finally:
            await supervisor.stop()
            assert not list((tmp_path / "spool").iterdir())

    return make


def rude(mode: str) -> tuple[str, ...]:
    return (sys.executable, str(PLUGINS / "rude.py"), mode)


async def test_a_crash_suspends_the_plugin_and_it_comes_back(watch: Make) -> None:
    async with watch() as kept:
        (service,) = await kept.supervisor.services()
        waiting = asyncio.create_task(kept.call("wait", name="x"))
        await kept.call("say", text="there")
        with pytest.raises(PluginSuspended, match="ended with exit code 3"):
            await kept.call("misbehave", how="crash")
        with pytest.raises(PluginSuspended):
            await waiting
        await kept.until(PluginState.SUSPENDED)
        assert kept.supervisor.known_service("wall").online is False
        with pytest.raises(PluginSuspended, match="will be back soon: it ended with exit code 3"):
            kept.route("say")
        await kept.until(PluginState.READY)
        assert (await kept.call("say", text="again"))["text"] == "again"
        assert (await kept.supervisor.services()) == (service,)


async def test_five_crashes_in_ten_minutes_turn_it_off_until_the_operator_acts(watch: Make) -> None:
    async with watch() as kept:
        for _ in range(4):
            with pytest.raises(PluginSuspended):
                await kept.call("misbehave", how="crash")
            await kept.until(PluginState.SUSPENDED)
            await kept.until(PluginState.READY)
        with pytest.raises(PluginSuspended):
            await kept.call("misbehave", how="crash")
        await kept.until(PluginState.QUARANTINED)
        assert "gotapi plugins enable echo" in kept.supervisor.health.reason
        with pytest.raises(PluginDisabled):
            kept.route("say")
        await kept.supervisor.enable()
        assert kept.supervisor.ready
        assert (await kept.call("say", text="again"))["text"] == "again"


async def test_a_plugin_that_hangs_is_killed_after_five_seconds(watch: Make) -> None:
    async with watch() as kept:
        pid = kept.port.pid
        begun = asyncio.get_running_loop().time()
        with pytest.raises(PluginSuspended, match="hung: it sent nothing for 5 s"):
            await kept.call("misbehave", how="hang")
        assert 4 < asyncio.get_running_loop().time() - begun < 15
        await kept.until(PluginState.SUSPENDED)
        await kept.until(PluginState.READY)
        assert kept.port.pid != pid
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_plugin_that_takes_too_much_memory_is_killed(watch: Make) -> None:
    async with watch(memory=200) as kept:
        with pytest.raises(PluginSuspended, match=r"took \d+ MiB of memory and may have 200"):
            await kept.call("misbehave", how="leak")


async def test_what_a_plugin_prints_goes_to_the_log(
    watch: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with watch() as kept:
        await kept.call("misbehave", how="print")
        async with asyncio.timeout(5):
            while not {"this goes to the log", "and this"} <= set(caplog.messages):  # noqa: ASYNC110  # bounded
                await asyncio.sleep(0.01)
        assert (await kept.call("say", text="fine"))["text"] == "fine"
        assert kept.supervisor.ready
    lines = [one for one in caplog.records if one.message == "the echo is awake"]
    assert [(one.name, one.levelname) for one in lines] == [("gotapi.plugin.echo", "WARNING")]


async def test_sys_exit_in_a_handler_is_an_error_of_the_call(watch: Make) -> None:
    async with watch() as kept:
        with pytest.raises(GotapiError, match="SystemExit"):
            await kept.call("misbehave", how="exit")
        assert kept.supervisor.ready


async def test_an_answer_that_is_too_large_is_an_error_of_the_call(watch: Make) -> None:
    async with watch() as kept:
        with pytest.raises(GotapiError, match="larger things are files"):
            await kept.call("fail", how="result")
        with pytest.raises(GotapiError, match="too large for the plug-in"):
            await kept.call("say", text="x" * 2_000_000)
        assert kept.supervisor.ready


@pytest.mark.parametrize(
    ("mode", "state", "reason"),
    [
        ("version", "failed", "speaks GotAPI-4 version 1, the plug-in 7 to 9"),
        ("foreign", "failed", "'hello' says id 'printer', but this is 'echo'"),
        ("refuses", "failed", "it says: no licence"),
        ("greedy", "failed", "it answers profiles that its manifest does not name: lamp"),
        ("early", "suspended", "'describe' cannot be sent before hello; possible is bye, hello"),
    ],
)
async def test_a_start_that_does_not_hold(watch: Make, mode: str, state: str, reason: str) -> None:
    async with watch(*rude(mode), most=50) as kept:
        assert kept.states[:2] == ["starting", state]
        assert reason in kept.supervisor.health.reason


async def test_a_start_that_never_ends_is_tried_again(watch: Make) -> None:
    async with watch(*rude("silent"), start=0.3, most=50) as kept:
        assert kept.states == ["starting", "suspended"]
        assert kept.supervisor.health.reason == "it did not start within 0.3 s"


async def test_settings_that_do_not_fit_are_said_once(watch: Make) -> None:
    async with watch(settings={"greting": 1}) as kept:
        assert kept.states == ["starting", "failed"]
        assert "its settings do not fit" in kept.supervisor.health.reason
        assert "greting" in kept.supervisor.health.reason


async def test_a_start_that_raises_is_a_failure_with_its_words(watch: Make) -> None:
    async with watch(settings={"refuse": True}) as kept:
        assert kept.states == ["starting", "failed"]
        assert "ValueError: the settings told it to refuse" in kept.supervisor.health.reason


async def test_a_command_that_does_not_exist_says_so(watch: Make) -> None:
    async with watch("no-such-interpreter-here", most=50) as kept:
        assert kept.supervisor.health.state is PluginState.SUSPENDED
        assert "exit code 127" in kept.supervisor.health.reason
        assert "no-such-interpreter-here cannot be run" in kept.supervisor.health.detail


async def test_garbage_on_stdout_ends_the_plugin_and_tells_its_author(
    watch: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with watch(*rude("garbage")) as kept:
        assert await kept.call("say", a="1") == {"said": {"a": "1"}}
        await kept.until(PluginState.SUSPENDED)
        assert "its stdout is for messages" in kept.supervisor.health.reason
        assert "Segmentation fault" in kept.supervisor.health.reason
        await kept.until(PluginState.READY)


async def test_a_hub_that_stops_waits_for_the_end_of_a_plugin_that_is_being_ended(
    watch: Make,
) -> None:
    async with watch(*rude("lingers")) as kept:
        await kept.call("say")
        await kept.until(PluginState.SUSPENDED)
        child = kept.port._run.child
        assert not child.ended.is_set()
        await kept.supervisor.stop()  # while the process still gets its time to end
        assert child.ended.is_set()


async def test_a_line_without_end_ends_the_plugin(watch: Make) -> None:
    async with watch(*rude("long")) as kept:
        await kept.call("say")
        await kept.until(PluginState.SUSPENDED)
        assert "a message may have 1048576 bytes" in kept.supervisor.health.reason


async def test_a_call_that_is_answered_twice_counts_once(
    watch: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with watch(*rude("twice")) as kept:
        for number in range(3):
            assert await kept.call("say", n=str(number)) == {"said": {"n": str(number)}}
        async with asyncio.timeout(5):
            while not any("I was told" in message for message in caplog.messages):  # noqa: ASYNC110  # bounded
                await asyncio.sleep(0.01)
        assert kept.supervisor.ready
        assert any("each request is answered once" in one for one in caplog.messages)


async def test_a_plugin_cannot_make_the_hub_send_the_files_of_others(
    watch: Make, tmp_path: Path
) -> None:
    secret = tmp_path / "operator.secret"
    secret.write_text("secret")
    link = tmp_path / "folder" / "link"
    for path in (str(secret), str(link), str(tmp_path / "folder" / ".." / "operator.secret")):
        async with watch(*rude("polite"), path) as kept:
            link.symlink_to(secret)
            (route,) = kept.supervisor.description.routes.surfaces()
            with pytest.raises(GotapiError, match="failed with PermissionError"):
                await kept.supervisor.surface(route, SurfaceRequest(method="GET", path="/echo"))
            link.unlink()
    async with watch(*rude("polite"), str(tmp_path / "folder" / "own")) as kept:
        (route,) = kept.supervisor.description.routes.surfaces()
        reply = await kept.supervisor.surface(route, SurfaceRequest(method="GET", path="/echo"))
        assert reply.file == str(tmp_path / "folder" / "own")


async def test_silence_is_a_hang_in_every_language(watch: Make) -> None:
    async with watch(*rude("mute")) as kept:
        await kept.until(PluginState.SUSPENDED)
        assert kept.supervisor.health.reason == "it hung: it sent nothing for 5 s"


async def test_an_event_stream_begins_again_when_its_plugin_is_back(echo_hub: Make) -> None:
    async with echo_hub("stdio") as hub:
        routes = hub.supervisor.description.routes
        route = next(one for one in routes if one.name.attribute == "ticks")
        forever = hub.supervisor.events(route, CALL, {"count": "0", "pause": "0.01"})
        numbers: list[int] = []
        async with asyncio.timeout(9):
            async for value in forever:
                numbers.append(value.members["n"])
                if len(numbers) == 5:
                    with pytest.raises(HubRefused) as refused:
                        await hub.client.put("echo", "misbehave", "wall.echo", how="crash")
                    assert refused.value.code == ResultCode.PLUGIN_SUSPENDED
                if numbers.count(3) == 2:
                    break
        await forever.aclose()
        assert numbers[:5] == [1, 2, 3, 4, 5]


async def test_a_dead_plugins_services_stay_listed_offline(echo_hub: Make) -> None:
    async with echo_hub("stdio") as hub:
        await hub.client.services()
        with pytest.raises(HubRefused):
            await hub.client.put("echo", "misbehave", "wall.echo", how="crash")
        (service,) = await hub.client.services()
        assert (service.id, service.online) == ("wall.echo", False)
        await hub.until_ready()
        (service,) = await hub.client.services()
        assert service.online


def test_the_echo_plugin_ends_with_its_hub(tmp_path: Path) -> None:
    """The launcher asks Linux to end the plug-in when the hub is killed."""
    import subprocess
    import time

    from gotapi_core.host import launch

    code = (
        "import os, subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-I', '-S', {launch.__file__!r}, str(os.getpid()),"
        " str(2**30), 'sleep', '30'])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(30)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        pid = int(hub.stdout.readline())
        deadline = time.monotonic() + 5
        while b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()[:6]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        hub.kill()
    while Path(f"/proc/{pid}").exists() and "Z" not in _state(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_crashes_wait_longer_each_time_and_are_forgotten() -> None:
    crashes = Crashes()
    assert [crashes.crashed(now) for now in (0, 10, 20, 30)] == [1, 2, 4, 8]
    assert crashes.crashed(599) is None
    crashes.forget()
    assert crashes.crashed(600) == 1
    assert crashes.crashed(1201) == 1  # the one before is more than ten minutes ago
    rare = Crashes(longest=3)
    assert [rare.crashed(now) for now in (0, 1, 2)] == [1, 2, 3]
    assert msgspec.json.encode(rare.within) == b"600.0"
