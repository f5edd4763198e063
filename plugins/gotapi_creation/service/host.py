"""Puts one service together and runs it behind uvicorn until it is told to stop."""

import asyncio
import contextlib
import fcntl
import logging
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import msgspec
import uvicorn
from starlette.applications import Starlette

from gotapi_core.whole_file import replacing
from gotapi_creation.service.app import make_app
from gotapi_creation.service.model import KEPT, SESSION_LIFE, Limits
from gotapi_creation.service.operations import Operations
from gotapi_creation.service.records import Records
from gotapi_creation.service.reports import Reporter
from gotapi_creation.service.runner import WORKER, Runner
from gotapi_creation.service.shelf import Shelf
from gotapi_creation.service.silhouettes import Guides
from gotapi_creation.transfer.words import MESSAGE_BYTES

log = logging.getLogger(__name__)

_SWEEP: Final = 600.0  # seconds between two looks for what is too old
_GRACE: Final = 3  # seconds that running requests get at the end


class Settings(msgspec.Struct, frozen=True):
    """What the operator chooses."""

    home: str
    service_id: str = "embedded"
    name: str = "Creation service of this computer"
    address: str = ""
    """How others reach it, where that is not how they say it themselves (behind a proxy)."""
    ftp: str | None = None
    """Host on which FTP listens; it is off where there is none."""
    ftp_certificate: str = ""
    workers: int = 1
    limits: Limits = Limits()
    engines: Mapping[str, dict[str, msgspec.Raw]] = {}


class HomeInUse(RuntimeError):  # noqa: N818  # reads as what happened
    """Another service uses the folder."""


class Service:
    """One creation service; prepare it, then serve."""

    def __init__(self, settings: Settings, worker: Sequence[str] = WORKER) -> None:
        """Open the home folder; raises HomeInUse, OSError and CreationError."""
        self._home = Path(settings.home)
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(self._home / "lock")
        self.secret = _secret(self._home / "access.token")
        self._settings = settings
        self._server: _Server | None = None
        self._records = Records(self._home / "service.sqlite3")
        self._records.orphans()
        self._runner = Runner(self._records, self._home / "jobs", settings.limits, worker)
        self._guides = Guides(self._home / "guides")
        self._shelf = Shelf(
            self._records,
            self._home / "files",
            settings.limits,
            lambda token: self._operations.session(token),
        )
        self._operations = Operations(
            settings.service_id,
            settings.name,
            self.secret,
            self._records,
            self._runner,
            self._shelf,
            settings.limits,
            settings.engines,
        )

    async def serve(
        self, listening: socket.socket, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        """Answer until SIGINT or SIGTERM."""
        reporter = Reporter(self._operations, self._records, self._runner, self._shelf)
        settings = self._settings
        app = make_app(
            self._operations, reporter, self._shelf, self._guides, settings.limits, settings.address
        )
        server = self._server = _Server(_config(app), on_ready)
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._open_ftp(stack)
            tasks = [asyncio.create_task(self._runner.serve()) for _ in range(settings.workers)]
            tasks.append(asyncio.create_task(self._sweep()))
            try:
                await server.serve(sockets=[listening])
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._guides.close()

    def stop(self) -> None:
        """Begin to stop, as at a signal."""
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Close the database and give the folder free."""
        self._records.close()
        self._lock.close()

    def _open_ftp(self, stack: contextlib.ExitStack) -> None:
        host = self._settings.ftp
        if host is None:
            return
        from gotapi_creation.transfer.ftp import FtpDoor  # late: nobody else pays for it

        certificate = self._settings.ftp_certificate
        door = FtpDoor(
            self._home / "ftp", host, certificate=Path(certificate) if certificate else None
        )
        door.start()
        stack.callback(door.stop)
        self._shelf.ftp = door

    async def _sweep(self) -> None:
        """Throw away what is too old, now and then."""
        while True:
            now = time.time()
            jobs, files = self._records.expire(now - KEPT, now - SESSION_LIFE)
            self._shelf.remove(files)
            for job_id in jobs:
                folder = self._runner.folder_of(job_id)
                await asyncio.to_thread(shutil.rmtree, folder, True)
            await asyncio.sleep(_SWEEP)


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at SIGINT and SIGTERM; that is all they ask for, so do not raise them again."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # 27 instead of 146 MB/s
        lifespan="off",
        proxy_headers=False,
        access_log=False,  # a query string holds the tokens
        log_config=None,
        log_level="warning",  # below that it logs addresses of sockets, and frames
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        limit_concurrency=256,
    )


def _locked(path: Path) -> TextIO:
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise HomeInUse(
            f"Another creation service uses {path.parent}; stop it, or choose a folder with --home"
        ) from None
    return lock


def _secret(path: Path) -> str:
    """Return the access token, made at the first start."""
    with contextlib.suppress(FileNotFoundError):
        if found := path.read_text().strip():
            return found
    made = secrets.token_urlsafe(32)
    with replacing(path) as file:
        file.write(made.encode())
    return made
