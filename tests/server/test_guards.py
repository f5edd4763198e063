"""Connections that misbehave, byte by byte: each is bounded, and harms no other."""

import asyncio
import errno
import logging
import socket
from urllib.parse import urlsplit

import pytest

from gotapi_core.server import http_protocol, listen
from gotapi_core.server.http_protocol import HEADER_SIZE

AVAILABLE = "/gotapi/availability"
JSON = {"Content-Type": "application/json"}


async def test_a_header_that_is_never_finished_is_closed_in_time(start):
    async with start(header_time=0.1) as desk:
        for part in (b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n"):
            line = await desk.connect()
            begun = asyncio.get_running_loop().time()
            line.send(part)
            rest = await line.rest()
            assert asyncio.get_running_loop().time() - begun < 20
            assert rest == b"" or rest.startswith(b"HTTP/1.1 400")
            assert b" 408 " not in rest  # Chrome would send it again


async def test_a_header_that_drips_is_closed_in_time_all_the_same(start):
    async with start(header_time=0.2) as desk:
        line = await desk.connect()
        line.send(b"GET / HTTP/1.1\r\n")
        begun = asyncio.get_running_loop().time()
        reading = asyncio.create_task(line.rest())
        while not reading.done():
            line.send(b"x")
            await asyncio.sleep(0.02)
            assert asyncio.get_running_loop().time() - begun < 20
        assert b"longer than 0.2 s" in await reading


async def test_line_ends_do_not_keep_a_connection_open(desk):
    # uvicorn stops its keep-alive timer at the first byte, whatever it is.
    desk.live.server.config.timeout_keep_alive = 0.2
    line = await desk.connect()
    line.send(desk.request("GET", AVAILABLE))
    assert (await line.answer()).status == 200
    line.send(b"\r\n")
    assert await line.rest() == b""


@pytest.mark.parametrize("size", [HEADER_SIZE + 1, 3 * HEADER_SIZE, 20 * HEADER_SIZE])
async def test_a_header_too_large_is_431(desk, size):
    for kind in ("one field", "many fields", "target", "unfinished"):
        line = await desk.connect()
        host = f"Host: {desk.host}\r\n"
        match kind:
            case "one field":
                data = f"GET {AVAILABLE} HTTP/1.1\r\n{host}X: {'x' * size}\r\n\r\n"
            case "many fields":
                data = f"GET {AVAILABLE} HTTP/1.1\r\n{host}" + "X: 45678901\r\n" * (size // 12)
            case "target":
                data = f"GET {AVAILABLE}?{'x' * size} HTTP/1.1\r\n{host}\r\n"
            case _:
                data = f"GET {AVAILABLE} HTTP/1.1\r\n{host}X: {'x' * max(size, 500_000)}"
        line.send(data.encode())
        answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close"), kind
        line.close()


async def test_a_header_just_small_enough_is_fine(desk):
    answer = await desk.ask("GET", AVAILABLE, headers={"X": "x" * (HEADER_SIZE - 500)})
    assert answer.status == 200


async def test_a_header_in_pieces_counts_once(desk):
    line = await desk.connect()
    line.send(f"GET {AVAILABLE} HTTP/1.1\r\nHost: {desk.host}\r\n".encode())
    for _ in range(50):
        line.send(b"X: " + b"x" * 900 + b"\r\n")
        await asyncio.sleep(0)
    line.send(b"\r\n")
    assert (await line.answer()).status == 200


async def test_a_large_body_before_the_next_header_is_not_taken_for_one(desk):
    line = await desk.connect()
    for _ in range(3):
        line.send(desk.request("POST", AVAILABLE, JSON, body=b" " * (4 * HEADER_SIZE)))
    assert [(await line.answer()).json["result"] for _ in range(3)] == [1, 1, 1]


async def test_a_body_that_stops_is_refused(start):
    async with start(body_idle_time=0.1) as desk:
        line = await desk.connect()
        line.send(desk.request("POST", "/gotapi/echo/say", {**JSON, "Content-Length": "10"}))
        line.send(b'{"a"')
        answer = await line.answer()
        assert (answer.status, answer.json["errorCode"]) == (200, 10)
        assert "came too slowly" in answer.json["errorMessage"]
        await desk.until(lambda: not desk.live.server.server_state.connections)


async def test_a_body_that_drips_is_refused_though_it_never_stops(start):
    async with start(body_idle_time=0.3) as desk:
        line = await desk.connect()
        line.send(desk.request("POST", "/gotapi/echo/say", {**JSON, "Content-Length": "100000"}))
        answering = asyncio.create_task(line.answer())
        begun = asyncio.get_running_loop().time()
        while not answering.done():
            line.send(b" ")
            await asyncio.sleep(0.02)
            assert asyncio.get_running_loop().time() - begun < 20
        assert (await answering).json["errorCode"] == 10


async def test_the_body_of_a_refused_request_cannot_hold_the_connection(desk, monkeypatch):
    monkeypatch.setattr(http_protocol, "REST_TIME", 0.2)
    line = await desk.connect()
    line.send(desk.request("POST", "/nothing", {"Content-Length": "1000"}))
    assert (await line.answer()).status == 404
    line.send(b"x")  # one byte now and then
    assert await line.rest() == b""


async def test_the_body_of_a_refused_request_may_come_and_the_connection_lives_on(desk):
    line = await desk.connect()
    line.send(desk.request("POST", "/nothing", {"Content-Length": "1000"}))
    assert (await line.answer()).status == 404
    line.send(b"x" * 1000)
    line.send(desk.request("GET", AVAILABLE))
    assert (await line.answer()).status == 200


async def test_two_hundred_half_open_connections_delay_nobody(desk):
    lines = await asyncio.gather(*(desk.connect() for _ in range(200)))
    for line in lines:
        line.send(b"GET /gotapi/availability HTTP/1.1\r\nHost: local")
    begun = asyncio.get_running_loop().time()
    for _ in range(20):
        assert await desk.answers()
    assert asyncio.get_running_loop().time() - begun < 8  # each of them has 10 s


async def test_requests_in_a_row_are_answered_in_order(desk, token):
    line = await desk.connect()
    texts = [f"n{number}" for number in range(50)]
    for text in texts:
        target = f"/gotapi/echo/say?accessToken={token}&serviceId=one.echo&text={text}"
        line.send(desk.request("GET", target))
    assert [(await line.answer()).json["text"] for _ in texts] == texts


async def test_a_broken_request_behind_a_waiting_one_does_not_answer_it(desk, token):
    # An answer of ours would be taken for that of the first request.
    wait = desk.request("GET", f"/gotapi/echo/wait?accessToken={token}&serviceId=one.echo")
    for second in (b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 400_000):
        line = await desk.connect()
        line.send(wait)
        await desk.until(lambda: desk.live.server.server_state.tasks)
        line.send(second)
        assert await line.rest() == b""
    desk.echo.released.set()


async def test_a_connection_is_kept_alive(desk):
    line = await desk.connect()
    for _ in range(5):
        line.send(desk.request("GET", AVAILABLE))
        answer = await line.answer()
        assert answer.status == 200
        assert answer.headers.get("connection") != "close"
    line.send(desk.request("GET", AVAILABLE, {"Connection": "close"}))
    assert (await line.answer()).headers["connection"] == "close"
    assert await line.rest() == b""


async def test_a_client_that_does_not_read_its_answer_is_cut(desk, token, monkeypatch):
    monkeypatch.setattr(desk.live.server.config.http_protocol_class, "write_time", 0.2)
    line = await desk.connect()
    size = 32 * 1024 * 1024  # more than all buffers on the way hold
    line.send(desk.request("POST", f"/blobs/?accessToken={token}", {"Content-Length": str(size)}))
    line.send(bytes(size))
    stored = (await line.answer()).json["uri"]
    line.writer.transport.pause_reading()
    line.send(desk.request("GET", f"{urlsplit(stored).path}?accessToken={token}"))
    state = desk.live.server.server_state
    await desk.until(lambda: not state.connections)
    line.close()


async def test_requests_sent_ahead_are_answered_in_order(desk):
    line = await desk.connect()
    line.send(desk.request("GET", AVAILABLE) * 50)
    for _ in range(50):
        assert (await line.answer()).status == 200


async def test_a_client_that_sends_requests_ahead_without_end_is_cut(desk):
    line = await desk.connect()
    request = desk.request("GET", AVAILABLE)
    with pytest.raises(ConnectionError):  # noqa: PT012  # some are taken before it is noticed
        while True:
            line.send(request * 1000)
            await line.writer.drain()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_client_that_leaves_in_its_upload_leaves_nothing_behind(desk, token, method):
    target, head = "/blobs/", {"Content-Length": "10000000"}
    if method == "PUT":
        target, head = (
            "/gotapi/echo/say",
            {**head, "Content-Type": "multipart/form-data; boundary=X"},
        )
    line = await desk.connect()
    line.send(desk.request(method, f"{target}?accessToken={token}", head))
    if method == "PUT":
        line.send(b'--X\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n')
    line.send(b"x" * 3_000_000)
    parts = desk.hub.paths.blobs
    await desk.until(lambda: list(parts.glob("*.part")))
    line.close()
    await desk.until(lambda: not list(parts.iterdir()))


async def test_a_body_announced_in_two_ways_is_refused(desk):
    # RFC 9112 6.1: one of the two readers would see another request.
    for extra in (
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: gzip\r\n",
    ):
        head = b"POST /gotapi/echo/say HTTP/1.1\r\nHost: " + desk.host.encode() + b"\r\n"
        answer = await desk.raw(head + extra + b"\r\nabc")
        assert answer.status in (400, 413), extra


async def test_an_announced_size_with_thousands_of_zeros(desk):
    head = {"Content-Length": "0" * 5000 + "2", **JSON}
    answer = await desk.ask("POST", "/gotapi/availability", headers=head, body=b"{}")
    assert answer.json["errorCode"] == 8


async def test_an_upgrade_to_something_else_is_ignored(desk):
    for upgrade in ("h2c", "TLS/1.0", "websocket/13"):
        headers = {"Connection": "Upgrade", "Upgrade": upgrade}
        answer = await desk.ask("GET", AVAILABLE, headers=headers)
        assert answer.status == 200


async def test_a_handshake_that_is_none(desk):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    for more in ({}, {"Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "x"}):
        answer = await desk.ask("GET", "/gotapi/websocket", headers=headers | more)
        assert answer.status in (400, 426)


def other_addresses():
    """Addresses of this machine that are not loopback; found without sending anything."""
    found = set()
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
            except OSError:
                continue
            found.add(probe.getsockname()[0])
    return sorted(found)


async def test_only_the_two_loopback_addresses_are_bound(desk):
    assert await desk.answers()
    bound = {one.getsockname()[0] for server in desk.live.server.servers for one in server.sockets}
    assert bound <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in bound
    for address in ["127.0.0.2", *other_addresses()]:
        with pytest.raises(OSError):  # noqa: PT011  # refused, or not reachable at all
            await asyncio.wait_for(asyncio.open_connection(address, desk.port), 5)


async def test_ipv6_loopback_answers_where_there_is_one(desk):
    if not any(one.family == socket.AF_INET6 for server in desk.live.server.servers
               for one in server.sockets):  # fmt: skip
        pytest.skip("this machine has no IPv6")
    line = await desk.connect("::1")
    line.send(desk.request("GET", AVAILABLE, host=f"[::1]:{desk.port}"))
    assert (await line.answer()).status == 200


def test_listening_takes_both_or_nothing():
    first = listen.listen("localhost", 0)
    port = first[0].getsockname()[1]
    try:
        with pytest.raises(listen.PortTaken, match=f"Port {port} of 127.0.0.1 is taken by .*pid"):
            listen.listen("localhost", port)
    finally:
        for one in first:
            one.close()
    again = listen.listen("localhost", port)
    for one in again:
        one.close()


def test_an_address_of_another_machine_cannot_be_listened_on():
    with pytest.raises(OSError) as error:  # noqa: PT011  # the number tells
        listen.listen("192.0.2.1", 0)
    assert error.value.errno == errno.EADDRNOTAVAIL


def test_one_address_may_be_chosen():
    (only,) = listen.listen("127.0.0.1", 0)
    with only:
        assert only.getsockname()[0] == "127.0.0.1"


async def test_no_secret_ever_reaches_a_log(start, caplog):
    caplog.set_level(logging.DEBUG)
    for name in (
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "websockets",
        "asyncio",
        "httptools",
    ):
        caplog.set_level(logging.DEBUG, logger=name)
    async with start(faults=("plug-in echo raised",)) as desk:
        token = await desk.token()
        canary, key = "canary-" + "c" * 36, "key-canary-3141"
        for secret in (token, canary):
            wish = {"accessToken": secret, "serviceId": "one.echo", "key": key}
            for path in (AVAILABLE, "/gotapi/echo/say", "/gotapi/echo/crash", "/blobs/x", "/raw"):
                await desk.ask("GET", path, wish)
                await desk.ask("GET", path, headers={"Authorization": f"Bearer {secret}"})
                await desk.ask("GET", path, wish, host="evil.example")
            body = f'{{"accessToken":"{secret}"'.encode()
            await desk.ask("POST", "/gotapi/echo/say", headers=JSON, body=body)
            await desk.raw(f"GET /?accessToken={secret} HTTP/9\r\n\r\n".encode())
            async with desk.socket(path=f"/gotapi/websocket?accessToken={secret}") as one:
                await one.send(f'{{"accessToken":"{secret}"}}')
                await one.recv()
            with pytest.raises(Exception, match="403"):
                async with desk.socket(path=f"/nothing?accessToken={secret}"):
                    pass
    client = "websockets.client"  # the test's own
    ours = [record for record in caplog.records if record.name != client]
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "plug-in echo raised" in text
    for secret in (token, canary, key):
        assert secret not in text
