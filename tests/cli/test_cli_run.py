"""`gotapi run` when something is in its way, and `gotapi apps` without a hub."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_core.cli import main
from gotapi_core.testing.process import HubProcess

EX_CONFIG = 78


def gotapi(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gotapi_core", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_hub_on_the_port_ends_at_once_and_names_the_holder(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "one") as first:
        port = first.url.rpartition(":")[2]
        began = time.monotonic()
        second = gotapi("run", "--home", str(tmp_path / "two"), "--port", port)
        took = time.monotonic() - began
        pid = first.pid
    assert second.returncode == EX_CONFIG
    assert f"(pid {pid})" in second.stderr
    assert "--port" in second.stderr
    assert "Traceback" not in second.stderr
    assert took < 8.0  # two seconds, and the start of an interpreter on a busy machine


def test_a_second_hub_in_the_folder_names_the_first(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as first:
        second = gotapi("run", "--home", str(tmp_path), "--port", "0")
        assert second.returncode == EX_CONFIG
        assert first.url in second.stderr


def test_a_foreign_program_on_the_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = gotapi("run", "--home", str(tmp_path), "--port", port)
    assert refused.returncode == EX_CONFIG
    assert "is taken by" in refused.stderr
    assert f"(pid {os.getpid()})" in refused.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_demo_and_plain_http_stay_on_this_machine(tmp_path: Path, host: str) -> None:
    for words in (["--demo"], []):
        refused = gotapi("run", "--home", str(tmp_path), "--host", host, *words)
        assert refused.returncode == EX_CONFIG
        assert host in refused.stderr
        assert "this machine only" in refused.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nprot = 1\n", "prot"),
        ("[server]\nport = 'x'\n", "server.port"),
        ("[server]\nport = 99999\n", "65535"),
        ("[server\n", "gotapi.toml"),
        ("[plugins.printer]\nports = 5\n", "ports"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "gotapi.toml").write_text(text)
    if "plugins" in text:  # only the plug-in fails; the hub runs and says so
        with HubProcess(tmp_path) as hub:
            plugins = hub.operator("GET", "state")["plugins"]
            [plugin] = [one for one in plugins if one["id"] == "printer"]
            assert plugin["state"] == "failed"
            assert complaint in plugin["reason"]
        return
    refused = gotapi("run", "--home", str(tmp_path))
    assert refused.returncode == EX_CONFIG
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = gotapi("run", "--home", str(tmp_path / "file" / "home"), "--port", "0")
    assert refused.returncode == EX_CONFIG
    assert "--home" in refused.stderr


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hub.sqlite3").write_bytes(b"no database" * 1000)
    refused = gotapi("run", "--home", str(tmp_path), "--port", "0")
    assert refused.returncode == EX_CONFIG
    assert "hub.sqlite3" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_hub_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    hub = HubProcess(tmp_path).start()
    process = hub._running()
    process.send_signal(number)
    assert process.wait(10) == 0
    hub.stop()


def test_apps_without_a_hub_say_how_to_start_one(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["apps", "list", "--home", str(tmp_path)])
    assert answer.exit_code == 1
    assert "gotapi run" in answer.output


def test_apps_list_approve_deny_and_revoke(tmp_path: Path) -> None:
    def apps(*words: str) -> str:
        answer = CliRunner().invoke(main, ["apps", *words, "--home", str(tmp_path)])
        assert answer.exit_code == 0, answer.output
        return answer.output

    with HubProcess(tmp_path) as hub:
        assert "No application" in apps("list")
        asking = [ask(hub.url, name) for name in ("first", "second")]
        codes = {one["name"]: one["code"] for one in wait_for_requests(hub, 2)}
        assert "first" in apps("list")
        apps("approve", codes["first"], "--for", "day")
        apps("deny", codes["second"])
        listed = apps("list")
        assert "first" in listed
        assert "second" not in listed
        [allowed] = hub.operator("GET", "state")["applications"]
        apps("revoke", allowed["id"])
        assert hub.operator("GET", "state")["applications"] == []
        wrong = CliRunner().invoke(main, ["apps", "revoke", "x", "--home", str(tmp_path)])
        assert wrong.exit_code == 1
        assert "no application" in wrong.output
        for process in asking:
            process.communicate(timeout=20)


def ask(url: str, name: str) -> subprocess.Popen[str]:
    """Ask for access in a process of its own, as an application would."""
    program = (
        "import asyncio, sys\n"
        "from gotapi_core.client import HubClient, HubError\n"
        "async def main():\n"
        "    async with HubClient(sys.argv[1], 'test.' + sys.argv[2], sys.argv[2]) as client:\n"
        "        try:\n"
        "            await client.authorize(['servicediscovery'], wait=20)\n"
        "        except HubError:\n"
        "            pass\n"
        "asyncio.run(main())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, url, name], stdout=subprocess.PIPE, text=True
    )


def wait_for_requests(hub: HubProcess, count: int) -> list[dict[str, str]]:
    state = hub.operator("GET", "state")
    for _ in range(10):
        if len(state["requests"]) >= count:
            break
        state = hub.operator("GET", f"changes?since={state['revision']}")
    requests: list[dict[str, str]] = state["requests"]
    assert len(requests) == count
    return requests
