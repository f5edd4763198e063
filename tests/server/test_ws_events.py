"""GotAPI-5: the token frame, the verdict, the events, and every way in which a socket ends."""

import asyncio
import contextlib
import json
import socket as sockets

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gotapi_auth.grants import Lifetime

PAGE = "https://shop.example"


async def frame(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), 8))


async def closed(socket):
    """Return the code with which the hub closes; what comes before is dropped."""
    async with asyncio.timeout(8):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd is not None else None


async def received(socket):
    """Count the events that still come before the socket closes."""
    count = 0
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            count += 1
    return count


def subscriptions(desk):
    return desk.hub.listeners.streams()


async def test_the_verdict_has_the_members_of_both_lineages(desk, token):
    async with desk.socket() as socket:
        await socket.send(json.dumps({"accessToken": token}))
        verdict = {"profile": "authorization", "attribute": "verify", "result": 0, "serviceId": ""}
        assert await frame(socket) == verdict


async def test_events_come_to_every_socket_of_the_application(desk, token):
    async with desk.listening(token) as one, desk.listening(token) as two:
        assert (await desk.listen(token)).json["result"] == 0
        await desk.until(lambda: desk.echo.queues)
        desk.echo.tick(1)
        event = {
            "serviceId": "one.echo",
            "profile": "tick",
            "attribute": "count",
            "result": 0,
            "count": 1,
            "padding": "",
        }
        assert await frame(one) == await frame(two) == event


async def test_the_latest_value_goes_out_at_once(desk, token):
    async with desk.listening(token) as first:
        await desk.listen(token)
        await desk.until(lambda: desk.echo.queues)
        desk.echo.tick(41)
        desk.echo.tick(42)
        assert (await frame(first))["count"] in (41, 42)
        await desk.until(lambda: all(queue.empty() for queue in desk.echo.queues))
        async with desk.listening(token) as late:
            assert (await frame(late))["count"] == 42
        await desk.listen(token)  # once more counts once, and shows the latest again
        assert subscriptions(desk) == 1


async def test_delete_ends_the_stream_and_leaves_the_socket(desk, token):
    async with desk.listening(token) as socket:
        await desk.listen(token)
        await desk.until(lambda: desk.echo.queues)
        assert (await desk.listen(token, "DELETE")).json["result"] == 0
        await desk.until(lambda: not desk.echo.queues)
        assert subscriptions(desk) == 0
        await desk.listen(token)
        await desk.until(lambda: desk.echo.queues)
        desk.echo.tick(7)
        assert (await frame(socket))["count"] == 7
        assert (await desk.listen(token, "DELETE")).json["result"] == 0
        assert (await desk.listen(token, "DELETE")).json["result"] == 0  # not listening is no error


async def test_an_application_does_not_hear_what_another_listens_to(desk, token):
    other = await desk.token(origin="other.app")
    async with desk.listening(token) as mine, desk.listening(other, origin="other.app") as theirs:
        await desk.listen(token)
        await desk.until(lambda: desk.echo.queues)
        desk.echo.tick(1)
        assert (await frame(mine))["count"] == 1
        await desk.listen(other, origin="other.app")
        desk.echo.tick(2)
        assert (await frame(theirs))["count"] in (1, 2)  # first its own latest value
        assert subscriptions(desk) == 1


async def test_streams_end_when_no_socket_is_left(start):
    async with start(linger_time=0.05) as desk:
        token = await desk.token()
        async with desk.listening(token):
            await desk.listen(token)
            await desk.until(lambda: desk.echo.queues)
        await desk.until(lambda: not desk.echo.queues)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"accessToken":"unknown"}', 3),
        ('{"accessToken":""}', 1),
        ("{}", 1),
        ('{"accessToken":7}', 1),
        ("not json", 5),
        ("[]", 5),
        ('{"a":' * 2000, 5),
        ('{"sessionKey":"old"}', 1),
    ],
)
async def test_a_first_frame_that_is_not_a_good_token(desk, token, first, code):
    async with desk.socket() as socket:
        await socket.send(first)
        verdict = await frame(socket)
        assert (verdict["result"], verdict["errorCode"]) == (1, code)
        assert verdict["errorMessage"]
        await socket.send(json.dumps({"accessToken": token}))
        assert (await frame(socket))["result"] == 0  # another try is possible


async def test_the_third_bad_frame_closes(desk):
    async with desk.socket() as socket:
        for _ in range(3):
            await socket.send("x")
        assert [(await frame(socket))["errorCode"] for _ in range(3)] == [5, 5, 5]
        assert await closed(socket) == 1008


async def test_a_token_of_another_origin_is_refused(desk, token):
    for origin, more in ((PAGE, {}), ("other.app", {})):
        async with desk.socket(origin=origin, **more) as socket:
            await socket.send(json.dumps({"accessToken": token}))
            verdict = await frame(socket)
            assert (verdict["result"], verdict["errorCode"]) == (1, 2)


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"\x00\x01", 1003), ("x" * (17 * 1024), 1009), ("x" * (70 * 1024), 1009)],
)
async def test_a_binary_or_oversize_frame_closes(desk, message, code):
    async with desk.socket() as socket:
        await socket.send(message)
        assert await closed(socket) == code


async def test_a_socket_that_says_nothing_is_closed(desk, monkeypatch):
    monkeypatch.setattr("gotapi_core.server.events.TOKEN_DEADLINE", 0.1)
    async with desk.socket() as socket:
        verdict = await frame(socket)
        assert (verdict["result"], verdict["errorCode"]) == (1, 1)
        assert await closed(socket) == 1008


async def test_revoking_closes_within_a_second_and_sends_nothing_more(desk, token):
    other = await desk.token(origin="other.app")
    loop = asyncio.get_running_loop()
    async with (
        desk.listening(token) as one,
        desk.listening(token) as two,
        desk.listening(other, origin="other.app") as stays,
    ):
        await desk.listen(token)
        await desk.until(lambda: desk.echo.queues)
        begun = loop.time()
        desk.echo.tick(1)
        await desk.hub.auth.revoke(_application(desk, "test.app"))
        assert [await closed(one), await closed(two)] == [4401, 4401]
        assert loop.time() - begun < 10
        async with desk.socket() as again:
            await again.send(json.dumps({"accessToken": token}))
            assert (await frame(again))["errorCode"] == 3
        assert await asyncio.wait_for(await stays.ping(), 5) >= 0


def _application(desk, origin):
    return next(one.id for one in desk.hub.auth.applications() if one.origin == origin)


async def test_what_waits_is_not_sent_after_the_revocation(start):
    # The client reads nothing, so its events wait in the hub; then it loses its token.
    async with start(stall_time=5.0, event_queue=20_000_000) as desk:
        token = await desk.token()
        async with desk.listening(token) as socket:
            await desk.listen(token)
            await desk.until(lambda: desk.echo.queues)
            socket.transport.pause_reading()
            for number in range(250):
                desk.echo.tick(number, durable=True, padding="x" * 60_000)
            await desk.until(lambda: all(queue.empty() for queue in desk.echo.queues))
            begun = asyncio.get_running_loop().time()
            await desk.hub.auth.revoke(_application(desk, "test.app"))
            await desk.until(lambda: not desk.live.app.sockets.count_all())
            assert asyncio.get_running_loop().time() - begun < 4.5  # stall_time is 5
            socket.transport.resume_reading()
            assert await received(socket) < 250


async def test_a_socket_ends_when_the_time_of_its_token_is_over(start):
    ahead = 0.0

    def clock():
        import time

        return time.time() + ahead

    async with start(live={"clock": clock}) as desk:
        client = (await desk.ask("GET", "/gotapi/authorization/grant")).json["clientId"]
        wish = {"clientId": client, "scope": "echo,tick"}
        asked = asyncio.create_task(desk.ask("GET", "/gotapi/authorization/accesstoken", wish))
        await desk.until(desk.hub.auth.requests)
        await desk.hub.auth.approve(desk.hub.auth.requests()[0].code, Lifetime.ONCE)
        token = (await asked).json["accessToken"]
        async with desk.listening(token) as socket:
            await asyncio.wait_for(await socket.ping(), 5)
            ahead = 3601.0
            assert await closed(socket) == 4401
        expired = await desk.ask("GET", "/gotapi/servicediscovery", {"accessToken": token})
        assert expired.json["errorCode"] == 12


async def test_a_listener_that_does_not_read_delays_nobody_and_is_cut(start):
    async with start(stall_time=2.0, event_queue=200_000) as desk:
        token = await desk.token()
        async with desk.listening(token) as reads, Stalled(desk, token) as line:
            await desk.listen(token)
            await desk.until(lambda: desk.echo.queues)
            assert desk.live.app.sockets.count_all() == 2
            loop = asyncio.get_running_loop()
            number, slowest = 0, 0.0
            while desk.live.app.sockets.count_all() == 2:
                assert number < 2000, "the stalled client was never cut"
                number += 1
                begun = loop.time()
                desk.echo.tick(number, durable=True, padding="x" * 30_000)
                while (await frame(reads))["count"] != number:
                    pass
                slowest = max(slowest, loop.time() - begun)
                await asyncio.sleep(0.005)
            assert slowest < 1.5  # it waits for no one: stall_time is 2
            desk.echo.tick(0, durable=True)
            assert (await frame(reads))["count"] == 0
            assert line.fileno() >= 0


class Stalled:
    """A client with a small receive buffer that says its token and never reads again."""

    def __init__(self, desk, token):
        self.desk, self.token = desk, token

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.line = sockets.socket()
        self.line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        self.line.setblocking(False)
        await loop.sock_connect(self.line, ("127.0.0.1", self.desk.port))
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        request = self.desk.request("GET", "/gotapi/websocket", upgrade)
        await loop.sock_sendall(self.line, request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += await loop.sock_recv(self.line, 4096)
        assert got.startswith(b"HTTP/1.1 101")
        token = json.dumps({"accessToken": self.token}).encode()
        await loop.sock_sendall(self.line, masked(token))
        while b'"result":0' not in got:
            got += await loop.sock_recv(self.line, 4096)
        return self.line

    async def __aexit__(self, *_):
        self.line.close()


def masked(text: bytes) -> bytes:
    """A text frame of a client; the mask is zero."""
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def test_an_application_has_only_so_many_sockets(start):
    async with start(sockets_per_application=2) as desk:
        token = await desk.token()
        other = await desk.token(origin="other.app")
        async with desk.listening(token) as one, desk.listening(token) as two:
            async with desk.listening(other, origin="other.app"):
                pass
            await one.send(json.dumps({"accessToken": token}))  # it counts for itself only once
            assert (await frame(one))["result"] == 0
            async with desk.listening(token) as three:  # it takes the place of the oldest
                with pytest.raises(ConnectionClosed) as closed:
                    await frame(one)
                assert closed.value.rcvd.code == 4409
                for socket in (two, three):
                    await socket.send(json.dumps({"accessToken": token}))
                    assert (await frame(socket))["result"] == 0


async def test_the_hub_has_only_so_many_sockets(start):
    async with start(sockets=1) as desk, desk.socket():
        await desk.until(lambda: desk.live.app.sockets.count_all() == 1)
        with pytest.raises(InvalidStatus):
            async with desk.socket():
                pass


async def test_a_socket_can_change_to_another_token(desk, token):
    other = await desk.token("tick")
    async with desk.listening(token) as socket:
        await socket.send(json.dumps({"accessToken": other}))
        assert (await frame(socket))["result"] == 0
        await socket.send(json.dumps({"accessToken": "bad"}))
        assert (await frame(socket))["result"] == 1
        await desk.listen(other)
        await desk.until(lambda: desk.echo.queues)
        desk.echo.tick(5)
        assert (await frame(socket))["count"] == 5  # the refused one changed nothing


async def test_the_hub_says_good_bye_when_it_stops(start):
    async with start() as desk:
        token = await desk.token()
        async with desk.listening(token) as one, desk.socket() as two:
            await desk.until(lambda: desk.live.app.sockets.count_all() == 2)
            begun = asyncio.get_running_loop().time()
            desk.live.server.should_exit = True
            assert [await closed(one), await closed(two)] == [1001, 1001]
            assert asyncio.get_running_loop().time() - begun < 2.9  # who is not told is cut after 3


async def test_the_hub_stops_at_once_while_an_application_waits_for_its_user(start):
    async with start() as desk:
        client = (await desk.ask("GET", "/gotapi/authorization/grant")).json["clientId"]
        wish = {"clientId": client, "scope": "echo"}
        asked = asyncio.create_task(desk.ask("GET", "/gotapi/authorization/accesstoken", wish))
        await desk.until(desk.hub.auth.requests)
        desk.live.server.should_exit = True
        answer = await asked
        assert (answer.json["errorCode"], "stops" in answer.json["errorMessage"]) == (17, True)


@pytest.mark.parametrize(
    "path", ["/", "/gotapi", "/gotapi/echo/say", "/blobs/x", "/raw", "/operator", "/websocket"]
)
async def test_there_is_no_websocket_elsewhere(desk, path):
    with pytest.raises(InvalidStatus) as refused:
        async with desk.socket(path=path):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        (None, {}),  # nobody at all
        ("x y", {}),  # not one name
        ("test.app", {"Host": "evil.example"}),
        (PAGE, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
    ],
)
async def test_a_websocket_of_nobody_knows_whom_is_refused(desk, origin, headers):
    more = {"Host": headers["Host"]} if "Host" in headers else {}
    rest = {name: value for name, value in headers.items() if name != "Host"}
    line = await desk.connect()
    fields = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    line.send(
        desk.request(
            "GET", "/gotapi/websocket", fields | rest, origin=origin, host=more.get("Host")
        )
    )
    answer = await line.answer()
    assert answer.status == 403


async def test_a_page_of_any_origin_may_open_one_and_then_needs_its_token(desk):
    token = await desk.token(origin=PAGE)
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"}
    async with desk.listening(token, origin=PAGE, headers=headers):
        pass


async def test_the_frames_of_a_stalled_peer_do_not_keep_the_connection_for_ever(desk, token):
    # It is revoked, never answers the close frame and never closes.
    async with Stalled(desk, token):
        await desk.until(lambda: desk.live.app.sockets.count_all() == 1)
        await desk.hub.auth.revoke(_application(desk, "test.app"))
        await desk.until(lambda: not desk.live.app.sockets.count_all())
        await desk.until(lambda: not desk.live.server.server_state.connections)
