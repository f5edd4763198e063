"""Running checks: what is remembered, what goes wrong on the way, HTTP and WebSocket themselves."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gotapi_core.conformance import Check, HttpTransport, Level, Subject, Verdict, run_checks
from gotapi_core.conformance import run as run_module
from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import Failed, Run, Skipped
from gotapi_core.conformance.transport import NotAnswered, Refused
from gotapi_core.protocol.errors import Lineage
from gotapi_core.testing import live_hub


class Nobody:
    """An operator who does nothing."""

    decides = False

    async def allow(self, origin: str, name: str) -> None:
        await asyncio.Event().wait()

    async def deny(self, origin: str) -> None:
        raise Skipped("nobody")

    revoke = deny

    async def launch(self, origin: str, key: str) -> None:
        raise Skipped("nobody")


class Silence:
    """A transport behind which nothing is."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    async def request(self, *_: object) -> Answer:
        if not self.answers:
            raise NotAnswered("nothing")
        return self.answers.pop(0)

    def socket(self, *_: object) -> object:
        raise Refused("nothing")


def subject(*answers: Answer, **options: object) -> Subject:
    transport = Silence(*answers)
    return Subject("http://127.0.0.1:1", transport, Nobody(), **options)  # type: ignore[arg-type] # a fake


def check(run: Run) -> Check:
    return Check("one", Level.BRONZE, "source", "what", "why", run)


async def passes(subject: Subject) -> None:
    return None


async def fails(subject: Subject) -> None:
    raise Failed("broken")


async def skips(subject: Subject) -> None:
    raise Skipped("impossible")


async def breaks(subject: Subject) -> None:
    raise RuntimeError("a bug")


async def hangs(subject: Subject) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("run", "verdict", "reason"),
    [
        (passes, Verdict.PASS, ""),
        (fails, Verdict.FAIL, "broken"),
        (skips, Verdict.SKIP, "impossible"),
        (breaks, Verdict.FAIL, "the check itself broke: RuntimeError('a bug')"),
        (hangs, Verdict.FAIL, "it did not end within 0.05 s"),
    ],
)
async def test_whatever_a_check_does_becomes_an_outcome(
    run: Run, verdict: Verdict, reason: str, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    monkeypatch.setattr(run_module, "MOST", 0.05)
    caplog.set_level(logging.CRITICAL)
    told = []
    report = await run_checks(subject(token="t"), [check(run)], told.append)
    [outcome] = report.outcomes
    assert told == [outcome]
    assert (outcome.verdict, outcome.reason) == (verdict, reason)


async def test_what_could_not_be_had_fails_its_own_check_and_skips_the_others() -> None:
    one = subject()
    with pytest.raises(Failed, match="nothing"):
        await one.access(own=True)
    with pytest.raises(Skipped, match="there is no access token: nothing"):
        await one.access()
    with pytest.raises(Skipped, match="there is no access token"):
        await one.services()


async def test_a_given_token_asks_nobody() -> None:
    one = subject(token="given")
    assert (await one.access()).token == "given"
    with pytest.raises(Skipped, match="without --token"):
        await one.stranger()
    with pytest.raises(Skipped, match="only a person"):
        await one.spare()


def reply(text: str) -> Answer:
    return Answer(200, {}, text.encode())


async def test_nobody_approves_in_time() -> None:
    good = reply('{"result": 0, "clientId": "c"}')
    late = reply('{"result": 1, "errorCode": 7}')
    one = subject(good, good, *[late] * 3, consent=0.05)
    with pytest.raises(Failed, match=r"nobody approved the request within 0.05 s"):
        await one.access(own=True)


async def test_a_request_that_timed_out_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gotapi_core.conformance.subject.AGAIN", 0.0)
    good = reply('{"result": 0, "clientId": "c", "accessToken": "t"}')
    late = reply('{"result": 1, "errorCode": 7}')
    one = subject(good, good, late, late, good)
    assert (await one.access()).token == "t"


async def test_origins_of_other_applications_differ_and_share_the_host() -> None:
    one = subject(origin="http://localhost:9000")
    assert one.other_origin(1) == "http://localhost:9001"
    assert one.unknown_origin() != one.unknown_origin()
    assert one.identity(Lineage.STATUS) == {"Origin": "http://localhost:9000"}
    assert "X-GotAPI-Origin" in one.identity(Lineage.ENVELOPE)


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with what it got, but never `/slow`."""
    heard: list[bytes] = []

    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(head)
        if b"/slow" in head:
            await reader.read()  # until the client has gone
        elif b"/cut" not in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}")
            await writer.drain()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", heard
    listening.close()
    await asyncio.gather(*serving)


async def test_a_request_is_sent_as_it_is(server: tuple[str, list[bytes]]) -> None:
    url, heard = server
    async with HttpTransport(url) as transport:
        headers = {"Host": "other.example"}
        got = await transport.request("PATCH", "/a%zz?b=%", headers, b"", 5.0)
    assert (got.status, got.headers["x-a"], got.body) == (200, "b", b"{}")
    [head] = heard
    assert head.startswith(b"PATCH /a%zz?b=% HTTP/1.1\r\n")
    assert b"Host: other.example" in head
    for unasked in (b"origin", b"user-agent", b"accept:"):
        assert unasked not in head.lower()


async def test_no_answer_is_a_failure_that_hides_the_token(server: tuple[str, list[bytes]]) -> None:
    url, _ = server
    async with HttpTransport(url) as transport:
        with pytest.raises(NotAnswered, match=r"GET /slow was not answered in 0.05 s") as late:
            await transport.request("GET", "/slow?accessToken=secret", {}, b"", 0.05)
        with pytest.raises(Failed, match="GET /cut got no answer") as cut:
            await transport.request("GET", "/cut?accessToken=secret", {}, b"", 5.0)
        with pytest.raises(Refused, match="was not opened") as refused:
            async with transport.socket("/socket?accessToken=secret", {}):
                raise AssertionError("opened")
    for failure in (late, cut, refused):
        assert "secret" not in str(failure.value)


async def test_a_websocket_that_closes_gives_nothing(tmp_path: Path) -> None:
    async with live_hub(tmp_path, []) as live, HttpTransport(live.url) as transport:
        headers = {"Origin": "http://localhost:8080"}
        async with transport.socket("/gotapi/websocket", headers) as wire:
            assert not await wire.closed(0.01)
            for _ in range(3):  # the hub closes after the third bad frame
                await wire.send("garbage")
            frames = [await wire.receive(5.0) for _ in range(3)]
            assert None not in frames
            assert await wire.receive(5.0) is None
            assert await wire.closed(5.0)
            await wire.send("too late")  # no error
