"""Reading files: ranges as slices, conditions, signed links, and headers that keep browsers out."""

import asyncio
import email
import email.policy
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BODY = os.urandom(700_000)


@pytest.fixture
async def stored(site) -> str:
    return await site.store(BODY)


def parts_of(answer) -> list[tuple[str, bytes]]:
    """Read multipart/byteranges with a parser that is not ours."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    return [
        (part["Content-Range"], part.get_payload(decode=False).encode("ascii", "surrogateescape"))
        for part in message.iter_parts()
    ]


async def test_several_ranges(site):
    path = await site.store(bytes(range(65, 91)))
    answer = await site.http.get(path, headers={"Range": "bytes=0-2, 10-10, -3"})
    assert answer.status_code == 206
    assert parts_of(answer) == [
        ("bytes 0-2/26", b"ABC"),
        ("bytes 10-10/26", b"K"),
        ("bytes 23-25/26", b"XYZ"),
    ]


async def test_ranges_are_slices(site, stored):
    async def check(start: int, stop: int) -> None:
        answer = await site.http.get(stored, headers={"Range": f"bytes={start}-{stop}"})
        if start >= len(BODY):
            assert answer.status_code == 416
            assert answer.headers["content-range"] == f"bytes */{len(BODY)}"
            return
        assert answer.status_code == 206
        assert answer.content == BODY[start : stop + 1]
        end = min(stop, len(BODY) - 1)
        assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(BODY)}"

    places = st.integers(0, len(BODY) + 10) | st.sampled_from([0, 1, 262_143, 262_144, len(BODY)])
    spans = st.tuples(places, st.integers(0, 600_000))
    loop = asyncio.get_running_loop()

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spans)
    def run(span: tuple[int, int]) -> None:
        work = check(span[0], span[0] + span[1])
        asyncio.run_coroutine_threadsafe(work, loop).result(10)

    await asyncio.to_thread(run)


async def test_head_and_empty_files(site, stored):
    head = await site.http.head(stored, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BODY)))
    assert head.headers["accept-ranges"] == "bytes"
    empty = await site.store(b"")
    assert await site.read(empty) == b""
    assert (await site.http.get(empty, headers={"Range": "bytes=0-"})).status_code == 416


async def test_many_ranges_are_answered_with_the_file(site, stored):
    wanted = ",".join(["0-0"] * 10_000)
    answer = await site.http.get(stored, headers={"Range": f"bytes={wanted}"})
    assert (answer.status_code, answer.content) == (200, BODY)
    overlap = await site.http.get(stored, headers={"Range": "bytes=0-,0-,0-"})
    assert (overlap.status_code, len(overlap.content)) == (200, len(BODY))


async def test_every_answer_keeps_browsers_out(site, stored):
    link = await site.link(stored, use="show")
    etag = (await site.http.get(stored)).headers["etag"]
    for target, corp in ((stored, "same-origin"), (link, "cross-origin")):
        for headers in (
            {},
            {"Range": "bytes=0-1"},
            {"Range": "bytes=9999999-"},
            {"If-None-Match": etag},
        ):
            answer = await site.http.get(target, headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"].startswith(
                "sandbox; default-src 'none'"
            )
            assert answer.headers["cross-origin-resource-policy"] == corp
            assert answer.headers["cache-control"] == "private, no-cache"
            assert answer.headers.get_list("cache-control") == ["private, no-cache"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["vary"] == "Origin"


async def test_a_link_needs_no_token_and_no_origin(site, stored):
    link = await site.link(stored)
    assert link.startswith(f"{stored}/cube.gcode?expires=")
    site.http.headers.clear()
    answer = await site.http.get(link)
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="cube.gcode"'
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert (await site.http.get(link, headers=image)).content == BODY
    assert (await site.http.get(stored, headers=image)).status_code == 403
    assert (await site.http.head(link, headers=image)).status_code == 200
    part = await site.http.get(link, headers=image | {"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, BODY[1:3])


async def test_a_link_only_reads(site, stored):
    link = await site.link(stored)
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    site.http.headers.clear()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for headers in ({}, image, image | {"Tus-Resumable": "1.0.0"}):
            assert (await site.http.request(method, link, headers=headers)).status_code in (
                400,
                403,
                405,
            )
    assert (await site.http.get(link)).content == BODY


async def test_a_link_to_save(site):
    page = await site.store(b"<script>alert(1)</script>", name="a.html", kind="text/html")
    for use in ("save", "show"):
        answer = await site.http.get(await site.link(page, use=use))
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == 'attachment; filename="a.html"'


async def test_a_link_ends(site, stored, clock):
    link, short = await site.link(stored), await site.link(stored, lifetime=5)
    long = await site.link(stored, lifetime=999_999_999)
    clock.now += 5
    assert (await site.http.get(short)).status_code == 403
    clock.now += 594
    assert (await site.http.get(link)).status_code == 200
    clock.now += 1
    answer = await site.http.get(link)
    assert answer.status_code == 403
    assert "has ended" in answer.json()["errorMessage"]
    clock.now += 24 * 3600 - 601  # the file's own end; no link goes beyond it
    assert (await site.http.get(long)).status_code == 200
    clock.now += 1
    assert (await site.http.get(long)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("expires=1", "expires=2"),
        lambda link: link.replace("use=show", "use=save"),
        lambda link: link[:-2] + ("A" if link[-2] != "A" else "B") + link[-1],
        lambda link: link.replace("signature=", "signature=A"),
        lambda link: link.partition("signature=")[0] + "signature=",
        lambda link: link.partition("signature=")[0] + "signature=%FF%00%0d%0a",
        lambda link: "/blobs/" + "a" * 22 + link[29:],
        lambda link: link.replace("expires=", "expires=0"),
    ],
)
async def test_no_forged_link_opens(site, stored, change):
    link = change(await site.link(stored))
    answer = await site.http.get(link)  # although the request has a token, too
    assert answer.status_code in (400, 403)
    assert BODY not in answer.content


async def test_a_link_of_another_hub_does_not_open(site, stored, start_site):
    link = await site.link(stored)
    query = link.partition("?")[2]
    async with start_site("other") as other:
        path = await other.store(BODY)
        assert (await other.http.get(f"{path}?{query}")).status_code == 403


async def test_links_survive_a_restart_and_the_secret_is_ours_alone(start_site, tmp_path):
    async with start_site() as site:
        link = await site.link(await site.store(BODY))
        secret = site.hub.paths.data / "links.secret"
        assert secret.stat().st_mode & 0o777 == 0o600
    async with start_site() as site:
        assert (await site.http.get(link)).content == BODY


async def test_links_are_made_for_own_files_only(site, stored):
    for params in ({"use": "run"}, {"lifetime": "-1"}, {"lifetime": "x"}, {"lifetime": "9" * 20}):
        assert (await site.http.post(f"{stored}/link", params=params)).status_code == 400
    await site.approve("https://other.example")
    assert (await site.http.post(f"{stored}/link")).status_code == 400
    del site.http.headers["Authorization"]
    assert (await site.http.post(f"{stored}/link")).status_code == 403


async def test_a_deleted_file_ends_its_links(site, stored):
    link = await site.link(stored)
    await site.http.delete(stored)
    answer = await site.http.get(link)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "10")


async def test_names_do_not_break_the_header(site):
    for name in ('a"b.txt', "ü\r\nX-Evil: 1.txt", "a\\b%22.txt", "\u202e.txt", "x" * 300):
        path = await site.store(b"x", name=name)
        for target in (path, await site.link(path)):
            answer = await site.http.get(target)
            assert answer.status_code == 200
            assert "x-evil" not in answer.headers
            assert len(answer.headers.get_list("content-disposition")) == 1
            assert "\n" not in answer.headers["content-disposition"]


async def test_who_stops_reading_does_not_hold_the_hub(site):
    path = await site.store(b"x" * 8_000_000)
    async with site.http.stream("GET", path) as answer:
        async for _ in answer.aiter_bytes():
            break
    assert len(await site.read(path)) == 8_000_000
