"""The print queue as applications use it: order, copies, the bed, history; on a live hub."""

from typing import Any

import pytest

BRIEF = "G28\nG1 X10 Y10 F3000\nG1 X20\n"
LONG = "G28\n" + "G4 S1\n" * 400  # 20 s at the scale of the tests, unless it is stopped
SLOW = ("--time-scale", "20")


def ids(queue: list[dict[str, Any]]) -> list[str]:
    return [job["jobId"] for job in queue]


async def queue_of(desk: Any) -> list[dict[str, Any]]:
    queue = (await desk.call("get", "queue"))["printqueue"]
    assert [job["order"] for job in queue] == list(range(len(queue)))
    return queue


async def test_the_next_job_waits_until_the_bed_is_said_to_be_clear(desk) -> None:
    async with desk() as one:
        first = await one.print(BRIEF)
        await one.job(first, "done")
        second = await one.print(BRIEF, name="second.gcode")
        status = await one.status()
        assert status["operatingStatus"] == "idle"
        assert [prompt["id"] for prompt in status["prompts"]] == ["bedNotClear"]
        assert (await one.call("get", "bed"))["bed"] == "notClear"
        assert (await one.job(second, "queued"))["msg"] == "Waiting in the queue"
        printed = one.transcript()

        await one.call("put", "bed")
        await one.job(second, "done")
        assert printed.count("G28") == 1
        assert one.transcript().count("G28") == 2


async def test_the_question_of_the_bed_can_be_answered_as_any_prompt(desk) -> None:
    async with desk() as one:
        await one.job(await one.print(BRIEF), "done")
        second = await one.print(BRIEF)
        [asked] = (await one.call("get", "prompt"))["prompts"]
        assert asked["choices"] == ["The bed is clear"]
        assert "there is no choice 1" in await one.refused(10, "post", "prompt", choice=1)
        answer = await one.call("post", "prompt", id=asked["id"], choice=0)
        assert answer["prompts"] == []
        await one.job(second, "done")


async def test_copies_are_printed_one_by_one_on_a_clear_bed(desk) -> None:
    async with desk() as one:
        job = await one.print(BRIEF, copies=3)
        for copy in (2, 3):
            waits = await one.job(job, "queued")
            assert (waits["copy"], waits["copies"]) == (copy, 3)
            assert waits["msg"] == f"Waiting to print copy {copy} of 3"
            await one.call("put", "bed")
        await one.job(job, "done")
        [entry] = (await one.call("get", "history"))["history"]
        assert (entry["result"], entry["copies"], entry["copiesDone"]) == ("done", 3, 3)
        assert one.transcript().count("G28") == 3


@pytest.mark.parametrize("copies", [0, 101, "many"])
async def test_a_number_of_copies_has_limits(desk, copies) -> None:
    async with desk() as one:
        words = await one.refused(10, "put", "printingcommand", uri="x", copies=copies)
        assert "copies" in words


async def test_a_printer_that_may_assume_it_goes_on_by_itself_after_a_good_end(desk) -> None:
    async with desk(settings={"bed_clear": "assume"}) as one:
        jobs = [await one.print(BRIEF, copies=2), await one.print(BRIEF)]
        for job in jobs:
            await one.job(job, "done")
        assert (await one.status())["prompts"][0]["id"] == "bedNotClear"
        assert one.transcript().count("G28") == 3


async def test_after_a_stopped_print_it_asks_even_where_it_may_assume(desk) -> None:
    async with desk(*SLOW, settings={"bed_clear": "assume"}) as one:
        await one.job(await one.print(LONG), "printing")
        waiting = await one.print(BRIEF)
        await one.call("delete", "printingcommand")
        status = await one.until(lambda status: bool(status.get("prompts")))
        assert ids(status["printQueue"]) == [waiting]
        assert status["printQueue"][0]["state"] == "queued"
        await one.call("put", "bed", state="clear")
        await one.job(waiting, "done")


async def test_an_application_can_vouch_for_the_bed_of_an_idle_printer(desk) -> None:
    async with desk() as one:
        await one.job(await one.print(BRIEF), "done")
        await one.job(await one.print(BRIEF, bedClear="assume"), "done")
        await one.call("put", "bed", state="notClear")
        await one.job(await one.print(BRIEF, bedClear="assume"), "done")


async def test_the_bed_cannot_be_cleared_below_a_print(desk) -> None:
    async with desk(*SLOW) as one:
        await one.job(await one.print(LONG), "printing")
        assert "is printing" in await one.refused(16, "put", "bed")


async def test_jobs_are_sorted_and_removed(desk) -> None:
    async with desk(*SLOW) as one:
        running, a, b, c = [await one.print(LONG, name=f"{n}.gcode") for n in "rabc"]
        assert ids(await queue_of(one)) == [running, a, b, c]
        answer = await one.call("put", "queue", jobId=c, order=0)
        assert ids(answer["printqueue"]) == [running, c, a, b]
        removed = await one.call("delete", "queue", jobId=a)
        assert removed["printqueue"][0]["state"] == "stopped"
        assert "removed" in removed["printqueue"][0]["msg"]
        await one.call("delete", "printingcommand", jobId=b)
        assert ids(await queue_of(one)) == [running, c]
        for job in (running, a, "nobody"):
            assert "does not wait" in await one.refused(10, "put", "queue", jobId=job, order=0)
        assert "does not wait" in await one.refused(10, "delete", "queue", jobId=running)


async def test_the_history_has_result_time_filament_and_reason_by_pages(desk) -> None:
    sliced = "; filament used [mm] = 1000.0\n"
    async with desk(*SLOW) as one:
        done = await one.print(sliced + BRIEF)
        await one.job(done, "done")
        stopped = await one.print(sliced + LONG, bedClear="assume")
        await one.until(lambda status: bool(status.get("printQueue", [{}])[0].get("line", 0) > 2))
        await one.call("delete", "printingcommand")
        await one.job(stopped, "stopped")
        page = await one.call("get", "history", limit=1)
        assert page["total"] == 2
        [last] = page["history"]
        assert (last["jobId"], last["result"]) == (stopped, "stopped")
        assert last["reason"] == "stopped by an application"
        assert 0 < last["filament"] < 1000
        [first] = (await one.call("get", "history", offset=1))["history"]
        assert (first["jobId"], first["result"], first["filament"]) == (done, "done", 1000.0)
        assert first["startedAt"] <= first["endedAt"]
        assert (await one.call("get", "history", offset=2))["history"] == []
        assert "limit" in await one.refused(10, "get", "history", limit=0)


async def test_a_printer_that_is_away_takes_no_job(desk) -> None:
    async with desk() as one:
        one.simulators[0].process.terminate()
        await one.until(lambda status: not status["online"])
        path = one.folder / "part.gcode"
        path.write_text(BRIEF)
        uri = (await one.client.upload(path)).uri
        assert "offline" in await one.refused(16, "put", "printingcommand", uri=uri)
        for attribute in ("pause", "resume", "emergencystop"):
            await one.refused(16, "put", attribute)
        await one.refused(16, "post", "command", command="M114")
