"""Opening, closing and refusing databases."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gotapi_core.migrations import HEAD
from gotapi_core.store import Store, StoreError


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


def test_an_empty_folder_gets_a_private_database(path: Path) -> None:
    old = os.umask(0)  # even a careless umask must not open the file to others
    try:
        with Store(path):
            modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert set(modes) >= {"hub.db"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with Store(path):
        pass
    path.chmod(0o644)
    with Store(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_of_the_operator_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with Store(tmp_path / "hub.db"):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_sqlite_is_set_for_durability(store: Store, pragma: str, value: object) -> None:
    assert store.run_sync(lambda c: c.exec_driver_sql(f"PRAGMA {pragma}").scalar()) == value


@pytest.mark.parametrize("form", [str, Path, lambda p: f"sqlite:///{p}"])
def test_a_path_its_text_and_a_url_are_the_same_database(path: Path, form: type[Path]) -> None:
    with Store(form(path)):
        pass
    assert rows(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_in_memory_for_tests() -> None:
    with Store("sqlite://") as store:
        assert (
            store.run_sync(lambda c: c.execute(text("SELECT count(*) FROM tokens")).scalar()) == 0
        )


def test_opening_does_not_import_alembic(path: Path) -> None:
    # Alembic costs a quarter of a second: only an old database pays it.
    code = (
        "import sys; from gotapi_core.store import Store\n"
        "for _ in range(2):\n"
        "    with Store(sys.argv[1]): pass\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    with Store(path):
        pass
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer release.*9999.*install that release"):
        Store(path).open()
    assert rows(path, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    execute(path, "CREATE TABLE moz_places (id INTEGER)")
    with pytest.raises(StoreError, match=r"another program \(moz_places\).*its own"):
        Store(path).open()
    assert rows(path, "SELECT name FROM sqlite_master") == [("moz_places",)]


def test_a_version_table_without_a_version_counts_as_empty(path: Path) -> None:
    # What an interrupted first start of an older release could leave behind.
    path.parent.mkdir()
    execute(
        path,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    )
    with Store(path):
        pass
    assert rows(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"G28 ; home all axes\n" * 100)
    with pytest.raises(StoreError, match=r"not a database.*backup") as caught:
        Store(path).open()
    assert str(path) in str(caught.value)
    assert path.read_bytes().startswith(b"G28")


def test_a_damaged_page_is_found_at_start(path: Path) -> None:
    with Store(path):
        pass
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 12] = b"\xa5" * (4096 * 10)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged.*backup"):
        Store(path).open()


def test_a_truncated_database_is_found_at_start(path: Path) -> None:
    with Store(path):
        pass
    with path.open("r+b") as file:
        file.truncate(4096 * 3)
    with pytest.raises(StoreError, match=r"damaged.*backup"):
        Store(path).open()


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot be created or opened.*directory"):
        Store(path).open()


def test_a_file_in_place_of_the_folder_is_refused(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(StoreError, match=r"cannot be created or opened"):
        Store(path).open()


@pytest.mark.parametrize("url", ["nodialect://x", "://", "http://example.com/db"])
def test_a_bad_url_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(StoreError, match=r"expected a path, sqlite:///PATH or postgresql"):
        Store(url)


def test_a_missing_driver_is_named() -> None:
    with pytest.raises(StoreError, match=r"driver (psycopg|asyncpg|pg8000) is not installed"):
        Store("postgresql+pg8000://hub@localhost/hub").open()


def test_another_program_that_holds_the_database_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.store.engine._BUSY_TIMEOUT", 0.01)
    with Store(path) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        try:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"held by another program"):
                store.run_sync(lambda c: None)
            holder.execute("COMMIT")
        finally:
            holder.close()
        store.run_sync(lambda c: None)


def test_opening_twice_is_an_error_and_closing_twice_is_not(store: Store) -> None:
    with pytest.raises(StoreError, match=r"open already"):
        store.open()
    store.close()
    store.close()


def test_a_store_can_be_opened_again(store: Store) -> None:
    store.close()
    store.open()
    assert store.run_sync(lambda c: c.execute(text("SELECT 1")).scalar()) == 1


def test_a_failed_opening_can_be_repeated(path: Path) -> None:
    path.mkdir(parents=True)
    store = Store(path)
    with pytest.raises(StoreError):
        store.open()
    path.rmdir()
    with store:
        assert path.is_file()
