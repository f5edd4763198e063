"""From an application to the transcript of the printer, through every real part."""

import asyncio
import time
from pathlib import Path

import pytest

from gotapi_core.client import HubRefused

OFF = ["M104 S0", "M140 S0", "M107"]


@pytest.mark.parametrize("faults", [(), ("--corrupt", "0.01", "--seed", "3")])
async def test_each_command_arrives_once_and_in_order(
    make_hub, simulate, application, commands_of, printed, box: Path, faults
) -> None:
    printer = simulate(*faults)
    hub = make_hub(printer.path)
    async with application(hub) as app:
        last = await app.wait_for_end(await app.print(box))
    assert last["state"] == "done"
    assert last["progress"] == 1.0
    assert printed(printer) == commands_of(box)


@pytest.mark.parametrize("faults", [(), ("--corrupt", "0.01")])
async def test_a_sliced_file_of_six_thousand_lines(
    make_hub, simulate, application, commands_of, printed, shared_gcode, faults
) -> None:
    file = shared_gcode("human_20mm_marlin2.gcode")
    printer = simulate(*faults)
    async with application(make_hub(printer.path)) as app:
        last = await app.wait_for_end(await app.print(file))
    assert last["state"] == "done"
    assert last["layers"] > 0
    assert last["layer"] == last["layers"]
    assert printed(printer) == commands_of(file)


@pytest.mark.timeout(300)
async def test_a_sliced_file_of_eighty_eight_thousand_lines(
    make_hub, simulate, application, commands_of, printed, shared_gcode
) -> None:
    file = shared_gcode("human_60mm_marlin2.gcode")
    printer = simulate()
    async with application(make_hub(printer.path)) as app:
        last = await app.wait_for_end(await app.print(file), patience=240.0)
    assert last["state"] == "done"
    assert printed(printer) == commands_of(file)


async def test_delete_stops_the_print_and_turns_the_heaters_off(
    make_hub, simulate, application, printed, box: Path
) -> None:
    printer = simulate("--time-scale", "60")
    async with application(make_hub(printer.path)) as app:
        job_id = await app.print(box)
        await app.wait_until(lambda status: status["printQueue"][0]["line"] > 20)
        answer = await app.client.delete("3dp", "printingcommand", app.printer.id)
        status = await app.status()  # the first one after the end already shows the heaters off
    assert answer["printqueue"][0]["msg"].startswith("Printing stopped")
    assert status["printQueue"] == []
    assert status["lastJob"]["jobId"] == job_id
    assert status["lastJob"]["state"] == "stopped"
    assert status["nozzleTarget"] == 0
    assert status["bedTarget"] == 0
    tail = printed(printer)[-8:]
    assert all(command in tail for command in OFF), tail


async def test_a_pulled_cable_interrupts_the_job_and_the_printer_comes_back(
    make_hub, simulate, application, commands_of, printed, box: Path
) -> None:
    printer = simulate("--unplug-at", "200", "--replug-after", "1.5")
    async with application(make_hub(printer.path)) as app:
        job_id = await app.print(box)
        status = await app.wait_until(lambda status: not status["online"])
        seen = time.monotonic()
        lost = printed(printer)
        assert status["operatingStatus"] == "offline"
        last = status["lastJob"]
        assert (last["jobId"], last["state"]) == (job_id, "interrupted")
        # The printer may have taken a line whose ok never got out; never the other way round.
        assert len(lost) - 1 <= last["line"] <= len(lost)
        assert lost == commands_of(box)[: len(lost)]
        services = await app.client.services()
        assert not services[0].online
        assert services[0].reason
        await app.wait_until(lambda status: bool(status["online"]))
        assert time.monotonic() - seen < 1.5 + 3.0
        assert (await app.client.services())[0].online
        assert (await app.status())["printQueue"] == []


async def test_an_unplugged_printer_is_noticed_within_a_second(
    make_hub, simulate, application
) -> None:
    printer = simulate()
    async with (
        application(make_hub(printer.path)) as app,
        app.client.events("3dp", "status", app.printer.id) as events,
        asyncio.timeout(10),
    ):
        printer.process.terminate()
        pulled = time.monotonic()
        async for event in events:
            if not event.members["3dp"]["online"]:
                break
    assert time.monotonic() - pulled < 1.5  # one second, and the end of a process


async def test_a_firmware_reset_fails_the_job_and_no_line_follows(
    make_hub, simulate, application, commands_of, printed, box: Path
) -> None:
    printer = simulate("--reset-at", "150")
    async with application(make_hub(printer.path)) as app:
        last = await app.wait_for_end(await app.print(box))
        assert last["state"] == "failed"
        assert "restart" in last["reason"] or "reset" in last["reason"]
        await app.wait_until(lambda status: status["operatingStatus"] == "idle")
        accepted = [line for line in printed(printer) if not line.startswith("M10")]
    whole = [line for line in commands_of(box) if not line.startswith("M10")]
    assert accepted == whole[: len(accepted)]
    assert len(accepted) <= 150


async def test_a_killed_hub_keeps_applications_tokens_and_jobs(
    make_hub, simulate, application, box: Path
) -> None:
    printer = simulate("--time-scale", "60")
    hub = make_hub(printer.path)
    async with application(hub) as app:
        job_id = await app.print(box)
        await app.wait_until(lambda status: status["printQueue"][0]["line"] > 20)
        token, client_id = app.client.token, app.client.client_id
        printer_id = app.printer.id
        hub.kill()
    hub.start()
    async with asyncio.timeout(30):
        client = type(app.client)(hub.url, "test.application", "Test", token, client_id=client_id)
        async with client:
            jobs = await client.get("3dp", "jobs", printer_id)
            assert [(job["jobId"], job["state"]) for job in jobs["jobs"]] == [
                (job_id, "interrupted")
            ]
            assert "hub stopped" in jobs["jobs"][0]["reason"]
    assert [one["name"] for one in hub.operator("GET", "state")["applications"]] == ["Test"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"; only a comment\n", "only comments"),
        (bytes(range(256)) * 40, "no text file"),
        (b"G28\nG1 X" + b"1" * 10_000 + b"\n", "line 2"),
    ],
    ids=["empty", "comments", "binary", "long line"],
)
async def test_a_file_that_cannot_be_printed_is_refused_with_the_reason(
    make_hub, simulate, application, tmp_path: Path, content: bytes, complaint: str
) -> None:
    printer = simulate()
    file = tmp_path / "bad.gcode"
    file.write_bytes(content)
    async with application(make_hub(printer.path)) as app:
        with pytest.raises(HubRefused, match=complaint) as refused:
            await app.print(file)
        assert refused.value.code == 10
        assert (await app.status())["printQueue"] == []
        assert (await app.client.get("3dp", "jobs", app.printer.id))["jobs"] == []
    left = list((tmp_path / "home" / "data" / "plugins" / "printer").rglob("*.gcode"))
    assert left == []


async def test_a_file_of_two_gigabytes_is_refused_before_it_is_sent(
    make_hub, simulate, application, tmp_path: Path
) -> None:
    file = tmp_path / "huge.gcode"
    with file.open("wb") as sparse:
        sparse.truncate(2 * 1024**3)
    async with application(make_hub(simulate().path)) as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(hub_port(app.client.url)))
        writer.write(
            b"POST /blobs/?name=huge.gcode&accessToken="
            + app.client.reveal_token().encode()
            + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nX-GotAPI-Origin: test.application\r\n"
            b"Content-Length: %d\r\n\r\n" % file.stat().st_size
        )
        answer = await asyncio.wait_for(reader.read(), 10)  # the hub closes the connection
        writer.close()
    assert b"413" in answer.split(b"\r\n")[0]
    assert b"larger than" in answer


def hub_port(url: str) -> str:
    return url.rpartition(":")[2]


async def test_a_busy_printer_takes_a_second_job_into_its_queue(
    make_hub, simulate, application, box: Path
) -> None:
    async with application(make_hub(simulate("--time-scale", "10").path)) as app:
        first = await app.print(box)
        second = await app.print(box)
        queue = (await app.status())["printQueue"]
        assert [(job["order"], job["jobId"]) for job in queue] == [(0, first), (1, second)]
        assert queue[1]["state"] == "queued"
        assert queue[1]["msg"] == "Waiting in the queue"
