"""`gotapi print` and `gotapi services`, as they are run by scripts: without a terminal."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli.consent import ORIGIN
from gotapi_core.cli.print_follow import Follower
from gotapi_core.cli.printing import Unfit, choose, print_command
from gotapi_core.cli.services import services
from gotapi_core.cli.tokens import Access, TokenCache
from gotapi_core.client import Service

pytestmark = pytest.mark.usefixtures("home")


def run(*args: object, url: str = "", command: Any = print_command) -> Result:
    options = ["--url", url] if url else []
    return CliRunner().invoke(command, [*map(str, args), *options])


def finishing(hub: Any, state: str, **members: Any) -> None:
    async def work() -> None:
        await hub.push()
        await hub.finish(state, **members)

    hub.on_start = work


def test_prints(threaded: Any, gcode: Path, home: Path) -> None:
    finishing(threaded, "done")
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 0, result.output
    assert "Printing on Printer one, job j1" in result.stdout
    assert result.stdout.endswith("a.gcode is printed\n")
    assert "\x1b" not in result.output
    assert threaded.files == {"a.gcode": gcode.read_bytes()}
    command = next(one for one in threaded.asked if one[1].endswith("printingcommand"))
    assert command[2]["uri"] == f"{threaded.url}/blobs/1"
    assert command[2]["name"] == "a.gcode"
    assert command[3]["x-gotapi-origin"] == ORIGIN
    # listening began before the print did, so that its end cannot be missed
    paths = [(method, path) for method, path, *_ in threaded.asked]
    start = paths.index(("PUT", "/gotapi/3dp/printingcommand"))
    assert paths.index(("PUT", "/gotapi/3dp/status")) < start


def test_second_run_asks_nobody(threaded: Any, gcode: Path) -> None:
    finishing(threaded, "done")
    assert run(gcode, url=threaded.url).exit_code == 0
    assert run(gcode, url=threaded.url).exit_code == 0
    assert threaded.paths("GET").count("/gotapi/authorization/accesstoken") == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [("failed", "failed"), ("stopped", "was stopped"), ("interrupted", "was interrupted")],
)
def test_bad_ends(threaded: Any, gcode: Path, state: str, words: str) -> None:
    finishing(threaded, state, reason="the cable was pulled", line=12)
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 1
    text = f"The print of a.gcode {words} at line 12 of 40: the cable was pulled\n"
    assert result.stderr.endswith(text)


def test_json(threaded: Any, gcode: Path) -> None:
    finishing(threaded, "failed", reason="jam")
    result = run(gcode, "--json", url=threaded.url)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    events = [line["event"] for line in lines]
    assert events == ["upload", "started", "status", "ended"]
    assert lines[2]["job"]["layers"] == 8
    assert (lines[3]["exitCode"], lines[3]["state"], result.exit_code) == (1, "failed", 1)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.touch(), "is empty"),
        (os.mkfifo, "not a regular file"),
    ],
)
def test_bad_files(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "x.gcode"
    make(path)
    result = run(path)
    assert result.exit_code == 2
    assert words in result.stderr


def test_unusual_name_needs_a_yes(threaded: Any, gcode: Path) -> None:
    other = gcode.rename(gcode.with_suffix(".txt"))
    result = run(other, url=threaded.url)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    finishing(threaded, "done")
    assert run(other, "--yes", url=threaded.url).exit_code == 0


def test_file_or_stop(gcode: Path) -> None:
    for args in ((), (gcode, "--stop")):
        result = run(*args)
        assert result.exit_code == 2
        assert "--stop without one" in result.stderr


@pytest.mark.parametrize("command", [print_command, services])
def test_bad_address(gcode: Path, command: Any) -> None:
    args = [gcode] if command is print_command else []
    result = run(*args, url="localhost:4035", command=command)
    assert result.exit_code == 2
    assert "http://127.0.0.1:4035" in result.stderr


@pytest.mark.parametrize("command", [print_command, services])
def test_no_hub(gcode: Path, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GOTAPI_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        result = run(*([gcode] if command is print_command else []), command=command)
    assert result.exit_code == 3
    assert "gotapi run" in result.stderr


def test_consent_denied(threaded: Any, gcode: Path, home: Path) -> None:
    threaded.consent = [{"result": 1, "errorCode": 11, "errorMessage": "The user said no"}]
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 4
    assert "said no" in result.stderr
    access = TokenCache(home / "client.json").load(threaded.url)
    assert access == Access(client_id="client-2")  # asking again joins


def test_scope_left_out(threaded: Any, gcode: Path, tools: Any) -> None:
    threaded.consent = [tools.allowed("3dps")]
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 4
    assert "did not allow 3dp" in result.stderr


def test_waiting_for_consent_says_how(
    threaded: Any, gcode: Path, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.client.hub_client.SILENT", 0.05)
    monkeypatch.setattr("gotapi_core.client.hub_client._ASK_AGAIN", 0.01)
    threaded.consent = [0.3, tools.allowed("3dp")]
    finishing(threaded, "done")
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 0
    for words in ("operator page", "gotapi apps list", "gotapi apps approve CODE"):
        assert words in result.stderr


def test_rejected_token_is_asked_for_again(
    threaded: Any, gcode: Path, tools: Any, home: Path
) -> None:
    cache = TokenCache(home / "client.json")
    cache.save(threaded.url, Access("client-1", "old", ("3dp",), 4e9))
    finishing(threaded, "done")
    assert run(gcode, url=threaded.url).exit_code == 0
    assert cache.load(threaded.url).token == tools.GOOD
    asked = next(one for one in threaded.asked if one[1].endswith("accesstoken"))
    assert asked[2]["clientId"] == "client-1"


def test_home_that_cannot_be_written_to(
    threaded: Any, gcode: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOTAPI_HOME", str(gcode))
    finishing(threaded, "done")
    assert run(gcode, url=threaded.url).exit_code == 0


# Which printer


def printer(name: str, **members: Any) -> Service:
    return Service(id=f"{name}.printer", name=f"Printer {name}", scopes=("3dp",), **members)


def test_choice() -> None:
    one, two = printer("a"), printer("b", online=False)
    camera = Service(id="c", name="Camera", scopes=("camera",))
    assert choose([camera, one], "") is one
    assert choose([one, two], "a.printer") is one
    assert choose([one, two], "PRINTER A") is one


@pytest.mark.parametrize(
    ("found", "wanted", "words", "code"),
    [
        ([], "", "knows no printer", 1),
        ([Service(id="c", name="C", scopes=("camera",))], "", "knows no printer", 1),
        ([printer("a"), printer("b")], "", "--printer.*\n  a.printer  Printer a\n  b.printer", 2),
        ([printer("a")], "x", "no printer 'x'.*\n  a.printer", 2),
        ([printer("a", online=False, reason="no cable")], "", "Printer a is offline: no cable", 1),
        ([printer("a", online=False)], "", "switched off", 1),
        ([printer("a", online=False), printer("b")], "", r"a.printer  Printer a  \(offline\)", 2),
    ],
)
def test_no_choice(found: list[Service], wanted: str, words: str, code: int) -> None:
    with pytest.raises(Unfit, match=words) as caught:
        choose(found, wanted)
    assert caught.value.code == code


def test_same_name_twice_asks_for_the_id(threaded: Any, gcode: Path, tools: Any) -> None:
    threaded.services = [tools.service("a", "Twin"), tools.service("b", "Twin")]
    result = run(gcode, "--printer", "twin", url=threaded.url)
    assert result.exit_code == 2
    assert "  a  Twin\n  b  Twin\n" in result.stderr
    assert threaded.files == {}


# What may happen on the way


def test_refused_upload(threaded: Any, gcode: Path, tools: Any) -> None:
    async def answer(request: Any) -> Any:
        return tools.refuse(17, "The hub has no room left", 507)

    threaded.answers[("POST", "/blobs/")] = answer
    result = run(gcode, url=threaded.url)
    assert (result.exit_code, "no room left" in result.stderr) == (1, True)


def test_events_that_end_do_not_end_the_following(
    threaded: Any, gcode: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_silence(monkeypatch)

    async def work() -> None:
        await threaded.push(result=1, errorCode=22, errorMessage="restarting")
        threaded.last = {**threaded.job, "state": "done"}
        threaded.job = {}

    threaded.on_start = work
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 0, result.output
    assert "events ended: restarting" in result.stderr


def test_silence_is_asked_about(
    threaded: Any, gcode: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_silence(monkeypatch)

    async def work() -> None:  # the end that nobody tells
        threaded.last = {**threaded.job, "state": "done"}
        threaded.job = {}

    threaded.on_start = work
    assert run(gcode, url=threaded.url).exit_code == 0


def test_job_that_is_lost(threaded: Any, gcode: Path) -> None:
    async def work() -> None:
        threaded.job = {}
        await threaded.push()

    threaded.on_start = work
    result = run(gcode, url=threaded.url)
    assert (result.exit_code, "does not know the job" in result.stderr) == (1, True)


def test_revoked_in_the_middle(threaded: Any, gcode: Path) -> None:
    async def work() -> None:
        await threaded.close_sockets(4401)

    threaded.on_start = work
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 4
    assert "The print goes on" in result.stderr


def quick_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Follower.__init__.__kwdefaults__, "silence", 0.1)


# --stop


def test_stop(threaded: Any, tools: Any) -> None:
    threaded.job = tools.job(jobId="j7")

    async def work() -> None:
        await threaded.finish("stopped", reason="on request")

    threaded.on_stop = work
    result = run("--stop", url=threaded.url)
    assert result.exit_code == 0, result.output
    assert "was stopped" in result.stdout
    asked = [one for one in threaded.asked if one[0] == "DELETE" and "printing" in one[1]]
    assert [one[2]["jobId"] for one in asked] == ["j7"]


def test_nothing_to_stop(threaded: Any) -> None:
    result = run("--stop", url=threaded.url)
    assert (result.exit_code, result.stdout) == (0, "Printer one prints nothing\n")


# services


def test_services(threaded: Any, tools: Any) -> None:
    threaded.services.append(
        tools.service("p2", "Old \x1b[5m[red]one", online=False, reason="the cable is out")
    )
    result = run(url=threaded.url, command=services)
    assert result.exit_code == 0
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["p1.printer", "Printer one", "online", "3dp, 3dprinter"] in cells
    assert any("offline" in row and "the cable is out" in row for row in cells)
    assert "\x1b" not in result.stdout
    assert "[red]one" in result.stdout


def test_services_json(threaded: Any) -> None:
    result = run("--json", url=threaded.url, command=services)
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["serviceId"] == "p1.printer"


def test_no_services(threaded: Any) -> None:
    threaded.services = []
    assert "no service" in run(url=threaded.url, command=services).stdout


def test_services_asks_for_the_scopes_given(threaded: Any) -> None:
    assert run("--scope", "3dp, 3dps", url=threaded.url, command=services).exit_code == 0
    assert run(url=threaded.url, command=services).exit_code == 0  # keeps them
    assert run("--scope", "3dcapi", url=threaded.url, command=services).exit_code == 0
    asked = [one[2]["scope"] for one in threaded.asked if one[1].endswith("accesstoken")]
    assert asked == ["3dp,3dps", "3dcapi,3dp,3dps"]
