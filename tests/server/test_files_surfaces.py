"""Files of applications, and the paths that plug-ins own, byte by byte."""

import errno
import hashlib
import json
import os
from types import SimpleNamespace

import pytest

from gotapi_core import blobs
from gotapi_core.plugin import SurfaceReply
from gotapi_core.protocol.errors import IllegalDeviceState

PAGE = "https://shop.example"
FILE = b"G28 ; home\nG1 X1.5\n" * 1000


async def upload(desk, token, body=FILE, headers=None, **params):
    wish = {"accessToken": token, **params}
    return await desk.ask("POST", "/blobs/", wish, headers=headers, body=body)


def path_of(answer):
    return "/blobs/" + answer.json["uri"].rpartition("/")[2]


def left_behind(desk):
    return [one.name for one in desk.hub.paths.blobs.iterdir() if one.suffix == ".part"]


async def test_a_file_goes_up_and_comes_back(desk, token):
    digest = hashlib.sha256(FILE).hexdigest()
    stored = await upload(desk, token, name="cube.gcode", sha256=digest.upper())
    assert stored.status == 200
    assert stored.json["result"] == 0
    assert (stored.json["size"], stored.json["sha256"]) == (len(FILE), digest)
    assert stored.json["name"] == "cube.gcode"
    assert stored.json["uri"].startswith(f"http://{desk.host}/blobs/")

    back = await desk.ask("GET", path_of(stored), {"accessToken": token}, origin="test.app")
    assert (back.status, back.body) == (200, FILE)
    assert back.headers["content-type"] == "application/octet-stream"
    assert back.headers["content-disposition"] == 'attachment; filename="cube.gcode"'
    assert back.headers["x-content-type-options"] == "nosniff"
    assert back.headers["etag"] == f'"{digest}"'


async def test_an_upload_in_chunks_with_a_bearer_token(desk, token):
    headers = {"Transfer-Encoding": "chunked", "Authorization": f"Bearer {token}"}
    line = await desk.connect()
    line.send(desk.request("POST", "/blobs/?name=a", headers) + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    stored = await line.answer()
    headers = {"Authorization": f"bearer {token}"}
    assert (await desk.ask("GET", path_of(stored), headers=headers)).body == b"abcde"


async def test_head_tells_of_a_file_without_sending_it(desk, token):
    stored = await upload(desk, token)
    answer = await desk.ask("HEAD", path_of(stored), {"accessToken": token})
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(FILE)))


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, FILE[:10]),
        ("bytes=100-", 206, FILE[100:]),
        ("bytes=-5", 206, FILE[-5:]),
        (f"bytes={len(FILE)}-", 416, None),
        ("bytes=5-1", 200, FILE),  # RFC 9110 14.2: what is no range is as if it were not there
        ("lines=1-2", 200, FILE),
    ],
)
async def test_parts_of_a_file(desk, token, wanted, status, part):
    stored = await upload(desk, token)
    headers = {"Range": wanted}
    answer = await desk.ask("GET", path_of(stored), {"accessToken": token}, headers=headers)
    assert answer.status == status
    if part is not None:
        assert answer.body == part


async def test_ten_thousand_ranges_cost_nothing(desk, token):
    stored = await upload(desk, token)
    ranges = ",".join(f"{number}-{number}" for number in range(0, 10_000, 2))
    headers = {"Range": f"bytes={ranges}"}
    answer = await desk.ask("GET", path_of(stored), {"accessToken": token}, headers=headers)
    assert answer.status in (200, 206, 400, 416)


async def test_a_known_file_is_not_sent_again(desk, token):
    stored = await upload(desk, token)
    wish, etag = {"accessToken": token}, f'"{stored.json["sha256"]}"'
    for known in (etag, f'"other", W/{etag}', "*"):
        headers = {"If-None-Match": known}
        answer = await desk.ask("GET", path_of(stored), wish, headers=headers)
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    headers = {"If-None-Match": '"other"'}
    assert (await desk.ask("GET", path_of(stored), wish, headers=headers)).status == 200
    headers = {"If-Range": '"other"', "Range": "bytes=0-1"}
    assert (await desk.ask("GET", path_of(stored), wish, headers=headers)).status == 200
    headers = {"If-Range": etag, "Range": "bytes=0-1"}
    assert (await desk.ask("GET", path_of(stored), wish, headers=headers)).status == 206


async def test_a_file_belongs_to_its_application(desk, token):
    stored = await upload(desk, token)
    other = await desk.token(origin="other.app")
    for wish, origin, status in (
        ({"accessToken": other}, "other.app", 404),
        ({"accessToken": token}, "other.app", 403),
        ({}, "test.app", 403),
        ({"accessToken": "unknown"}, "test.app", 403),
    ):
        answer = await desk.ask("GET", path_of(stored), wish, origin=origin)
        # A real status in both lineages: whoever saves a file would save a 200 as the file.
        assert (answer.status, answer.json["result"]) == (status, 1)


@pytest.mark.parametrize(
    "name", ["", "x", "..", "%2e%2e%2fhub.sqlite3", "../hub.sqlite3", "a/b", "%E2%82%AC", "x" * 22]
)
async def test_no_other_file_can_be_read(desk, token, name):
    answer = await desk.ask("GET", f"/blobs/{name}", {"accessToken": token})
    assert answer.status == 404
    assert "upload it again" in answer.json["errorMessage"]


async def test_a_file_that_somebody_deleted_is_missed_politely(desk, token, monkeypatch):
    stored = await upload(desk, token)
    found = await desk.hub.blobs.find(path_of(stored)[7:], desk.hub.auth.applications()[0].id)
    found.path.unlink()
    answer = await desk.ask("GET", path_of(stored), {"accessToken": token})
    assert (answer.status, "upload it again" in answer.json["errorMessage"]) == (404, True)

    async def find(blob_id, owner):
        return found  # as if it had gone in just this moment

    monkeypatch.setattr(desk.hub.blobs, "find", find)
    answer = await desk.ask("GET", path_of(stored), {"accessToken": token})
    assert (answer.status, "no longer there" in answer.json["errorMessage"]) == (404, True)


async def test_a_damaged_upload_is_refused_and_leaves_nothing(desk, token):
    answer = await upload(desk, token, sha256="0" * 64)
    assert answer.json["errorCode"] == 10
    assert "arrived damaged" in answer.json["errorMessage"]
    assert not list(desk.hub.paths.blobs.iterdir())


async def test_uploads_are_limited_announced_or_not(start):
    async with start(upload_size=1000) as desk:
        token = await desk.token()
        assert (await upload(desk, token, b"x" * 1000)).json["result"] == 0
        announced = await upload(desk, token, b"x" * 1001)
        assert (announced.status, announced.json["errorCode"]) == (413, 10)
        assert "server.upload_size" in announced.json["errorMessage"]
        line = await desk.connect()
        target = f"/blobs/?accessToken={token}"
        line.send(desk.request("POST", target, {"Transfer-Encoding": "chunked"}))
        line.send(b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n")
        assert (await line.answer()).status == 413
        assert not left_behind(desk)


async def test_where_and_how_files_are_sent(desk, token):
    for method, target, code in (
        ("PUT", "/blobs/", 3), ("DELETE", "/blobs/x", 10), ("POST", "/blobs/mine", 19),
    ):  # fmt: skip
        answer = await desk.ask(method, target, {"accessToken": token}, body=b"x")
        assert answer.json["errorCode"] == code
    answer = await desk.ask("POST", "/blobs/", {"accessToken": "x"}, body=b"x", origin=PAGE)
    assert (answer.status, answer.json["result"]) == (403, 13)


async def test_a_disk_without_room_is_507(desk, token, monkeypatch):
    full = SimpleNamespace(f_bavail=10, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    page = await desk.token(origin=PAGE)
    for wish, origin, status in ((page, PAGE, 507), (token, "test.app", 200)):
        answer = await desk.ask("POST", "/blobs/", {"accessToken": wish}, body=FILE, origin=origin)
        assert (answer.status, int(answer.json["errorCode"])) == (status, 17)
        assert "free some disk space" in answer.json["errorMessage"]


@pytest.mark.parametrize("size", [100, 100_000, 3_000_000])
async def test_a_disk_that_fills_up_on_the_way_is_507_and_leaves_nothing(desk, monkeypatch, size):
    body = b"x" * size
    page = await desk.token(origin=PAGE)
    monkeypatch.setattr(blobs.BlobWriter, "__init__", _on_a_full_disk(blobs.BlobWriter.__init__))
    answer = await desk.ask("POST", "/blobs/", {"accessToken": page}, body=body, origin=PAGE)
    assert (answer.status, answer.json["result"]) == (507, 17)
    assert os.strerror(errno.ENOSPC) in answer.json["errorMessage"]
    assert not left_behind(desk)


def _on_a_full_disk(begin):
    def init(self, *args):
        begin(self, *args)
        self._file.close()
        self._file = open("/dev/full", "wb")  # noqa: SIM115  # the writer closes it

    return init


# Surfaces.


async def test_a_surface_gets_the_request_as_it_was_sent(desk):
    desk.echo.reply = SurfaceReply(status=418, headers=(("X-Kettle", "yes"),), body=b"tea")
    raw = b"/raw/a%2Fb/%C3%A9//c?x=%20&x=1&&=;%zz"
    head = b"GET " + raw + b" HTTP/1.1\r\nHost: " + desk.host.encode()
    answer = await desk.raw(head + b"\r\nX-Two: a\r\nX-Two: b\r\nX-Raw: \xe9\r\n\r\n")
    assert (answer.status, answer.body) == (418, b"tea")
    assert answer.headers["x-kettle"] == "yes"
    (request,) = desk.echo.requests
    assert (request.method, request.path) == ("GET", "/raw/a%2Fb/%C3%A9//c")
    assert request.query == b"x=%20&x=1&&=;%zz"
    assert ("x-two", "a") in request.headers
    assert ("x-two", "b") in request.headers
    assert ("x-raw", "\xe9") in request.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_a_surface_answers_any_method(desk, method):
    desk.echo.reply = SurfaceReply(body=b"body")
    answer = await desk.ask(method, "/raw", origin=None, body=b"abc")
    assert answer.status == 200
    assert answer.body == (b"" if method == "HEAD" else b"body")
    assert answer.headers["content-length"] == "4"
    assert (desk.echo.requests[0].method, desk.echo.requests[0].body) == (method, b"abc")


async def test_a_surface_owns_what_is_below_it_and_nothing_beside_it(desk):
    for path in ("/raw", "/raw/", "/raw/x/y"):
        assert (await desk.ask("GET", path, origin=None)).status == 200
    for path in ("/rawx", "/ra", "/RAW", "//raw"):
        assert (await desk.ask("GET", path, origin=None)).status == 404


async def test_a_large_body_comes_as_a_file_that_goes_afterwards(desk):
    body = os.urandom(3_000_000)
    assert (await desk.ask("POST", "/raw", body=body)).status == 200
    (request,) = desk.echo.requests
    assert request.body == b""
    assert request.file is not None
    assert desk.echo.spooled == [body]
    assert not list(desk.hub.paths.blobs.iterdir())


async def test_a_body_over_the_limit_is_refused_announced_or_not(start):
    async with start(upload_size=2_000_000) as desk:
        assert (await desk.ask("POST", "/raw", body=b"x" * 2_000_001)).status == 413
        line = await desk.connect()
        line.send(desk.request("POST", "/raw", {"Transfer-Encoding": "chunked"}))
        line.send(b"1e8481\r\n" + b"x" * 2_000_001 + b"\r\n0\r\n\r\n")
        assert (await line.answer()).status == 413
        assert not desk.echo.requests
        assert not list(desk.hub.paths.blobs.iterdir())


async def test_a_client_that_leaves_takes_its_spool_file_along(desk):
    line = await desk.connect()
    line.send(desk.request("POST", "/raw", {"Content-Length": "9000000"}) + b"x" * 3_000_000)
    await desk.until(lambda: left_behind(desk))
    line.close()
    await desk.until(lambda: not left_behind(desk))
    assert not desk.echo.requests


async def test_a_full_disk_stops_a_large_body(desk, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    answer = await desk.ask("POST", "/raw", body=b"x" * 3_000_000, origin=PAGE)
    assert (answer.status, answer.json["result"]) == (507, 17)
    assert not left_behind(desk)


async def test_a_surface_sends_a_file(desk, tmp_path):
    content = os.urandom(1_000_000)
    (tmp_path / "big").write_bytes(content)
    headers = (("Content-Type", "model/stl"), ("Content-Length", "1"), ("Cache-Control", "public"))
    desk.echo.reply = SurfaceReply(headers=headers, file=str(tmp_path / "big"))
    answer = await desk.ask("GET", "/raw")
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["content-type"] == "model/stl"
    names = [name for name, _ in answer.fields]
    assert (names.count("content-length"), answer.headers["cache-control"]) == (1, "public")
    (tmp_path / "big").write_bytes(b"")
    assert (await desk.ask("GET", "/raw")).body == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_content_has_none(desk, status):
    desk.echo.reply = SurfaceReply(status=status, body=b"not sent")
    line = await desk.connect()
    for _ in range(2):  # the second answer is where the first one ends
        line.send(desk.request("GET", "/raw"))
        assert (await line.answer()).status == status


async def test_the_hub_says_who_may_read_a_surface(desk):
    headers = (("Access-Control-Allow-Origin", "*"), ("Vary", "x"), ("Connection", "close"))
    desk.echo.reply = SurfaceReply(headers=headers)
    answer = await desk.ask("GET", "/raw", origin=PAGE)
    assert [value for name, value in answer.fields if name == "access-control-allow-origin"] == [
        PAGE
    ]
    assert answer.headers["vary"] == "Origin"
    assert "connection" not in answer.headers


async def test_a_surface_cannot_act_as_the_hub_in_a_browser(desk):
    headers = (
        ("Set-Cookie", "session=stolen; Path=/operator"),
        ("Service-Worker-Allowed", "/"),
        ("Clear-Site-Data", '"*"'),
        ("Strict-Transport-Security", "max-age=1"),
        ("Content-Security-Policy", "script-src 'none'"),
    )
    page = b"<script>fetch('/operator/api/state')</script>"
    desk.echo.reply = SurfaceReply(headers=(*headers, ("Content-Type", "text/html")), body=page)
    answer = await desk.ask("GET", "/raw", origin=None, headers={"Cookie": "session=x"})
    policies = [value for name, value in answer.fields if name == "content-security-policy"]
    assert len(policies) == 2  # a browser obeys both
    assert policies[0].startswith("sandbox ")
    assert "allow-same-origin" not in policies[0]
    refused = {"set-cookie", "service-worker-allowed", "clear-site-data"}
    assert not refused & {name for name, _ in answer.fields}
    assert "strict-transport-security" not in answer.headers
    (request,) = desk.echo.requests
    assert "cookie" not in {name for name, _ in request.headers}


FAULTY = [
    (SurfaceReply(headers=(("X", "a\r\nSet-Cookie: b"),)), "header 'X'"),
    (SurfaceReply(headers=(("X Y", "a"),)), "header 'X Y'"),
    (SurfaceReply(headers=(("", "a"),)), "header ''"),
    (SurfaceReply(headers=(("X", "\u20ac"),)), "header 'X'"),
    (SurfaceReply(headers=(("\u20ac", "x"),)), "header '\u20ac'"),
    (SurfaceReply(status=42), "status 42"),
    (SurfaceReply(status=101), "status 101"),
    (SurfaceReply(status=700), "status 700"),
    (SurfaceReply(file="/nowhere/at/all"), "cannot be read"),
    (RuntimeError("broken"), "failed with RuntimeError"),
]


@pytest.mark.parametrize(("reply", "says"), FAULTY)
async def test_what_a_surface_does_wrong_is_its_own_fault(start, reply, says):
    async with start(faults=("plug-in echo",)) as desk:
        desk.echo.reply = reply
        page = await desk.ask("GET", "/raw", origin=PAGE)
        assert (page.status, page.json["result"]) == (500, 1)
        assert says in page.json["errorMessage"]
        native = await desk.ask("GET", "/raw")
        assert (native.status, native.json["errorCode"]) == (200, 1)


async def test_a_refusal_of_a_surface_is_mapped_like_any_other(desk):
    desk.echo.reply = IllegalDeviceState("The bed is hot")
    answer = await desk.ask("GET", "/raw", origin=PAGE)
    assert (answer.status, answer.json["result"]) == (409, 16)
    assert json.loads(answer.body)["errorMessage"].endswith("The bed is hot")
