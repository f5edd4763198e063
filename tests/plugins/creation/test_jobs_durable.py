"""Jobs and sessions outlive the hub, and each has one result."""

import asyncio

import msgspec
import pytest

from gotapi_creation.book import Book
from gotapi_creation.model import (
    STEPS,
    Job,
    Live,
    PictureFile,
    Session,
    Step,
    picture_url,
    report_of,
)
from gotapi_creation.wire import Code, CreationError, JobState, View


async def test_a_hub_that_starts_again_goes_on_with_its_jobs(hub_of, fake, parts, tmp_path):
    async with hub_of(fake.url) as app:
        begun = await app.begin()
        secure, token = app.secure, app.token
        await parts["until"](lambda: fake.hellos)
    async with hub_of(fake.url) as app:
        app.secure, app.token = secure, token
        await parts["until"](lambda: len(fake.hellos) == 2)
        fake.finish()
        answer = await app.done()
        assert answer["jobId"] == begun["jobId"]
        assert fake.count("setattribute") == 1
        [entry] = answer["fileTransInfo"]
        again = await app.ask("filereceive")
        assert again["fileTransInfo"][0]["fileId"] == entry["fileId"]
    async with hub_of(fake.url) as app:
        app.secure, app.token = secure, token
        assert (await app.ask("filereceive"))["result"] == 0


async def test_a_send_that_was_cut_off_is_done_again(hub_of, fake, parts):
    gate = asyncio.Event()

    async def wait(params):
        await gate.wait()
        return kind.setattribute(fake, params)

    kind = parts["Fake"]
    async with hub_of(fake.url) as app:
        await app.connect()
        await app.send_pictures()
        fake.answers["setattribute"] = wait
        asked = asyncio.create_task(app.ask("setattribute", "PUT", templateId=13579))
        await parts["until"](lambda: fake.count("setattribute") == 1)
        secure, token = app.secure, app.token
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    gate.set()
    async with hub_of(fake.url) as app:
        app.secure, app.token = secure, token
        fake.finish()
        assert (await app.done())["result"] == 0


async def test_a_send_that_was_cut_off_is_of_the_new_session_alone(hub_of, fake, parts):
    """As with the embedded service, pictures are of the session that sent them."""
    gate, kind, names = asyncio.Event(), parts["Fake"], []

    def transfer(params):
        names.append(f"transfer-{len(names)}")
        return {**kind.filetransfer(fake, params), "jobId": names[-1]}

    async def attributes(params):
        await gate.wait()
        if params.get("jobId") != names[-1]:
            return {"result": 109, "errorMessage": "There are no pictures yet"}
        return kind.setattribute(fake, params)

    fake.answers |= {"filetransfer": transfer, "setattribute": attributes}
    async with hub_of(fake.url) as app:
        await app.connect()
        await app.send_pictures()
        asked = asyncio.create_task(app.ask("setattribute", "PUT", templateId=13579))
        await parts["until"](lambda: fake.count("setattribute") == 1)
        secure, token = app.secure, app.token
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    gate.set()
    async with hub_of(fake.url) as app:
        app.secure, app.token = secure, token
        fake.finish()
        assert (await app.done())["result"] == 0


def job(**more):
    base = Job(
        id="j", session="s", application="a", service="x", request_code=10, created=100.0, files=()
    )
    return msgspec.structs.replace(base, **more)


class Kept:
    """A collection in memory."""

    def __init__(self) -> None:
        self.documents = {}

    async def put(self, key, document):
        self.documents[key] = document

    async def delete(self, key):
        self.documents.pop(key, None)

    async def all(self, kind):
        return list(self.documents.values())


@pytest.fixture
async def book(tmp_path):
    kept = {}
    made = Book(lambda name: kept.setdefault(name, Kept()), tmp_path, lambda: 1000.0)
    await made.load()
    return made


@pytest.mark.parametrize("step", list(Step))
async def test_every_step_leads_where_the_table_says(book, step):
    for other in Step:
        one = await book.put(job(step=step))
        if other in STEPS[step]:
            moved = await book.move(one, other)
            assert (moved.step, moved.ended > 0) == (other, other.final)
        else:
            with pytest.raises(RuntimeError, match="cannot go"):
                await book.move(one, other)


async def test_folders_of_unknown_jobs_are_removed_at_the_start(book, tmp_path):
    (tmp_path / "jobs" / "stray").mkdir()
    await book.load()
    assert not list((tmp_path / "jobs").iterdir())


async def test_old_jobs_are_forgotten_but_none_that_works(book):
    await book.put(job(id="old", step=Step.DONE, ended=10.0))
    await book.put(job(id="new", step=Step.DONE, ended=990.0))
    await book.put(job(id="works", step=Step.RUNNING, created=1.0))
    await book.put(job(id="left", created=1.0))
    await book.drop_old(100.0)
    assert set(book.jobs) == {"new", "works"}


async def test_there_is_an_end_to_sessions(book, monkeypatch):
    monkeypatch.setattr("gotapi_creation.book._MOST_SESSIONS", 2)
    for name in "abc":
        await book.keep_session(Session(name, "app", name, 10, ""))
    assert set(book.sessions) == {"b", "c"}
    await book.put(job(id="1", session="b"))
    await book.put(job(id="2", session="c"))
    with pytest.raises(CreationError) as caught:
        await book.keep_session(Session("d", "app", "d", 10, ""))
    assert caught.value.code is Code.TOO_MANY


async def test_jobs_are_found_by_session_and_application(book):
    session = Session("s", "a", "x", 10, "")
    with pytest.raises(CreationError):
        book.newest("a")
    await book.put(job(id="1"))
    await book.put(job(id="2", service="y"))
    assert book.of_session(session).id == "2"
    assert book.of_session(session, "1").id == "1"
    assert book.newest("a", "x").id == "1"
    with pytest.raises(CreationError):
        book.newest("b")


@pytest.mark.parametrize(
    ("step", "state", "progress"),
    [
        (Step.COLLECTING, JobState.QUEUED, 0.5),
        (Step.SENDING, JobState.RUNNING, 0.5),
        (Step.RUNNING, JobState.QUEUED, 0.5),
        (Step.FETCHING, JobState.RUNNING, 0.5),
        (Step.DONE, JobState.DONE, 1.0),
        (Step.FAILED, JobState.FAILED, 0.5),
        (Step.CANCELLED, JobState.CANCELLED, 0.5),
    ],
)
def test_a_job_is_reported_as_applications_know_it(step, state, progress):
    live = Live(progress=0.5, queue=3, estimate=4.0)
    report = report_of(job(step=step, began=100.0), live, 107.9, "http://hub")
    assert (report.status, report.progress, report.time) == (state, progress, 7)
    assert (report.queue is None) == step.final
    assert report_of(job(), live, 107.9).time == 0


def test_addresses_of_pictures_and_previews_hold_a_key():
    file = PictureFile(7, "k", View.FRONT)
    assert picture_url("http://hub", file) == "http://hub/3dcapi/files/7/k"
    report = report_of(job(key="s", previews=("preview.glb",)), Live(), 0.0, "http://hub")
    assert report.preview_model_url == "http://hub/3dcapi/files/j/s/preview.glb"
    assert report.snapshot_url == ""
