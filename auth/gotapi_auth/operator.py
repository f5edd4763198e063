"""How the operator proves to be the operator: a secret file, login links, sessions.

The command line reads the secret from a file that only the hub's user can read, and presents it
as a Bearer token. The operator page is opened by a link with a login token, good once and for ten
minutes, which is exchanged for a session cookie. Login tokens are in memory only; of a session the
store has a digest too, so that it lasts through a restart of the hub. To change the secret, delete
the file and restart the hub: that ends all sessions.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import re
import stat
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from typing import Final

from gotapi_auth import tokens
from gotapi_auth.consent import BACKWARDS
from gotapi_auth.failures import AuthError
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.store import Documents, Store
from gotapi_core.whole_file import replacing

LOGIN_LIFE: Final = 600.0  # seconds from printing the link to opening it
SESSION_LIFE: Final = 12 * 3600.0  # seconds; a working day
MAX_LOGINS: Final = 20  # links at a time; the oldest ends
MAX_SESSIONS: Final = 50  # browsers at a time; the oldest ends
SESSIONS_OWNER: Final = "operator-sessions"  # of their documents in the store
_SESSIONS: Final = "sessions"

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

log = logging.getLogger(__name__)


class OperatorAccess:
    """Checks the operator's secret, login tokens and session cookies."""

    def __init__(self, secret_file: Path, clock: Callable[[], float], store: Store) -> None:
        """Read the secret file or create it; raises AuthError when that is not possible.

        `clock` gives seconds; what was issued more than a minute ahead of it does not hold.
        """
        self._secret = tokens.digest(ensure_secret(secret_file))
        self._logins = _Tickets(clock, LOGIN_LIFE, MAX_LOGINS, self._digest)
        self._sessions = _Tickets(clock, SESSION_LIFE, MAX_SESSIONS, self._digest)
        self._documents = Documents(store, SESSIONS_OWNER)

    async def load(self) -> None:
        """Read the sessions of earlier runs of the hub; the store must be open."""
        for key, issued in await self._documents.list(_SESSIONS):
            with contextlib.suppress(ValueError):  # of another version of the hub
                self._sessions.load(bytes.fromhex(key), float(issued))
        await self._forget(self._sessions.sweep())

    def check_secret(self, secret: str | None) -> bool:
        """Tell whether this is the content of the secret file; takes constant time."""
        return secret is not None and tokens.matches(secret, self._secret)

    def derived(self, purpose: str) -> str:
        """Return a secret of the hub for that purpose: 64 hex digits, the same at every start."""
        return hmac.new(self._secret, f"for {purpose}".encode(), sha256).hexdigest()

    def login_token(self) -> str:
        """Return a token for a login link."""
        ticket, _ = self._logins.issue()
        return ticket

    async def log_in(self, login_token: str) -> str | None:
        """Take a login token, which ends it, and return a session cookie; None if it is no good."""
        if not self._logins.good(login_token):
            return None
        self._logins.end(login_token)
        cookie, ended = self._sessions.issue()
        try:
            body = str(self._sessions.issued(cookie)).encode()
            await self._documents.put(_SESSIONS, self._digest(cookie).hex(), body)
        except GotapiError as error:
            log.warning("a session could not be stored, so it ends with the hub: %s", error)
        await self._forget(ended)
        return cookie

    def check_session(self, cookie: str | None) -> bool:
        """Tell whether the cookie is that of a session that is not over."""
        return cookie is not None and self._sessions.good(cookie)

    async def log_out(self, cookie: str) -> None:
        """End a session; no error when it is over."""
        self._sessions.end(cookie)
        await self._forget([self._digest(cookie)])

    async def _forget(self, ended: Collection[bytes]) -> None:
        try:
            for one in ended:
                await self._documents.delete(_SESSIONS, one.hex())
        except GotapiError as error:
            log.warning("the end of a session could not be stored: %s", error)

    def _digest(self, ticket: str) -> bytes:
        # With the secret in it: another secret ends all sessions, also those on the disk.
        return hmac.new(self._secret, ticket.encode("utf-8", "surrogatepass"), sha256).digest()


class _Tickets:
    """Random values that are good for a time; only their digests are kept."""

    def __init__(
        self, clock: Callable[[], float], life: float, most: int, digest: Callable[[str], bytes]
    ) -> None:
        self._clock = clock
        self._life = life
        self._most = most
        self._digest = digest
        self._issued: dict[bytes, float] = {}

    def load(self, digest: bytes, issued: float) -> None:
        self._issued[digest] = issued

    def issue(self) -> tuple[str, list[bytes]]:
        """Return a new ticket, and the digests of those that end to make room for it."""
        ticket, ended = tokens.new_secret(), self.sweep()
        while len(self._issued) >= self._most:
            ended.append(next(iter(self._issued)))
            del self._issued[ended[-1]]
        self._issued[self._digest(ticket)] = self._clock()
        return ticket, ended

    def issued(self, ticket: str) -> float:
        return self._issued[self._digest(ticket)]

    def good(self, ticket: str) -> bool:
        if len(ticket) > tokens.MAX_SECRET:
            return False
        issued = self._issued.get(self._digest(ticket))
        return issued is not None and self._holds(issued)

    def end(self, ticket: str) -> None:
        self._issued.pop(self._digest(ticket[: tokens.MAX_SECRET]), None)

    def sweep(self) -> list[bytes]:
        """Forget those that are over; returns their digests."""
        over = [digest for digest, issued in self._issued.items() if not self._holds(issued)]
        for digest in over:
            del self._issued[digest]
        return over

    def _holds(self, issued: float) -> bool:
        return issued - BACKWARDS <= self._clock() < issued + self._life


def read_secret(secret_file: Path) -> str:
    """Return the secret for the command line; raises AuthError when there is none."""
    try:
        secret, _ = _read(secret_file)
    except FileNotFoundError:
        secret = None
    except OSError as error:
        raise AuthError(
            f"The operator secret {secret_file} cannot be read: {error.strerror}; run the command "
            "as the user who runs the hub."
        ) from error
    if secret is None:
        raise AuthError(
            f"There is no operator secret in {secret_file}; start the hub once (`gotapi run`), or "
            "point to its data folder."
        )
    return secret


def ensure_secret(secret_file: Path, what: str = "operator secret") -> str:
    """Return the secret; a new one when there is none, or when others could have read it."""
    try:
        try:
            secret, exposed = _read(secret_file)
        except FileNotFoundError:
            return _create(secret_file)
        if secret is not None and not exposed:
            return secret
        log.warning(
            "The %s %s is replaced: %s.",
            what,
            secret_file,
            "other users could read it" if exposed else "its content is damaged",
        )
        return _create(secret_file)
    except OSError as error:
        raise AuthError(
            f"The {what} {secret_file} cannot be read or written: {error.strerror}; give "
            "the user of the hub the right to write the file and its folder."
        ) from error


def _read(secret_file: Path) -> tuple[str | None, bool]:
    """Return the secret (None if malformed) and whether others could read it."""
    # NOFOLLOW: a link put there by somebody else must not choose the file. NONBLOCK: nor a pipe
    # stop the hub.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(secret_file, flags)
    try:
        status = os.fstat(descriptor)
        content = os.read(descriptor, 1024) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(descriptor)
    text = content.decode("ascii", "replace").strip()
    exposed = bool(status.st_mode & _OTHERS) or status.st_uid not in (os.geteuid(), 0)
    return (text if _SECRET.fullmatch(text) else None), exposed


def _create(secret_file: Path) -> str:
    secret = tokens.new_secret()
    secret_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(secret_file) as file:
        file.write(f"{secret}\n".encode())
    return secret
