"""The Python client against programs that stand where the hub should be.

With a key nothing but the question who is there goes out before the hub has proved itself, over
each connection anew; what the impostors got is looked at byte by byte.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.client import HubClient, HubImpostor, HubKey, HubRefused, HubUnreachable, Token
from gotapi_core.client.introduction import HELLO, MAX_HELLO, parse_answer
from gotapi_core.client.proof import Proof
from gotapi_core.plugin import Call, Plugin, Result, Service, event, get
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.testing import live_hub
from gotapi_core.testing.live import LiveHub

ORIGIN = "org.example.app"
KEY = "7d" * 32
SECRET = "the-access-token-of-this-test"

Change = Callable[[bytes, bytes], bytes]  # request line, answer -> answer


class Said(Result):
    text: str


class Parrot(Plugin):
    """Says one thing, and tells it as an event."""

    id = "parrot"
    name = "Parrot"

    def services(self) -> list[Service]:
        return [Service(id="one", name="One", scopes=("parrot",))]

    @get("parrot", "word")
    async def word(self, call: Call) -> Said:
        return Said(text="hello")

    @event("parrot", "words")
    async def words(self, call: Call) -> AsyncIterator[Said]:
        yield Said(text="hello")
        await asyncio.Event().wait()


class Impostor:
    """Listens, records everything, and answers by relaying to `upstream` or with `answer`."""

    def __init__(self) -> None:
        self.got = b""
        self.connections = 0
        self.upstream: tuple[str, int] | None = None
        self.change: Change = lambda line, answer: answer
        self.answer = b""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while head := await reader.readuntil(b"\r\n\r\n"):
                    size = _length(head)
                    request = head + (await reader.readexactly(size) if size else b"")
                    self.got += request
                    writer.write(await self._reply(request))
        finally:
            writer.close()

    async def _reply(self, request: bytes) -> bytes:
        if self.upstream is None:
            return self.answer
        host, port = self.upstream
        own = f"127.0.0.1:{self.port}".encode()
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request.replace(own, shown.encode(), 1))
            head = await reader.readuntil(b"\r\n\r\n")
            answer = head + await reader.readexactly(_length(head))
        finally:
            writer.close()
        return self.change(request.partition(b"\r\n")[0], answer)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@pytest.fixture
async def impostor() -> AsyncIterator[Impostor]:
    one = Impostor()
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveHub]:
    async with live_hub(tmp_path / "home", [Parrot]) as live:
        await live.hub.auth.launch_key(ORIGIN, KEY)
        yield live


def client_at(url: str, *, with_token: bool = True) -> HubClient:
    token = Token(SECRET, "client", ("parrot",), time.time() + 1000) if with_token else None
    key = HubKey.from_hex(KEY)
    return HubClient(url, ORIGIN, "A test", token, key=key, time_limit=5, patience=0.5)


async def all_ways(client: HubClient, tmp_path: Path) -> None:
    """Try everything that would send the token, or the clientId; each must find the impostor."""
    file = tmp_path / "file.bin"
    file.write_bytes(b"a file")
    for ask in (
        client.services,
        lambda: client.get("parrot", "word", "one.parrot"),
        lambda: client.put("parrot", "words", "one.parrot"),
        lambda: client.post("parrot", "word", "one.parrot"),
        lambda: client.delete("parrot", "word", "one.parrot"),
        lambda: client.upload(file),
        client.availability,
    ):
        with pytest.raises(HubImpostor, match="which program listens"):
            await ask()
    with pytest.raises((HubImpostor, HubRefused)):
        async with client.events("parrot", "words", "one.parrot"):
            pytest.fail("the impostor was believed")
    with pytest.raises(HubImpostor):
        await client.authorize(["parrot"])


def nothing_secret(impostor: Impostor) -> None:
    assert impostor.connections  # it was asked
    assert SECRET.encode() not in impostor.got
    assert b"accessToken" not in impostor.got
    assert b"Authorization" not in impostor.got
    lines = {line for line in impostor.got.split(b"\r\n") if line.endswith(b"HTTP/1.1")}
    assert lines <= {f"GET {HELLO} HTTP/1.1".encode(), b"GET /gotapi/websocket HTTP/1.1"}


async def test_with_a_key_everything_works_at_the_true_hub(hub, tmp_path):
    client = HubClient(hub.url, ORIGIN, "A test", key=HubKey.from_hex(KEY))
    async with client:
        asking = asyncio.create_task(client.authorize(["parrot"]))
        await hub.allow()
        await asking
        assert [one.id for one in await client.services()] == ["one.parrot"]
        assert (await client.get("parrot", "word", "one.parrot"))["text"] == "hello"
        async with client.events("parrot", "words", "one.parrot") as events:
            assert (await anext(events)).members == {"text": "hello"}
        file = tmp_path / "file.bin"
        file.write_bytes(b"x" * 300_000)
        assert (await client.upload(file)).size == 300_000
        many = await asyncio.gather(
            *(client.get("parrot", "word", "one.parrot") for _ in range(50))
        )
        assert len(many) == 50
        with pytest.raises(Exception, match="no service"):
            await client.get("parrot", "word", "two.parrot")


async def test_the_users_own_programs_use_the_key_of_the_operators_file(hub):
    secret = hub.hub.paths.operator_secret.read_text().strip()
    async with HubClient(hub.url, "other", "x", key=HubKey.of_operator(secret)) as client:
        assert (await client.availability()).uuid == hub.hub.instance
    async with HubClient(hub.url, "other", "x", key=HubKey.of_operator("guess")) as client:
        with pytest.raises(HubImpostor, match="GOTAPI_HOME"):
            await client.availability()


BODY = b'{"result":0,"product":"gotapi-hub","version":"1","services":[],"accessToken":"x"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize("more", [b"", b"X-GotAPI-MAC: v2 " + b"0" * 64 + b"\r\n"])
async def test_a_spoof_on_the_port_gets_no_token(impostor, tmp_path, more):
    impostor.answer = ANSWER + more + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
    async with client_at(impostor.url) as client:
        await all_ways(client, tmp_path)
    nothing_secret(impostor)


async def test_a_relay_to_the_true_hub_on_another_port_gets_no_token(hub, impostor, tmp_path):
    impostor.upstream = ("127.0.0.1", hub.port)
    async with client_at(impostor.url) as client:
        await all_ways(client, tmp_path)
    nothing_secret(impostor)


async def test_a_relay_to_another_hub_with_another_key_gets_no_token(hub, impostor, tmp_path):
    await hub.hub.auth.launch_key(ORIGIN, "ee" * 32, replace=True)
    impostor.upstream = ("127.0.0.1", hub.port)
    async with client_at(impostor.url) as client:
        await all_ways(client, tmp_path)
    nothing_secret(impostor)


async def test_an_answer_that_was_recorded_does_not_fit_another_question(hub, tmp_path):
    """The recording is of this very port, key and hub: only the nonce is another."""
    recorder = Impostor()
    nonce = "ab" * 16
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(
        f"GET {HELLO} HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nX-GotAPI-Origin: {ORIGIN}\r\n"
        f"X-GotAPI-Nonce: {nonce}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    recorder.answer = head + await reader.readexactly(_length(head))
    writer.close()
    assert b"x-gotapi-mac: v2 " in head
    hub.server.should_exit = True
    await _until_free(hub.port)
    await recorder.start(hub.port)
    try:
        async with client_at(recorder.url) as client:
            await all_ways(client, tmp_path)
        nothing_secret(recorder)
    finally:
        await recorder.stop()


async def _until_free(port: int) -> None:
    async with asyncio.timeout(8):
        while True:
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[tuple[LiveHub, Impostor]]:
    """A hub on ::1 and a relay on the same port of 127.0.0.1: the one relay that port cannot show.

    That needs a hub told to answer on ::1 alone; by default it holds both.
    """
    settings = {"server": {"host": "::1"}}
    async with live_hub(tmp_path / "home", [Parrot], settings=settings) as live:
        await live.hub.auth.launch_key(ORIGIN, KEY)
        relay = Impostor()
        relay.upstream = ("::1", live.port)
        await relay.start(live.port)
        yield live, relay
        await relay.stop()


def tamper_body(line: bytes, answer: bytes) -> bytes:
    return answer.replace(b"hello", b"hullo")


def change_status(line: bytes, answer: bytes) -> bytes:
    return answer.replace(b"200 OK", b"201 Created", 1) if b"/parrot/" in line else answer


def drop_the_proof(line: bytes, answer: bytes) -> bytes:
    return answer.replace(b"x-gotapi-mac", b"x-other", 1) if b"/parrot/" in line else answer


def claim_another_instance(line: bytes, answer: bytes) -> bytes:
    begin = answer.index(b"x-gotapi-instance: ") + 19
    return answer[:begin] + b"0000" + answer[begin + 4 :] if b"/parrot/" in line else answer


class Swap:
    """Answers a question with the true answer to another one."""

    def __init__(self) -> None:
        self.kept = b""

    def __call__(self, line: bytes, answer: bytes) -> bytes:
        if b"servicediscovery" in line:
            self.kept = answer
        return self.kept if b"/parrot/" in line and self.kept else answer


@pytest.mark.parametrize(
    "change", [tamper_body, change_status, drop_the_proof, claim_another_instance, Swap()]
)
async def test_an_answer_that_was_changed_on_the_way_is_not_believed(between, change):
    live, relay = between
    async with client_at(relay.url, with_token=False) as client:
        asking = asyncio.create_task(client.authorize(["parrot"]))
        await live.allow()
        await asking
        await client.services()
        assert (await client.get("parrot", "word", "one.parrot"))["text"] == "hello"
        relay.change = change
        if isinstance(change, Swap):
            await client.services()
        with pytest.raises(HubImpostor):
            await client.get("parrot", "word", "one.parrot")


async def test_who_takes_the_port_of_a_hub_that_ended_gets_no_token(hub, tmp_path):
    """The client has talked with the true hub before: each connection counts for itself."""
    port = hub.port
    async with client_at(hub.url, with_token=False) as client:
        asking = asyncio.create_task(client.authorize(["parrot"]))
        await hub.allow()
        token = (await asking).value
        await client.services()
        hub.server.should_exit = True
        await _until_free(port)
        thief = Impostor()
        thief.answer = ANSWER + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
        await thief.start(port)
        try:
            # The connection of before may be found dead first; then the next one is refused.
            for _ in range(3):
                with pytest.raises((HubImpostor, HubUnreachable)):
                    await client.services()
            with pytest.raises(HubImpostor):
                await client.services()
            assert token.encode() not in thief.got
            nothing_secret(thief)
        finally:
            await thief.stop()


async def test_a_hub_that_has_lost_the_key_is_not_believed_and_the_message_says_what_to_do(hub):
    await hub.hub.auth.launch_key(ORIGIN, "", replace=True)
    async with client_at(hub.url) as client:
        with pytest.raises(HubImpostor, match="gotapi apps key ORIGIN"):
            await client.services()


async def test_without_a_key_the_client_asks_for_no_proof(hub):
    async with HubClient(hub.url, ORIGIN, "x") as client:
        assert not client.keyed
        assert (await client.availability()).uuid == hub.hub.instance


def test_a_key_is_64_hex_digits_and_is_not_shown():
    assert HubKey.from_hex(f" {KEY}\n").value == bytes.fromhex(KEY)
    assert KEY not in repr(HubKey.from_hex(KEY))
    for text in ("", "7d", KEY[:-1], KEY + "00", "zz" * 32):
        with pytest.raises(InvalidParameter):
            HubKey.from_hex(text)


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-GotAPI-MAC:  v2 0 \r\n\r\n{}"


def test_the_answer_of_an_introduction_is_read_however_it_is_cut():
    for end in range(len(GOOD)):
        assert parse_answer(GOOD[:end]) is None
    assert parse_answer(GOOD) == (200, {"content-length": "2", "x-gotapi-mac": "v2 0"}, b"{}")


@pytest.mark.parametrize(
    "raw",
    [
        GOOD + b"x",
        GOOD.replace(b"200", b"two"),
        GOOD.replace(b"HTTP/1.1 200 OK", b"HTTP/1.1"),
        GOOD.replace(b"HTTP/1.1", b"SSH-2.0"),
        GOOD.replace(b"Length: 2", b"Length: -2"),
        GOOD.replace(b"Length: 2", b"Length: 65537"),
        GOOD.replace(b"Length: 2", b"Length: " + b"9" * 5000),
        GOOD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        b"x" * (MAX_HELLO + 1),
    ],
)
def test_what_is_no_answer_of_a_hub_proves_nothing(raw):
    assert parse_answer(raw) == (0, {}, b"")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw):
    answer = parse_answer(raw)
    assert answer is None or len(answer) == 3


async def test_one_that_says_nothing_is_given_up(impostor, monkeypatch):
    monkeypatch.setattr("gotapi_core.client.introduction._TIME", 0.05)
    async with client_at(impostor.url) as client:
        with pytest.raises(HubUnreachable):
            await client.services()
    nothing_secret(impostor)


def test_each_request_has_a_nonce_of_its_own():
    proof = Proof(HubKey.from_hex(KEY), "http://127.0.0.1:4035")
    seen = {proof.headers()["x-gotapi-nonce"] for _ in range(1000)}
    assert len(seen) == 1000
    assert all(len(one) == 32 for one in seen)
