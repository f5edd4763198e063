"""`gotapi run` with plug-ins of its own processes, and the operator's commands for them."""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gotapi_core.cli import main
from gotapi_core.testing.process import HubProcess

pytestmark = pytest.mark.timeout(60)
PLUGINS = Path(__file__).parent / "plugins"


def gotapi(home: Path, *words: str) -> Any:
    return CliRunner().invoke(main, [*words, "--home", str(home)])


def plugin_state(hub: HubProcess, plugin_id: str) -> dict[str, Any]:
    found = [one for one in hub.operator("GET", "state")["plugins"] if one["id"] == plugin_id]
    return dict(found[0]) if found else {}


def until(hub: HubProcess, plugin_id: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 15
    while (found := plugin_state(hub, plugin_id)).get("state") != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_the_bundled_printer_in_a_process_of_its_own(tmp_path: Path) -> None:
    options = ("--set", "plugin_host.printer.port=stdio", "--set", "plugins.printer.ports=[]")
    with HubProcess(tmp_path, *options) as hub:
        until(hub, "printer", "ready")
        children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
        workers = [pid for pid in children if b"host.worker" in _words(pid)]
        assert len(workers) == 1
        hub.kill()  # as a power cut would: nobody tells the child
        deadline = time.monotonic() + 9
        while _words(workers[0]):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _words(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_token_lets_a_plugin_in_until_it_is_deleted(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        made = gotapi(tmp_path, "plugins", "token", "echo")
        assert made.exit_code == 0, made.output
        assert until(hub, "echo", "found")
        refused = gotapi(tmp_path, "plugins", "enable", "echo")
        assert refused.exit_code == 1
        token_file = tmp_path / "token"
        token_file.write_text(made.output)
        asyncio.run(_connected(hub, token_file, tmp_path))
        for words, code in ((("--delete",), 0), (("--delete",), 1)):
            deleted = gotapi(tmp_path, "plugins", "token", "echo", *words)
            assert deleted.exit_code == code
        assert "There is no token for a plug-in 'echo'" in deleted.output
        assert "1 to 40 lower-case" in gotapi(tmp_path, "plugins", "token", "E C H O").output


async def _connected(hub: HubProcess, token_file: Path, home: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gotapi_core.host.worker", "echo_plugin", "--path", str(PLUGINS),
        "--connect", hub.url.replace("http", "ws") + "/gotapi/plugin",
        "--token-file", str(token_file), env={**os.environ},
    )  # fmt: skip
    try:
        await asyncio.to_thread(until, hub, "echo", "ready")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(9):
            assert await process.wait() == 0
    assert (await asyncio.to_thread(until, hub, "echo", "suspended"))["reason"].startswith(
        "it ended itself"
    )


def test_a_worker_that_cannot_load_its_plugin_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    from gotapi_core.host.child import Child

    class Heard:
        def __init__(self) -> None:
            self.errors: list[str] = []
            self.end = ""

        def on_message(self, line: bytes) -> None:
            raise AssertionError(line)

        def on_stderr(self, line: str) -> None:
            self.errors.append(line)

        def on_end(self, reason: str) -> None:
            self.end = reason

    async def run() -> Heard:
        heard = Heard()
        words = [sys.executable, "-m", "gotapi_core.host.worker", "no_such_package"]
        child = await Child.spawn(words, heard, memory=2**30)
        async with asyncio.timeout(9):
            await child.ended.wait()
        return heard

    heard = asyncio.run(run())
    assert heard.end == "ended with exit code 69"
    assert "there is no package 'no_such_package'" in "\n".join(heard.errors)
