"""`gotapi open`, `gotapi install-handler`, and `gotapi apps change|history` with a real hub."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main, opening
from gotapi_core.cli.handler import FILE_NAME, desktop_entry
from gotapi_core.cli.running import running
from gotapi_core.client import HubClient
from gotapi_core.paths import paths_under
from gotapi_core.testing.process import HubProcess

KEY = "gotapi://start?origin=http%3A%2F%2Fdraw.example&key="


def gotapi(*words: object, **options: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], **options)


def allow(hub: HubProcess, *scopes: str) -> str:
    """Let an application ask, and approve it; returns its id."""

    async def ask() -> None:
        async with HubClient(hub.url, "org.example.app", "App") as client:
            asking = asyncio.create_task(client.authorize(list(scopes)))
            await asyncio.to_thread(hub.approve_next)
            await asking
            await client.services()

    asyncio.run(ask())
    return str(hub.operator("GET", "state")["applications"][-1]["id"])


@pytest.fixture
def browsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or True)
    return opened


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub")) as one:
        yield one


@pytest.mark.parametrize("uri", ["http://start", "gotapi://shortcut", "gotapi://start?a=b"])
def test_what_is_no_launch_address_is_refused_before_anything(uri: str, tmp_path: Path) -> None:
    result = gotapi("open", uri, "--home", tmp_path)
    assert result.exit_code == 2
    assert "launch URI" in result.output
    assert list(tmp_path.iterdir()) == []


def test_start_starts_a_hub_that_lives_on_and_stop_stops_it(tmp_path: Path) -> None:
    (tmp_path / "gotapi.toml").write_text("[server]\nport = 0\n")
    paths = paths_under(tmp_path)
    result = gotapi("open", "gotapi://start/server", "--home", tmp_path)
    assert result.exit_code == 0, result.output
    note = running(paths.lock)
    assert note is not None
    try:
        assert f"The hub runs at {note.url}" in result.output
        assert os.getsid(note.pid) == note.pid  # it does not end with this terminal
        assert (paths.data / "hub.log").stat().st_mode & 0o077 == 0
        again = gotapi("open", "dconnect://start", "--home", tmp_path)
        assert note.url in again.output
        silent = gotapi("open", "gotapi://stop/server", "--home", tmp_path)
        assert (silent.exit_code, "launch.allow_stop" in silent.output) == (1, True)
        assert gotapi("open", "3dcapi://stop", "--home", tmp_path).output == "The hub stops.\n"
        deadline = time.monotonic() + 8
        while running(paths.lock) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        if running(paths.lock) is not None:
            os.kill(note.pid, signal.SIGKILL)
        os.waitpid(note.pid, 0)
    assert gotapi("open", "gotapi://stop", "--home", tmp_path).output == "No hub runs.\n"


def test_a_hub_that_cannot_start_is_said_with_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "gotapi.toml").write_text("[nonsense]\n")
    result = gotapi("open", "gotapi://start", "--home", tmp_path)
    assert result.exit_code == 1
    log = tmp_path / "data" / "hub.log"
    assert f"The hub did not start; {log} says why" in result.output
    assert "nonsense" in log.read_text()


def test_a_key_is_handed_over_and_replaced_only_with_a_yes(hub: HubProcess) -> None:
    first = gotapi("open", f"{KEY}00ff", "--home", hub.home)
    assert "The hub knows the key of http://draw.example." in first.output
    refused = gotapi("open", f"{KEY}00fe", "--home", hub.home)
    assert (refused.exit_code, "stays" in refused.output) == (1, True)
    assert gotapi("open", f"{KEY}00fe", "--yes", "--home", hub.home).exit_code == 0
    removed = gotapi("open", KEY, "--home", hub.home)
    assert (removed.exit_code, "stays" in removed.output) == (1, True)
    gone = gotapi("open", KEY, "--yes", "--home", hub.home)
    assert "has forgotten the key" in gone.output


def test_activity_opens_the_operator_page(hub: HubProcess, browsed: list[str]) -> None:
    assert gotapi("open", "gotapi://start/activity", "--home", hub.home).exit_code == 0
    (url,) = browsed
    assert url.startswith(f"{hub.url}/operator/login?token=")


def test_without_a_display_the_address_is_printed(
    hub: HubProcess, browsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    result = gotapi("open", "gotapi://start/activity", "--home", hub.home)
    assert f"Open the operator page in a browser: {hub.url}/operator/login" in result.output
    assert browsed == []


@pytest.mark.parametrize(("words", "opened"), [(["--yes"], ["http://localhost:8/a"]), ([], [])])
def test_a_page_is_gone_back_to_only_after_a_yes(
    hub: HubProcess, browsed: list[str], words: list[str], opened: list[str]
) -> None:
    uri = "gotapi://start?url=http%3A%2F%2Flocalhost%3A8%2Fa"
    assert gotapi("open", uri, *words, "--home", hub.home).exit_code == 0
    assert browsed == opened


def test_the_question_says_what_kind_of_page_it_is(
    hub: HubProcess, browsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        opening.Terminal, "confirm", lambda self, question: bool(asked.append(question))
    )
    for url in ("http%3A%2F%2Flocalhost%3A8%2Fa", "https%3A%2F%2Fdraw.example"):
        gotapi("open", f"gotapi://start?url={url}", "--home", hub.home)
    assert asked == [
        "Open a page of this computer, http://localhost:8/a?",
        "Open a web page, https://draw.example?",
    ]
    assert browsed == []


def test_an_approval_is_changed_and_its_use_listed(hub: HubProcess) -> None:
    application = allow(hub, "servicediscovery", "system")
    home = ("--home", hub.home)
    changed = gotapi(
        "apps", "change", application, "--scopes", "system", "--until", "2026-99-99", *home
    )
    assert (changed.exit_code, "write it as 2026-12-31" in changed.output) == (2, True)
    nothing = gotapi("apps", "change", application, *home)
    assert (nothing.exit_code, "--scopes, --for or --until" in nothing.output) == (2, True)
    changed = gotapi("apps", "change", application, "--scopes", "system, ", "--for", "day", *home)
    assert f"{application} may system until " in changed.output
    day = time.strftime("%Y-%m-%d", time.localtime(time.time() + 5 * 86400))
    assert (
        f"until {day} 23:59" in gotapi("apps", "change", application, "--until", day, *home).output
    )
    assert (
        f"until {day} 18:00"
        in gotapi("apps", "change", application, "--until", f"{day}T18:00", *home).output
    )
    used = gotapi("apps", "history", application, *home)
    assert re.search(r"GET servicediscovery\s+. 1 ", used.output)
    assert gotapi("apps", "history", "nobody", *home).exit_code == 1


def test_replacing_is_offered_and_done(hub: HubProcess) -> None:
    earlier = allow(hub, "servicediscovery")

    async def ask() -> str:
        async with HubClient(hub.url, "org.example.app", "App") as client:
            asking = asyncio.create_task(client.authorize(["servicediscovery"]))
            state = await asyncio.to_thread(
                hub._wait_for, lambda state: bool(state["requests"]), "request"
            )
            code = state["requests"][0]["code"]
            home = ("--home", hub.home)
            listed = await asyncio.to_thread(gotapi, "apps", "list", *home)
            await asyncio.to_thread(gotapi, "apps", "approve", code, "--replace", earlier, *home)
            await asking
            return listed.output

    listed = " ".join(asyncio.run(ask()).split())
    assert f"--replace {earlier}" in listed
    assert "already has access under 'App'" in listed
    assert earlier not in [one["id"] for one in hub.operator("GET", "state")["applications"]]


def test_history_of_an_application_that_did_nothing(hub: HubProcess, monkeypatch) -> None:
    monkeypatch.setattr("gotapi_core.cli.apps.ask", lambda *_, **__: {"uses": []})
    assert gotapi("apps", "history", "a", "--home", hub.home).output == "Nothing yet.\n"


def test_the_handler_is_installed_and_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    xdg = tools / "xdg-mime"
    xdg.write_text(f'#!/bin/sh\necho "$3=$2" >> {shlex.quote(str(tmp_path))}/mimeapps.list\n')
    xdg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    entry = tmp_path / "data" / "applications" / FILE_NAME
    result = gotapi("install-handler")
    assert f"Wrote {entry}" in result.output
    assert "Ran: xdg-mime default gotapi-open.desktop x-scheme-handler/3dcapi" in result.output
    assert "open %u" in entry.read_text()
    chosen = tmp_path / "mimeapps.list"
    assert chosen.read_text().count(FILE_NAME) == 3
    chosen.write_text(f"x-scheme-handler/mailto=mail.desktop\n{chosen.read_text()}")
    result = gotapi("install-handler", "--remove")
    assert f"Removed {entry}" in result.output
    assert not entry.exists()
    assert chosen.read_text() == "x-scheme-handler/mailto=mail.desktop\n"
    assert f"{entry} is not there" in gotapi("install-handler", "--remove").output


def test_without_the_desktop_s_tools_it_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = gotapi("install-handler")
    assert "xdg-mime is not installed; skipped: xdg-mime default" in result.output
    assert result.exit_code == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    result = gotapi("install-handler")
    assert (result.exit_code, "cannot be written" in result.output) == (1, True)


def test_elsewhere_than_on_linux_the_documentation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.cli.handler.sys.platform", "win32")
    result = gotapi("install-handler")
    assert (result.exit_code, "docs/launch.md" in result.output) == (1, True)


def test_a_desktop_entry_quotes_what_it_runs() -> None:
    text = desktop_entry(["/a b/100%/$x", "-m"])
    assert 'Exec="/a b/100%%/\\\\$x" "-m" open %u' in text
    assert "x-scheme-handler/gotapi;x-scheme-handler/dconnect;x-scheme-handler/3dcapi;" in text


def test_the_installed_command_is_the_one_in_the_entry(tmp_path: Path) -> None:
    tool = Path(sys.executable).parent / "gotapi"
    if not tool.exists():
        pytest.skip("the command is not installed here")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "PATH": str(tmp_path)}
    subprocess.run([tool, "install-handler"], env=environment, check=True, capture_output=True)
    assert f'Exec="{tool}" open %u' in (tmp_path / "applications" / FILE_NAME).read_text()
