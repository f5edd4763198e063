"""Log-in and fetching, against real servers on this machine: good, down, slow, lying, endless."""

import asyncio
import base64
import socket
from pathlib import Path

import pytest

from gotapi_printer.content.client import ContentClient, FetchError, FetchLimits
from gotapi_printer.content.servers import ContentServer

GCODE = b"G28\nG1 X1\n" * 100
QUICK = FetchLimits(connect=2.0, idle=0.4, whole=5.0, login=1.5, size=100_000)


def registered(server, **members) -> ContentServer:
    return ContentServer("Local", server.url, **members)


def client(*servers: ContentServer, limits: FetchLimits = QUICK, clock=None) -> ContentClient:
    if clock is not None:
        return ContentClient(lambda: servers, limits, clock)
    return ContentClient(lambda: servers, limits)


async def fetched(one: ContentClient, url: str, target: Path, token: str = "") -> list[float]:
    shares: list[float] = []
    await one.fetch(url, token, target, shares.append)
    return shares


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file.part"


# -- fetching ---------------------------------------------------------------------------------


async def test_a_file_is_fetched_with_its_token(serve, make, target) -> None:
    server = await serve({"/a.gcode": make.reply(GCODE)})
    shares = await fetched(client(registered(server)), f"{server.url}/a.gcode?x=1", target, "t0k")
    assert target.read_bytes() == GCODE
    assert shares[-1] == 1.0
    [asked] = server.asked
    assert asked.path == "/a.gcode?x=1"
    assert asked.headers["authorization"] == "Bearer t0k"
    assert asked.headers["host"] == server.url.removeprefix("http://")


async def test_this_computer_is_not_for_applications_to_reach(serve, make, target) -> None:
    server = await serve({"/a.gcode": make.reply(GCODE)})
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(FetchError, match="own network"):
            await fetched(client(), f"{url}/a.gcode", target)
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_a_server_is_followed(serve, make, target, status: int) -> None:
    server = await serve(
        {"/a": make.redirect("/b?c", status), "/b": make.reply(GCODE)},
    )
    await fetched(client(registered(server)), f"{server.url}/a", target, "t0k")
    assert target.read_bytes() == GCODE
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer t0k"] * 2


async def test_a_redirect_to_a_private_address_is_refused(serve, make, target) -> None:
    inside = await serve({"/secret": make.reply(b"G28\n")})
    server = await serve({"/a": make.redirect(f"{inside.url}/secret")})
    with pytest.raises(FetchError, match="own network"):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert inside.asked == []
    assert not target.exists()


async def test_a_token_does_not_follow_a_redirect_elsewhere(serve, make, target) -> None:
    other = await serve({"/b": make.reply(GCODE)})
    server = await serve({"/a": make.redirect(f"{other.url}/b")})
    both = client(registered(server), ContentServer("Other", other.url))
    await fetched(both, f"{server.url}/a", target, "t0k")
    [asked] = other.asked
    assert "authorization" not in asked.headers


async def test_a_circle_of_redirects_ends(serve, make, target) -> None:
    server = await serve({"/a": make.redirect("/a")})
    with pytest.raises(FetchError, match="more than 5 times"):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("status", "words"), [(401, "secureToken"), (403, "secureToken"), (404, "404"), (500, "500")]
)
async def test_a_refusal_is_told(serve, make, target, status: int, words: str) -> None:
    server = await serve({"/a": make.reply(b"no", status)})
    with pytest.raises(FetchError, match=words):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert not target.exists()


async def test_an_endless_body_ends_at_the_largest_size(serve, make, target) -> None:
    server = await serve({"/a": make.endless()})
    with pytest.raises(FetchError, match="larger than 100000 bytes"):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert target.stat().st_size <= 200_000


async def test_a_size_that_is_announced_is_refused_before_a_byte(serve, make, target) -> None:
    big = make.silent(b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n")
    server = await serve({"/a": big})
    with pytest.raises(FetchError, match="larger than"):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert not target.exists()


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nG28\n"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_server_that_stops_is_given_up(serve, make, target, begin: bytes) -> None:
    server = await serve({"/a": make.silent(begin)})
    with pytest.raises(FetchError, match="does not answer"):
        await fetched(client(registered(server)), f"{server.url}/a", target)


async def test_a_server_that_drips_is_given_up_after_the_whole_time(serve, make, target) -> None:
    server = await serve({"/a": make.trickle(0.05)})
    limits = FetchLimits(idle=5.0, whole=0.5)
    with pytest.raises(FetchError, match="too slow"):
        await fetched(client(registered(server), limits=limits), f"{server.url}/a", target)


async def test_a_body_that_breaks_off_is_no_file(serve, make, target) -> None:
    server = await serve({"/a": make.reply(GCODE, **{"content-length": str(len(GCODE) + 5)})})
    with pytest.raises(FetchError, match="cannot be reached"):
        await fetched(client(registered(server)), f"{server.url}/a", target)


async def test_a_packed_body_is_refused(serve, make, target) -> None:
    server = await serve({"/a": make.reply(b"\x1f\x8b", content_encoding="gzip")})
    with pytest.raises(FetchError, match="packed"):
        await fetched(client(registered(server)), f"{server.url}/a", target)
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_what_is_no_http_is_told(serve, make, target) -> None:
    server = await serve({"/a": make.raw(b"SSH-2.0-OpenSSH_9.6\r\n")})
    with pytest.raises(FetchError, match="cannot be reached"):
        await fetched(client(registered(server)), f"{server.url}/a", target)


async def test_a_server_that_is_down_is_told(target) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(FetchError, match=r"127\.0\.0\.1 cannot be reached"):
            await fetched(client(ContentServer("Down", url)), f"{url}/a", target)


async def test_a_name_without_a_server_is_told(target) -> None:
    with pytest.raises(FetchError, match="no server"):
        await fetched(client(), "http://no-such-host.invalid/a", target)


async def test_a_name_is_resolved_once_and_the_connection_goes_there(
    serve, make, target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that means a public address when it is checked and ours when it is used."""
    server = await serve({"/a": make.reply(GCODE)})
    port = int(server.url.rpartition(":")[2])
    answers = [[(2, 1, 6, "", ("192.0.2.1", port))], [(2, 1, 6, "", ("127.0.0.1", port))]]
    asked: list[str] = []

    async def resolve(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        return answers[min(len(asked) - 1, 1)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(FetchError, match="own network"):
        await fetched(client(), f"http://evil.example:{port}/a", target)
    assert asked == ["evil.example"]


# -- https ------------------------------------------------------------------------------------


async def test_https_with_the_operator_s_own_authority(serve, make, target, tmp_path) -> None:
    authority = make.Authority(tmp_path, "ours")
    server = await serve({"/a": make.reply(GCODE)}, authority.context())
    one = client(registered(server, ca_file=str(authority.ca_file)))
    await fetched(one, f"{server.url}/a", target)
    assert target.read_bytes() == GCODE


@pytest.mark.parametrize("fault", ["unknown authority", "other authority", "other name", "expired"])
async def test_a_wrong_certificate_is_refused(serve, make, target, tmp_path, fault: str) -> None:
    authority = make.Authority(tmp_path, "ours")
    theirs = make.Authority(tmp_path, "theirs") if fault == "other authority" else authority
    context = theirs.context(
        "192.0.2.7" if fault == "other name" else "127.0.0.1", days=-1 if fault == "expired" else 1
    )
    server = await serve({"/a": make.reply(GCODE)}, context)
    ca_file = "" if fault == "unknown authority" else str(authority.ca_file)
    with pytest.raises(FetchError, match="no certificate that can be trusted"):
        await fetched(client(registered(server, ca_file=ca_file)), f"{server.url}/a", target)
    assert server.asked == []


async def test_from_https_nothing_leads_to_http(serve, make, target, tmp_path) -> None:
    authority = make.Authority(tmp_path, "ours")
    plain = await serve({"/b": make.reply(GCODE)})
    server = await serve({"/a": make.redirect(f"{plain.url}/b")}, authority.context())
    both = client(
        registered(server, ca_file=str(authority.ca_file)), ContentServer("Plain", plain.url)
    )
    with pytest.raises(FetchError, match="from https to http"):
        await fetched(both, f"{server.url}/a", target)
    assert plain.asked == []


async def test_a_ca_file_that_is_none_is_told(serve, make, target, tmp_path) -> None:
    server = await serve({"/a": make.reply(GCODE)}, make.Authority(tmp_path, "ours").context())
    for ca_file in (tmp_path / "missing.pem", target):
        target.write_bytes(b"no certificate")
        one = client(registered(server, ca_file=str(ca_file)))
        with pytest.raises(FetchError, match="ca_file"):
            await fetched(one, f"{server.url}/a", tmp_path / "x")


# -- log-in -----------------------------------------------------------------------------------


TOKEN = b'{"secureToken": "s3cret", "expiresIn": 600}'


@pytest.mark.parametrize("how", ["login_file", "token_file", "nothing"])
async def test_a_log_in_gives_a_token(serve, make, tmp_path: Path, how: str) -> None:
    server = await serve({"/token": make.reply(TOKEN)})
    file = tmp_path / "secret"
    file.write_text("anna:w0rd\nnot this\n")
    one = client(server := registered(s := server, **({how: str(file)} if "_" in how else {})))
    assert await one.token(server) == "s3cret"
    [asked] = s.asked
    expected = {
        "login_file": "Basic " + base64.b64encode(b"anna:w0rd").decode(),
        "token_file": "Bearer anna:w0rd",
        "nothing": None,
    }
    assert (asked.method, asked.headers.get("authorization")) == ("POST", expected[how])


async def test_a_token_is_kept_until_it_ends(serve, make) -> None:
    server = await serve({"/token": make.reply(TOKEN)})
    now = [0.0]
    known = registered(server)
    one = client(known, clock=lambda: now[0])
    for now[0], count in ((0.0, 1), (500.0, 1), (541.0, 2)):
        assert await one.token(known) == "s3cret"
        assert len(server.asked) == count


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"no", 401, "refused the log-in"),
        (b"no", 403, "refused the log-in"),
        (b"no", 500, "status 500"),
        (b"<html>", 200, "no secureToken"),
        (b"{}", 200, "no secureToken"),
        (b'{"secureToken": ""}', 200, "cannot be sent"),
        (b'{"secureToken": "a\\r\\nb"}', 200, "cannot be sent"),
        (b'{"secureToken": "a b"}', 200, "cannot be sent"),
        (b'{"secureToken": "' + b"x" * 70_000 + b'"}', 200, "far too long"),
    ],
)
async def test_a_log_in_that_fails_says_why(serve, make, body, status, words: str) -> None:
    server = await serve({"/token": make.reply(body, status)})
    with pytest.raises(FetchError, match=words):
        await client(registered(server)).token(registered(server))


async def test_a_slow_log_in_is_given_up(serve, make) -> None:
    server = await serve({"/token": make.silent()})
    limits = FetchLimits(login=0.2)
    with pytest.raises(FetchError, match=r"within 0\.2 s"):
        await client(registered(server), limits=limits).token(registered(server))


async def test_a_secret_that_cannot_be_read_is_told(serve, make, tmp_path) -> None:
    server = await serve({"/token": make.reply(TOKEN)})
    known = registered(server, token_file=str(tmp_path / "missing"))
    with pytest.raises(FetchError, match="missing cannot be read"):
        await client(known).token(known)
    assert server.asked == []
