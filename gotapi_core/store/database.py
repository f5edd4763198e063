"""The store: transactions on one worker thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from gotapi_core.store import engine as engines
from gotapi_core.store import schema
from gotapi_core.store.failures import StoreError, translate

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """A durable database; every function given to it runs in a transaction of its own.

    All transactions run one after another on one thread of the store, so that they never block
    the event loop and never conflict. What `run` and `run_sync` return has been committed to the
    disk (SQLite: WAL with synchronous=FULL). Raises StorageFull when the disk is full, StoreError
    when the database cannot be used; the transaction has then been rolled back wholly.
    """

    def __init__(self, url: str | Path) -> None:
        """Take a path (SQLite) or a database URL; nothing is opened yet."""
        self._url = engines.parse_url(url)
        self._engine: Engine | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # nothing is submitted once closing has begun

    def open(self) -> None:
        """Open the database and bring its schema up to date; raises StoreError.

        Blocks for some milliseconds, or seconds when an old database is migrated.
        """
        if self._worker is not None:
            raise StoreError("The store is open already.")
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gotapi-store")
        try:
            self._engine = self._worker.submit(self._open).result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Finish the transactions that were accepted and close the database; may be repeated."""
        with self._lock:
            worker, self._worker = self._worker, None
            engine, self._engine = self._engine, None
            if worker is not None and engine is not None:
                worker.submit(engine.dispose)  # SQLite wants the thread that opened it
        if worker is not None:
            worker.shutdown(wait=True)

    async def run(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, ...)` in a transaction and return its value after COMMIT.

        A cancelled caller cannot know whether the transaction took place; it did wholly or not
        at all. Values, not rows or cursors, may leave the function.
        """
        return await asyncio.wrap_future(self._submit(function, *args, **kwargs))

    def run_sync(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the same as `run` for a thread that may block."""
        if threading.current_thread().name.startswith("gotapi-store"):
            raise StoreError("A function inside a transaction must use its own connection.")
        return self._submit(function, *args, **kwargs).result()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _submit(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        with self._lock:
            worker, engine = self._worker, self._engine
            if worker is None or engine is None:
                raise StoreError("The store is not open.")
            return worker.submit(lambda: _transact(engine, function, *args, **kwargs))

    def _open(self) -> Engine:
        path = engines.sqlite_path(self._url)
        where = f"The database {path or self._url.render_as_string()}"
        engines.secure_file(self._url)
        engine = engines.make_engine(self._url)
        try:
            with engine.begin() as connection:
                engines.check_file(connection, path)
                schema.bring_up_to_date(connection, where)
        except BaseException as error:
            engine.dispose()
            if isinstance(error, DBAPIError):
                raise translate(error, where) from error
            raise
        return engine


def _transact(
    engine: Engine,
    function: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    try:
        with engine.begin() as connection:
            return function(connection, *args, **kwargs)
    except DBAPIError as error:
        raise translate(error) from error
