"""The migration history leads to the tables of the code, from everywhere."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from gotapi_core.migrations import HEAD, upgrade
from gotapi_core.migrations.upgrade import scripts
from gotapi_core.store import Documents, Store, StoreError, metadata
from gotapi_core.store import engine as engines


def migrate(path: Path, target: str, current: str | None = None) -> None:
    url = engines.parse_url(path)
    engines.secure_file(url)
    engine = engines.make_engine(url)
    try:
        with engine.begin() as connection:
            upgrade.upgrade(connection, current, target)
    finally:
        engine.dispose()


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return sorted(" ".join(line.split()) for line in connection.iterdump())
    finally:
        connection.close()


REVISIONS = [script.revision for script in reversed(list(scripts().walk_revisions()))]


def test_the_history_is_one_line_that_ends_at_head() -> None:
    assert scripts().get_heads() == [HEAD]
    assert scripts().get_bases() == [REVISIONS[0]]
    assert sorted(REVISIONS) == REVISIONS
    assert not any(script.is_branch_point for script in scripts().walk_revisions())


def test_every_migration_says_what_it_does() -> None:
    assert all(script.doc for script in scripts().walk_revisions())


def test_the_migrated_schema_is_that_of_the_tables(path: Path) -> None:
    migrate(path, "head")

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    with Store(path) as store:
        assert store.run_sync(differences) == []


def test_a_new_database_is_the_same_as_a_migrated_one_to_the_letter(tmp_path: Path) -> None:
    migrate(tmp_path / "migrated.db", "head")
    with Store(tmp_path / "new.db"):
        pass
    assert dump(tmp_path / "new.db") == dump(tmp_path / "migrated.db")


@pytest.mark.parametrize("start", REVISIONS)
def test_every_older_database_is_brought_up_to_date_with_its_data(
    path: Path, tmp_path: Path, start: str
) -> None:
    migrate(path, start)
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO documents (owner, collection, key, size, body) VALUES ('o','c','k',1,x'41')"
    )
    connection.commit()
    connection.close()
    for _ in range(2):  # the second time there is nothing to do
        with Store(path) as store:
            assert Documents(store, "o").list_sync("c") == [("k", b"A")]
    with Store(tmp_path / "new.db") as store:
        store.run_sync(lambda c: c.exec_driver_sql("DELETE FROM documents"))
        Documents(store, "o").put_sync("c", "k", b"A")
    assert dump(path) == dump(tmp_path / "new.db")


def test_a_migration_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(path, REVISIONS[0])
    before = dump(path)

    def fails_late(connection: Connection, current: str | None) -> None:
        upgrade_once(connection, current)
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    upgrade_once = upgrade.upgrade
    monkeypatch.setattr(upgrade, "upgrade", fails_late)
    with pytest.raises(StoreError, match=r"nowhere"):
        Store(path).open()
    assert dump(path) == before
    monkeypatch.undo()
    with Store(path) as store:
        assert store.run_sync(lambda c: c.exec_driver_sql("SELECT 1 FROM tokens").all()) == []


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_postgresql_can_have_the_tables(table: Table) -> None:
    ddl = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert "AUTOINCREMENT" not in ddl
    if table.name == "documents":
        assert "seq BIGSERIAL NOT NULL" in ddl
