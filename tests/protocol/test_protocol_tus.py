"""tus 1.0.0 headers, as the protocol's text prints them."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol import tus
from gotapi_core.protocol.errors import GotapiError, InvalidParameter, PayloadTooLarge

DIGEST = hashlib.sha256(b"cube").hexdigest()


def b64(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.b64encode(raw).decode()


def test_the_example_of_the_text():
    raw = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential"
    assert tus.parse_metadata(raw) == {
        "filename": b"world_domination_plan.pdf",
        "is_confidential": b"",
    }
    wish = tus.parse_wish({"upload-length": "100", "upload-metadata": raw})
    assert wish == tus.Wish(100, "world_domination_plan.pdf", "", "", raw)


def test_what_metadata_means_to_the_hub():
    pairs = {"name": "a.png", "type": "image/png", "sha256": DIGEST.upper(), "other": "x"}
    headers = {"upload-length": "007", "upload-metadata": tus.format_metadata(pairs)}
    wish = tus.parse_wish(headers)
    assert (wish.length, wish.name, wish.content_type) == (7, "a.png", "image/png")
    assert wish.sha256 == DIGEST
    preferred = {"filename": "b.png", "name": "a.png"}
    headers["upload-metadata"] = tus.format_metadata(preferred)
    assert tus.parse_wish(headers).name == "b.png"


@pytest.mark.parametrize("length", ["", " ", "-1", "1.0", "abc", "1e3", "+5", "٣", "0x10", "1_000"])
def test_a_length_is_a_number(length):
    with pytest.raises(InvalidParameter, match="Upload-Length must be a number of bytes"):
        tus.parse_wish({"upload-length": length})
    with pytest.raises(InvalidParameter, match="Upload-Offset must be a number of bytes"):
        tus.parse_offset({"upload-offset": length})


def test_a_length_no_file_has():
    with pytest.raises(PayloadTooLarge):
        tus.parse_wish({"upload-length": "9" * 5000})
    assert tus.parse_offset({"upload-offset": "0" * 5000}) == 0


def test_a_length_cannot_come_later():
    with pytest.raises(InvalidParameter, match="cannot be deferred"):
        tus.parse_wish({"upload-defer-length": "1"})


@pytest.mark.parametrize(
    "raw",
    [",", "a b c", "a YQ==,a YQ==", "a YQ==,,b", "ä YQ==", "a YQ", "a Y Q==", "a é",
     ",".join(f"k{n}" for n in range(33)), "a\tb", "a \x00"],
)  # fmt: skip
def test_malformed_metadata(raw):
    with pytest.raises(InvalidParameter, match=r"Upload-Metadata"):
        tus.parse_metadata(raw)


def test_metadata_has_a_limit():
    with pytest.raises(PayloadTooLarge):
        tus.parse_metadata("a " + "A" * 9000)
    assert len(tus.parse_metadata(",".join(f"k{n}" for n in range(32)))) == 32


def test_a_name_that_is_not_utf8():
    raw = f"filename {b64(bytes([0xFF, 0xFE]))}"
    with pytest.raises(InvalidParameter, match="not UTF-8"):
        tus.parse_wish({"upload-length": "1", "upload-metadata": raw})


@pytest.mark.parametrize("digest", ["x", "0" * 63, "0" * 65, "g" * 64, "0" * 63 + "\n"])
def test_a_digest_has_64_digits(digest):
    headers = {"upload-length": "1", "upload-metadata": f"sha256 {b64(digest)}"}
    with pytest.raises(InvalidParameter, match="64 hexadecimal digits"):
        tus.parse_wish(headers)


@given(
    st.dictionaries(
        st.text(
            st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1
        ),
        st.text(st.characters(exclude_categories=["Cs"])),
        max_size=20,
    )
)
def test_metadata_round_trip(pairs):
    raw = tus.format_metadata(pairs)
    if len(raw) <= 8192:
        decoded = {key: value.decode() for key, value in tus.parse_metadata(raw).items()}
        assert decoded == pairs


NAMES = [
    "upload-length", "upload-offset", "upload-metadata", "upload-checksum", "tus-resumable",
    "content-type", "upload-defer-length", "x-http-method-override",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=80)))
def test_no_header_crashes(headers):
    for parse in (
        tus.parse_wish, tus.parse_offset, tus.parse_checksum, tus.check_version,
        tus.check_content_type, lambda h: tus.effective_method("POST", h),
    ):  # fmt: skip
        try:
            parse(headers)
        except GotapiError as error:
            said = error.message
        else:
            said = ""
        assert len(said) < 400


@pytest.mark.parametrize("algorithm", tus.CHECKSUMS)
def test_checksums(algorithm):
    digest = hashlib.new(algorithm, b"part").digest()
    found = tus.parse_checksum({"upload-checksum": f"{algorithm} {b64(digest)}"})
    assert found == tus.Checksum(algorithm, digest)
    assert tus.parse_checksum({}) is None
    with pytest.raises(InvalidParameter, match="too few or too many"):
        tus.parse_checksum({"upload-checksum": f"{algorithm} {b64(digest[:-1])}"})


@pytest.mark.parametrize("raw", ["md5 AAAA", "", "sha1", "sha1 !", "SHA1 AAAA", "crc32 x"])
def test_bad_checksums(raw):
    with pytest.raises(InvalidParameter, match="Upload-Checksum"):
        tus.parse_checksum({"upload-checksum": raw})


def test_the_version_and_the_type():
    tus.check_version({"tus-resumable": "1.0.0"})
    with pytest.raises(tus.UnsupportedVersion) as version:
        tus.check_version({"tus-resumable": "0.2.2"})
    tus.check_content_type({"content-type": " Application/Offset+Octet-Stream "})
    with pytest.raises(tus.WrongContentType) as kind:
        tus.check_content_type({"content-type": "application/octet-stream"})
    statuses = (version.value.status, kind.value.status, tus.UploadBusy().status)
    assert (*statuses, tus.WrongOffset().status, tus.ChecksumMismatch().status) == (
        412, 415, 423, 409, 460,
    )  # fmt: skip


def test_which_requests_are_meant():
    assert tus.is_tus({"tus-resumable": "1.0.0"})
    assert not tus.is_tus({"content-type": tus.CONTENT_TYPE})
    assert tus.effective_method("POST", {"x-http-method-override": "PATCH"}) == "PATCH"
    assert tus.effective_method("POST", {}) == "POST"
    # Only POST may stand for another: a GET must not become a DELETE.
    assert tus.effective_method("GET", {"x-http-method-override": "DELETE"}) == "GET"
    with pytest.raises(InvalidParameter, match="X-HTTP-Method-Override"):
        tus.effective_method("POST", {"x-http-method-override": "TRACE"})


def test_dates_and_capabilities():
    assert tus.http_date(1403712000.9) == "Wed, 25 Jun 2014 16:00:00 GMT"
    assert tus.http_date(-5.0) == "Thu, 01 Jan 1970 00:00:00 GMT"
    told = dict(tus.capabilities(1024))
    assert told["tus-max-size"] == "1024"
    assert told["tus-checksum-algorithm"] == "sha1,sha256"
    assert told["tus-version"] == told["tus-resumable"] == "1.0.0"
    assert set(told["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "expiration", "checksum", "termination",
    }  # fmt: skip
