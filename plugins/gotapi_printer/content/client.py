"""Speaks to content servers: logs in for a secure token, and fetches files with it.

Every connection goes to an address that was checked, not to whatever the name means a moment
later; redirects are followed by hand, each as carefully as the first request.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gotapi_printer.content.rules import (
    Site,
    UrlError,
    belongs,
    check_addresses,
    redirected,
    site_of,
)
from gotapi_printer.content.servers import ContentServer, ServerError, check, secret

if TYPE_CHECKING:
    import httpx2

LOGIN = "/token"
MAX_ANSWER = 64 * 1024  # bytes of a server's answer to a log-in; a token has some hundred
MAX_TOKEN = 2048  # characters; what fits into a header field everywhere
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

OnShare = Callable[[float], None]


class FetchError(Exception):
    """A file, or a token, that could not be had; the text says why."""


class FetchLimits(msgspec.Struct, frozen=True):
    """Seconds, bytes and counts."""

    connect: float = 10.0
    idle: float = 20.0  # without a byte of the body
    whole: float = 600.0  # a file of the largest size at 1 MB/s
    login: float = 8.0  # an application waits for it
    size: int = 512 * 1024 * 1024  # as the hub's own uploads
    redirects: int = 5  # as curl's careful users set it; browsers take 20


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """What a server answers to a log-in."""

    secure_token: str
    expires_in: float = 3600.0  # seconds


class ContentClient:
    """Fetches from the public internet, and from the servers that the operator vouches for."""

    def __init__(
        self,
        servers: Callable[[], Sequence[ContentServer]],
        limits: FetchLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = servers
        self._limits = limits or FetchLimits()
        self._clock = clock
        self._tokens: dict[ContentServer, tuple[str, float]] = {}

    def server_of(self, url: str) -> ContentServer | None:
        """Return the registered server that an address is at."""
        return next((one for one in self._servers() if belongs(url, one.url)), None)

    async def token(self, server: ContentServer) -> str:
        """Log in at a server, unless its last token is still good; raises FetchError."""
        known = self._tokens.get(server)
        if known is not None and self._clock() < known[1]:
            return known[0]
        try:
            async with asyncio.timeout(self._limits.login):
                token = await self._log_in(server)
        except TimeoutError:
            raise FetchError(f"it did not answer within {self._limits.login:g} s") from None
        # A minute less: a token must not end on its way to the server.
        until = self._clock() + max(0.0, token.expires_in - 60.0)
        self._tokens[server] = token.secure_token, until
        return token.secure_token

    async def fetch(self, url: str, token: str, target: Path, on_share: OnShare) -> None:
        """Fetch a file to a path; raises FetchError, and OSError of the disk."""
        try:
            async with asyncio.timeout(self._limits.whole):
                await self._fetch(url, token, target, on_share)
        except TimeoutError:
            raise FetchError(
                f"it was not there after {self._limits.whole:g} s; the server is too slow"
            ) from None
        except UrlError as error:
            raise FetchError(str(error)) from error

    async def _log_in(self, server: ContentServer) -> Token:
        url = server.url.rstrip("/") + LOGIN
        try:
            check(server)
            headers = await asyncio.to_thread(_credentials, server)
            async with self._answer("POST", url, headers) as answer:
                if answer.status_code in (401, 403):
                    raise FetchError("it refused the log-in; check login_file or token_file")
                if answer.status_code != 200:
                    raise FetchError(f"it answered the log-in with status {answer.status_code}")
                body = b""
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise FetchError("its answer to the log-in is far too long")
        except (ServerError, UrlError) as error:
            raise FetchError(str(error)) from error
        return _token(body)

    async def _fetch(self, url: str, token: str, target: Path, on_share: OnShare) -> None:
        start = url
        for _ in range(self._limits.redirects + 1):
            # The token is for the server that gave it, and for nobody it leads to.
            headers = {"authorization": f"Bearer {token}"} if token and _shares(start, url) else {}
            async with self._answer("GET", url, headers) as answer:
                if answer.status_code in _REDIRECTS and "location" in answer.headers:
                    url = redirected(url, answer.headers["location"])
                    continue
                await self._take(answer, target, on_share)
                return
        raise FetchError(f"the server redirects more than {self._limits.redirects} times")

    async def _take(self, answer: "httpx2.Response", target: Path, on_share: OnShare) -> None:
        _check_answer(answer)
        announced = _announced(answer)
        if announced is not None and announced > self._limits.size:
            raise self._too_large()
        size = 0
        with target.open("wb") as file:
            async for piece in answer.aiter_raw():
                size += len(piece)
                if size > self._limits.size:
                    raise self._too_large()
                await asyncio.to_thread(file.write, piece)
                if announced:
                    on_share(min(1.0, size / announced))

    def _too_large(self) -> FetchError:
        return FetchError(f"the file is larger than {self._limits.size} bytes")

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator["httpx2.Response"]:
        """Send a request to a checked address and give the head of its answer."""
        import httpx2  # late: a hub that fetches nothing needs it not

        site = site_of(url)
        address = await self._address(site)
        server = self.server_of(url)
        limits = self._limits
        times = httpx2.Timeout(limits.idle, connect=limits.connect)
        try:
            verify = await asyncio.to_thread(_trust, server)
            async with httpx2.AsyncClient(verify=verify, timeout=times, trust_env=False) as client:
                request = client.build_request(
                    method,
                    httpx2.URL(url).copy_with(host=address),
                    headers={
                        **headers,
                        "host": site.host_header,
                        "accept-encoding": "identity",
                    },
                    extensions={"sni_hostname": site.host, "timeout": times.as_dict()},
                )
                answer = await client.send(request, stream=True)
                try:
                    yield answer
                finally:
                    await answer.aclose()
        except httpx2.TimeoutException:
            raise FetchError(f"{site.host} does not answer") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise FetchError(_words(site, error)) from error

    async def _address(self, site: Site) -> str:
        """Return an address of a site, of which every one may be connected to."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect):
                found = await loop.getaddrinfo(site.host, site.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise FetchError(f"there is no server {site.host}") from None
        addresses = [str(one[4][0]) for one in found]
        vouched = [site_of(server.url) for server in self._servers()]
        check_addresses(site, addresses, vouched)
        # Version 4 first: a name with both often has no way over version 6.
        addresses.sort(key=lambda text: ipaddress.ip_address(text.partition("%")[0]).version)
        return addresses[0]


def _shares(start: str, url: str) -> bool:
    return site_of(start) == site_of(url)


def _credentials(server: ContentServer) -> dict[str, str]:
    if server.token_file:
        return {"authorization": f"Bearer {secret(server.token_file)}"}
    if server.login_file:
        import base64

        login = base64.b64encode(secret(server.login_file).encode()).decode()
        return {"authorization": f"Basic {login}"}
    return {}


def _trust(server: ContentServer | None) -> ssl.SSLContext:
    if server is None or not server.ca_file:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(Path(server.ca_file).expanduser()))
    except OSError as error:
        raise FetchError(f"ca_file {server.ca_file} cannot be used: {error}") from error


def _token(body: bytes) -> Token:
    try:
        token = msgspec.json.decode(body, type=Token)
    except msgspec.DecodeError as error:
        raise FetchError(f"its answer to the log-in has no secureToken: {error}") from error
    good = 0 < len(token.secure_token) <= MAX_TOKEN and token.secure_token.isascii()
    if not good or not token.secure_token.isprintable() or " " in token.secure_token:
        raise FetchError("the secureToken it gave cannot be sent in a header")
    return token


def _check_answer(answer: "httpx2.Response") -> None:
    if answer.status_code in (401, 403):
        raise FetchError("the server does not give it with this secureToken; connect again")
    if answer.status_code != 200:
        raise FetchError(f"the server answers with status {answer.status_code}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchError("the server packed the file although it was asked not to")


def _announced(answer: "httpx2.Response") -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _words(site: Site, error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{site.host} has no certificate that can be trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"{site.host} cannot be reached: {error or type(error).__name__}"
