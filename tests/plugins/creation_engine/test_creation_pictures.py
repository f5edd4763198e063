"""Pictures by their headers: what is taken, what is refused, and that nothing makes it crash."""

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gotapi_creation.pictures import MAX_FILE, PictureError, PictureKind, check_picture


def picture(kind, size=(40, 30), mode="RGB", **how):
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **how)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *more):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture("PNG"), PictureKind.PNG),
        (picture("PNG", mode="RGBA"), PictureKind.PNG),
        (picture("JPEG"), PictureKind.JPEG),
        (picture("JPEG", progressive=True), PictureKind.JPEG),
        (picture("WEBP"), PictureKind.WEBP),
        (picture("WEBP", lossless=True), PictureKind.WEBP),
        (picture("WEBP", mode="RGBA", exif=b"Exif\0\0"), PictureKind.WEBP),
    ],
)
def test_sizes_are_read_of_every_kind(data, kind):
    info = check_picture(data)
    assert (info.kind, info.width, info.height) == (kind, 40, 30)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file"),
        (b"GIF89a" + b"\0" * 40, "is a GIF"),
        (b"BM" + b"\0" * 40, "is a BMP"),
        (b"%PDF-1.7" + b"\0" * 40, "is a PDF"),
        (b"  <svg xmlns='x'></svg>", "is an SVG"),
        (b"hello, this is text", "unknown type"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "damaged PNG"),
        (png(9000, 9000), "9000 x 9000 pixels; at most 4096"),
        (png(1, 1), "only 1 x 1 pixels"),
        (png(0, 40), "only 0 x 40"),
        (png(40, 40, chunk(b"acTL", struct.pack(">II", 3, 0))), "animated"),
        (png(40, 40)[:-14], "ends too early"),
        (picture("PNG")[:-30], "ends too early"),
        (picture("JPEG")[:20], "ends too early"),
        (b"\xff\xd8\xff\xe0\x00\x04ab" + b"no marker", "damaged JPEG"),
        (b"\xff\xd8" + b"\xff\xd0" * 5000, "damaged JPEG"),
        (picture("WEBP")[:-10], "ends too early"),
        (b"RIFF\x10\0\0\0WEBPJUNK" + b"\0" * 20, "damaged WebP"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * MAX_FILE, "bytes, and"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(data, words):
    with pytest.raises(PictureError, match=words) as caught:
        check_picture(data)
    assert len(str(caught.value)) < 200


def test_animations_are_told_by_their_headers():
    file = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match="animated"):
        check_picture(file.getvalue())
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match="animated"):
        check_picture(file.getvalue())


def test_fill_bytes_of_a_jpeg_are_passed_over():
    data = picture("JPEG")
    assert check_picture(data[:2] + b"\xff\xff" + data[3:]).width == 40
    bare = data[:2] + b"\xff\xd1" + data[2:]
    assert check_picture(b"\xff\xd8\xff" + b"\xff\xd1" + data[2:]).width == 40
    with pytest.raises(PictureError):
        check_picture(bare[:3] + b"\0" + bare[3:])


STARTS = [
    b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x10\0\0\0WEBP", png(40, 40)[:33],
    picture("JPEG")[:30], picture("WEBP")[:20], b"RIFF\x10\0\0\0WEBPVP8X",
    b"RIFF\x10\0\0\0WEBPVP8L",
]  # fmt: skip


@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_no_bytes_make_it_crash(start, rest):
    with contextlib.suppress(PictureError):
        assert 16 <= check_picture(start + rest).width <= 4096


@given(st.integers(16, 4096), st.integers(16, 4096))
def test_every_size_within_the_bounds_is_taken(width, height):
    info = check_picture(png(width, height))
    assert (info.width, info.height) == (width, height)
