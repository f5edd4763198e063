"""Collections: a plug-in's documents come back in order, and old ones do no harm."""

import msgspec
import pytest

from gotapi_core.collection import StoredCollection
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.store import Documents, Store


class Job(msgspec.Struct, frozen=True):
    name: str
    copies: int = 1


class NewJob(msgspec.Struct, frozen=True):
    name: str
    copies: int
    priority: int


@pytest.fixture
def documents(store: Store) -> Documents:
    return Documents(store, "plugin:lamp")


@pytest.fixture
def jobs(documents: Documents) -> StoredCollection:
    return StoredCollection(documents, "jobs")


async def test_documents_come_back_in_order_of_creation(jobs: StoredCollection) -> None:
    assert await jobs.all(Job) == []
    for name in ("c", "a", "b"):
        await jobs.put(name, Job(name))
    await jobs.put("a", Job("a", copies=2))  # keeps its place
    assert await jobs.all(Job) == [Job("c"), Job("a", 2), Job("b")]


async def test_a_deleted_document_is_gone_and_an_unknown_key_no_error(jobs) -> None:
    await jobs.put("a", Job("a"))
    await jobs.delete("a")
    await jobs.delete("a")
    assert await jobs.all(Job) == []


async def test_a_document_that_no_longer_fits_is_skipped_and_logged(
    jobs: StoredCollection, documents: Documents, caplog: pytest.LogCaptureFixture
) -> None:
    await jobs.put("old", Job("old"))
    await documents.put("jobs", "damaged", b"{")
    await jobs.put("new", NewJob("new", 1, 5))
    assert await jobs.all(NewJob) == [NewJob("new", 1, 5)]
    assert "document old of jobs no longer fits" in caplog.text
    assert "document damaged of jobs no longer fits" in caplog.text


async def test_collections_and_owners_do_not_see_each_other(jobs, documents, store) -> None:
    await jobs.put("a", Job("a"))
    assert await StoredCollection(documents, "queue").all(Job) == []
    assert await StoredCollection(Documents(store, "plugin:fan"), "jobs").all(Job) == []


async def test_a_key_that_cannot_be_stored_is_refused(jobs: StoredCollection) -> None:
    with pytest.raises(InvalidParameter, match="1 to 256 printable characters"):
        await jobs.put("", Job("a"))
