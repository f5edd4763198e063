"""The commands know the user's own hub by the operator's file; `gotapi apps key` for others."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.cli.own_key import own_key
from gotapi_core.cli.running import take, write
from gotapi_core.cli.tokens import Access, TokenCache
from gotapi_core.client import HubClient, HubKey
from gotapi_core.paths import default_paths
from gotapi_core.protocol.mac import operator_key

URL = "http://127.0.0.1:4035"
SECRET = "s" * 43


@pytest.fixture
def secret(home: Path) -> str:
    paths = default_paths()
    paths.prepare()
    paths.operator_secret.write_text(f"{SECRET}\n")
    paths.operator_secret.chmod(0o600)
    return SECRET


@contextlib.contextmanager
def running_at(url: str) -> Iterator[None]:
    with take(default_paths().lock) as lock:
        write(lock, url)
        yield


@pytest.mark.parametrize("url", [URL, "http://localhost:4035", "http://[::1]:4035"])
def test_the_hub_that_runs_from_the_users_folder_has_to_prove_itself(secret, url):
    with running_at(URL):
        assert own_key(url, proved=False) == HubKey(operator_key(SECRET), "operator")


def test_one_that_proved_itself_once_has_to_ever_after(secret):
    assert own_key(URL, proved=True) == HubKey.of_operator(SECRET)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4135", "https://localhost:4036", "http://192.168.1.5:4035"]
)
def test_other_hubs_are_not_asked(secret, url):
    with running_at(URL):
        assert own_key(url, proved=False) is None


def test_nobody_is_asked_where_no_hub_of_the_user_runs_or_the_file_is_not_there(home, secret):
    assert own_key(URL, proved=False) is None
    default_paths().operator_secret.unlink()
    with running_at(URL):
        assert own_key(URL, proved=False) is None


def invoke(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=text)


def test_that_there_is_no_proof_is_said_once_and_with_verbose_only(threaded, home, tools):
    cache = TokenCache(default_paths().config / "client.json")
    cache.save(threaded.url, Access("client-1", tools.GOOD, ("3dp",), 4e9))
    assert "prove" not in invoke("services", "--url", threaded.url).output
    loud = invoke("services", "--url", threaded.url, "--verbose")
    assert loud.exit_code == 0, loud.output
    assert loud.stderr.count("it is not asked to prove itself") == 1


def test_a_command_sends_no_token_to_who_cannot_prove_to_be_the_users_hub(
    threaded, home, secret, tools
):
    cache = TokenCache(default_paths().config / "client.json")
    cache.save(threaded.url, Access("client-1", tools.GOOD, ("3dp",), 4e9, proved=True))
    result = invoke("services", "--url", threaded.url)
    assert result.exit_code == 1
    assert "which program listens on that port" in result.stderr
    assert threaded.paths("GET") == ["/gotapi/availability"]
    assert tools.GOOD not in str(threaded.asked)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A hub in a thread of its own, with the user's folder, as commands run loops themselves."""
    from gotapi_core.testing import live_hub

    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "home"))
    started, ended = threading.Event(), threading.Event()
    found = []

    async def serve() -> None:
        async with live_hub(tmp_path / "home") as one:
            with running_at(one.url):
                found.append(one)
                started.set()
                await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(8)
    yield found[0]
    ended.set()
    thread.join(8)
    assert not thread.is_alive()


def keyed_client(url: str, key: str) -> HubClient:
    return HubClient(url, "org.example.app", "x", key=HubKey.from_hex(key))


async def proves(url: str, key: str) -> bool:
    async with keyed_client(url, key) as client:
        return bool((await client.availability()).uuid)


def test_apps_key_makes_a_key_shows_it_and_asks_before_it_replaces_one(live):
    first = invoke("apps", "key", "org.example.app")
    assert first.exit_code == 0, first.output
    shown = first.output.strip().rpartition("\n")[2]
    assert len(shown) == 64
    assert "█" in first.output  # the QR code
    assert asyncio.run(proves(live.url, shown))
    refused = invoke("apps", "key", "org.example.app", text="n\n")
    assert refused.exit_code == 1
    assert "stays" in refused.output
    assert asyncio.run(proves(live.url, shown))
    second = invoke("apps", "key", "org.example.app", "--yes")
    other = second.output.strip().rpartition("\n")[2]
    assert other != shown
    assert asyncio.run(proves(live.url, other))
    with pytest.raises(Exception, match="which program listens"):
        asyncio.run(proves(live.url, shown))
    assert invoke("apps", "key", "org.example.app", "--forget", "--yes").exit_code == 0
    with pytest.raises(Exception, match="it gave no proof"):
        asyncio.run(proves(live.url, other))
