"""Every command and every program of the README is run."""

import asyncio
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_core.cli import main
from gotapi_core.client import HubClient
from gotapi_core.plugin import Plugin
from gotapi_core.testing import live_hub

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def the_block(language: str, word: str) -> str:
    found = [block for block in blocks(language) if word in block]
    assert len(found) == 1
    return found[0]


def load_plugin() -> type[Plugin]:
    source = the_block("python", "class LampPlugin")
    module = types.ModuleType("readme_lamp")
    sys.modules["readme_lamp"] = module
    exec(compile(source, "README.md", "exec"), module.__dict__)
    found: type[Plugin] = module.LampPlugin
    return found


def test_the_plugin_is_about_thirty_lines() -> None:
    lines = [line for line in the_block("python", "class LampPlugin").splitlines() if line.strip()]
    assert len(lines) <= 36


async def test_the_plugin_of_the_readme_works(tmp_path: Path) -> None:
    async with (
        live_hub(tmp_path, [load_plugin()]) as live,
        HubClient(live.url, "test.readme", "Test") as client,
    ):
        asking = asyncio.create_task(client.authorize(["light"]))
        await live.allow()
        await asking
        [lamp] = await client.services()
        assert (lamp.id, lamp.name) == ("desk.lamp", "Desk lamp")
        async with client.events("light", "state", lamp.id) as events:
            assert (await anext(events)).members["on"] is False
            assert (await client.put("light", "switch", lamp.id, on=True))["on"] is True
            assert (await anext(events)).members["on"] is True


async def test_the_python_program_of_the_readme_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = the_block("python", "async def main")
    async with live_hub(tmp_path, []) as live:
        program = source.replace("http://127.0.0.1:4035", live.url)
        program = program.replace('["3dp"]', '["servicediscovery"]')
        namespace: dict[str, object] = {}
        program = program.replace("asyncio.run(main())", "")
        exec(compile(program, "README.md", "exec"), namespace)
        running = asyncio.create_task(namespace["main"]())  # type: ignore[operator]
        await live.allow()
        await running
    assert capsys.readouterr().err == ""


def test_every_gotapi_command_in_the_documents_exists() -> None:
    texts = [README, *(path.read_text() for path in (ROOT / "docs").glob("*.md"))]
    words = {match for text in texts for match in re.findall(r"gotapi ([a-z][a-z-]*)\b", text)}
    named = words - {"has", "is"}
    assert {"run", "print", "apps", "services", "operator", "sim-printer"} <= named
    for name in sorted(named):
        answer = CliRunner().invoke(main, [name, "--help"])
        assert answer.exit_code == 0, f"gotapi {name}: {answer.output}"


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    texts = README + (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"`?make ([a-z]+)", texts))
    assert {"run", "test", "check", "bench"} <= targets
    for target in targets - {"it"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"


@pytest.mark.skipif(os.name != "posix", reason="the commands are for a POSIX shell")
def test_curl_alone_goes_through_the_whole_flow(tmp_path: Path, demo_hub) -> None:
    script = the_block("sh", "availability").replace("http://127.0.0.1:4035", demo_hub.url)
    script = script.replace("examples/box.gcode", str(ROOT / "examples" / "box.gcode"))
    process = subprocess.Popen(
        ["bash", "-c", script],  # not -e: the event stream ends by curl's own time limit
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    demo_hub.approve_next()
    output, _ = process.communicate(timeout=60)
    assert '"errorCode"' not in output, output
    assert output.count('"result":0') >= 9, output
    assert '"operatingStatus":"printing"' in output, output
    assert "data: {" in output, output
    assert "Printing stopped" in output, output
