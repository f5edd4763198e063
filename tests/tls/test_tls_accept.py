"""One machine of the network cannot use the door up."""

import asyncio
import errno
from contextlib import AsyncExitStack

import pytest

from gotapi_core.server import accept

DEADLINE = 8.0
GOOD = "HTTP/1.1 200 "


@pytest.fixture
def as_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "local_address", lambda _: None)
    monkeypatch.setattr(accept, "HALF_OPEN", 4)
    monkeypatch.setattr(accept, "CONNECTIONS", 3)


async def raw(stack: AsyncExitStack, port: int, **tls) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **tls)
    stack.callback(writer.close)
    return reader


async def closed(reader: asyncio.StreamReader) -> bool:
    """Tell whether the hub closes a connection before long."""
    try:
        async with asyncio.timeout(0.5):
            return await reader.read() == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.usefixtures("as_from_the_network")
async def test_unfinished_handshakes_are_few(tls_hub, ask, context_for) -> None:
    async with tls_hub() as live, asyncio.timeout(DEADLINE):
        async with AsyncExitStack() as stack:
            readers = [await raw(stack, live.door.port) for _ in range(6)]
            assert [await closed(one) for one in readers] == [False] * 4 + [True] * 2
        while live.door._acceptor._half_open:  # noqa: ASYNC110  # a counter has no event
            await asyncio.sleep(0.01)
        assert (await ask(live.door.port, context=context_for(live))).startswith(GOOD)


@pytest.mark.usefixtures("as_from_the_network")
async def test_connections_are_limited_for_each_machine(tls_hub, ask, context_for) -> None:
    async with tls_hub() as live, asyncio.timeout(DEADLINE):
        async with AsyncExitStack() as stack:
            tls = {"ssl": context_for(live), "server_hostname": "localhost"}
            for _ in range(3):
                await raw(stack, live.door.port, **tls)
            while live.server._crowd("127.0.0.1") < 3:  # noqa: ASYNC110  # counted by the server
                await asyncio.sleep(0.01)
            with pytest.raises(ConnectionError):
                await ask(live.door.port, context=context_for(live))
            assert (await ask(live.port)).startswith(GOOD)  # the plain door is another matter
        while live.server._crowd("127.0.0.1"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await ask(live.door.port, context=context_for(live))).startswith(GOOD)


async def test_programs_of_this_machine_are_not_counted(
    tls_hub, ask, context_for, monkeypatch
) -> None:
    monkeypatch.setattr(accept, "HALF_OPEN", 1)
    monkeypatch.setattr(accept, "CONNECTIONS", 1)
    async with tls_hub() as live:
        context = context_for(live)
        answers = await asyncio.gather(*(ask(live.door.port, context=context) for _ in range(8)))
        assert all(answer.startswith(GOOD) for answer in answers)


async def test_a_lack_of_descriptors_passes(tls_hub, ask, context_for, monkeypatch, caplog) -> None:
    loop = asyncio.get_running_loop()
    accepting = loop.sock_accept
    failures = [OSError(errno.EMFILE, "Too many open files")]

    async def failing(listener):
        if failures:
            raise failures.pop()
        return await accepting(listener)

    monkeypatch.setattr(loop, "sock_accept", failing)
    async with tls_hub() as live:
        assert (await ask(live.door.port, context=context_for(live))).startswith(GOOD)
    assert "Too many open files" in caplog.text


async def test_unfinished_handshakes_do_not_hold_the_hubs_end_up(tls_hub) -> None:
    async with asyncio.timeout(DEADLINE), AsyncExitStack() as stack:
        async with tls_hub(handshake_time=60) as live:
            reader = await raw(stack, live.door.port)
            while not live.door._acceptor._half_open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await closed(reader)
