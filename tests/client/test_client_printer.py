"""A printer's queue, pause, prompts and history, as the client asks for them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli.printing import print_command
from gotapi_core.client import HubClient, HubFault, PastPrint, Printer, Prompt
from gotapi_core.client.upload import StoredFile

JOB = {"order": 0, "uri": "u", "msg": "", "jobId": "j1", "name": "a", "state": "queued"}
Ask = Callable[[Printer], Awaitable[Any]]


@pytest.fixture
def answers(hub: Any, tools: Any) -> Callable[..., None]:
    """A function that makes the fake hub answer `method attribute` with members."""

    def answer(method: str, attribute: str, **members: Any) -> None:
        async def reply(_: Any) -> Any:
            return tools.ok(**members)

        hub.answers[method, f"/gotapi/3dp/{attribute}"] = reply

    return answer


@pytest.fixture
async def printer(client: HubClient) -> Printer:
    (service,) = await client.services()
    return Printer(client, service)


def asked(hub: Any) -> tuple[str, str, dict[str, str]]:
    method, path, params, _ = hub.asked[-1]
    own = {key: value for key, value in params.items() if key not in ("accessToken", "serviceId")}
    return method, path.removeprefix("/gotapi/3dp/"), own


@pytest.mark.parametrize(
    ("ask", "request_"),
    [
        (lambda p: p.pause(), ("PUT", "pause", {})),
        (lambda p: p.resume(), ("PUT", "resume", {})),
        (lambda p: p.clear_bed(), ("PUT", "bed", {"state": "clear"})),
        (lambda p: p.emergency_stop(), ("PUT", "emergencystop", {})),
        (lambda p: p.remove("j1"), ("DELETE", "queue", {"jobId": "j1"})),
        (
            lambda p: p.answer(Prompt("printer-3"), 2),
            ("POST", "prompt", {"id": "printer-3", "choice": "2"}),
        ),
    ],
)
async def test_what_is_only_done(hub, answers, printer: Printer, ask: Ask, request_) -> None:
    answers(request_[0], request_[1])
    assert await ask(printer) is None
    assert asked(hub) == request_


async def test_copies_and_the_bed_are_asked_for_only_where_they_are_wanted(
    hub: Any, printer: Printer
) -> None:
    file = StoredFile("u", 1, "", name="a.gcode")
    await printer.start(file)
    assert asked(hub) == ("PUT", "printingcommand", {"uri": "u", "name": "a.gcode"})
    await printer.start(file, copies=3, assume_clear=True)
    assert asked(hub)[2] == {"uri": "u", "name": "a.gcode", "copies": "3", "bedClear": "assume"}


async def test_the_queue_is_read_and_sorted(hub, answers, printer: Printer) -> None:
    queue = [{**JOB, "state": "printing"}, {**JOB, "jobId": "j2", "copies": 2}]
    answers("GET", "queue", printqueue=queue)
    answers("PUT", "queue", printqueue=queue[::-1])
    assert [(job.job_id, job.copies) for job in await printer.queue()] == [("j1", 1), ("j2", 2)]
    assert [job.job_id for job in await printer.move("j2", 0)] == ["j2", "j1"]
    assert asked(hub) == ("PUT", "queue", {"jobId": "j2", "order": "0"})


async def test_a_command_is_answered(hub, answers, printer: Printer) -> None:
    answers("POST", "command", lines=["X:0.00 Y:0.00"])
    assert await printer.command("M114") == ("X:0.00 Y:0.00",)
    assert asked(hub)[2] == {"command": "M114"}


async def test_the_history_comes_in_parts(hub, answers, printer: Printer) -> None:
    entry = {"jobId": "j1", "result": "done", "time": 60.5, "filament": None, "copiesDone": 1}
    answers("GET", "history", history=[entry], total=9)
    assert await printer.history(5, 1) == (PastPrint("j1", "done", time=60.5, copies_done=1),)
    assert asked(hub)[2] == {"offset": "5", "limit": "1"}


async def test_prompts_are_listed(answers, printer: Printer) -> None:
    answers("GET", "prompt", prompts=[{"id": "x", "text": "Well?", "choices": ["Yes", "No"]}])
    assert await printer.prompts() == (Prompt("x", "Well?", ("Yes", "No")),)


@pytest.mark.parametrize(
    ("attribute", "ask"),
    [
        ("queue", lambda p: p.queue()),
        ("history", lambda p: p.history()),
        ("prompt", lambda p: p.prompts()),
    ],
)
async def test_a_malformed_answer_is_the_hub_s_fault(answers, printer, attribute, ask) -> None:
    answers("GET", attribute, printqueue=3, history=3, prompts=3)
    with pytest.raises(HubFault, match="malformed"):
        await ask(printer)


# -- the command ------------------------------------------------------------------------------


def run(*args: object, url: str) -> Result:
    return CliRunner().invoke(print_command, ["--url", url, *map(str, args)])


@pytest.mark.usefixtures("home")
def test_copies_are_passed_on(threaded: Any, gcode: Path) -> None:
    async def finish() -> None:
        await threaded.finish("done")

    threaded.on_start = finish
    assert run(gcode, "--copies", 3, url=threaded.url).exit_code == 0
    command = next(one for one in threaded.asked if one[1].endswith("printingcommand"))
    assert command[2]["copies"] == "3"
    assert run(gcode, "--copies", 101, url=threaded.url).exit_code == 2


@pytest.mark.usefixtures("home")
def test_the_bed_is_said_to_be_clear(threaded: Any, tools: Any, gcode: Path) -> None:
    async def reply(_: Any) -> Any:
        return tools.ok(bed="clear", printqueue=[])

    async def finish() -> None:
        await threaded.finish("done")

    threaded.answers["PUT", "/gotapi/3dp/bed"] = reply
    threaded.on_start = finish
    result = run("--bed-clear", url=threaded.url)
    assert (result.exit_code, result.stdout) == (0, "The bed of Printer one is clear\n")
    assert run(gcode, "--bed-clear", url=threaded.url).exit_code == 0
    paths = threaded.paths("PUT")
    assert paths.index("/gotapi/3dp/bed") < paths.index("/gotapi/3dp/printingcommand")
    assert run("--bed-clear", "--stop", gcode, url=threaded.url).exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_print_that_waits_for_the_bed_says_so_once(threaded: Any, gcode: Path) -> None:
    plain = threaded.status

    def status() -> Any:
        members = plain()
        members["3dp"]["prompts"] = [{"id": "bedNotClear", "text": "", "choices": []}]
        return members

    async def wait() -> None:
        threaded.job = {**threaded.job, "state": "queued"}
        await threaded.push()
        await threaded.push()
        await threaded.finish("done")

    threaded.status = status
    threaded.on_start = wait
    result = run(gcode, url=threaded.url)
    assert result.exit_code == 0
    assert result.stderr.count("Take the print off the bed of Printer one") == 1
    assert "--bed-clear --printer" in result.stderr


@pytest.mark.usefixtures("home")
def test_an_interrupted_print_goes_on_with_a_code_and_is_followed(
    threaded: Any, tools: Any, gcode: Path
) -> None:
    async def reply(_: Any) -> Any:
        threaded.job = tools.job(jobId="j9")
        await threaded.finish("done")
        return tools.ok(printqueue=[], jobId="j9")

    threaded.answers["PUT", "/gotapi/3dp/resumejob"] = reply
    result = run("--resume", "j7", "--code", "ABCDEFGH", url=threaded.url)
    assert result.exit_code == 0, result.output
    [command] = [one for one in threaded.asked if one[1].endswith("resumejob")]
    assert (command[2]["jobId"], command[2]["code"]) == ("j7", "ABCDEFGH")
    for words in (["--resume", "j7"], ["--code", "A"], ["--resume", "j7", "--code", "A", gcode]):
        assert run(*words, url=threaded.url).exit_code == 2
