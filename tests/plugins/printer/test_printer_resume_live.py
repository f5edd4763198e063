"""Interrupted prints go on from their exact line: cable out, power lost, hub killed (kill -9).

What the printer took of the file in all runs together is the file, every line once. A sample of
points runs always; GOTAPI_SOAK=100 makes it so many, GOTAPI_SEED chooses others.
"""

import asyncio
import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient
from gotapi_core.testing.process import HubProcess
from gotapi_printer.arming import RESUME, new_code
from gotapi_printer.simulator.child import run_simulator

POINTS = int(os.environ.get("GOTAPI_SOAK", "3"))
SEED = int(os.environ.get("GOTAPI_SEED", "11"))
HEAD = [
    "M140 S60",
    "M104 S210",
    "M190 R60",
    "M109 R210",
    "G21",
    "G90",
    "M83",
    "G28",
    "G1 Z0.2 F600",
]
BODY = [f"G1 X{20 + n * 0.25:.2f} Y{30 + n % 7} E0.01 F1800" for n in range(400)]
PART = "\n".join([*HEAD, *BODY, "M104 S0", "M140 S0", ""])
# Heating takes time on a printer that is not instant.
COOL = PART.replace("210", "40").replace("60\n", "30\n")
OWN = set(BODY)
# Beyond the head, and with something printed.
FIRST, LAST = len(HEAD) + 6, len(HEAD) + len(BODY) - 5
NO_RESET, COLD = "--no-reset-on-open", "--allow-cold-extrusion"
SLOW = ("--time-scale", "30", COLD, NO_RESET)
PATIENCE = 40.0


def points(count: int = POINTS) -> list[int]:
    chance = random.Random(SEED)
    return [chance.randint(FIRST, LAST) for _ in range(count)]


def taken(lines: list[str]) -> list[str]:
    """What of the body of the file the printer took."""
    return [line for line in lines if line in OWN]


def code(desk: Any) -> str:
    folder = desk.folder / "home" / "data" / "plugins" / "printer"
    return new_code(folder, "printer0", act=RESUME)


async def interrupted(desk: Any, job: str) -> Any:
    found = await desk.job(job, "interrupted", "failed")
    await desk.until(lambda status: bool(status["online"]))
    return found


async def go_on(desk: Any, **params: Any) -> str:
    offer = await desk.call("get", "resumejob")
    answer = await desk.call("put", "resumejob", jobId=offer["jobId"], code=code(desk), **params)
    assert answer["jobId"] != offer["jobId"]
    return str(answer["jobId"])


# -- exactness --------------------------------------------------------------------------------


@pytest.mark.parametrize("oks", ["--seed=0", "--advanced-ok"])
@pytest.mark.parametrize("point", points())
async def test_after_the_cable_was_out_every_line_is_printed_once(
    desk, point: int, oks: str
) -> None:
    # The line at the point was taken and its ok never came; the board did not restart. With
    # `ok N P B` several lines were on their way.
    board = ("--time-scale", "0", NO_RESET, oks)
    words = (*board, "--unplug-at", str(point), "--replug-after", "0.2")
    async with desk(*words) as one:
        job = await one.print(PART)
        broke_off = await interrupted(one, job)
        offer = await one.call("get", "resumejob")
        assert (offer["jobId"], offer["printerKnows"]) == (job, True)
        assert broke_off["line"] <= offer["line"] <= broke_off["line"] + (8 if "adv" in oks else 1)
        rest = await go_on(one)
        done = await one.job(rest, "done", "failed", "interrupted")
        assert done["state"] == "done", done["reason"]
        lines = one.transcript()
    assert taken(lines) == BODY
    assert (done["line"], done["progress"]) == (len(HEAD) + len(BODY) + 2, 1)


@pytest.mark.parametrize("point", points())
async def test_after_a_loss_of_power_the_line_in_doubt_is_repeated_and_none_is_missing(
    desk, point: int
) -> None:
    async with desk("--time-scale", "0", "--reset-at", str(point)) as one:
        job = await one.print(PART)
        await interrupted(one, job)
        offer = await one.call("get", "resumejob")
        assert offer["printerKnows"] is False
        await one.job(await go_on(one), "done")
        lines = taken(one.transcript())
    # The line at which the power went was taken and not answered.
    doubt = [place for place in range(1, len(lines)) if lines[place] == lines[place - 1]]
    assert len(doubt) <= 1
    assert list(dict.fromkeys(lines)) == BODY
    assert len(lines) == len(BODY) + len(doubt)


async def test_a_full_disk_meanwhile_costs_no_line(desk, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gotapi_printer.resuming.settle_journal", full)
    words = ("--time-scale", "0", NO_RESET, "--unplug-at", str(FIRST), "--replug-after", "0.2")
    async with desk(*words) as one:
        await interrupted(one, await one.print(PART))
        await one.job(await go_on(one), "done")
        assert taken(one.transcript()) == BODY


@pytest.mark.timeout(60 + 30 * POINTS)
@pytest.mark.parametrize("board", [f"{NO_RESET} --advanced-ok", "--boot-delay=0.02"])
async def test_after_kill_9_of_the_hub_every_line_is_printed_once(
    tmp_path: Path, board: str
) -> None:
    chance = random.Random(SEED)
    for turn in range(max(1, POINTS // 2)):
        folder = tmp_path / str(turn)
        folder.mkdir()
        lines = await killed_and_resumed(folder, board, chance)
        repeated = len(lines) - len(BODY)
        # A board that does not restart still knows its last line; another one may get it twice.
        assert 0 <= repeated <= (0 if NO_RESET in board else 1)
        assert list(dict.fromkeys(lines)) == BODY


async def killed_and_resumed(folder: Path, board: str, chance: random.Random) -> list[str]:
    """Kill the hub somewhere in the print, start it again, let the print go on to its end."""
    link = folder / "printer0"
    words = ("--time-scale", "30", "--only-numbered", *board.split(), COLD)
    hub = HubProcess(folder / "home", "--set", f'plugins.printer.ports=[{{path="{link}"}}]')
    with run_simulator(*words, link=link) as simulator:
        await asyncio.to_thread(hub.start)
        client = HubClient(hub.url, "kill.test", "Kills", patience=0.1)
        asking = asyncio.create_task(client.authorize(["3dp"]))
        await asyncio.to_thread(hub.approve_next)
        await asking
        printer = await online(client)
        (folder / "part.gcode").write_text(COOL)
        stored = await client.upload(folder / "part.gcode")
        job = (await client.put("3dp", "printingcommand", printer, uri=stored.uri))["jobId"]
        wanted = chance.randint(10, len(BODY) // 2)
        async with asyncio.timeout(PATIENCE):
            while len(taken(simulator.transcript())) < wanted:  # noqa: ASYNC110  # it is a file
                await asyncio.sleep(0.001)
        await asyncio.to_thread(hub.kill)
        token, client_id = client.token, client.client_id
        await client.close()
        await asyncio.to_thread(hub.start)
        again = HubClient(hub.url, "kill.test", "Kills", token, client_id=client_id, patience=0.1)
        await online(again)
        offer = await again.get("3dp", "resumejob", printer)
        assert offer["jobId"] == job
        assert offer["printerKnows"] is (NO_RESET in board)
        words_ = new_code(folder / "home" / "data" / "plugins" / "printer", "printer0", act=RESUME)
        answer = await again.put("3dp", "resumejob", printer, jobId=job, code=words_)
        async with asyncio.timeout(PATIENCE):
            while (await state(again, printer, answer["jobId"])) != "done":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await again.close()
        hub.stop()
        return taken(simulator.transcript())


async def online(client: HubClient) -> str:
    async with asyncio.timeout(PATIENCE):
        while not (found := [one.id for one in await client.services() if one.online]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found[0]


async def state(client: HubClient, printer: str, job: str) -> str:
    jobs = (await client.get("3dp", "jobs", printer))["jobs"]
    assert isinstance(jobs, list)
    return next(str(one["state"]) for one in jobs if one["jobId"] == job)


# -- safety -----------------------------------------------------------------------------------


async def test_the_way_back_heats_rises_homes_x_and_y_and_comes_from_above(desk) -> None:
    async with desk("--time-scale", "0", "--reset-at", str(len(HEAD) + 20)) as one:
        await interrupted(one, await one.print(PART))
        offer = await one.call("get", "resumejob")
        await one.job(await go_on(one), "done")
        lines = one.transcript()
    last = offer["line"] - len(HEAD) - 1
    begin = lines.index("G92 Z0.2") - 6
    assert lines[begin : begin + len(offer["prepare"])] == offer["prepare"]
    assert offer["prepare"] == [
        "G21",
        "G90",
        "M140 S60",
        "M104 S210",
        "M190 S60",
        "M109 S210",
        "G92 Z0.2",
        "G91",
        "G1 Z10 F300",
        "G90",
        "G28 X Y",
        f"G1 X{20 + last * 0.25:g} Y{30 + last % 7} F6000",
        "G1 Z0.2 F300",
        f"G92 E{(last + 1) * 0.01:g}",
        "G1 F1800",
        "M83",
    ]
    homes = [line for line in lines if line.startswith("G28")]
    assert homes == ["G28", "G28 X Y"]  # never Z, never onto the part


async def test_nobody_but_the_operator_lets_it_go_on(desk) -> None:
    async with desk("--time-scale", "0", "--reset-at", str(FIRST)) as one:
        job = await one.print(PART)
        await interrupted(one, job)
        before = len(one.transcript())
        words = await one.refused(10, "put", "resumejob", jobId=job, code="AAAAAAAA")
        assert "gotapi printers resume printer0" in words
        await one.refused(10, "put", "resumejob", jobId=job)
        new_code(one.folder / "home" / "data" / "plugins" / "printer", "printer0")  # for arming
        assert "gotapi printers resume" in await one.refused(
            10, "put", "resumejob", jobId=job, code="AAAAAAAA"
        )
        good = code(one)
        assert "can go on is" in await one.refused(16, "put", "resumejob", jobId="x", code=good)
        moved = [line for line in one.transcript()[before:] if line.startswith("G")]
        assert moved == []
        # It was used up, though for another job: it counts once.
        await one.refused(10, "put", "resumejob", jobId=job, code=good)


async def test_what_is_off_the_bed_cannot_go_on(desk) -> None:
    async with desk("--time-scale", "0", "--reset-at", str(FIRST)) as one:
        assert "no interrupted print" in await one.refused(16, "get", "resumejob")
        await interrupted(one, await one.print(PART))
        assert (await one.call("get", "resumejob"))["name"] == "part.gcode"
        await one.call("put", "bed")
        assert "no interrupted print" in await one.refused(16, "get", "resumejob")
        left = one.folder / "home" / "data" / "plugins" / "printer" / "jobs" / "printer0"
        assert list(left.iterdir()) == []


async def test_a_print_that_had_not_begun_cannot_go_on(desk) -> None:
    async with desk("--time-scale", "0", "--reset-at", "9") as one:
        await interrupted(one, await one.print(PART))
        assert "nothing was printed yet" in await one.refused(10, "get", "resumejob")


async def test_a_finished_or_stopped_print_cannot_go_on(desk) -> None:
    async with desk("--time-scale", "30", COLD) as one:
        await one.print(COOL)
        await one.until(lambda status: status.get("printQueue", [{}])[0].get("line", 0) > 20)
        await one.call("delete", "printingcommand")
        assert "no interrupted print" in await one.refused(16, "get", "resumejob")


async def test_the_operator_may_choose_another_line_and_say_how_high_the_nozzle_is(desk) -> None:
    async with desk("--time-scale", "0", "--reset-at", str(len(HEAD) + 50)) as one:
        await interrupted(one, await one.print(PART))
        chosen = len(HEAD) + 30
        offer = await one.call("get", "resumejob", fileLine=chosen, z=7.5)
        assert (offer["line"], offer["fileLine"]) == (chosen, chosen)
        assert "G92 Z7.5" in offer["prepare"]
        beyond = await one.refused(10, "get", "resumejob", fileLine=100_000)
        assert "whole file was printed" in beyond
        early = await one.refused(10, "get", "resumejob", fileLine=2)
        assert "nothing was printed yet" in early
        await one.job(await go_on(one, fileLine=chosen, z=7.5), "done")
        lines = taken(one.transcript())
        assert "G92 Z7.5" in one.transcript()
    assert lines[-(len(BODY) - 30) :] == BODY[30:]
    assert lines[: -(len(BODY) - 30)] == BODY[: len(lines) - len(BODY) + 30]


async def test_a_rest_can_be_paused_as_any_print(desk) -> None:
    words = (
        "--time-scale",
        "30",
        COLD,
        NO_RESET,
        "--unplug-at",
        str(FIRST),
        "--replug-after",
        "0.2",
    )
    async with desk(*words) as one:
        await interrupted(one, await one.print(COOL))
        second = await go_on(one)
        await one.until(lambda status: len(taken(one.transcript())) > 60)
        await one.call("post", "command", command="M117 here")
        await one.call("put", "pause")
        await one.call("put", "resume")
        job = await one.job(second, "printing")
        assert job["line"] > FIRST
        await one.job(second, "done")
        assert taken(one.transcript()) == BODY


async def test_a_rest_can_be_stopped_and_its_history_says_so(desk) -> None:
    words = (
        "--time-scale",
        "30",
        COLD,
        NO_RESET,
        "--unplug-at",
        str(FIRST),
        "--replug-after",
        "0.2",
    )
    async with desk(*words) as one:
        first = await one.print(COOL)
        await interrupted(one, first)
        rest = await go_on(one)
        await one.job(rest, "printing")
        await one.call("delete", "printingcommand")
        history = (await one.call("get", "history"))["history"]
    assert [(entry["jobId"], entry["result"]) for entry in history] == [
        (rest, "stopped"),
        (first, "interrupted"),
    ]
