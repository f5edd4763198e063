"""The parts of the wire ports, one by one."""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_core.collection import StoredCollection
from gotapi_core.host.child import Child
from gotapi_core.host.conversation import Channel, Conversation
from gotapi_core.host.described import AnyParams, description_of, to_data, wire_params
from gotapi_core.host.event_buffer import EventBuffer
from gotapi_core.host.loader import Found, Loaded, load
from gotapi_core.host.port import PluginGone, PortEvent
from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.port_stdio import StdioPort
from gotapi_core.host.ports import PluginHost, clear_spool, is_isolated, load_for, make_port
from gotapi_core.host.worker_context import settings_for
from gotapi_core.plugin import Context, NoParams, Params
from gotapi_core.plugin.manifest import Manifest, ManifestError, parse_manifest
from gotapi_core.protocol import plugin_wire as wire
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    PayloadTooLarge,
    StorageFull,
    TooManyRequests,
    UnknownError,
)
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.peer import Peer, Side
from gotapi_core.store import Documents, Store

# -- which port ------------------------------------------------------------------------------

NODE = Manifest(id="node", name="Node", version="1", command=("node", "index.js"))


@pytest.mark.parametrize(
    ("bundled", "chosen", "isolated"),
    [
        (True, "", False),
        (True, "stdio", True),
        (True, "inprocess", False),
        (False, "", True),
        (False, "stdio", True),
        (False, "inprocess", False),
    ],
)
def test_bundled_plugins_run_in_process_and_others_do_not(
    bundled: bool, chosen: Any, isolated: bool
) -> None:
    found = Found(Manifest(id="a", name="A", version="1", module="a"), bundled=bundled)
    assert is_isolated(found, {"a": PluginHost(port=chosen)}) is isolated
    assert is_isolated(Found(NODE), {"node": PluginHost(port=chosen)}) is True


def test_an_isolated_plugin_is_not_imported(tmp_path: Path, echo_found: Found) -> None:
    sys.modules.pop("echo_plugin", None)
    ours = replace(echo_found, bundled=True)
    isolated = load_for(ours, {"echo": PluginHost(port="stdio")})
    assert "echo_plugin" not in sys.modules
    assert isinstance(make_port(isolated, {}, tmp_path), StdioPort)
    inside = load_for(ours, {})
    assert isinstance(make_port(inside, {}, tmp_path), InProcessPort)
    moved = make_port(load(echo_found), {"echo": PluginHost(port="stdio")}, tmp_path)
    assert isinstance(moved, StdioPort)
    broken = load_for(Found(NODE, reason="broken"), {})
    assert (broken.isolated, make_port(broken, {}, tmp_path)) == (False, None)


def test_what_a_killed_hub_left_in_the_spool_goes(tmp_path: Path) -> None:
    (tmp_path / "spool" / "echo-1").mkdir(parents=True)
    (tmp_path / "spool" / "echo-1" / "body").write_bytes(b"x")
    clear_spool(tmp_path)
    clear_spool(tmp_path)
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('command = ["node"]\nmodule = "x"', "give module"),
        ('command = ["node", ""]', "none of them empty"),
        ('command = ["a\\u0000b"]', "none of them empty"),
        (f"command = {['x'] * 65}", "up to 64 words"),
        ("", "missing required field `module`, or `command`"),
    ],
)
def test_commands_in_a_manifest(text: str, said: str) -> None:
    head = 'id = "a"\nname = "A"\nversion = "1"\n'
    with pytest.raises(ManifestError) as caught:
        parse_manifest((head + text).encode())
    assert said in str(caught.value)
    assert parse_manifest(f'{head}command = ["node", "x.js"]'.encode()).command == ("node", "x.js")


# -- routes as data --------------------------------------------------------------------------


def test_routes_come_back_from_their_data(echo_found: Found) -> None:
    kind = load(echo_found).plugin_type
    assert kind is not None
    data = to_data(kind.routes)
    assert wire.from_plugin(wire.encode(wire.Describe(data))) == wire.Describe(data)
    told = description_of(echo_found.manifest, wire.Describe(data, {"echo": "hear"}))
    assert told.words == {"echo": "hear"}
    assert [(r.kind, r.name, r.methods, r.path, r.summary) for r in told.routes] == [
        (r.kind, r.name, r.methods, r.path, r.summary) for r in kind.routes
    ]
    say = told.routes.find(Method.GET, Name("echo", None, "say"))
    assert wire_params(say, {"text": "5", "times": "5", "loud": "1", "other": "x"}) == {
        "text": "5",
        "times": 5,
        "loud": True,
    }
    assert wire_params(say, {}) == {}
    with pytest.raises(InvalidParameter, match="parameter 'times': Expected int"):
        wire_params(say, {"times": "five"})
    fail = told.routes.find(Method.GET, Name("echo", None, "fail"))
    with pytest.raises(InvalidParameter, match="parameter 'how' is missing"):
        wire_params(fail, {})
    notes = told.routes.find(Method.GET, Name("echo", None, "notes"))
    assert notes.params_type is NoParams
    assert wire_params(notes, {"x": "1"}) == {}
    assert wire_params(told.routes.surfaces()[0], {"x": "1"}) == {}


def test_a_route_without_a_schema_gets_its_parameters_as_they_are() -> None:
    manifest = Manifest(id="a", name="A", version="1", module="a", profiles=("lamp",))
    data = wire.RouteData(kind="one-shot", profile="lamp", attribute="X")
    (route,) = description_of(manifest, wire.Describe((data,))).routes
    assert route.params_type is AnyParams
    assert wire_params(route, {"n": "1"}) == {"n": "1"}


class Odd(Params):
    when: complex = 0j


def test_a_type_that_has_no_schema_is_any_object(echo_found: Found) -> None:
    kind = load(echo_found).plugin_type
    assert kind is not None
    route = msgspec.structs.replace(next(iter(kind.routes)), params_type=Odd)
    assert to_data([route])[0].params == {"type": "object"}


def test_words_for_the_profiles_of_others_are_refused() -> None:
    manifest = Manifest(id="a", name="A", version="1", module="a", profiles=("lamp",))
    with pytest.raises(ManifestError, match="words profiles that its manifest does not name: 3dp"):
        description_of(manifest, wire.Describe((), {"3dp": "print for free"}))


def test_settings_in_the_worker() -> None:
    class Wanted(msgspec.Struct, forbid_unknown_fields=True):
        n: int = 1

    assert settings_for(Wanted, {"n": 2}).n == 2
    assert settings_for(None, {}) is None
    with pytest.raises(ValueError, match=r"it has no settings, but \['n'\] is set"):
        settings_for(None, {"n": 2})
    with pytest.raises(ValueError, match="its settings do not fit"):
        settings_for(Wanted, {"n": "x"})


# -- events that come too fast ---------------------------------------------------------------


async def test_of_progress_the_newest_stays() -> None:
    buffer = EventBuffer(window=3)
    assert buffer.put(PortEvent({"n": 0}, durable=True))
    for n in range(1, 10):
        assert buffer.put(PortEvent({"n": n}, durable=False))
    buffer.end(None)
    taken = []
    while (event := await buffer.take()) is not None:
        taken.append(event.members["n"])
    assert taken == [0, 8, 9]
    assert buffer.ended


async def test_too_many_durable_events_end_the_stream() -> None:
    buffer = EventBuffer(window=2)
    assert buffer.put(PortEvent({}, durable=True))
    assert buffer.put(PortEvent({}, durable=True))
    assert not buffer.put(PortEvent({}, durable=True))
    assert buffer.put(PortEvent({}, durable=True))  # over already: nothing is kept, nothing said
    buffer.end(None)
    assert await buffer.take() is not None
    assert await buffer.take() is not None
    with pytest.raises(UnknownError, match="more than 2 durable events"):
        await buffer.take()


# -- a conversation without a process --------------------------------------------------------


class Wire(Channel):
    """The plug-in's end of a conversation, in the test's hands."""

    def __init__(self) -> None:
        self.sent: list[wire.Message] = []
        self.peer = Peer(Side.PLUGIN)
        self.size = 0
        self.was_cut = False

    def send(self, text: bytes) -> None:
        message = self.peer.receive(text)
        assert message is not None
        self.sent.append(message)

    @property
    def waiting(self) -> int:
        return self.size

    def cut(self) -> None:
        self.was_cut = True


class Blobs:
    """The hub's files, of which there are none."""

    async def open(self, uri: str, *, application: str) -> Any:
        raise InvalidParameter(f"no file {uri} of {application}")

    async def publish(self, *given: object, **more: object) -> str:
        if given[1] == "bug":
            raise ZeroDivisionError
        return f"uri of {given[0]}"


@pytest.fixture
async def talk(tmp_path: Path) -> Any:
    """A conversation that is at work, and its wire."""
    blobs: Any = Blobs()
    nothing: Any = None
    with Store(tmp_path / "s.sqlite3") as store:
        documents = Documents(store, "plugin:lamp")
        context = Context(
            plugin_id="lamp",
            settings={},
            folder=tmp_path,
            log=logging.getLogger("gotapi.plugin.lamp"),
            blobs=blobs,
            collection=lambda name: StoredCollection(documents, name),
            spawn=nothing,
        )
        channel = Wire()
        conversation = Conversation(context, channel, "/spool")
        for message in (
            wire.Hello(wire.Versions(1, 2), "lamp", "Lamp", features=("events", "unknown")),
            wire.Describe(()),
        ):
            conversation.received(channel.peer.send(message))
        (welcome,) = channel.sent
        assert isinstance(welcome, wire.Welcome)
        assert welcome.features == ("events",)
        channel.sent.clear()
        yield conversation, channel
        conversation.lost("ended with the test")


async def _answer(channel: Wire, conversation: Conversation, message: wire.PluginRequest) -> Any:
    conversation.received(channel.peer.send(message))
    async with asyncio.timeout(5):
        while not channel.sent:  # noqa: ASYNC110  # a deadline stands around it
            await asyncio.sleep(0.005)
    return channel.sent.pop()


async def test_requests_of_a_plugin_are_answered(talk: Any, caplog: Any) -> None:
    conversation, channel = talk
    for n, (message, result) in enumerate(
        [
            (wire.DocumentPut(1, "c", "k", {"a": [1, None, 2.5]}), {}),
            (wire.DocumentPut(2, "c", "l", {}), {}),
            (wire.DocumentDelete(3, "c", "l"), {}),
            (wire.DocumentList(4, "c"), {"documents": [{"a": [1, None, 2.5]}]}),
            (wire.BlobPublish(5, "/f", "n", "t", "A"), {"uri": "uri of /f"}),
            (wire.FindOthers(6, "A"), {"services": []}),
        ],
        start=1,
    ):
        assert await _answer(channel, conversation, message) == wire.Reply(n, result)
    refused = await _answer(channel, conversation, wire.BlobOpen(7, "u", "A"))
    assert refused == wire.Reply(7, error=wire.Failure("no file u of A", 10))
    bug = await _answer(channel, conversation, wire.BlobPublish(8, "/f", "bug", "t", "A"))
    assert bug.error.message == "the hub failed to do this; its log has the details"
    assert "ZeroDivisionError" in caplog.text
    other = wire.CallOther(9, "A", "GET", "light", "word", "desk.lamp")
    alone = await _answer(channel, conversation, other)
    assert alone.error.code == 17  # a Context without a hub has nobody to call


async def test_too_many_requests_at_once_are_refused(talk: Any) -> None:
    conversation, channel = talk
    for number in range(1, wire.IN_FLIGHT + 2):
        conversation.received(channel.peer.send(wire.DocumentList(number, "c")))
    (refused,) = channel.sent
    assert refused.id == wire.IN_FLIGHT + 1
    assert "at most 64 requests may be open" in refused.error.message


async def test_documents_too_large_for_one_answer_say_so(talk: Any) -> None:
    conversation, channel = talk
    for number in range(1, 4):
        put = wire.DocumentPut(number, "c", str(number), {"x": "y" * 500_000})
        assert (await _answer(channel, conversation, put)).error is None
    answer = await _answer(channel, conversation, wire.DocumentList(9, "c"))
    assert "larger things are files" in answer.error.message


async def test_a_plugin_that_does_not_read_is_not_asked_more(talk: Any) -> None:
    conversation, channel = talk
    channel.size = 9 * 1024 * 1024
    with pytest.raises(TooManyRequests, match="does not read what it is sent"):
        await conversation.request(wire.Services)
    channel.size = 0
    with pytest.raises(PayloadTooLarge):
        await conversation.request(
            lambda number: wire.Call(number, "GET", "p", "s", params={"x": "y" * 2_000_000})
        )
    conversation.bye("the end")
    with pytest.raises(PluginGone, match="is stopping"):
        await conversation.request(wire.Services)


async def test_everybody_who_waits_hears_of_the_end(talk: Any) -> None:
    conversation, channel = talk
    asking = asyncio.create_task(conversation.request(wire.Services))
    stream = conversation.events(lambda number: wire.EventStart(number, "p", "s"))
    hearing = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    conversation.received(channel.peer.send(wire.Bye("I am tired")))
    for task in (asking, hearing):
        with pytest.raises(PluginGone, match="plug-in 'lamp' ended itself: I am tired"):
            await task
    assert await conversation.gone == "ended itself: I am tired"
    with pytest.raises(PluginGone, match="is gone"):
        await conversation.request(wire.Services)
    conversation.received(b"what comes later is not read")
    conversation.fail("nor is this")
    assert not channel.was_cut


async def test_a_durable_flood_ends_its_stream_only(talk: Any) -> None:
    conversation, channel = talk
    stream = conversation.events(lambda number: wire.EventStart(number, "p", "s"))
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    (start,) = channel.sent
    channel.sent.clear()
    for _ in range(wire.WINDOW + 2):
        conversation.received(channel.peer.send(wire.Event(start.id, {}, durable=True)))
    assert [type(one) for one in channel.sent] == [wire.Fault, wire.Cancel]
    await first
    with pytest.raises(UnknownError, match="more than 64 durable events"):  # noqa: PT012
        async for _ in stream:
            continue
    assert not channel.was_cut


async def test_log_lines_are_clean_and_bounded(talk: Any, caplog: Any) -> None:
    conversation, channel = talk
    for _ in range(300):
        conversation.received(channel.peer.send(wire.Log("a\x1b[2J\nb", "error")))
    lines = [one for one in caplog.records if one.name == "gotapi.plugin.lamp"]
    assert len(lines) == 200
    assert {one.message for one in lines} == {"a [2J b"}


async def test_a_hub_that_was_held_up_does_not_blame_the_plugin(talk: Any, caplog: Any) -> None:
    conversation, channel = talk
    now = asyncio.get_running_loop().time()
    conversation._heard = now - 60
    conversation._beat_due = now - 55  # this beat comes 55 s late: the loop stood still
    conversation._on_beat()
    assert not channel.was_cut
    assert isinstance(channel.sent[-1], wire.Ping)
    conversation._heard = now - 60
    conversation._on_beat()
    assert channel.was_cut
    assert await conversation.gone == "hung: it sent nothing for 5 s"


# -- processes -------------------------------------------------------------------------------


class Heard:
    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.errors: list[str] = []
        self.ends: list[str] = []

    def on_message(self, line: bytes) -> None:
        self.lines.append(line)

    def on_stderr(self, line: str) -> None:
        self.errors.append(line)

    def on_end(self, reason: str) -> None:
        self.ends.append(reason)


async def run(code: str) -> tuple[Child, Heard]:
    heard = Heard()
    child = await Child.spawn([sys.executable, "-c", code], heard, memory=2**30)
    return child, heard


async def test_lines_are_put_together_and_stderr_is_shown() -> None:
    code = (
        "import sys, time\n"
        "for piece in ('{\"a', '\":1}\\n\\n{\"b\":2}', '\\n'):\n"
        "    sys.stdout.write(piece); sys.stdout.flush(); time.sleep(0.02)\n"
        "sys.stderr.write('one\\ntw\\x1bo\\n' + 'x' * 5000 + '\\nlast')\n"
        "print(sys.stdin.readline().strip())\n"
        "sys.exit(7)\n"
    )
    child, heard = await run(code)
    child.send(b"hello")
    async with asyncio.timeout(9):
        await child.ended.wait()
    assert heard.lines == [b'{"a":1}', b'{"b":2}', b"hello"]
    assert heard.errors[:2] == ["one", "tw o"]
    assert heard.errors[-1] == "last"
    assert max(map(len, heard.errors)) <= 4096
    assert heard.ends == ["ended with exit code 7"]
    assert list(child.last_lines) == heard.errors


async def test_what_ignores_everything_is_killed_with_what_it_started() -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(inner.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    child, heard = await run(code)
    async with asyncio.timeout(9):
        while not heard.lines:  # noqa: ASYNC110  # a deadline stands around it
            await asyncio.sleep(0.01)
        assert child.memory() > 1_000_000
        await child.end(0.05, 0.2)
    assert heard.ends == ["was ended by SIGKILL"]
    inner = Path(f"/proc/{int(heard.lines[0])}/stat")
    async with asyncio.timeout(9):
        while _alive(inner):  # noqa: ASYNC110  # a deadline stands around it
            await asyncio.sleep(0.01)
    assert child.memory() == 0
    child.cut()  # there is nothing left to kill
    child.send(b"nor to write to")
    await asyncio.sleep(0)


def _alive(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_an_end_that_is_cancelled_still_kills() -> None:
    child, heard = await run("import time; time.sleep(60)")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await child.end(30, 30)
    async with asyncio.timeout(9):
        await child.ended.wait()
    assert heard.ends == ["was ended by SIGKILL"]


async def test_the_end_of_its_input_is_the_end_of_a_polite_child() -> None:
    child, heard = await run("import sys; sys.stdin.read()")
    child.close_input()
    async with asyncio.timeout(9):
        await child.ended.wait()
    assert heard.ends == ["ended with exit code 0"]


async def test_a_childs_environment_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    monkeypatch.setenv("LC_TIME", "C")
    child, heard = await run("import os; print(sorted(os.environ))")
    async with asyncio.timeout(9):
        await child.ended.wait()
    (names,) = heard.lines
    assert b"MY_API_KEY" not in names
    assert b"LC_TIME" in names


Errors = Callable[..., GotapiError]


def test_an_error_about_storage_keeps_its_status_over_the_wire() -> None:
    assert wire.error_of(wire.failure_of(StorageFull("full"))).status == 507
    assert Loaded(NODE).isolated is False
