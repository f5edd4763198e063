"""HMAC v2 on the wire: which answers are signed, with which key, and what the MAC covers."""

import asyncio
import hashlib
import hmac
import json
import secrets

import pytest

from gotapi_core.protocol.mac import Answer, mac_header, operator_key

PAGE = "https://shop.example"
KEY = "5c" * 32
NONCE = "ab" * 16
SAY = "/gotapi/echo/say"


def expected(desk, answer, target, *, method="GET", key=KEY, nonce=NONCE, body=None):
    """Return the MAC header that an answer must have."""
    said = Answer(
        nonce=nonce,
        port=desk.port,
        instance=desk.hub.instance,
        method=method,
        target=target.encode(),
        status=answer.status,
        body=hashlib.sha256(answer.body if body is None else body).digest(),
    )
    return mac_header(bytes.fromhex(key), said)


async def check(desk, method, target, *, origin="test.app", headers=None, **more):
    headers = {"X-GotAPI-Nonce": NONCE, **(headers or {})}
    answer = await desk.ask(method, target, headers=headers, origin=origin, **more)
    wanted = expected(desk, answer, target, method=method)
    assert answer.headers.get("x-gotapi-mac") == wanted, answer
    assert answer.headers["x-gotapi-instance"] == desk.hub.instance
    return answer


@pytest.fixture
async def keyed(desk):
    await desk.hub.auth.launch_key("test.app", KEY)
    await desk.hub.auth.launch_key(PAGE, KEY)
    return desk


async def test_the_message_is_what_the_manual_says(keyed):
    """Computed here once from the parts, so that the pure module is not its own witness."""
    target = "/gotapi/availability?x=1"
    answer = await keyed.ask("GET", target, headers={"X-GotAPI-Nonce": NONCE})
    parts = [
        NONCE.encode(),
        str(keyed.port).encode(),
        keyed.hub.instance.encode(),
        b"GET",
        target.encode(),
        b"200",
        hashlib.sha256(answer.body).digest(),
    ]
    message = b"gotapi-hub answer v2\n" + b"".join(b"%d:%b\n" % (len(p), p) for p in parts)
    mac = hmac.new(bytes.fromhex(KEY), message, hashlib.sha256).hexdigest()
    assert answer.headers["x-gotapi-mac"] == f"v2 {mac}"


@pytest.mark.parametrize("origin", ["test.app", PAGE])
async def test_every_json_answer_is_signed_failures_too(keyed, origin):
    token = await keyed.token(origin=origin)
    for method, target, status in (
        ("GET", "/gotapi/availability", 200),
        ("GET", "/gotapi/availability/", 200),
        ("GET", "/gotapi/authorization/grant?nonce=1", 200),
        ("GET", f"/gotapi/servicediscovery?accessToken={token}", 200),
        ("GET", f"{SAY}?accessToken={token}&serviceId=one.echo&text=gr%C3%BC%C3%9F", 200),
        ("GET", f"{SAY}?accessToken=wrong&serviceId=one.echo", 403),
        ("GET", f"{SAY}?accessToken={token}&serviceId=none.echo", 404),
        ("GET", f"/gotapi/echo/busy?accessToken={token}&serviceId=one.echo", 409),
        ("DELETE", "/gotapi/availability", 405),
        ("GET", "/gotapi//x", 400),
        ("GET", "/gotapi/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("POST", f"/blobs/?accessToken={token}", 200),
        ("GET", f"/blobs/none?accessToken={token}", 404),
        ("DELETE", f"/blobs/none?accessToken={token}", 400),
    ):
        body = b"abc" if method == "POST" else None
        answer = await check(keyed, method, target, origin=origin, body=body)
        json.loads(answer.body)
        if origin == PAGE:
            assert answer.status == status, (target, answer)


async def test_a_form_and_a_body_that_is_refused_are_signed(keyed, token):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    good = f"accessToken={token}&serviceId=one.echo".encode()
    await check(keyed, "PUT", SAY, headers=form, body=good)
    await check(keyed, "POST", SAY, headers={"Content-Type": "application/json"}, body=b"{")
    await check(keyed, "POST", "/gotapi/jsonrpc", headers={"Content-Type": "text/plain"}, body=b"x")
    call = b'{"jsonrpc":"2.0","id":1,"method":"availability"}'
    head = {"Content-Type": "application/json"}
    assert (await check(keyed, "POST", "/gotapi/jsonrpc", headers=head, body=call)).status == 200


async def test_a_request_refused_for_its_host_is_signed(keyed):
    headers = {"X-GotAPI-Nonce": NONCE}
    answer = await keyed.ask("GET", "/gotapi/availability", headers=headers, host="evil.example")
    assert answer.status == 403
    assert answer.headers["x-gotapi-mac"] == expected(keyed, answer, "/gotapi/availability")


async def test_uploads_with_empty_answers_are_signed_and_files_are_not(keyed, token):
    tus = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    begun = await check(keyed, "POST", "/blobs/", headers={**tus, "Upload-Length": "3"}, body=b"")
    assert (begun.status, begun.body) == (201, b"")
    path = "/blobs/" + begun.headers["location"].rpartition("/")[2]
    patch = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    done = await check(keyed, "PATCH", path, headers={**tus, **patch}, body=b"abc")
    assert done.status == 204
    head = {**tus, "X-GotAPI-Nonce": NONCE}
    seen = await keyed.ask("HEAD", path, headers=head)
    assert seen.headers["x-gotapi-mac"] == expected(keyed, seen, path, method="HEAD")
    file = await keyed.ask("GET", path, headers=head)
    assert file.body == b"abc"
    assert "x-gotapi-mac" not in file.headers


async def test_an_event_stream_is_signed_at_its_head(keyed, token):
    target = f"/gotapi/events?accessToken={token}"
    line = await keyed.connect()
    line.send(keyed.request("GET", target, headers={"X-GotAPI-Nonce": NONCE}))
    async with asyncio.timeout(5):
        block = (await line.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(one.split(": ", 1) for one in block[1:] if ": " in one)
    said = Answer(
        nonce=NONCE, port=keyed.port, instance=keyed.hub.instance, method="GET",
        target=target.encode(), status=200, body=hashlib.sha256(b"").digest(),
    )  # fmt: skip
    assert fields["x-gotapi-mac"] == mac_header(bytes.fromhex(KEY), said)


@pytest.mark.parametrize("path", ["/gotapi/websocket", "/gotapi/jsonrpc"])
async def test_the_handshake_of_a_websocket_is_signed(keyed, path):
    async with keyed.socket(path=path, headers={"X-GotAPI-Nonce": NONCE}) as socket:
        said = Answer(
            nonce=NONCE, port=keyed.port, instance=keyed.hub.instance, method="GET",
            target=path.encode(), status=101, body=hashlib.sha256(b"").digest(),
        )  # fmt: skip
        found = socket.response.headers["X-GotAPI-MAC"]
        assert found == mac_header(bytes.fromhex(KEY), said)


async def test_the_users_own_programs_have_a_key_of_the_operators_file(desk):
    secret = desk.hub.paths.operator_secret.read_text().strip()
    headers = {"X-GotAPI-Nonce": NONCE, "X-GotAPI-Key-Id": "operator"}
    answer = await desk.ask("GET", "/gotapi/availability", headers=headers)
    key = operator_key(secret).hex()
    assert answer.headers["x-gotapi-mac"] == expected(desk, answer, "/gotapi/availability", key=key)
    # The key is of no other use: it is not the secret, and does not open the operator's API.
    refused = await desk.ask(
        "GET", "/operator/api/state", headers={"Authorization": f"Bearer {key}"}, origin=None
    )
    assert refused.status in (401, 403)


async def test_nothing_is_signed_without_a_nonce_a_key_or_a_known_key_id(keyed):
    for headers, origin in (
        ({}, "test.app"),
        ({"X-GotAPI-Nonce": ""}, "test.app"),
        ({"X-GotAPI-Nonce": "ab"}, "test.app"),
        ({"X-GotAPI-Nonce": "AB" * 16}, "test.app"),
        ({"X-GotAPI-Nonce": "ab" * 65}, "test.app"),
        ({"X-GotAPI-Nonce": NONCE}, "other.app"),
        ({"X-GotAPI-Nonce": NONCE}, None),
        ({"X-GotAPI-Nonce": NONCE, "X-GotAPI-Key-Id": "root"}, "test.app"),
    ):
        answer = await keyed.ask("GET", "/gotapi/availability", headers=headers, origin=origin)
        assert answer.status == 200
        assert "x-gotapi-mac" not in answer.headers, (headers, origin)


async def test_a_key_that_came_by_a_request_signs_no_whole_answer(desk):
    await desk.ask("GET", "/gotapi/availability", {"key": KEY}, origin=PAGE)
    nonce = {"X-GotAPI-Nonce": NONCE}
    answer = await desk.ask("GET", "/gotapi/availability", headers=nonce, origin=PAGE)
    assert "x-gotapi-mac" not in answer.headers


async def test_a_key_of_a_request_does_not_replace_the_one_that_the_user_handed_over(keyed):
    await keyed.ask("GET", "/gotapi/availability", {"key": "66" * 32}, origin="test.app")
    await keyed.ask("GET", "/gotapi/availability", {"key": ""}, origin="test.app")
    await check(keyed, "GET", "/gotapi/availability")


async def test_a_key_too_short_for_the_second_version_serves_only_the_first(desk):
    await desk.hub.auth.launch_key("test.app", "0f" * 16)  # as DeviceConnect's SDK makes them
    nonce = {"X-GotAPI-Nonce": NONCE}
    answer = await desk.ask("GET", "/gotapi/authorization/grant", {"nonce": "00"}, headers=nonce)
    assert "x-gotapi-mac" not in answer.headers
    assert len(answer.json["hmac"]) == 64


async def test_the_first_version_cannot_be_made_to_sign_for_the_second(keyed):
    """A relay would send the message of its forged answer as the nonce of the first version."""
    forged = b"gotapi-hub answer v2\n" + secrets.token_bytes(100)
    for nonce, signed in ((forged.hex(), False), (forged[1:].hex(), True), ("00", True)):
        answer = await keyed.ask("GET", "/gotapi/authorization/grant", {"nonce": nonce})
        assert ("hmac" in answer.json) is signed


async def test_a_header_that_decides_about_the_key_must_not_come_twice(keyed):
    request = keyed.request("GET", "/gotapi/availability", {"X-GotAPI-Nonce": NONCE})
    twice = request.replace(b"\r\n\r\n", b"\r\nX-GotAPI-Nonce: " + b"cd" * 16 + b"\r\n\r\n")
    answer = await keyed.raw(twice)
    assert int(answer.json["errorCode"]) == 10
    assert "x-gotapi-mac" not in answer.headers


async def test_pages_may_read_the_proof(keyed):
    answer = await keyed.ask(
        "GET", "/gotapi/availability", headers={"X-GotAPI-Nonce": NONCE}, origin=PAGE
    )
    assert "x-gotapi-mac" in answer.headers["access-control-expose-headers"]
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-gotapi-nonce",
    }
    preflight = await keyed.ask("OPTIONS", "/gotapi/availability", headers=asked, origin=PAGE)
    assert "x-gotapi-nonce" in preflight.headers["access-control-allow-headers"]
