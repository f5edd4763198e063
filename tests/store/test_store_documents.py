"""Document collections."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge, StorageFull
from gotapi_core.store import Documents, Store
from gotapi_core.store import documents as module


@pytest.fixture
def jobs(store: Store) -> Documents:
    return Documents(store, "printer")


async def test_what_was_put_is_got(jobs: Documents) -> None:
    await jobs.put("queue", "job 1", b"\x00body\xff")
    assert await jobs.get("queue", "job 1") == b"\x00body\xff"


async def test_what_was_not_put_is_none(jobs: Documents) -> None:
    assert await jobs.get("queue", "job 1") is None
    assert await jobs.delete("queue", "job 1") is False
    assert await jobs.list("queue") == []


async def test_the_list_is_in_the_order_of_creation(jobs: Documents) -> None:
    for key in ("z", "a", "m"):
        await jobs.put("queue", key, key.encode())
    await jobs.put("queue", "z", b"changed")  # a change is no creation
    assert await jobs.list("queue") == [("z", b"changed"), ("a", b"a"), ("m", b"m")]


async def test_a_key_put_again_after_its_deletion_is_the_newest(jobs: Documents) -> None:
    await jobs.put("queue", "a", b"")
    await jobs.put("queue", "b", b"")
    assert await jobs.delete("queue", "b") is True
    await jobs.put("queue", "c", b"")
    await jobs.put("queue", "b", b"")
    assert [key for key, _ in await jobs.list("queue")] == ["a", "c", "b"]


async def test_owners_and_collections_are_apart(store: Store, jobs: Documents) -> None:
    other = Documents(store, "portrayal")
    await jobs.put("queue", "k", b"1")
    await jobs.put("history", "k", b"2")
    await other.put("queue", "k", b"3")
    assert await jobs.list("queue") == [("k", b"1")]
    assert await other.delete("queue", "k") is True
    assert await jobs.get("queue", "k") == b"1"
    assert await jobs.get("history", "k") == b"2"


async def test_documents_survive_closing(path: Path) -> None:
    with Store(path) as store:
        await Documents(store, "printer").put("queue", "k", b"kept")
    with Store(path) as store:
        assert await Documents(store, "printer").get("queue", "k") == b"kept"


async def test_the_sync_methods_serve_a_thread(jobs: Documents) -> None:
    def driver() -> None:
        jobs.put_sync("queue", "a", b"1")
        jobs.put_sync("queue", "b", b"2")
        assert jobs.get_sync("queue", "a") == b"1"
        assert jobs.delete_sync("queue", "a") is True
        assert jobs.list_sync("queue") == [("b", b"2")]

    await asyncio.to_thread(driver)
    assert await jobs.list("queue") == [("b", b"2")]


async def test_one_mebibyte_fits_and_one_byte_more_does_not(jobs: Documents) -> None:
    await jobs.put("c", "full", bytes(1 << 20))
    with pytest.raises(PayloadTooLarge, match=r"1048577 bytes is too large.*1048576"):
        await jobs.put("c", "over", bytes((1 << 20) + 1))
    assert len(await jobs.get("c", "full") or b"") == 1 << 20


async def test_the_number_of_documents_is_bounded(
    jobs: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 3)
    for key in "abc":
        await jobs.put("c", key, b"")
    with pytest.raises(StorageFull, match=r"may hold 3 documents.*delete"):
        await jobs.put("c", "d", b"")
    await jobs.put("c", "a", b"a change is still possible")
    await jobs.put("other", "d", b"")


async def test_the_bytes_of_a_collection_are_bounded(
    jobs: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COLLECTION", 100)
    await jobs.put("c", "a", bytes(60))
    await jobs.put("c", "b", bytes(40))
    with pytest.raises(StorageFull, match=r"may hold 100 bytes"):
        await jobs.put("c", "b", bytes(41))
    assert await jobs.get("c", "b") == bytes(40)


@pytest.mark.parametrize(
    ("collection", "key", "what"),
    [
        ("", "k", "collection"),
        ("c" * 65, "k", "collection"),
        ("c", "", "key"),
        ("c", "k" * 257, "key"),
        ("c", "nul\x00", "key"),
        ("c", "line\n", "key"),
        ("c", "\ud800", "key"),
    ],
)
async def test_names_are_bounded(jobs: Documents, collection: str, key: str, what: str) -> None:
    with pytest.raises(InvalidParameter, match=f"The {what} of a document must have"):
        await jobs.put(collection, key, b"")
    with pytest.raises(InvalidParameter):
        jobs.put_sync(collection, key, b"")


def test_the_owner_is_bounded(store: Store) -> None:
    with pytest.raises(InvalidParameter, match=r"owner"):
        Documents(store, "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("pd"),
            st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=4),
            st.binary(max_size=40),
        ),
        max_size=12,
    )
)
def test_a_collection_behaves_like_a_dict(
    store: Store, steps: list[tuple[str, str, bytes]]
) -> None:
    collection = Documents(store, "model")
    for key, _ in collection.list_sync("c"):
        collection.delete_sync("c", key)
    model: dict[str, bytes] = {}
    for step, key, body in steps:
        if step == "p":
            model[key] = body
            collection.put_sync("c", key, body)
        else:
            assert collection.delete_sync("c", key) is (model.pop(key, None) is not None)
    assert collection.list_sync("c") == list(model.items())
