"""A hub's folders with something in them, and backups that were tampered with."""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.paths import Paths, paths_under
from gotapi_core.store import Store

NOW = 1_790_000_000.0


def fill(home: Path) -> Paths:
    paths = paths_under(home)
    paths.prepare()
    with Store(paths.store):
        pass
    paths.settings_file.write_text("[server]\nport = 4135\n")
    plugin = paths.plugin("lamp")
    (plugin / "deep").mkdir(parents=True)
    (plugin / "deep" / "scene.bin").write_bytes(bytes(range(256)) * 100)
    run = plugin / "engine.sh"
    run.write_text("#!/bin/sh\n")
    run.chmod(0o755)
    with sqlite3.connect(plugin / "own.db") as own:
        own.execute("CREATE TABLE lamps (name TEXT)")
        own.execute("INSERT INTO lamps VALUES ('desk')")
    own.close()
    (paths.config / "plugins.d").mkdir()
    (paths.config / "plugins.d" / "lamp.toml").write_text('folder = "lamp"\n')
    (paths.data / "tls").mkdir()
    (paths.data / "tls" / "authority.pem").write_text("a key")
    (paths.data / "links.secret").write_text("links")
    paths.operator_secret.write_text("operator")
    return paths


@pytest.fixture
def full(tmp_path: Path) -> Paths:
    """The folders of a hub with one of everything."""
    return fill(tmp_path / "full")


@pytest.fixture
def empty(tmp_path: Path) -> Paths:
    """The folders of a hub that has never run."""
    paths = paths_under(tmp_path / "empty")
    paths.prepare()
    return paths


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def changed() -> Callable[..., Path]:
    """Write a backup anew with other files, or another manifest."""

    def change(
        source: Path,
        *,
        files: dict[str, bytes | None] | None = None,
        manifest: Callable[[dict[str, Any]], object] = lambda members: None,
    ) -> Path:
        target = source.with_name(f"changed-{source.name}")
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            contents = {one.filename: old.read(one) for one in old.infolist()}
            members = json.loads(contents["manifest.json"])
            manifest(members)
            contents["manifest.json"] = json.dumps(members).encode()
            for name, content in {**contents, **(files or {})}.items():
                if content is not None:
                    new.writestr(name, content, zipfile.ZIP_DEFLATED)
        return target

    return change
