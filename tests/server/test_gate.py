"""Who may ask at all: Host, Origin and Sec-Fetch, over every route there is."""

import pytest

from gotapi_core.protocol.names import Method
from gotapi_core.server.endpoints import OWN_ROUTES

PAGE = "https://shop.example"


def routes():
    """Every path of the hub with a method it knows, from the tables where there are any."""
    found = [(str(method), route.name.uri) for route in OWN_ROUTES for method in route.methods]
    found += [(str(method), "/gotapi/echo/say") for method in Method]
    found += [("PUT", "/gotapi/tick/count"), ("DELETE", "/gotapi/tick/count")]
    found += [("GET", "/gotapi/events"), ("POST", "/blobs/"), ("GET", "/blobs/x")]
    found += [("GET", "/raw"), ("POST", "/raw/below")]
    found += [("GET", "/"), ("GET", "/operator"), ("GET", "/operator/login")]
    found += [("GET", "/operator/api/state"), ("POST", "/operator/api/approve")]
    return [*found, ("GET", "/nothing"), ("OPTIONS", "/gotapi/echo/say"), ("HEAD", "/raw")]


ROUTES = routes()
API = [(method, path) for method, path in ROUTES if path != "/" and "/operator" not in path]
OPERATOR = [(method, path) for method, path in ROUTES if (method, path) not in API]


def refused(answer):
    """Tell whether the gate refused: what is behind it never words it so."""
    return answer.status in (400, 403) and (
        answer.body == b"" or answer.json.get("errorCode") in (18, "18", 10, "10")
    )


async def test_the_table_names_every_route_of_the_plug_in(desk):
    (supervisor,) = desk.hub.registry
    paths = {path for _, path in ROUTES}
    table = supervisor.description.routes
    assert {f"/gotapi/{profile}" for profile in table.profiles()} == {
        path.rpartition("/")[0] for path in paths if "echo" in path or "tick" in path
    }
    assert {route.path for route in table.surfaces()} <= paths


REBINDING = [
    "evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil:80",
    "xlocalhost", "127.0.0.2", "10.0.0.1:{port}", "0.0.0.0:{port}", "[::]:{port}", "[::2]:{port}",
    "2130706433:{port}", "0x7f000001:{port}", "127.1:{port}", "localhost:99999", "localhost:",
    "localhost:-1", "user@localhost:{port}", "localhost:{port}/x", "localhost, evil.example",
    "", " ", "::1", "[::1", "localhost..",
]  # fmt: skip


@pytest.mark.parametrize("host", REBINDING)
async def test_no_route_answers_under_a_foreign_name(desk, host):
    for method, path in ROUTES:
        answer = await desk.ask(method, path, host=host.format(port=desk.port))
        assert refused(answer), (method, path, answer)


GOOD = [
    "127.0.0.1:{port}", "127.0.0.1", "localhost:{port}", "LOCALHOST", "localhost.", "[::1]:{port}",
    "localhost.:{port}", "[0:0:0:0:0:0:0:1]", "127.0.0.1:1", "localhost:65535",
]  # fmt: skip


@pytest.mark.parametrize("host", GOOD)
async def test_the_names_of_this_machine_are_good_with_any_port(desk, host):
    # Behind a forwarded port the hub cannot know its own; names are what rebinding needs.
    for method, path in API:
        answer = await desk.ask(method, path, host=host.format(port=desk.port))
        assert not refused(answer), (method, path, answer)


async def test_further_names_come_from_the_settings(start):
    async with start(names=("Hub.Local",)) as desk:
        good = await desk.ask("GET", "/gotapi/availability", host="hub.local:80")
        bad = await desk.ask("GET", "/gotapi/availability", host="x.hub.local")
        assert (good.status, bad.status) == (200, 403)


ONCE = ["Host", "Origin", "X-GotAPI-Origin", "Referer", "Authorization", "Content-Type", "Cookie",
        "Sec-Fetch-Site", "Sec-Fetch-Mode"]  # fmt: skip


@pytest.mark.parametrize("name", ONCE)
async def test_what_decides_who_asks_may_come_only_once(desk, name):
    for method, path in ROUTES:
        value = desk.host if name == "Host" else "same-origin"
        twice = f"{name}: {value}\r\n{name.lower()}: {value}\r\n"
        host = "" if name == "Host" else f"Host: {desk.host}\r\n"
        request = f"{method} {path} HTTP/1.1\r\n{host}{twice}\r\n".encode()
        answer = await desk.raw(request, head=method == "HEAD")
        assert answer.status == 400, (method, path, answer)
        if method != "HEAD":
            assert "twice" in answer.json["errorMessage"]


async def test_a_harmless_header_may_come_twice(desk):
    request = f"GET /gotapi/availability HTTP/1.1\r\nHost: {desk.host}\r\nAccept: a\r\nAccept: b"
    assert (await desk.raw(request.encode() + b"\r\n\r\n")).status == 200


async def test_without_a_host_nothing_is_answered(desk):
    for version in ("1.0", "1.1"):
        for method, path in ROUTES:
            request = f"{method} {path} HTTP/{version}\r\nX-GotAPI-Origin: a\r\n\r\n".encode()
            assert (await desk.raw(request, head=method == "HEAD")).status == 403


async def test_http_1_0_is_answered_and_closed(desk):
    line = await desk.connect()
    line.send(f"GET /gotapi/availability HTTP/1.0\r\nHost: {desk.host}\r\n\r\n".encode())
    answer = await line.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await line.rest() == b""


SITES = ["same-origin", "same-site", "cross-site", "none", "", "rubbish"]
MODES = ["cors", "no-cors", "navigate", "websocket", "same-origin", ""]


def allowed(site: str, mode: str) -> bool:
    if site in ("same-origin", "none"):
        return True
    return site in ("same-site", "cross-site") and mode in ("cors", "websocket")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("mode", MODES)
async def test_the_sec_fetch_matrix_of_the_api(desk, site, mode):
    headers = {"Origin": PAGE, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    for method, path in API:
        answer = await desk.ask(method, path, headers=headers, origin=None)
        gate = answer.status == 403 and (
            method == "HEAD" or "Sec-Fetch-Site" in answer.json["errorMessage"]
        )
        assert gate is not allowed(site, mode), (method, path, answer)


async def test_an_image_or_a_link_of_a_foreign_page_reaches_nothing(desk, token):
    # No page can leave these headers out, and no image or link carries Origin.
    for mode, dest in (("no-cors", "image"), ("navigate", "document"), ("no-cors", "script")):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
        for method, path in ROUTES:
            target = f"{path}?accessToken={token}"
            answer = await desk.ask(method, target, headers=headers, origin=None)
            assert answer.status == 403, (method, path)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_the_operator_pages_are_not_for_other_sites(desk, site):
    for mode in MODES:
        headers = {"Origin": PAGE, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        for method, path in OPERATOR:
            answer = await desk.ask(method, path, headers=headers, origin=None)
            assert (answer.status, answer.json["errorCode"]) == (403, "18")


async def test_operator_pages_may_be_opened_by_hand_and_not_be_posted_to(desk):
    headers = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    assert (await desk.ask("GET", "/", headers=headers, origin=None)).status == 200
    for headers in ({}, {"Sec-Fetch-Site": "none"}):
        answer = await desk.ask("POST", "/operator/api/approve", headers=headers, origin=None)
        assert answer.status == 403


async def test_every_spelling_of_the_operator_path_passes_its_gate(desk):
    headers = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    for path in ("/%6fperator/api/state", "/operator%2Fapi%2fstate", "/operator/../operator"):
        answer = await desk.ask("GET", path, headers=headers, origin=None)
        assert answer.status == 403
    for path in ("//operator", "/./operator", "/operatorx", "/OPERATOR"):
        answer = await desk.ask("GET", path, headers=headers, origin=None)
        assert answer.status == 404  # none of these is the operator's


@pytest.mark.parametrize("path", sorted({path for _, path in API}))
async def test_a_preflight_needs_neither_token_nor_identity(desk, path):
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-gotapi-origin, Content-Type",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
    }
    answer = await desk.ask("OPTIONS", path, headers=headers, origin=None)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "x-gotapi-origin, Content-Type"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


async def test_there_is_no_preflight_for_the_operator_pages(desk):
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
    }
    for path in ("/", "/operator", "/operator/api/approve"):
        answer = await desk.ask("OPTIONS", path, headers=headers, origin=None)
        assert answer.status == 403


@pytest.mark.parametrize(
    "asked",
    [
        "x\tSet-Cookie: a=b",
        "x\x85y",
        "x: y",
        "a\xe9",
        "<script>",
        "x" * 2000,
        "",
    ],
)
async def test_a_preflight_echoes_nothing_but_names(desk, asked):
    headers = {"Origin": PAGE, "Access-Control-Request-Headers": asked}
    answer = await desk.ask("OPTIONS", "/gotapi/x", headers=headers, origin=None)
    assert answer.status == 200
    assert answer.headers["access-control-allow-headers"] == "x-gotapi-origin, content-type"
    assert len(answer.fields) == len(dict(answer.fields))


@pytest.mark.parametrize("bad", [b"\r\n x: y", b"\n\nX", b"a\rb", b"a\0b", b"a\x01b", b"\x7f"])
async def test_a_header_that_would_split_the_answer_never_comes_back(desk, bad):
    for name in (b"Origin", b"Access-Control-Request-Headers", b"X-GotAPI-Origin", b"Host"):
        line = await desk.connect()
        head = b"OPTIONS /gotapi/x HTTP/1.1\r\nHost: " + desk.host.encode() + b"\r\n"
        line.send(head + name + b": https://a.example" + bad + b"\r\n\r\n")
        answer = await line.answer()
        assert answer.status in (200, 400, 403)
        assert {"x", "set-cookie"} & set(answer.headers) == set()
        line.close()


async def test_null_is_an_origin_of_its_own(desk):
    # Sandboxed frames and local files; the user sees it as such when it asks for consent.
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "null"}
    answer = await desk.ask("GET", "/gotapi/authorization/grant", headers=headers, origin=None)
    assert answer.json["clientId"]
    assert answer.headers["access-control-allow-origin"] == "null"


@pytest.mark.parametrize(
    "origin", ["https://a.example/path", "https://a b", "a.example", "https://u@a", "https://a,b"]
)
async def test_what_is_no_origin_is_result_18(desk, origin):
    headers = {"Origin": origin}
    answer = await desk.ask("GET", "/gotapi/authorization/grant", headers=headers, origin=None)
    assert (answer.status, answer.json["result"]) == (403, 18)


async def test_an_unnamed_application_is_told_how_to_name_itself(desk):
    for path in ("authorization/grant", "servicediscovery", "echo/say"):
        answer = await desk.ask("GET", f"/gotapi/{path}", origin=None)
        assert (answer.status, answer.json["result"]) == (403, 18)
        assert "X-GotAPI-Origin: my.application.name" in answer.json["errorMessage"]


async def test_a_page_cannot_call_itself_by_another_name(desk, token):
    headers = {"X-GotAPI-Origin": "test.app"}
    wish = {"accessToken": token}
    answer = await desk.ask("GET", "/gotapi/servicediscovery", wish, headers=headers, origin=PAGE)
    assert answer.json["errorCode"] == 18


async def test_error_answers_can_be_read_by_the_page_too(desk):
    for path in ("/gotapi/servicediscovery", "/nothing", "/blobs/x", "/gotapi/%ff"):
        answer = await desk.ask("GET", path, origin=PAGE)
        assert answer.status >= 400
        assert answer.headers["access-control-allow-origin"] == PAGE


async def test_an_absolute_target_does_not_go_round_the_gate(desk):
    for target in (f"http://{desk.host}/gotapi/availability", "http://evil.example/gotapi/x"):
        good = await desk.ask("GET", target)
        bad = await desk.ask("GET", target, host="evil.example")
        assert bad.status == 403
        assert good.status in (200, 404)
    assert (await desk.ask("OPTIONS", "*")).status in (200, 400, 404)
    assert (await desk.ask("CONNECT", "evil.example:443")).status >= 400
