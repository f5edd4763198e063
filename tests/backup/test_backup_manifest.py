"""What a manifest may say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.backup import manifest as manifests
from gotapi_core.backup.manifest import BackupError, Entry, Manifest

DIGEST = "0" * 64
STORE = Entry("data/hub.sqlite3", 10, DIGEST)


def raw(*entries: Entry, **more: Any) -> bytes:
    manifest = Manifest(1, "0.1.0", 5.0, False, (STORE, *entries))
    return msgspec.json.encode({**msgspec.to_builtins(manifest), **more})


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = Manifest(1, "0.1.0", 5.0, True, (STORE, Entry("config/gotapi.toml", 3, DIGEST)))
    assert manifests.decode(manifests.encode(manifest)) == manifest
    assert manifest.size == 13


@pytest.mark.parametrize(
    "name",
    [
        "data/plugins/lamp/a b.txt",
        "data/plugins/creation/日本.glb",
        "data/tls/authority.pem",
        "config/gotapi.toml",
        "config/plugins.d/lamp.toml",
        "data/data/config/x",
    ],
)
def test_names_in_the_hubs_folders(name: str) -> None:
    assert manifests.decode(raw(Entry(name, 1, DIGEST))).entries[1].name == name


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "data/../../.bashrc",
        "data/..",
        "data/./x",
        "data//x",
        "data/",
        "data",
        "data\\x",
        "data/a\\..\\b",
        "data/x\0y",
        "data/x\ny",
        "data/x\u202ey",
        "data/" + "n" * 256,
        "data/" + "é" * 200,
        "data/" + "a/" * 40 + "x",
        "config/known_hubs.json",
        "config/plugins.d",
        "config/data/hub.sqlite3",
        "config/gotapi.toml/x",
        "home/x",
        "data/hub.lock",
        "data/operator.secret",
        "data/run/x",
        "data/restoring.json",
        "data/before-restore-20260101-000000/x",
    ],
)
def test_names_that_belong_nowhere(name: str) -> None:
    with pytest.raises(BackupError, match="belongs nowhere"):
        manifests.decode(raw(Entry(name, 1, DIGEST)))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not that of a backup"),
        (b"\xff", "not that of a backup"),
        (b"[" * 10_000, "not that of a backup"),
        (b'{"format": 2, "hub": "9.0"}', "format 2.*'9.0'.*version that made it"),
        (raw(format="1"), "not that of a backup"),
        (raw(entries=[]), "hub.sqlite3"),
        (raw(STORE), "twice"),
        (raw(Entry("data/a", 1, DIGEST), Entry("data/a/b", 1, DIGEST)), "as a folder"),
        (raw(*(Entry(f"data/{n}", 15 << 30, DIGEST) for n in range(5))), "at most"),
        (raw(entries=[{"name": "data/x", "size": -1, "sha256": DIGEST}]), "size"),
        (raw(entries=[{"name": "data/x", "size": 1 << 40, "sha256": DIGEST}]), "size"),
        (raw(entries=[{"name": "data/x", "size": 1, "sha256": "../"}]), "sha256"),
        (raw(entries=[{"name": "", "size": 1, "sha256": DIGEST}]), "name"),
    ],
)
def test_manifests_that_are_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(BackupError, match=complaint):
        manifests.decode(content)


def test_half_a_surrogate_pair_is_no_name() -> None:
    with pytest.raises(BackupError, match="belongs nowhere"):
        manifests.check_name("data/\ud800")


@given(st.text(max_size=60))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    for root in ("data/", "config/plugins.d/", ""):
        try:
            manifests.check_name(root + name)
        except BackupError:
            continue
        parts = (root + name).split("/")
        assert parts[0] in ("data", "config")
        assert not {"", ".", ".."} & set(parts)


@given(st.binary(max_size=200))
def test_anything_is_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises(BackupError):
        manifests.decode(content)
