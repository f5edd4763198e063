"""One HTTP exchange with the hub, bounded in size and time, with its failures in our words."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx2

from gotapi_core.client.errors import HubFault, HubUnreachable
from gotapi_core.client.introduction import Introduction
from gotapi_core.client.proof import HubKey, Proof
from gotapi_core.client.trust import Trust, Verifier, verification_failure
from gotapi_core.client.tus import Answer
from gotapi_core.protocol.identity import NATIVE_HEADER

MAX_ANSWER: Final = 8 * 1024 * 1024  # bytes; the hub itself accepts 1 MiB of JSON
CONNECT: Final = 5.0  # seconds; the hub is on this machine or next to it
PIECE: Final = 30.0  # seconds for one piece of an upload to be taken
STORED: Final = 120.0  # seconds from the last piece to the answer; a slow card syncs a gigabyte

_FORM: Final = "application/x-www-form-urlencoded"


class Wire:
    """Sends requests to one hub; parameters never are part of a URL that a library might log."""

    def __init__(
        self,
        url: str,
        origin: str,
        trust: Trust = Trust(),  # noqa: B008  # frozen
        key: HubKey | None = None,
    ) -> None:
        self.url = checked_url(url)
        self.proof = Proof(key, self.url) if key is not None else None
        self.verifier = Verifier(self.url, origin, trust)
        self._origin = origin
        self._made: httpx2.AsyncClient | None = None

    @property
    def socket_url(self) -> str:
        """Where the hub's WebSocket is."""
        return f"ws{self.url.removeprefix('http')}/gotapi/websocket"

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.aclose()

    async def ask(
        self, method: str, path: str, params: Mapping[str, str], time_limit: float
    ) -> tuple[int, bytes]:
        """Send one request; PUT and POST carry the parameters as a form, others in the query."""
        encoded = urlencode(params)
        in_body = method in ("PUT", "POST")
        target = path if in_body or not encoded else f"{path}?{encoded}"
        client = await self._client()
        asked = self._asked()
        request = client.build_request(
            method,
            path,
            content=encoded.encode() if in_body else None,
            headers={**asked, "Content-Type": _FORM} if in_body else dict(asked),
            extensions={"target": target.encode("ascii"), **self._introduction()},
            timeout=httpx2.Timeout(time_limit, connect=CONNECT),
        )
        answer = await self._answer(client, request, time_limit)
        self._check(asked, method, target, answer)
        return answer.status, answer.body

    async def exchange(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> Answer:
        """Send a request of an upload; bounded per piece, as the whole may be any size."""
        client = await self._client()
        asked = self._asked()
        request = client.build_request(
            method,
            path,
            content=content,
            headers={**headers, **asked},
            extensions=self._introduction(),
            timeout=httpx2.Timeout(PIECE, connect=CONNECT, read=STORED),
        )
        answer = await self._answer(client, request, None)
        self._check(asked, method, path, answer)
        return answer

    def _asked(self) -> Mapping[str, str]:
        return self.proof.headers() if self.proof is not None else {}

    def _introduction(self) -> dict[str, object]:
        """Return what lets the hub prove itself over each new connection, before its first use."""
        return {} if self.proof is None else {"trace": Introduction(self.proof, self._origin)}

    def _check(self, asked: Mapping[str, str], method: str, target: str, answer: Answer) -> None:
        if self.proof is not None:
            self.proof.check(asked, method, target, answer.status, answer.headers, answer.body)

    async def _client(self) -> httpx2.AsyncClient:
        """Return the HTTP client; the first time for TLS this may ask the hub for its key."""
        context = await self.verifier.context()
        if self._made is None:
            # The hub is local: a proxy from the environment must not see what is said to it.
            self._made = httpx2.AsyncClient(
                base_url=self.url,
                headers={NATIVE_HEADER: self._origin, "Accept": "application/json"},
                trust_env=False,
                # Plain HTTP needs none, and this one refuses every server if it were used.
                verify=context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                timeout=CONNECT,
            )
        return self._made

    async def _answer(
        self, client: httpx2.AsyncClient, request: httpx2.Request, time_limit: float | None
    ) -> Answer:
        try:
            async with asyncio.timeout(time_limit):
                answer = await client.send(request, stream=True)
                try:
                    fields = {name.lower(): value for name, value in answer.headers.items()}
                    return Answer(answer.status_code, fields, await _read(answer))
                finally:
                    await answer.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if (refused := verification_failure(error)) is not None:
                raise await self.verifier.explain(refused) from error
            raise unreachable(self.url) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise HubUnreachable(f"The hub at {self.url} did not answer in time") from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise HubUnreachable(f"The hub at {self.url} broke off the connection") from error


def unreachable(url: str) -> HubUnreachable:
    """Return the failure that nothing listens at the address."""
    return HubUnreachable(
        f"No hub answers at {url}; start it with `gotapi run`, or give its address with --url or "
        "GOTAPI_URL"
    )


def checked_url(url: str) -> str:
    """Return scheme://host[:port]; raises ValueError for anything else."""
    parts = urlsplit(url.strip())
    try:
        bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        bad = True  # a port that is no number, or too large
    if bad or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("The hub's address must be like http://127.0.0.1:4035")
    return f"{parts.scheme}://{parts.netloc}"


async def _read(answer: httpx2.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > MAX_ANSWER:
            raise HubFault(f"The hub's answer is larger than {MAX_ANSWER} bytes")
    return bytes(body)
