"""The operator's face of the hub: the operator page, its login, and the JSON API behind both.

Two proofs are asked of a browser. The session cookie is sent by the browser itself, but cookies
know no ports (RFC 6265 8.5): any other server on 127.0.0.1 that the operator visits could read it.
So the API wants the page key beside it, which the login hands over in the fragment of an address;
the page keeps it in its storage, which belongs to this scheme, host and port alone.
"""

import hmac
import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from gotapi_auth.operator import SESSION_LIFE, OperatorAccess
from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.server import operator_pages as pages
from gotapi_core.server.asgi import (
    Headers,
    RawHeaders,
    Receive,
    Scope,
    Send,
    header_map,
    send_bytes,
    send_json,
)
from gotapi_core.server.console import Console, is_console
from gotapi_core.server.operator_actions import OperatorActions
from gotapi_core.server.operator_api import (
    ApiError,
    Caller,
    OperatorApi,
    send_error,
    status_and_message,
)
from gotapi_core.server.operator_backup import Backups
from gotapi_core.server.operator_blobs import BlobActions
from gotapi_core.server.operator_board import Board
from gotapi_core.server.operator_console import ConsoleAccess
from gotapi_core.server.operator_diagnostics import Diagnostics
from gotapi_core.server.operator_socket import OperatorSockets

log = logging.getLogger(__name__)

OPERATOR = "/operator"
_CONSOLE = "/"
API = f"{OPERATOR}/api/"
LOGIN = f"{OPERATOR}/login"
BACKUP = f"{OPERATOR}/backup"
KEY_HEADER = "x-gotapi-page-key"
_QUERY_SIZE = 1024  # bytes; a login link's query has 49
_COOKIES = 50  # looked at; browsers keep more than that of one site rarely
_AGAIN = "The link may have been used already, or be older than ten minutes."
_SIGN_IN = "This browser is not signed in to the hub, or its session is over: it lasts 12 hours."
_NO_SESSION = "The session is over (it lasts 12 hours); open a new link: gotapi operator"
_NO_CONSOLE = (
    "This hub has no web console: it was installed from sources that were not built, or it is "
    "turned off (server.console). The operator page is at /operator."
)
_WRONG_PROOF = (
    "The operator secret is wrong; run the command as the user who runs the hub, with the same "
    "--home."
)


class Operator:
    """Answers `/` and everything below `/operator`; Host and Sec-Fetch were checked before."""

    def __init__(
        self,
        hub: Hub,
        *,
        clock: Callable[[], float] = time.time,
        board: Board | None = None,
        stop: Callable[[], int] = lambda: 0,
        console: Console | None = None,
    ) -> None:
        """Serve the operator of a hub; raises AuthError where its secret cannot be kept.

        `stop` stops the hub, or returns how many WebSockets keep it from stopping; `console` is
        shown at `/`.
        """
        self._access = OperatorAccess(hub.paths.operator_secret, clock, hub.store)
        self._console = console
        self._board = board or Board(hub)
        more = OperatorActions(hub, stop)
        files = BlobActions(hub)
        console_access = ConsoleAccess(hub, self._access)
        diagnostics = Diagnostics(hub, clock)
        self._api = OperatorApi(
            hub,
            self._board,
            clock,
            self.console_link,
            {**more.reads, **files.reads, **diagnostics.reads},
            {**more.actions, **files.actions, **console_access.actions},
        )
        self.backups = Backups(hub, clock)
        self.sockets = OperatorSockets(
            self._board, self._api.members, self._session, self._proves, clock
        )

    @property
    def has_console(self) -> bool:
        """Tell whether the console is shown at `/`."""
        return self._console is not None

    def login_link(self, base_url: str) -> str:
        """Return a link that opens the operator page, once, within ten minutes."""
        return f"{base_url}{LOGIN}?token={self._access.login_token()}"

    def console_link(self, base_url: str) -> str:
        """Return such a link to the console, or to the operator page where there is none."""
        link = self.login_link(base_url)
        return link if self._console is None else f"{link}&to=console"

    async def open(self) -> None:
        """Read who is signed in; the hub must have started."""
        await self._access.load()

    def close(self) -> None:
        """Close the WebSockets and answer the long polls, so that the server can stop."""
        self.sockets.close()
        self._board.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers, path = header_map(scope), scope["path"]
        if path.startswith(API):
            await self._answer_api(path.removeprefix(API), scope, headers, receive, send)
        elif path == f"{OPERATOR}/logout":
            await self._log_out(scope, headers, send)
        elif path == BACKUP:
            await self._send_backup(scope, headers, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await send_error(send, 405, f"{path[:100]} takes GET.")
        elif path in pages.ASSETS:
            await _send(send, 200, pages.asset(pages.ASSETS[path]))
        elif path == LOGIN:
            await self._log_in(scope, headers, send)
        else:
            await self._send_page(path, scope, headers, send)

    async def _send_page(self, path: str, scope: Scope, headers: Headers, send: Send) -> None:
        if self._console is not None and await self._console.answer(scope, send):
            return
        if path == "/":
            await self._welcome(scope, headers, send)
        elif path.rstrip("/") != OPERATOR:
            text = _NO_CONSOLE if is_console(path) else "The operator page is at /operator."
            await _notice(send, 404, "There is no such page", text)
        elif self._session(headers) is None:
            gone = _set_cookies(scope, headers, "", 0)  # so that `/` shows what it has to say
            await _notice(send, 401, "Please sign in", _SIGN_IN, gone)
        else:
            await _send(send, 200, pages.asset("operator.html"))

    async def _welcome(self, scope: Scope, headers: Headers, send: Send) -> None:
        # The session cookie is for /operator only, so that no plug-in's surface gets it; this one
        # holds no secret and only spares the operator a click.
        if _cookies(headers, _hint_name(headers)):
            await _redirect(send, OPERATOR, [])
            return
        base = f"{scope['scheme']}://{headers['host']}"
        await _send(send, 200, pages.filled("welcome.html", version=__version__, base=base))

    async def _log_in(self, scope: Scope, headers: Headers, send: Send) -> None:
        if scope["method"] == "HEAD" or "prefetch" in headers.get("sec-purpose", ""):
            # Whoever only looks ahead must not use the link up.
            await _notice(send, 405, "Open this link", "It signs this browser in to the hub.")
            return
        fields = _fields(scope["query_string"])
        to = fields.get("to") == "console" and self._console is not None
        page = _CONSOLE if to else OPERATOR
        session = await self._access.log_in(fields.get("token", ""))
        if session is not None:
            log.info("operator page: signed in")
            cookies = _set_cookies(scope, headers, session, int(SESSION_LIFE))
            await _redirect(send, f"{page}#key={self._page_key(session)}", cookies)
        elif self._session(headers) is not None:
            await _redirect(send, page, [])  # a used link, opened again in the same browser
        else:
            log.info("operator page: a login link was refused")
            await _notice(send, 401, "This link does not work any more", _AGAIN)

    async def _log_out(self, scope: Scope, headers: Headers, send: Send) -> None:
        session = self._page_session(headers) if scope["method"] == "POST" else None
        if session is None:
            await send_error(send, 401, _NO_SESSION)
            return
        await self._access.log_out(session)
        self.sockets.end(session)
        log.info("operator page: signed out")
        cookies = _set_cookies(scope, headers, "", 0)
        await send_json(send, 200, {}, [*pages.PROTECTION, *cookies])

    async def _answer_api(
        self, what: str, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        try:
            caller = self._caller(headers)
            members = await self._api.answer(what, caller, scope, headers, receive)
        except (ApiError, GotapiError) as error:
            await send_error(send, *status_and_message(error))
        else:
            await send_json(send, 200, members, pages.PROTECTION)

    async def _send_backup(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        try:
            if scope["method"] != "POST":  # it is work: nothing may make one by looking ahead
                raise ApiError(405, f"{BACKUP} takes POST.")
            if self._page_session(headers) is None:
                # The command makes one by itself, and whoever has the secret has the files, too.
                raise ApiError(401, _NO_SESSION)
            await self.backups.answer(receive, send)
        except ApiError as error:
            await send_error(send, error.status, error.message)

    def _caller(self, headers: Headers) -> Caller:
        if "authorization" in headers:
            scheme, _, secret = headers["authorization"].partition(" ")
            if scheme.lower() == "bearer" and self._access.check_secret(secret.strip()):
                return Caller.COMMAND
            log.warning("the operator API was asked with a wrong secret")
            raise ApiError(401, _WRONG_PROOF)
        if self._page_session(headers) is None:
            raise ApiError(401, _NO_SESSION)
        return Caller.PAGE

    def _page_session(self, headers: Headers) -> str | None:
        """Return the session if the operator page itself asks, which proves that with its key."""
        session = self._session(headers)
        if session is None or headers.get("sec-fetch-site") != "same-origin":
            return None
        return session if self._proves(session, headers.get(KEY_HEADER, "")) else None

    def _proves(self, session: str, key: str) -> bool:
        """Tell whether a page key is that of a session that is not over."""
        given = key.encode("utf-8", "surrogatepass")
        fits = hmac.compare_digest(given, self._page_key(session).encode())
        return fits and self._access.check_session(session)

    def _session(self, headers: Headers) -> str | None:
        # Other servers on this host may have put cookies of the same name in front of ours.
        for value in _cookies(headers, _cookie_name(headers)):
            if self._access.check_session(value):
                return value
        return None

    def _page_key(self, session: str) -> str:
        return self._access.derived(f"the page of session {session}")


def _fields(query: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(query[:_QUERY_SIZE].decode("ascii"), max_num_fields=10))
    except ValueError:
        return {}


def _cookie_name(headers: Headers) -> str:
    # With the port in it: cookies are shared by all ports, and two hubs may run on one host.
    port = headers.get("host", "").rpartition(":")[2]
    return f"gotapi-operator-{port}" if port.isdecimal() else "gotapi-operator"


def _hint_name(headers: Headers) -> str:
    return f"{_cookie_name(headers)}-here"


def _cookies(headers: Headers, name: str) -> list[str]:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";", _COOKIES))
    return [value for key, _, value in pairs if key == name and value]


def _set_cookies(scope: Scope, headers: Headers, session: str, life: int) -> RawHeaders:
    secure = "; Secure" if scope["scheme"] == "https" else ""
    rest = f"; Max-Age={life}; HttpOnly; SameSite=Strict{secure}"
    hint = "1" if session else ""
    return [
        (b"set-cookie", f"{_cookie_name(headers)}={session}; Path={OPERATOR}{rest}".encode()),
        (b"set-cookie", f"{_hint_name(headers)}={hint}; Path=/{rest}".encode()),
    ]


async def _notice(
    send: Send, status: int, title: str, text: str, cookies: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    page = pages.filled("notice.html", title=title, text=text)
    await send_bytes(send, status, page.body, [*page.headers, *cookies])


async def _redirect(send: Send, location: str, extra: RawHeaders) -> None:
    headers = [*pages.PROTECTION, (b"location", location.encode("ascii")), *extra]
    await send_bytes(send, 303, b"", headers)


async def _send(send: Send, status: int, page: pages.Page) -> None:
    await send_bytes(send, status, page.body, page.headers)
