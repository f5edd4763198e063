"""The TLS door of a live hub: handshakes, names, who may see the operator's, and its end."""

import asyncio
import json
import socket
import ssl
import time
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect

from gotapi_core.protocol.errors import InvalidOrigin
from gotapi_core.server.app import App
from gotapi_core.server.listen import PortTaken
from gotapi_core.server.secure import SecureDoor
from gotapi_core.testing import live_hub
from gotapi_core.tls.keeper import Keeper

DEADLINE = 8.0
DAY = 86400.0


async def test_a_client_that_imported_the_authority_needs_nothing_else(
    tls_hub, ask, context_for
) -> None:
    async with tls_hub() as live:
        for to, name in (("127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            host = "[::1]" if name == "::1" else name
            answer = await ask(
                live.door.port, to=to, host=host, name=name, context=context_for(live)
            )
            assert answer.startswith("HTTP/1.1 200 ")
            assert '"product":"gotapi-hub"' in answer


async def test_a_stranger_is_not_trusted(tls_hub, ask) -> None:
    async with tls_hub() as live:
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
            await ask(live.door.port, context=ssl.create_default_context())


async def test_a_wrong_name_is_refused_by_the_client(tls_hub, ask, context_for) -> None:
    async with tls_hub() as live:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await ask(live.door.port, name="printer.local", context=context_for(live))
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            await ask(live.door.port, name="10.0.0.1", context=context_for(live))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_current_versions_are_spoken(tls_hub, ask, context_for, version) -> None:
    async with tls_hub() as live:
        context = context_for(live)
        context.minimum_version = context.maximum_version = version
        assert (await ask(live.door.port, context=context)).startswith("HTTP/1.1 200 ")


async def test_plain_http_gets_nothing_at_the_tls_door(tls_hub, ask) -> None:
    async with tls_hub() as live:
        try:
            answer = await ask(live.door.port)
        except ConnectionError:
            answer = ""
        assert "HTTP/" not in answer


async def test_events_come_over_wss(tls_hub, context_for) -> None:
    async with tls_hub() as live, asyncio.timeout(DEADLINE):
        url = f"wss://localhost:{live.door.port}/gotapi/websocket"
        async with connect(
            url,
            ssl=context_for(live),
            additional_headers={"X-GotAPI-Origin": "org.example.test"},
            proxy=None,
        ) as socket:
            await socket.send('{"accessToken": "wrong"}')
            assert json.loads(await socket.recv())["result"] != 0


async def test_a_certificate_near_its_end_is_renewed_while_the_hub_runs(
    tls_hub, ask, context_for, clock
) -> None:
    now = clock.now
    clock.now = now - 80 * DAY  # made then, it ends in 9 days
    async with tls_hub() as live:
        clock.now = now - 55 * DAY
        await live.door.look()
        first = live.door.identity
        clock.now = now
        await live.door.look()
        second = live.door.identity
        assert second.serial != first.serial
        assert second.fingerprint == first.fingerprint
        assert second.ends > now + 80 * DAY
        assert (await ask(live.door.port, context=context_for(live))).startswith("HTTP/1.1 200 ")


async def test_a_certificate_that_ended_while_the_hub_was_off_is_renewed_at_its_start(
    tls_hub, ask, context_for, clock
) -> None:
    now = clock.now
    clock.now = now - 200 * DAY
    async with tls_hub() as live:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await ask(live.door.port, context=context_for(live))
        first = live.door.identity.fingerprint
    clock.now = now
    async with tls_hub() as live:
        assert (await ask(live.door.port, context=context_for(live))).startswith("HTTP/1.1 200 ")
        assert live.door.identity.fingerprint == first


async def test_what_the_command_renewed_is_used_by_the_hub_that_runs(
    tls_hub, ask, context_for, clock
) -> None:
    async with tls_hub() as live:
        old = context_for(live)
        Keeper(live.hub.paths.data).renew(frozenset(), clock.now, new_authority=True)
        await live.door.look()
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(live.door.port, context=old)
        assert (await ask(live.door.port, context=context_for(live))).startswith("HTTP/1.1 200 ")


async def test_a_damaged_authority_does_not_end_the_door(tls_hub, ask, context_for, caplog) -> None:
    async with tls_hub() as live:
        (live.hub.paths.data / "tls" / "authority.pem").write_text("nonsense")
        live.door._watcher.cancel()
        watching = asyncio.create_task(live.door._watch())
        async with asyncio.timeout(DEADLINE):
            while "goes on as it was" not in caplog.text:  # noqa: ASYNC110  # a log has no event
                await asyncio.sleep(0.01)
        watching.cancel()
        assert (await ask(live.door.port, context=context_for(live))).startswith("HTTP/1.1 200 ")


async def test_the_door_follows_the_addresses(tls_hub, ask, context_for) -> None:
    here: list[str] = ["127.0.0.7"]
    async with tls_hub(lan=True, announce=False, here=lambda: tuple(here)) as live:
        port = live.door.port
        answer = await ask(port, to="127.0.0.7", host="127.0.0.7", context=context_for(live))
        assert answer.startswith("HTTP/1.1 200 ")
        here[:] = ["127.0.0.8"]
        await live.door.look()
        with pytest.raises(OSError, match=str(port)):
            await ask(port, to="127.0.0.7", host="127.0.0.7", context=context_for(live))
        answer = await ask(port, to="127.0.0.8", host="127.0.0.8", context=context_for(live))
        assert answer.startswith("HTTP/1.1 200 ")
        assert "127.0.0.7" not in live.door.identity.names
        assert live.door.lan_urls == (f"https://127.0.0.8:{port}",)


async def test_an_address_that_cannot_be_bound_yet_is_tried_again(
    tls_hub, ask, context_for, caplog
) -> None:
    here: list[str] = []
    async with tls_hub(lan=True, announce=False, here=lambda: tuple(here)) as live:
        with socket.socket() as other:
            other.bind(("127.0.0.7", live.door.port))
            other.listen()
            here[:] = ["127.0.0.7"]
            await live.door.look()
            await live.door.look()
        assert caplog.text.count("cannot answer on 127.0.0.7") == 1
        await live.door.look()
        answer = await ask(
            live.door.port, to="127.0.0.7", host="127.0.0.7", context=context_for(live)
        )
        assert answer.startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("tls", "names"),
    [
        ({}, {"localhost", "127.0.0.1", "::1"}),
        ({"lan": True, "announce": False}, {"localhost", "127.0.0.1", "::1", "10.77.0.1"}),
    ],
)
async def test_addresses_are_told_only_where_the_network_is_answered(
    tls_hub, tls, names, monkeypatch
) -> None:
    monkeypatch.setattr("gotapi_core.tls.addresses.machine_name", lambda: None)
    async with tls_hub(here=lambda: ("10.77.0.1",), **tls) as live:
        found = {one for one in Keeper(live.hub.paths.data).names() if "gotapi-hub-" not in one}
        assert found <= names
        assert {"localhost", "127.0.0.1", "::1"} <= found


HOSTS = ["localhost", "127.0.0.1", "[::1]", "my-pi.local", "127.0.0.7", "gotapi-hub.example"]


@pytest.mark.parametrize("host", [*HOSTS, "evil.example", "127.0.0.9", "instance", ""])
@pytest.mark.parametrize("door", ["plain", "tls", "tls on the network"])
async def test_which_names_the_hub_answers_to(
    tls_hub, ask, context_for, monkeypatch, host, door
) -> None:
    monkeypatch.setattr("gotapi_core.server.secure.machine_name", lambda: "my-pi.local")
    lan = door == "tls on the network"
    async with tls_hub(
        lan=lan,
        announce=False,
        here=lambda: ("127.0.0.7",),
        server={"names": ["gotapi-hub.example"]},
    ) as live:
        name = f"{Keeper(live.hub.paths.data).instance()}.local" if host == "instance" else host
        port = live.port if door == "plain" else live.door.port
        context = None if door == "plain" else context_for(live)
        answer = await ask(port, host=name, name="localhost", context=context)
        everywhere = {"localhost", "127.0.0.1", "[::1]", "gotapi-hub.example"}
        good = host in everywhere or (lan and host in {"my-pi.local", "127.0.0.7", "instance"})
        assert answer.startswith("HTTP/1.1 200 " if good else "HTTP/1.1 403 "), answer


OPERATORS = [
    "/operator", "/operator/", "/operator/login?token=x", "/operator/api/state",
    "/operator/nothing",
]  # fmt: skip


def scope_of(path: str, client: tuple[str, int] | None, scheme: str = "https") -> dict:
    return {
        "type": "http",
        "scheme": scheme,
        "method": "GET",
        "path": path.partition("?")[0],
        "query_string": path.partition("?")[2].encode(),
        "headers": [(b"host", b"localhost")],
        "client": client,
    }


async def answer_of(app: App, scope: dict) -> tuple[int, bytes]:
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


@pytest.mark.parametrize("path", OPERATORS)
@pytest.mark.parametrize(
    "client",
    [("192.168.1.7", 1), ("10.0.0.1", 1), ("fd00::7", 1), ("fe80::1%eth0", 1), None,
     ("::ffff:192.168.1.7", 1), ("8.8.8.8", 1)],
)  # fmt: skip
async def test_the_operators_side_is_closed_to_other_machines(tls_hub, path, client) -> None:
    async with tls_hub(lan=True, announce=False) as live:
        status, body = await answer_of(live.app, scope_of(path, client))
        assert status == 403
        assert b"operator_on_lan" in body


@pytest.mark.parametrize("path", OPERATORS)
@pytest.mark.parametrize(
    "client", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)]
)
async def test_it_is_open_to_this_machine(tls_hub, path, client) -> None:
    async with tls_hub(lan=True, announce=False) as live:
        status, _ = await answer_of(live.app, scope_of(path, client))
        assert status in (401, 404)  # asks for the login


@pytest.mark.parametrize("path", ["/operator", "/operator/api/state"])
async def test_it_is_open_to_all_where_the_settings_say_so(tls_hub, path) -> None:
    async with tls_hub(lan=True, announce=False, operator_on_lan=True) as live:
        status, _ = await answer_of(live.app, scope_of(path, ("192.168.1.7", 1)))
        assert status == 401


@pytest.mark.parametrize("path", ["/", "/operator/page.css", "/ca.crt"])
async def test_what_is_nobodys_secret_is_open_to_other_machines(tls_hub, path) -> None:
    async with tls_hub(lan=True, announce=False) as live:
        status, _ = await answer_of(live.app, scope_of(path, ("192.168.1.7", 1)))
        assert status == 200


@pytest.mark.parametrize(("address", "good"), [("127.0.0.1", True), ("192.168.1.7", False)])
async def test_plugins_connect_from_this_machine_only(tls_hub, address, good) -> None:
    async with tls_hub(lan=True, announce=False) as live:
        scope = {**scope_of("/gotapi/plugin", (address, 1), "wss"), "type": "websocket"}
        if good:
            live.app.doors.check_plugin(scope)
        else:
            with pytest.raises(InvalidOrigin, match="own computer"):
                live.app.doors.check_plugin(scope)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_forwarded_headers_are_not_believed(tls_hub, ask, context_for, scheme) -> None:
    forged = "X-Forwarded-For: 192.168.1.7\r\nX-Forwarded-Proto: https\r\n"
    async with tls_hub(lan=True, announce=False, here=lambda: ("127.0.0.7",)) as live:
        secure = scheme == "https"
        port, context = (live.door.port, context_for(live)) if secure else (live.port, None)
        answer = await ask(port, "/operator", context=context, headers=forged)
        assert answer.startswith("HTTP/1.1 401 ")  # this machine still
        answer = await ask(
            port, host="127.0.0.7", name="localhost", context=context, headers=forged
        )
        assert answer.startswith("HTTP/1.1 200 " if secure else "HTTP/1.1 403 ")


async def test_the_certificate_is_handed_out_by_both_doors(tls_hub, ask, context_for) -> None:
    async with tls_hub() as live:
        for port, context in ((live.port, None), (live.door.port, context_for(live))):
            answer = await ask(port, "/ca.crt", context=context)
            head, _, body = answer.partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 200 ")
            assert "content-type: application/x-x509-ca-cert" in head
            assert body.encode() == live.door.identity.authority_pem
            assert "PRIVATE" not in body


async def test_a_hub_without_tls_says_that_it_has_no_certificate(tmp_path: Path, ask) -> None:
    async with live_hub(tmp_path, []) as live:
        answer = await ask(live.port, "/ca.crt")
        assert answer.startswith("HTTP/1.1 404 ")
        assert "gotapi run --tls" in answer
        assert live.door is None
        assert not (live.hub.paths.data / "tls").exists()


async def test_who_never_shakes_hands_is_cut(tls_hub) -> None:
    async with tls_hub(handshake_time=0.2) as live, asyncio.timeout(DEADLINE):
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", live.door.port)
        try:
            assert await reader.read() == b""
        except ConnectionError:
            pass
        finally:
            writer.close()
        assert time.monotonic() - begun >= 0.15


async def test_a_header_that_never_ends_is_cut_behind_tls_too(tls_hub, context_for) -> None:
    async with tls_hub(server={"header_time": 0.2}) as live, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", live.door.port, ssl=context_for(live), server_hostname="localhost"
        )
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"took longer than 0.2 s" in answer


async def test_sessions_end_with_the_hub(tls_hub, context_for) -> None:
    async with asyncio.timeout(DEADLINE):
        async with tls_hub() as live:
            port = live.door.port
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context_for(live), server_hostname="localhost"
            )
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


def listening_of(pid: str = "self") -> set[tuple[str, int]]:
    """Return the TCP addresses a process listens on, from /proc."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table, width in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                raw = b"".join(
                    bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, width, 8)
                )
                family = socket.AF_INET if width == 8 else socket.AF_INET6
                found.add((socket.inet_ntop(family, raw), int(port, 16)))
    return found


@pytest.mark.parametrize("enabled", [False, True])
async def test_nothing_but_loopback_is_bound_unless_asked_for(tmp_path: Path, enabled) -> None:
    before = listening_of()
    tls = {"enabled": enabled, "port": 0}
    async with live_hub(tmp_path, [], settings={"tls": tls}) as live:
        bound = listening_of() - before
        assert {address for address, _ in bound} <= {"127.0.0.1", "::1"}
        ports = {live.port} | ({live.door.port} if live.door else set())
        assert {port for _, port in bound} == ports


async def test_a_taken_port_is_named_with_its_holder(tmp_path: Path, tls_hub) -> None:
    async with tls_hub() as live:
        settings = live.hub.settings
        taken = msgspec.structs.replace(
            settings, tls=msgspec.structs.replace(settings.tls, port=live.door.port)
        )
        door = SecureDoor(taken, live.hub.paths, time.time)
        with pytest.raises(PortTaken, match=r"tls\.port=4136"):
            door.prepare()
        door.release()
