"""What the command line keeps about hubs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gotapi_core.cli.tokens import MAX_FILE, MAX_HUBS, Access, TokenCache
from gotapi_core.client import Token

URL = "http://127.0.0.1:4035"
ACCESS = Access("client", "secret", ("3dp",), 5.0)


@pytest.fixture
def cache(tmp_path: Path) -> TokenCache:
    return TokenCache(tmp_path / "config" / "client.json")


def test_nothing_is_known_at_first(cache: TokenCache) -> None:
    assert cache.load(URL) == Access()
    assert cache.load(URL).to_token() is None


def test_each_hub_has_its_own(cache: TokenCache) -> None:
    cache.save(URL, ACCESS)
    cache.save("http://other", Access("c2"))
    assert cache.load(URL) == ACCESS
    assert cache.load("http://other") == Access("c2")
    assert cache.load(URL).to_token() == Token("secret", "client", ("3dp",), 5.0)


def test_only_the_owner_reads_it(cache: TokenCache, tmp_path: Path) -> None:
    cache.save(URL, ACCESS)
    path = tmp_path / "config" / "client.json"
    path.chmod(0o644)
    cache.save(URL, ACCESS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["client.json"]


def test_client_id_outlives_the_token(cache: TokenCache) -> None:
    cache.save(URL, ACCESS)
    cache.forget_token(URL)
    assert cache.load(URL) == Access("client")
    cache.forget_token("http://never")
    assert cache.load("http://never") == Access()


def test_oldest_hubs_go(cache: TokenCache) -> None:
    for number in range(MAX_HUBS + 2):
        cache.save(f"http://h{number}", Access(str(number)))
    assert cache.load("http://h1") == Access()
    assert cache.load("http://h2") == Access("2")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80))
@pytest.mark.parametrize(
    "fixed", [None, b"x" * (MAX_FILE + 1), b'{"version":2,"hubs":{}}', b"[" * 5000]
)
def test_damaged_file_counts_as_empty(
    cache: TokenCache, tmp_path: Path, fixed: bytes | None, content: bytes
) -> None:
    path = tmp_path / "config" / "client.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if fixed is None else fixed)
    assert cache.load(URL) == Access()
    cache.save(URL, ACCESS)
    assert cache.load(URL) == ACCESS


def test_failed_write_leaves_the_old_file(
    cache: TokenCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.save(URL, ACCESS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gotapi_core.whole_file.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        cache.save(URL, Access("new"))
    monkeypatch.undo()
    assert cache.load(URL) == ACCESS
    assert len(list((tmp_path / "config").iterdir())) == 1


def test_secret_is_not_shown() -> None:
    assert "secret" not in repr(ACCESS)
