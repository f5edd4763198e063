"""tus 1.0.0 against a real hub: every rule of the text that a server must keep."""

import asyncio
import hashlib
import os

import pytest

from gotapi_core.uploads import LIFETIME, MAX_OPEN

BODY = os.urandom(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


async def test_a_file_in_three_bodies(site):
    path = await site.create(len(BODY), filename="cube.stl", filetype="model/stl", sha256=DIGEST)
    for start, stop in ((0, 1), (1, 200_000), (200_000, len(BODY))):
        answer = await site.patch(path, start, BODY[start:stop])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(stop))
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert "content-length" not in answer.headers
    assert answer.headers["etag"] == f'"{DIGEST}"'
    back = await site.http.get(path)
    assert (back.content, back.headers["etag"]) == (BODY, f'"{DIGEST}"')
    assert back.headers["content-disposition"] == 'attachment; filename="cube.stl"'


async def test_what_the_hub_can_do(site):
    preflight = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "tus-resumable,upload-offset",
    }
    for headers in ({}, preflight):
        answer = await site.http.options("/blobs/", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-max-size"] == str(1 << 30)
        assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
        assert "creation-with-upload" in answer.headers["tus-extension"]
    assert answer.headers["access-control-allow-headers"] == "tus-resumable,upload-offset"
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "upload-offset" in answer.headers["access-control-expose-headers"]


async def test_head_tells_offset_length_and_metadata(site):
    path = await site.create(10, filename="a.txt", whatever="x")
    await site.patch(path, 0, b"12345")
    answer = await site.tus("HEAD", path)
    assert answer.status_code == 200
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("5", "10")
    assert answer.headers["upload-metadata"] == "filename YS50eHQ=,whatever eA=="
    assert answer.headers["cache-control"] == "no-store"
    await site.patch(path, 5, b"67890")
    answer = await site.tus("HEAD", path)  # whoever lost the last answer asks like this
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("10", "10")


async def test_an_upload_is_invisible_until_it_is_whole(site):
    path = await site.create(4)
    await site.patch(path, 0, b"ab")
    assert (await site.http.get(path)).status_code == 404
    assert (await site.http.post(f"{path}/link")).status_code == 400
    assert await site.hub.blobs.listed() == []
    uri = f"{site.live.url}{path}"
    wish = {"serviceId": "one.maker", "uri": uri}
    assert (await site.http.get("/gotapi/make/text", params=wish)).status_code == 400
    await site.patch(path, 2, b"cd")
    assert (await site.http.get("/gotapi/make/text", params=wish)).json()["text"] == "abcd"


async def test_creation_with_upload(site):
    kind = {"Content-Type": "application/offset+octet-stream"}
    answer = await site.tus("POST", "/blobs/", b"abc", Upload_Length=5, **kind)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "3")
    path = answer.headers["location"].removeprefix(site.live.url)
    assert (await site.patch(path, 3, b"de")).status_code == 204
    assert await site.read(path) == b"abcde"
    whole = await site.tus("POST", "/blobs/", b"abc", Upload_Length=3, **kind)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, "3")
    assert await site.read(whole.headers["location"]) == b"abc"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Upload-Length": "2", "Content-Type": "application/offset+octet-stream"}, 413),
        ({"Upload-Checksum": "sha1 AAAA", "Content-Type": "application/offset+octet-stream"}, 400),
    ],
)
async def test_a_refused_creation_with_upload_leaves_nothing(site, change, status):
    headers = {"Upload-Length": "3"} | change
    answer = await site.tus("POST", "/blobs/", b"abc", **headers)
    assert answer.status_code == status
    assert site.hub.blobs.uploads.listed() == []
    assert site.hub.blobs.usage.of(site.application) == 0
    assert site.files() == []


async def test_a_damaged_creation_with_upload_leaves_nothing(site, checksum):
    headers = {"Content-Type": "application/offset+octet-stream"}
    answer = await site.tus(
        "POST", "/blobs/", b"abc", Upload_Length=3, Upload_Checksum=checksum(b"abd"), **headers
    )
    assert answer.status_code == 460
    assert (site.files(), site.hub.blobs.usage.of(site.application)) == ([], 0)


async def test_an_empty_file_is_whole_at_once(site):
    path = await site.create(0, filename="nothing")
    assert await site.read(path) == b""
    assert await site.offset(path) == 0


@pytest.mark.parametrize("offset", [0, 2, 4, 10, 10**18])
async def test_a_wrong_offset_is_409_and_changes_nothing(site, offset):
    path = await site.create(10)
    await site.patch(path, 0, b"abc")
    answer = await site.patch(path, offset, b"xyz")
    assert answer.status_code == 409
    assert "has 3 bytes" in answer.json()["errorMessage"]
    assert await site.offset(path) == 3
    assert (await site.patch(path, 3, b"defghij")).status_code == 204
    assert await site.read(path) == b"abcdefghij"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Content-Type": None}, 415),
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Checksum": "md5 AAAA"}, 400),
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Tus-Resumable": ""}, 412),
    ],
)
async def test_a_malformed_patch_changes_nothing(site, headers, status):
    path = await site.create(10)
    answer = await site.patch(path, 0, b"abc", **headers)
    assert answer.status_code == status
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers.get("tus-version") == ("1.0.0" if status == 412 else None)
    assert await site.offset(path) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_checksum_is_compared_before_the_bytes_count(site, checksum, algorithm):
    path = await site.create(6, sha256=hashlib.sha256(b"abcdef").hexdigest())
    bad = await site.patch(path, 0, b"abX", Upload_Checksum=checksum(b"abc", algorithm))
    assert (bad.status_code, await site.offset(path)) == (460, 0)
    good = await site.patch(path, 0, b"abc", Upload_Checksum=checksum(b"abc", algorithm))
    assert (good.status_code, good.headers["upload-offset"]) == (204, "3")
    bad = await site.patch(path, 3, b"deX", Upload_Checksum=checksum(b"def", algorithm))
    assert (bad.status_code, await site.offset(path)) == (460, 3)
    await site.patch(path, 3, b"def")
    assert await site.read(path) == b"abcdef"


async def test_a_file_that_is_not_what_was_announced_is_thrown_away(site):
    path = await site.create(3, sha256=DIGEST)
    answer = await site.patch(path, 0, b"abc")
    assert answer.status_code == 460
    assert "thrown it away, send it again" in answer.json()["errorMessage"]
    assert (await site.tus("HEAD", path)).status_code == 404
    assert (await site.http.get(path)).status_code == 404
    assert (site.files(), site.hub.blobs.usage.of(site.application)) == ([], 0)


async def test_a_body_beyond_the_end_is_413_and_changes_nothing(site):
    path = await site.create(5)
    await site.patch(path, 0, b"ab")
    assert (await site.patch(path, 2, b"cdef")).status_code == 413

    async def pieces():
        yield b"cd"
        yield b"ef" * 500_000

    assert (await site.patch(path, 2, pieces())).status_code == 413
    assert await site.offset(path) == 2
    await site.patch(path, 2, b"cde")
    assert await site.read(path) == b"abcde"


async def test_a_file_over_the_limit_is_413_before_anything(start_site):
    async with start_site(upload_size=1000) as site:
        answer = await site.tus("POST", Upload_Length=1001)
        assert answer.status_code == 413
        assert "server.upload_size" in answer.json()["errorMessage"]
        assert site.files() == []
        await site.create(1000)


async def test_delete_throws_an_upload_away(site):
    path = await site.create(10)
    await site.patch(path, 0, b"abc")
    answer = await site.tus("DELETE", path)
    assert (answer.status_code, site.files()) == (204, [])
    for method in ("HEAD", "PATCH", "DELETE"):
        assert (await site.tus(method, path, b"", Upload_Offset=3)).status_code == 404
    assert site.hub.blobs.usage.of(site.application) == 0


async def test_delete_takes_whole_files_too(site):
    path = await site.store(b"abc")
    assert (await site.tus("DELETE", path)).status_code == 204
    path = await site.store(b"abc")
    assert (await site.http.delete(path)).json()["result"] == 0
    assert (await site.http.get(path)).status_code == 404
    assert (await site.http.delete(path)).status_code == 400
    assert site.files() == []


async def test_post_may_stand_for_the_other_methods(site):
    path = await site.create(3)
    patch = {"X-HTTP-Method-Override": "PATCH", "Content-Type": "application/offset+octet-stream"}
    answer = await site.tus("POST", path, b"ab", Upload_Offset=0, **patch)
    assert answer.status_code == 204
    head = {"X-HTTP-Method-Override": "HEAD"}
    assert (await site.tus("POST", path, **head)).headers["upload-offset"] == "2"
    assert (await site.tus("POST", path)).status_code == 400
    assert (await site.tus("PUT", path)).status_code == 405


async def test_an_upload_belongs_to_its_application(site):
    path = await site.create(5)
    first = site.token
    await site.approve("https://other.example")
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = await site.tus(method, path, b"ab", Upload_Offset=0)
        assert answer.status_code == 404
    site.http.headers["Authorization"] = f"Bearer {first}"
    assert (await site.tus("HEAD", path)).status_code == 403  # another origin's token
    site.http.headers["Origin"] = "https://draw.example"
    assert await site.offset(path) == 0
    del site.http.headers["Authorization"]
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        answer = await site.tus(method, path, b"ab", Upload_Offset=0, Upload_Length=2)
        assert answer.status_code == 403


async def test_native_clients_get_the_real_status_too(site):
    path = await site.create(5)
    del site.http.headers["Origin"], site.http.headers["Authorization"]
    answer = await site.tus("PATCH", path, b"x", Upload_Offset=0, X_GotAPI_Origin="a.b")
    assert (answer.status_code, answer.json()["errorCode"]) == (403, 13)


@pytest.mark.parametrize(
    "path",
    ["/blobs/x", "/blobs/..", "/blobs/../hub.sqlite3", "/blobs/%2e%2e%2fhub.sqlite3",
     "/blobs/uploads", "/blobs/uploads/x", "/blobs/" + "a" * 22, "/blobs/%00", "/blobs/a%0d%0ab"],
)  # fmt: skip
async def test_no_path_leads_elsewhere(site, path):
    secret = site.hub.paths.store.read_bytes()
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = await site.tus(method, path, b"x", Upload_Offset=0)
        assert answer.status_code in (404, 400), (method, answer)
    assert site.hub.paths.store.read_bytes()[:16] == secret[:16]


async def test_names_are_made_safe(site):
    for sent, kept in (
        ("../../etc/passwd", "passwd"),
        ("a\r\nSet-Cookie: x=y", "aSet-Cookie_ x=y"),
        ('"; filename=b', "_; filename=b"),
        ("ü" * 300, None),
    ):
        path = await site.create(1, filename=sent)
        await site.patch(path, 0, b"x")
        answer = await site.http.get(path)
        assert "set-cookie" not in answer.headers
        (row,) = [one for one in await site.hub.blobs.listed() if path.endswith(one.id)]
        assert kept is None or row.name == kept
        assert len(row.name.encode()) <= 255 * 2


async def test_two_bodies_at_once_do_not_mix(site, until):
    path = await site.create(8)
    first_begun, let_go = asyncio.Event(), asyncio.Event()

    async def slowly():
        yield b"abcd"
        first_begun.set()
        await let_go.wait()
        yield b"efgh"

    first = asyncio.create_task(site.patch(path, 0, slowly()))
    await first_begun.wait()
    (upload,) = site.hub.blobs.uploads.listed()
    await until(lambda: upload.busy)
    second = await site.patch(path, 0, b"ABCDEFGH")
    assert second.status_code == 423
    assert (await site.tus("DELETE", path)).status_code == 423
    assert await site.offset(path) == 0  # as much as is on the disk for sure
    let_go.set()
    assert (await first).status_code == 204
    assert await site.read(path) == b"abcdefgh"


async def test_of_many_bodies_at_once_one_wins(site):
    path = await site.create(100_000)
    bodies = [bytes([65 + n]) * 100_000 for n in range(8)]
    answers = await asyncio.gather(*(site.patch(path, 0, body) for body in bodies))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {404, 409, 423}
    assert await site.read(path) in bodies


async def test_what_is_not_finished_in_a_day_goes(site, clock):
    path = await site.create(5)
    answer = await site.patch(path, 0, b"ab")
    assert answer.headers["upload-expires"] == "Wed, 15 Nov 2023 22:13:20 GMT"
    clock.now += LIFETIME - 1
    assert await site.offset(path) == 2
    clock.now += 1
    assert (await site.tus("HEAD", path)).status_code == 404
    await site.hub.blobs.sweep()
    assert (site.files(), site.hub.blobs.usage.of(site.application)) == ([], 0)


async def test_the_number_of_open_uploads_is_limited(site):
    for _ in range(MAX_OPEN):
        await site.create(1)
    answer = await site.tus("POST", Upload_Length=1)
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "17")
    first = site.hub.blobs.uploads.listed()[0]
    await site.patch(f"/blobs/{first.row.id}", 0, b"x")
    await site.create(1)


async def test_a_revoked_application_loses_everything_at_once(site, until):
    stored = await site.store(b"abc")
    link = await site.link(stored)
    half = await site.create(10)
    await site.patch(half, 0, b"ab")
    running = await site.create(2_000_000)
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def slowly():
        yield b"x" * 1_000_000
        begun.set()
        await let_go.wait()
        yield b"x" * 1_000_000

    sending = asyncio.create_task(site.patch(running, 0, slowly()))
    await begun.wait()
    await until(lambda: any(one.busy for one in site.hub.blobs.uploads.listed()))
    await site.hub.auth.revoke(site.application)
    await until(lambda: site.hub.blobs.uploads.listed() == [])
    let_go.set()
    assert (await sending).status_code == 404
    await until(lambda: site.files() == [])
    assert (await site.http.get(link)).status_code == 404
    assert await site.hub.blobs.listed() == []
    assert site.hub.blobs.usage.of(site.application) == 0


async def test_a_page_may_read_every_header(site):
    path = await site.create(3)
    answer = await site.patch(path, 0, b"ab")
    assert answer.headers["access-control-allow-origin"] == "https://draw.example"
    exposed = answer.headers["access-control-expose-headers"]
    assert {"upload-offset", "location", "upload-expires", "etag"} <= set(exposed.split(", "))
