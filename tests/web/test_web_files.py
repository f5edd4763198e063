"""The files of the console: what is sent for which address, and with which headers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from gotapi_core.server.console import Console, bundled
from gotapi_core.testing import live_hub

ROOT = Path(__file__).parents[2]
HTML = "<!doctype html><title>console</title>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(HTML)
    (tmp_path / "assets" / "index-1234.js").write_text("export {};")
    (tmp_path / "secret.key").write_text("no type of ours")
    return tmp_path


async def ask(console: Console, path: str, method: str = "GET"):
    """Ask for a path; returns status, headers and body, or None where there is nothing."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    if not await console.answer({"path": path, "method": method}, send):
        return None
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(
    "path", ["/", "/console", "/console/", "/console/services", "/console/a/b"]
)
async def test_each_route_of_the_console_is_its_page(folder, path):
    status, headers, body = await ask(Console(folder), path)
    assert (status, body.decode()) == (200, HTML)
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"content-type"] == b"text/html; charset=utf-8"


async def test_files_with_a_hash_are_kept_for_ever(folder):
    _, headers, body = await ask(Console(folder), "/console/assets/index-1234.js")
    assert body == b"export {};"
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert headers[b"content-type"] == b"text/javascript; charset=utf-8"


async def test_head_has_the_headers_only(folder):
    _, headers, body = await ask(Console(folder), "/", "HEAD")
    assert (body, headers[b"content-length"]) == (b"", b"%d" % len(HTML))


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/gone.js", "/console/secret.key", "/console/../operator.secret",
        "/consolefoo", "/elsewhere", "/console/assets/../../console.py",
    ],
)  # fmt: skip
async def test_there_is_nothing_else(folder, path):
    assert await ask(Console(folder), path) is None


async def test_the_policy_has_no_inline_code_and_no_frame(folder):
    _, headers, _ = await ask(Console(folder), "/")
    policy = headers[b"content-security-policy"].decode()
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"):
        assert part in policy.split("; ")
    assert headers[b"x-frame-options"] == b"DENY"


def test_a_folder_without_a_page_is_no_console(tmp_path):
    assert not Console(tmp_path).built
    assert not Console(tmp_path / "missing").built


@pytest_asyncio.fixture
async def plain(tmp_path):
    """A hub whose console is turned off."""
    async with (
        live_hub(tmp_path / "hub", settings={"server": {"console": False}}) as live,
        httpx2.AsyncClient(base_url=live.url, trust_env=False) as http,
    ):
        yield live, http


async def test_a_hub_without_a_console_says_so_and_has_the_operator_page(plain):
    live, http = plain
    assert "The hub is running" in (await http.get("/")).text
    answer = await http.get("/console/services")
    assert answer.status_code == 404
    assert "has no web console" in answer.text
    assert live.app.operator.console_link(live.url).startswith(f"{live.url}/operator/login?token=")
    answer = await http.get(live.app.operator.console_link(live.url).removeprefix(live.url))
    assert answer.headers["location"].startswith("/operator#key=")


async def test_a_page_of_another_site_can_neither_frame_nor_open_it(console, tmp_path):
    async with (
        live_hub(tmp_path / "hub") as live,
        httpx2.AsyncClient(base_url=live.url, trust_env=False) as http,
    ):
        foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        for path in ("/", "/console/services", "/console/index.html"):
            assert (await http.get(path, headers=foreign)).status_code == 403
            assert (await http.get(path)).status_code == 200
        assert (await http.post("/console/services", json={})).status_code == 403


async def test_what_is_bundled_has_its_licences_beside_it(console):
    answer = await ask(bundled(), "/console/licenses.txt")
    assert answer is not None
    for name in ("lit ", "three ", "uplot "):
        assert f"\n{name}" in answer[2].decode()


def test_the_lock_file_pins_with_hashes_and_names_no_registry():
    text = (ROOT / "web" / "package-lock.json").read_text()
    assert not re.search(r"https?:|\"resolved\"", text)
    packages = re.findall(r'^    "node_modules/', text, re.MULTILINE)
    assert len(packages) > 10
    assert text.count('"integrity": "sha512-') == len(packages)


@pytest.mark.wheel
@pytest.mark.skipif(
    "GOTAPI_TEST_INSTALLED" not in os.environ, reason="only where the wheel is being tested"
)
async def test_the_console_is_in_the_wheel():
    console = bundled()
    assert console.built
    for name in ("sdk/gotapi.js", "sdk/types/index.d.ts", "licenses.txt", "sw.js"):
        assert await ask(console, f"/console/{name}") is not None, name


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_every_text_is_there_in_both_languages(console):
    checked = subprocess.run(
        ["node", str(ROOT / "web" / "tools" / "check-words.mjs")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
