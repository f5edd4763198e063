"""The texts of the file protocol: read without trust, written as they are read."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_creation.transfer.failures import BrokenRules
from gotapi_creation.transfer.words import (
    TEXT_BYTES,
    Offer,
    Offset,
    Opening,
    Verdict,
    read_offer,
    read_offset,
    read_opening,
    write,
)

HASH = "ab" * 32
sizes = st.integers(0, 1 << 53)


def test_an_uploader_says_what_comes() -> None:
    text = f'{{"secureToken": "s", "fileId": "7654321", "size": 3, "sha256": "{HASH}", "x": 1}}'
    opening = read_opening(text)
    assert (opening.number, opening.size, opening.uploads) == (7654321, 3, True)


def test_a_downloader_says_where_to_begin() -> None:
    opening = read_opening('{"fileId": 5, "offset": 10, "accessToken": "a"}')
    assert (opening.number, opening.offset, opening.uploads) == (5, 10, False)


@pytest.mark.parametrize("name", ["../etc/passwd", "-1", "1.5", "", "٣", "9" * 17])
def test_a_file_id_that_is_no_number_is_no_file(name: str) -> None:
    assert Opening(name).number == -1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"size": 3}',
        '{"fileId": 1, "size": -1}',
        '{"fileId": 1, "size": 1e400}',
        '{"fileId": 1, "sha256": "abc"}',
        '{"fileId": true}',
        "[" * 5000,
        " " * (TEXT_BYTES + 1),
        '{"fileId": "\ud800"}',
    ],
)
def test_a_first_message_that_is_none_is_refused_with_words(text: str) -> None:
    with pytest.raises(BrokenRules, match=r"first message|sha256"):
        read_opening(text)


def test_a_result_is_told_from_an_offset_by_its_member() -> None:
    assert read_offset('{"offset": 7}') == Offset(7)
    assert read_offset('{"result": 0, "sha256": "x"}') == Verdict(0, "x")
    assert read_offer('{"offset": 0, "size": 9}') == Offer(0, 9)
    refused = read_offer('{"result": 108, "errorMessage": "no"}')
    assert refused == Verdict(108, error_message="no")


@given(st.text() | st.from_regex(r'\{"(offset|result|size|fileId)": ?[^}]{0,20}\}', fullmatch=True))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (read_opening, read_offset, read_offer):
        with contextlib.suppress(BrokenRules):
            assert isinstance(read(text), msgspec.Struct)


@given(st.one_of(st.builds(Offset, sizes), st.builds(Verdict, st.integers(0, 200))))
def test_what_a_receiver_writes_is_read_as_it_was(message: Offset | Verdict) -> None:
    assert read_offset(write(message)) == message


@given(st.builds(Offer, sizes, sizes, st.text(max_size=64), st.text(max_size=20)))
def test_what_a_sender_writes_is_read_as_it_was(message: Offer) -> None:
    assert read_offer(write(message)) == message


@given(st.builds(Opening, sizes, st.text(max_size=50), st.text(max_size=50), sizes | st.none()))
def test_what_a_client_writes_is_read_as_it_was(message: Opening) -> None:
    assert read_opening(write(message)) == message
