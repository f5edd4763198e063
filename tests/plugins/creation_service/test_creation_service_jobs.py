"""Jobs: queue, limits, tries, kills, and exactly one result."""

import asyncio
import signal
import sqlite3
import sys

import pytest

from gotapi_creation.service.host import HomeInUse, Service, Settings
from gotapi_creation.service.model import (
    LEASE,
    MOST_TRIES,
    FileKind,
    FileRow,
    Job,
    Limits,
    Session,
)
from gotapi_creation.service.records import Records
from gotapi_creation.wire.codes import Code, CreationError
from gotapi_creation.wire.reports import JobState


def job_of(number: int, application: str = "app") -> Job:
    return Job(f"job{number}", "s", application, JobState.QUEUED, 0, 0.0, float(number), 0.0, 0.0,
               0.0, "", "", "", "", b"{}")  # fmt: skip


@pytest.fixture
def records(tmp_path):
    one = Records(tmp_path / "service.sqlite3")
    yield one
    one.close()


def test_jobs_are_taken_in_their_order(records) -> None:
    for number in range(3):
        records.add_job(job_of(number))
    assert [records.claim(10.0, LEASE).id for _ in range(3)] == ["job0", "job1", "job2"]
    assert records.claim(10.0, LEASE) is None


def test_a_lease_that_is_over_is_taken_again(records) -> None:
    records.add_job(job_of(1))
    first = records.claim(10.0, LEASE)
    assert records.claim(10.0 + LEASE - 1, LEASE) is None
    second = records.claim(10.0 + LEASE + 1, LEASE)
    assert (first.tries, second.tries) == (1, 2)
    # Who lost the lease can neither report nor end the job any more.
    assert not records.note(first, 99.0, 0.5, "late", "")
    assert not records.end(first, JobState.DONE, "", 99.0)
    assert records.end(second, JobState.DONE, "", 99.0)
    assert not records.end(second, JobState.FAILED, "again", 99.0)
    assert records.job("job1").state is JobState.DONE


def test_a_cancelled_job_is_neither_taken_nor_ended(records) -> None:
    records.add_job(job_of(1))
    taken = records.claim(10.0, LEASE)
    assert records.cancel("job1", 11.0)
    assert not records.cancel("job1", 12.0)
    assert not records.requeue(taken)
    assert not records.end(taken, JobState.DONE, "", 13.0)
    assert records.job("job1").state is JobState.CANCELLED


def test_what_was_running_is_free_after_a_start(records) -> None:
    records.add_job(job_of(1))
    records.claim(10.0, LEASE)
    assert records.orphans() == 1
    assert records.claim(10.1, LEASE).tries == 2


def test_old_things_are_forgotten_and_running_ones_are_not(records) -> None:
    records.add_session(Session("s", "app", 0.0))
    records.add_job(job_of(1))
    records.add_job(job_of(2))
    done = records.claim(1.0, LEASE)
    records.end(done, JobState.DONE, "", 2.0)
    gone, _ = records.expire(1000.0, 1000.0)
    assert gone == ["job1"]
    assert records.job("job2") is not None
    assert records.session("s", 5.0) is not None


def test_the_sessions_used_least_make_room(records) -> None:
    for number in range(5):
        records.add_session(Session(str(number), "app", float(number)))
    records.forget_sessions(2)
    assert [records.session(str(number), 9.0) is not None for number in range(5)] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_a_database_that_cannot_be_written_is_named(tmp_path) -> None:
    (tmp_path / "db").write_bytes(b"this is no database, but long enough to look like one" * 20)
    with pytest.raises(CreationError, match="cannot use its database"):
        Records(tmp_path / "db")


def test_a_full_disk_is_an_answer(records) -> None:
    records._db.execute("PRAGMA query_only = ON")
    with pytest.raises(CreationError) as error:
        records.add_job(job_of(1))
    assert error.value.code is Code.STORAGE_FULL
    assert isinstance(error.value.__cause__, sqlite3.OperationalError)


async def test_a_worker_that_crashes_is_tried_three_times(creation, png) -> None:
    creation.wish("crash")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    assert await creation.ended(job) == "failed"
    assert creation.tries() == ["crash ['front']"] * MOST_TRIES
    answer = await creation.ask("filereceive")
    assert "broke off 3 times" in answer["errorMessage"]
    assert not list((creation.home / "jobs" / job).glob("try-*"))


async def test_a_worker_that_recovers_gives_one_result(creation, png, until) -> None:
    creation.wish("crash")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    await until(creation.tries)
    creation.wish("good")
    assert await creation.ended(job) == "done"


@pytest.mark.parametrize(("wish", "state"), [("silent", "failed"), ("garbage", "done")])
async def test_what_a_worker_says_is_not_trusted(creation, png, wish, state) -> None:
    creation.wish(wish)
    await creation.send(png(32, 64))
    assert await creation.ended((await creation.begin())["jobId"]) == state


async def test_a_worker_that_hangs_is_ended(start, png) -> None:
    creation = await start(limits=Limits(seconds=1.0))
    await creation.connect()
    creation.wish("wait")
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    assert await creation.ended(job) == "failed"
    assert "longer than 1 s" in (await creation.ask("filereceive"))["errorMessage"]


async def test_one_after_another_with_place_and_estimate(creation, png, until) -> None:
    creation.wish("wait")
    jobs = []
    for height in (50, 60, 70):
        await creation.send(png(32, 64))
        jobs.append(await creation.begin(height=height))
        await until(creation.tries)
    assert [job["queue"] for job in jobs] == [0, 1, 2]
    assert jobs[0]["estimate"] < jobs[1]["estimate"] < jobs[2]["estimate"]
    creation.wish("good")
    for job in jobs:
        assert await creation.ended(job["jobId"]) == "done"


async def test_an_application_has_so_many_jobs_and_no_more(start, png) -> None:
    creation = await start(limits=Limits(open_jobs=2, all_jobs=3))
    creation.wish("wait")
    await creation.connect(applicationId="one")
    await creation.send(png(32, 64))
    begun = [await creation.begin(height=height) for height in (50, 60, 70)]
    assert [one["result"] for one in begun] == [0, 0, Code.TOO_MANY]
    assert "2 of your models" in begun[2]["errorMessage"]
    await creation.connect(applicationId="one")  # another session of the same application
    await creation.send(png(32, 64))
    assert (await creation.begin())["result"] == Code.TOO_MANY
    await creation.connect(applicationId="two")
    await creation.send(png(32, 64))
    assert (await creation.begin())["result"] == 0
    await creation.connect(applicationId="three")
    await creation.send(png(32, 64))
    assert (await creation.begin())["result"] == Code.TOO_MANY


async def test_an_application_has_so_many_files_and_no_more(start, png) -> None:
    creation = await start(limits=Limits(waiting_files=4))
    await creation.connect(applicationId="one")
    assert (await creation.ask("filetransfer", number=3))["result"] == 0
    assert (await creation.ask("filetransfer", number=3))["result"] == Code.TOO_MANY
    entries = await creation.send(png(32, 64))
    assert (await creation.begin())["result"] == 0  # now its picture does not wait any more
    assert (await creation.ask("filetransfer", number=1))["result"] == 0
    assert entries


async def test_who_asks_again_and_again_gives_up_the_first(creation, png) -> None:
    first = await creation.send(png(32, 64))
    for _ in range(12):
        assert (await creation.ask("filetransfer", number=3))["result"] == 0
    assert (await creation.http.head(first[0]["url"])).status_code == 404


async def test_a_stop_is_no_failed_try(start, png, until) -> None:
    creation = await start()
    creation.wish("wait")
    await creation.connect()
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    await until(creation.tries)
    creation.service.stop()
    await until(lambda: creation.service._lock.closed)
    creation.wish("good")
    again = await start()
    again.token = creation.token
    assert await again.ended(job) == "done"
    assert again.service._records.job(job).tries == 1
    assert (await again.ask("filereceive"))["result"] == 0


def test_two_services_do_not_share_a_folder(tmp_path) -> None:
    service = Service(Settings(str(tmp_path)))
    with pytest.raises(HomeInUse, match="--home"):
        Service(Settings(str(tmp_path)))
    service.close()
    Service(Settings(str(tmp_path))).close()


PROGRAM = """
import asyncio, os, socket, sys
from gotapi_creation.service.host import Service, Settings
service = Service(Settings(sys.argv[1]), worker=(sys.executable, sys.argv[2]))
listening = socket.create_server(("127.0.0.1", 0))
port = listening.getsockname()[1]
asyncio.run(service.serve(listening, lambda: print(port, flush=True)))
"""


async def run_killable(home, worker):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(home), str(worker),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return process, int(await process.stdout.readline())


async def test_a_kill_in_the_middle_of_a_job_loses_nothing(
    start, png, tmp_path, until, worker_file
) -> None:
    """The first service is killed while a worker runs; the second one makes the model."""
    home = tmp_path / "killed"
    home.mkdir()
    (home / "wish").write_text("wait")
    holder = await start("other")  # only for its client
    holder.home = home
    process, port = await run_killable(home, worker_file)
    holder.base = f"http://127.0.0.1:{port}"
    holder.secret = (home / "access.token").read_text()
    await holder.connect()
    await holder.send(png(32, 64), png(40, 64), png(32, 64))
    job = (await holder.begin(idempotencyKey="once"))["jobId"]
    await until(holder.tries)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    (home / "wish").write_text("good")
    again = await start("killed")
    again.token = holder.token
    assert await again.ended(job) == "done"
    assert holder.tries() == ["wait ['back', 'front', 'right']", "good ['back', 'front', 'right']"]
    assert (await again.begin(idempotencyKey="once"))["jobId"] == job
    found = await again.ask("filereceive")
    body = (await again.http.get(found["fileTransInfo"][0]["url"])).content
    assert body == b"model.glb" * 100


async def test_a_kill_after_the_result_makes_no_second_one(creation, png, start) -> None:
    """Killed between the files and the word that they are there: the files count."""
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    await creation.ended(job)
    creation.service._records._db.execute("UPDATE jobs SET state = 'running', lease = 0")
    creation.service._runner.wake()
    assert await creation.ended(job) == "done"
    assert len(creation.tries()) == 1


async def test_work_without_room_fails_with_words(creation, png, until) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    first = (await creation.begin())["jobId"]
    await until(creation.tries)
    await creation.send(png(32, 64))
    second = (await creation.begin(height=60))["jobId"]
    (creation.home / "jobs" / second / "try-1").write_text("in the way, as a broken disk would be")
    creation.wish("good")
    assert await creation.ended(first) == "done"
    assert await creation.ended(second) == "failed"
    assert "disk of the service is full" in creation.service._records.job(second).error


async def test_what_is_old_goes_from_the_disk(start, png, monkeypatch, until) -> None:
    creation = await start()
    await creation.connect()
    await creation.send(png(32, 64))
    job = (await creation.begin())["jobId"]
    await creation.ended(job)
    await creation.send(png(32, 64))  # never begun
    creation.service.stop()
    await until(lambda: creation.service._lock.closed)
    monkeypatch.setattr("gotapi_creation.service.host.KEPT", -1.0)
    again = await start()
    again.token = creation.token
    await until(lambda: not list((creation.home / "jobs").iterdir()))
    await until(lambda: not list((creation.home / "files").iterdir()))
    assert (await again.ask("filereceive"))["result"] == Code.NO_JOB


async def test_a_fault_of_the_service_ends_the_job_and_not_the_queue(
    creation, png, monkeypatch
) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(creation.service._runner, "order_for", fault)
        await creation.send(png(32, 64))
        job = (await creation.begin())["jobId"]
        assert await creation.ended(job) == "failed"
    assert "its log says why" in creation.service._records.job(job).error
    await creation.send(png(32, 64))
    assert await creation.ended((await creation.begin())["jobId"]) == "done"


async def test_a_job_that_waits_is_cancelled_without_ever_running(creation, png, until) -> None:
    creation.wish("wait")
    await creation.send(png(32, 64))
    first = (await creation.begin())["jobId"]
    await until(creation.tries)
    await creation.send(png(32, 64))
    second = (await creation.begin(height=60))["jobId"]
    assert (await creation.ask("snapshot", op="CANCEL", jobId=second))["result"] == 0
    creation.wish("good")
    assert await creation.ended(first) == "done"
    assert await creation.ended(second) == "cancelled"
    assert len(creation.tries()) == 1
    over = await creation.ask("snapshot", op="CANCEL", jobId=first)
    assert over["result"] == Code.ILLEGAL_STATE
    assert "it is done" in over["errorMessage"]


def test_files_are_remembered_all_or_none(records) -> None:
    row = FileRow(7, "s", "key", FileKind.PICTURE, "job")
    records.add_files([row])
    with pytest.raises(sqlite3.IntegrityError):
        records.add_files([FileRow(8, "s", "key", FileKind.PICTURE, "job"), row])
    assert records.file(8) is None
    assert records.file(7) == row
