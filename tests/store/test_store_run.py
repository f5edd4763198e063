"""Transactions: on one thread, committed before they are acknowledged, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import OperationalError

from gotapi_core.protocol.errors import StorageFull
from gotapi_core.store import Store, StoreError
from gotapi_core.store.failures import translate
from gotapi_core.store.tables import blobs, tokens


def add_blob(connection: Connection, id: str, size: int = 0) -> str:
    connection.execute(
        insert(blobs).values(
            id=id, owner="o", name="n", content_type="text/plain", size=size,
            sha256="0" * 64, created=0.0, path=id,
        )
    )  # fmt: skip
    return id


def blob_ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(blobs.c.id).order_by(blobs.c.id)).scalars())


async def test_run_returns_the_value_after_the_commit(store: Store, path: Path) -> None:
    assert await store.run(add_blob, "a", size=7) == "a"
    other = sqlite3.connect(path)
    try:
        assert other.execute("SELECT id, size FROM blobs").fetchall() == [("a", 7)]
    finally:
        other.close()


async def test_an_exception_rolls_the_transaction_back_and_reaches_the_caller(
    store: Store,
) -> None:
    def half_way(connection: Connection) -> None:
        add_blob(connection, "a")
        raise KeyError("plug-in mistake")

    with pytest.raises(KeyError, match=r"plug-in mistake"):
        await store.run(half_way)
    assert await store.run(blob_ids) == []


async def test_a_broken_rule_of_the_database_is_a_store_error(store: Store) -> None:
    await store.run(add_blob, "a")
    with pytest.raises(StoreError, match=r"refused an operation.*UNIQUE"):
        await store.run(add_blob, "a")


async def test_foreign_keys_hold(store: Store) -> None:
    def orphan(connection: Connection) -> None:
        connection.execute(
            insert(tokens).values(
                digest=b"x" * 32, application="nobody", scopes="", created=0.0, expires=0.0
            )
        )

    with pytest.raises(StoreError, match=r"FOREIGN KEY"):
        await store.run(orphan)


async def test_the_event_loop_goes_on_while_a_transaction_runs(store: Store) -> None:
    let_go = threading.Event()
    running = asyncio.ensure_future(store.run(lambda c: let_go.wait(5)))
    await asyncio.sleep(0)  # the loop turns although the worker waits
    assert not running.done()
    let_go.set()
    assert await running is True


async def test_everything_runs_on_one_thread_in_order(store: Store) -> None:
    order: list[int] = []
    threads: set[int] = set()

    def note(_: Connection, number: int) -> None:
        order.append(number)
        threads.add(threading.get_ident())

    await asyncio.gather(*(store.run(note, n) for n in range(50)))
    assert order == list(range(50))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_run_sync_serves_several_threads(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(10):
            store.run_sync(add_blob, f"{name}{number}")

    await asyncio.gather(*(asyncio.to_thread(work, name) for name in "abc"))
    assert len(store.run_sync(blob_ids)) == 30


def test_a_transaction_inside_a_transaction_is_refused_rather_than_hanging(store: Store) -> None:
    with pytest.raises(StoreError, match=r"its own connection"):
        store.run_sync(lambda c: store.run_sync(blob_ids))


async def test_a_cancelled_caller_leaves_all_or_nothing(store: Store) -> None:
    started, let_go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        add_blob(connection, "first")
        started.set()
        let_go.wait(5)
        add_blob(connection, "second")

    running = asyncio.ensure_future(store.run(slow))
    queued = asyncio.ensure_future(store.run(add_blob, "third"))
    assert await asyncio.to_thread(started.wait, 5)
    running.cancel()
    queued.cancel()
    let_go.set()
    await asyncio.wait([running, queued])
    assert running.cancelled()
    assert queued.cancelled()
    # The one that had begun was finished, the one that had not was dropped.
    assert await store.run(blob_ids) == ["first", "second"]


@pytest.mark.parametrize("opened", [True, False])
def test_a_closed_store_says_so(path: Path, opened: bool) -> None:
    store = Store(path)
    if opened:
        with store:
            pass
    with pytest.raises(StoreError, match=r"not open"):
        store.run_sync(blob_ids)


async def test_accepted_transactions_are_finished_before_closing(path: Path) -> None:
    store = Store(path)
    store.open()
    pending = [asyncio.ensure_future(store.run(add_blob, f"{n:02}")) for n in range(20)]
    await asyncio.sleep(0)
    store.close()
    await asyncio.gather(*pending)
    with store:
        assert len(store.run_sync(blob_ids)) == 20


async def test_a_full_disk_is_reported_and_the_hub_goes_on(store: Store) -> None:
    # max_page_count gives the same result code as a full file system.
    pages = await store.run(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
    await store.run(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}").scalar())

    def big(connection: Connection) -> None:
        for number in range(200):
            add_blob(connection, f"{number:03}" * 20)

    with pytest.raises(StorageFull, match=r"no room left.*Free some space") as caught:
        await store.run(big)
    assert caught.value.status == 507
    assert await store.run(blob_ids) == []
    assert await store.run(add_blob, "small") == "small"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, StorageFull, "no room left"),
        (sqlite3.SQLITE_CORRUPT, StoreError, "damaged"),
        (sqlite3.SQLITE_CORRUPT | 1 << 8, StoreError, "damaged"),
        (sqlite3.SQLITE_NOTADB, StoreError, "not a database"),
        (sqlite3.SQLITE_BUSY, StoreError, "another program"),
        (sqlite3.SQLITE_READONLY, StoreError, "the right to write"),
        (sqlite3.SQLITE_CANTOPEN, StoreError, "the right to write"),
        (sqlite3.SQLITE_IOERR | 10 << 8, StoreError, "input/output error"),
        (sqlite3.SQLITE_CONSTRAINT, StoreError, "refused an operation"),
    ],
)
def test_sqlite_results_become_words(code: int, kind: type[Exception], words: str) -> None:
    original = sqlite3.OperationalError("from sqlite")
    original.sqlite_errorcode = code
    error = translate(OperationalError("SELECT 1", None, original))
    assert type(error) is kind
    assert words in error.message


def test_postgresql_says_disk_full_by_sqlstate() -> None:
    original = Exception("could not extend file")
    original.sqlstate = "53100"  # type: ignore[attr-defined]  # as psycopg does
    assert isinstance(translate(OperationalError("INSERT", None, original)), StorageFull)


def test_messages_at_run_time_tell_applications_no_path(store: Store, path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.run_sync(lambda c: c.execute(text("SELECT * FROM nowhere")))
    assert str(path.parent) not in caught.value.message


WRITER = """
import sys
from sqlalchemy import insert
from gotapi_core.store import Documents, Store
store = Store(sys.argv[1])
store.open()
documents = Documents(store, "writer")
number = int(sys.argv[2])
while True:
    documents.put_sync("log", f"{number:06}", b"x" * 3000)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def test_kill_9_loses_nothing_that_was_acknowledged(path: Path) -> None:
    acknowledged = -1
    for round_ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                acknowledged = int(line)
                if acknowledged % 20 == 19 - round_:
                    os.kill(child.pid, signal.SIGKILL)  # in the middle of the next write
                    break
            rest = child.stdout.read().splitlines(keepends=True)
        acknowledged = max([acknowledged, *(int(n) for n in rest if n.endswith(b"\n"))])
        assert child.wait(5) == -signal.SIGKILL
        with Store(path) as store:
            stored = store.run_sync(documents_of, "writer")
        # One more may be there: committed, and killed before it could say so.
        assert stored[: acknowledged + 1] == list(range(acknowledged + 1))
        assert len(stored) <= acknowledged + 2
        acknowledged = stored[-1]
    assert acknowledged > 50


def documents_of(connection: Connection, owner: str) -> list[int]:
    rows = connection.execute(
        text("SELECT key FROM documents WHERE owner = :o ORDER BY seq"), {"o": owner}
    )
    return [int(key) for (key,) in rows]
