"""How the operator proves to be the operator: a secret file, login links, sessions.

The command line reads the secret from a file that only the hub's user can read, and presents it
as a Bearer token. The operator page is opened by a link with a login token, good once and for ten
minutes, which is exchanged for a session cookie. Login tokens and sessions are in memory only, as
digests: a restart ends them all. To change the secret, delete the file and restart the hub.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gotapi_auth import tokens
from gotapi_auth.consent import BACKWARDS
from gotapi_auth.failures import AuthError

LOGIN_LIFE: Final = 600.0  # seconds from printing the link to opening it
SESSION_LIFE: Final = 12 * 3600.0  # seconds; a working day
MAX_LOGINS: Final = 20  # links at a time; the oldest ends
MAX_SESSIONS: Final = 50  # browsers at a time; the oldest ends

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

log = logging.getLogger(__name__)


class OperatorAccess:
    """Checks the operator's secret, login tokens and session cookies."""

    def __init__(self, secret_file: Path, clock: Callable[[], float]) -> None:
        """Read the secret file or create it; raises AuthError when that is not possible.

        `clock` gives seconds; a clock set back by more than a minute ends logins and sessions.
        """
        self._secret = tokens.digest(ensure_secret(secret_file))
        self._logins = _Tickets(clock, LOGIN_LIFE, MAX_LOGINS)
        self._sessions = _Tickets(clock, SESSION_LIFE, MAX_SESSIONS)

    def check_secret(self, secret: str | None) -> bool:
        """Tell whether this is the content of the secret file; takes constant time."""
        return secret is not None and tokens.matches(secret, self._secret)

    def login_token(self) -> str:
        """Return a token for a login link."""
        return self._logins.issue()

    def log_in(self, login_token: str) -> str | None:
        """Take a login token, which ends it, and return a session cookie; None if it is no good."""
        if not self._logins.good(login_token):
            return None
        self._logins.end(login_token)
        return self._sessions.issue()

    def check_session(self, cookie: str | None) -> bool:
        """Tell whether the cookie is that of a session that is not over."""
        return cookie is not None and self._sessions.good(cookie)

    def log_out(self, cookie: str) -> None:
        """End a session; no error when it is over."""
        self._sessions.end(cookie)

    def log_out_all(self) -> None:
        """End all sessions and login links."""
        self._logins.end_all()
        self._sessions.end_all()


class _Tickets:
    """Random values that are good for a time; only their digests are kept."""

    def __init__(self, clock: Callable[[], float], life: float, most: int) -> None:
        self._clock = clock
        self._life = life
        self._most = most
        self._issued: dict[bytes, float] = {}

    def issue(self) -> str:
        ticket = tokens.new_secret()
        if len(self._issued) >= self._most:
            del self._issued[next(iter(self._issued))]
        self._issued[tokens.digest(ticket)] = self._clock()
        return ticket

    def good(self, ticket: str) -> bool:
        if len(ticket) > tokens.MAX_SECRET:
            return False
        digest = tokens.digest(ticket)
        issued, now = self._issued.get(digest), self._clock()
        if issued is None:
            return False
        if issued - BACKWARDS <= now < issued + self._life:
            return True
        del self._issued[digest]
        return False

    def end(self, ticket: str) -> None:
        self._issued.pop(tokens.digest(ticket[: tokens.MAX_SECRET]), None)

    def end_all(self) -> None:
        self._issued.clear()


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
    """Write a new secret so that a crash leaves the old file or the new one, never a part."""
    secret = tokens.new_secret()
    secret_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = secret_file.with_name(f"{secret_file.name}.new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, f"{secret}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(secret_file)
    return secret
