"""An FTP server for single files: off unless asked for, on loopback or with TLS only.

Each file has a user of its own (its fileId, with the secureToken as password) who sees one folder
with that file, may write it once, and is forgotten when it is there. The server has its own thread,
as its library has its own loop.
"""

import contextlib
import hmac
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gotapi_creation.transfer.failures import StorageFull, TransferError
from gotapi_creation.transfer.slots import Filling, Slot

with warnings.catch_warnings():
    # Python 3.11 warns of asyncore, which the library needs; from 3.12 on it brings its own.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib import handlers  # type: ignore[import-untyped]  # it has no annotations
    from pyftpdlib.authorizers import AuthenticationFailed, DummyAuthorizer  # type: ignore[import-untyped]  # as above
    from pyftpdlib.handlers import DTPHandler, FTPHandler  # type: ignore[import-untyped]  # as above
    from pyftpdlib.ioloop import IOLoop  # type: ignore[import-untyped]  # as above
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]  # as above

LIFETIME: Final = 900.0  # seconds a user is known without having sent the file
_IDLE: Final = 60  # seconds without a command
_CONNECTIONS: Final = 32
_PER_ADDRESS: Final = 8
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_READ: Final = "elr"
_WRITE: Final = "elwa"  # change folder, list, store, append; neither read, rename nor delete
_TURN: Final = 0.2  # seconds until a stop is noticed


class FtpUnavailable(RuntimeError):  # noqa: N818  # reads as what happened
    """The server must not or cannot run as it is configured."""


@dataclass(frozen=True, slots=True)
class _User:
    password: str
    folder: Path
    ends: float
    slot: Slot | None = None  # None where the file is to be fetched


class _Authorizer(DummyAuthorizer):  # type: ignore[misc]  # the library is not annotated
    """Knows the users of the files that are expected."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, _User] = {}
        self.lock = threading.Lock()

    def find(self, name: str) -> _User | None:
        with self.lock:
            user = self.users.get(name)
        return user if user is not None and time.monotonic() < user.ends else None

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        user = self.find(username)
        given = password.encode("utf-8", "replace")
        if user is None or not hmac.compare_digest(user.password.encode(), given):
            raise AuthenticationFailed("The fileId or the secureToken is wrong, or used already.")

    def has_user(self, username: str) -> bool:
        return self.find(username) is not None

    def get_home_dir(self, username: str) -> str:
        user = self.find(username)
        if user is None:
            raise AuthenticationFailed("The file has arrived, or its time is over.")
        return str(user.folder)

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        return perm in self.get_perms(username)

    def get_perms(self, username: str) -> str:
        user = self.find(username)
        return "" if user is None else _READ if user.slot is None else _WRITE

    def get_msg_login(self, username: str) -> str:
        return "Welcome."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."


class _Data(DTPHandler):  # type: ignore[misc]  # as above
    """A data connection that ends where the file becomes too large."""

    def handle_read(self) -> None:
        super().handle_read()
        limit = self.cmd_channel.limit()
        taking = self.file_obj is not None and not self.file_obj.closed
        if limit is not None and taking and self.file_obj.tell() > limit:
            self._resp = (f"552 The file has more than {limit} bytes.", self.log)
            self.close()

    handle_read_event = handle_read  # the library's loop calls this name

    @staticmethod
    def log(text: str) -> None:
        """Say nothing: the reply is for the client."""


class _Handler(FTPHandler):  # type: ignore[misc]  # as above
    """A control connection."""

    banner = "3DCAPI file transfer."
    timeout = _IDLE
    permit_foreign_addresses = False  # no FXP: data goes to who gave the commands
    permit_privileged_ports = False
    use_sendfile = False
    max_login_attempts = 3
    dtp_handler = _Data
    log_prefix = "%(remote_ip)s:%(remote_port)s"  # no user, no path
    door: "FtpDoor"

    def limit(self) -> int | None:
        user = self.authorizer.find(self.username)
        return None if user is None or user.slot is None else user.slot.limit

    def ftp_STOR(self, file: str, mode: str = "w") -> str | None:  # noqa: N802  # the library's name
        if os.path.basename(file) != self.username:
            self.respond(f"553 Store the file as {self.username}.")
            return None
        stored: str | None = super().ftp_STOR(file, mode)
        return stored

    def on_file_received(self, file: str) -> None:
        self.door.received(self.username, Path(file))


class FtpDoor:
    """The server. `host` other than loopback needs a certificate."""

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Path | None = None,
        on_received: Callable[[int, TransferError | None], None] = lambda file_id, error: None,
    ) -> None:
        """Serve below a folder; `on_received` is called in the server's thread.

        Raises FtpUnavailable.
        """
        if host not in _LOOPBACK and certificate is None:
            raise FtpUnavailable(
                f"FTP sends passwords in the clear: at {host} it needs a certificate (FTPS), or "
                "let it listen at 127.0.0.1"
            )
        self._folder = folder
        self._host, self._port = host, port
        self._certificate = certificate
        self._on_received = on_received
        self._authorizer = _Authorizer()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: Any = None  # of the library, which is not annotated

    @property
    def address(self) -> str:
        """The address of the server, without user and file."""
        host, port = self._server.socket.getsockname()[:2]
        scheme = "ftp" if self._certificate is None else "ftps"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Listen; raises FtpUnavailable and OSError."""
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier run
        self._folder.mkdir(mode=0o700, parents=True)
        handler = type("Handler", (self._base(),), {"authorizer": self._authorizer, "door": self})
        if self._certificate is not None:
            handler.certfile = str(self._certificate)  # type: ignore[attr-defined]  # TLS_FTPHandler
            handler.tls_control_required = True  # type: ignore[attr-defined]  # as above
            handler.tls_data_required = True  # type: ignore[attr-defined]  # as above
        self._server = FTPServer((self._host, self._port), handler, ioloop=IOLoop())
        self._server.max_cons, self._server.max_cons_per_ip = _CONNECTIONS, _PER_ADDRESS
        self._thread = threading.Thread(target=self._run, name="ftp", daemon=True)
        self._thread.start()

    def _base(self) -> type:
        if self._certificate is None:
            return _Handler
        base: type | None = getattr(handlers, "TLS_FTPHandler", None)
        if base is None:
            raise FtpUnavailable("FTPS needs the Python package PyOpenSSL; install it")
        return type("TlsHandler", (_Handler, base), {})

    def stop(self) -> None:
        """Close every connection and wait for the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def expect(self, file_id: int, password: str, slot: Slot) -> None:
        """Let a file be sent, once."""
        self._add(file_id, password, slot)

    def offer(self, file_id: int, password: str, path: Path) -> None:
        """Let a file be fetched; a link, so that it costs no room."""
        folder = self._add(file_id, password, None)
        with contextlib.suppress(FileExistsError):
            os.link(path, folder / str(file_id))

    def _add(self, file_id: int, password: str, slot: Slot | None) -> Path:
        now = time.monotonic()
        name = str(file_id)
        folder = self._folder / name
        with self._authorizer.lock:
            users = self._authorizer.users
            late = [one for one, user in users.items() if user.ends <= now]
            gone = [users.pop(one) for one in late]
            users[name] = _User(password, folder, now + LIFETIME, slot)
        for user in gone:
            shutil.rmtree(user.folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def received(self, name: str, path: Path) -> None:
        """Take a file that has arrived, and forget its user; in the server's thread."""
        with self._authorizer.lock:
            user = self._authorizer.users.pop(name, None)
        if user is None or user.slot is None:
            return
        error: TransferError | None = None
        try:
            _keep(path, user.slot)
        except TransferError as failure:
            error = failure
        shutil.rmtree(user.folder, ignore_errors=True)
        self._on_received(int(name), error)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._server.serve_forever(timeout=_TURN, blocking=False, handle_exit=False)
        finally:
            self._server.close_all()


def _keep(path: Path, slot: Slot) -> None:
    try:
        slot.part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(path, slot.part)
    except OSError as error:
        raise StorageFull(f"The file could not be kept: {error.strerror}") from error
    with Filling(slot) as filling:
        filling.finish()
