"""multipart/form-data, piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge
from gotapi_core.protocol.params import (
    FieldDone,
    FileData,
    FileEnd,
    FileStart,
    Limits,
    MultipartParser,
    multipart_boundary,
    safe_filename,
)

SMALL = Limits(name=5, value=8, parts=3)


def part(disposition, content, *more):
    lines = [f"Content-Disposition: form-data; {disposition}".encode(), *more]
    return b"--b\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + content + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--b--\r\n"


def parse(body, chunk=1 << 20, limits=SMALL):
    parser = MultipartParser("b", limits)
    events = []
    for start in range(0, len(body), chunk):
        events += parser.feed(body[start : start + chunk])
    parser.finish()
    return events


def joined(events):
    """Put the pieces of each file together."""
    result = []
    for event in events:
        if isinstance(event, FileData) and result and isinstance(result[-1], FileData):
            result[-1] = FileData(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def test_fields_and_a_file():
    body = form(
        part('name="a"', b"1"),
        part('name="f"; filename="cube.gcode"', b"G28\nM105\n", b"Content-Type: text/x.gcode"),
        part('name="z"', "\u20ac".encode()),
    )
    assert parse(body) == [
        FieldDone("a", "1"),
        FileStart("f", "cube.gcode", "text/x.gcode"),
        FileData(b"G28\nM105\n"),
        FileEnd(),
        FieldDone("z", "\u20ac"),
    ]


def test_an_empty_file_has_no_data():
    assert parse(form(part('name="f"; filename=""', b""))) == [
        FileStart("f", "file", "application/octet-stream"),
        FileEnd(),
    ]


@pytest.mark.parametrize("body", [b"", b"--b--", b"--b--\r\n", b"\r\n--b--\r\nepilogue"])
def test_forms_of_nothing(body):
    assert parse(body) == []


def test_what_looks_like_a_boundary_is_data():
    content = b"\r\n--\r\n--a\r\n-b--\r\r\n\n--x\r\n--"
    body = form(part('name="f"; filename="x"', content))
    for chunk in (1, 2, 3, 7, 1000):
        assert joined(parse(body, chunk))[1] == FileData(content)


def test_small_pieces_of_one_feed_become_one_event():
    content = b"\r\n" * 500
    assert parse(form(part('name="f"; filename="x"', content)))[1] == FileData(content)


def test_a_file_may_be_larger_than_a_text():
    content = b"G1 X1\n" * 10_000
    assert joined(parse(form(part('name="f"; filename="x"', content)), 4096))[1].data == content


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"nothing", InvalidParameter, "malformed"),
        (b"--x\r\n", InvalidParameter, "malformed"),
        (b"--b", InvalidParameter, "closing boundary"),
        (part('name="a"', b"1"), InvalidParameter, "closing boundary"),
        (form(part("x=y", b"1")), InvalidParameter, "no name"),
        (form(b"--b\r\n\r\n1\r\n"), InvalidParameter, "no name"),
        (form(part('name=""', b"1")), InvalidParameter, "no name"),
        (form(part('name="a"', b"1"), part('name="a"', b"2")), InvalidParameter, "'a' twice"),
        (
            form(part('name="a"', b"1"), part('name="a"; filename="x"', b"2")),
            InvalidParameter,
            "'a' twice",
        ),
        (form(*(part(f'name="{c}"', b"") for c in "abcd")), InvalidParameter, "more than 3 parts"),
        (form(part('name="abcdef"', b"1")), InvalidParameter, "longer than 5"),
        (form(part('name="a\0"', b"1")), InvalidParameter, "NUL|malformed"),
        (form(part('name="a"', b"a\0b")), InvalidParameter, "NUL"),
        (form(part('name="a"', b"123456789")), PayloadTooLarge, "longer than 8"),
        (form(part('name="a"', b"1" * 9999)), PayloadTooLarge, "longer than 8"),
        (form(part('name="a"', b"\xff")), InvalidParameter, "value of 'a' in the form is not"),
        (
            b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n',
            InvalidParameter,
            "field name in the form is not valid UTF-8",
        ),
        (
            form(part('name="a"', b"MQ==", b"Content-Transfer-Encoding: base64")),
            InvalidParameter,
            "is encoded",
        ),
        (
            form(part('name="a"', b"1", b"content-disposition: form-data")),
            InvalidParameter,
            "content-disposition twice",
        ),
        (
            form(part('name="a"', b"1", *(b"x%d: y" % i for i in range(20)))),
            InvalidParameter,
            "malformed",
        ),
        (form(part('name="a"', b"1", b"x: " + b"y" * 5000)), InvalidParameter, "malformed"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_bad_forms(body, kind, reason, chunk):
    with pytest.raises(kind, match=reason):
        parse(body, chunk)


def test_a_long_text_is_refused_before_it_has_all_come():
    parser = MultipartParser("b", SMALL)
    parser.feed(part('name="a"', b"")[:-2])
    for _ in range(4):
        parser.feed(b"x" * 8)
    with pytest.raises(PayloadTooLarge, match="longer than 8"):
        parser.feed(b"x" * 8)


def test_plain_transfer_encodings_are_fine():
    body = form(part('name="a"', b"1", b"Content-Transfer-Encoding: 8BIT"))
    assert parse(body) == [FieldDone("a", "1")]


def test_limits_have_defaults():
    parser = MultipartParser(b"b")
    assert parser.feed(form(part('name="a"', b"1" * 65536))) == [FieldDone("a", "1" * 65536)]


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a\nb", "\u20ac", b"\xff"])
def test_bad_boundaries(boundary):
    with pytest.raises(InvalidParameter, match="1 to 70"):
        MultipartParser(boundary)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
        ("multipart/mixed; boundary=abc", None),
        ("application/json", None),
        ("", None),
        ("\u20ac", None),
    ],
)
def test_boundaries_in_a_content_type(content_type, boundary):
    assert multipart_boundary(content_type) == boundary


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_missing_boundary(content_type):
    with pytest.raises(InvalidParameter, match="lacks its boundary"):
        multipart_boundary(content_type)


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        ("cube.gcode", "cube.gcode"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.stl", "a.stl"),
        ("a/b\\c", "c"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("/", "file"),
        (".hidden", "hidden"),
        ("a\0b\n.g", "ab.g"),
        ("a:b*?.g", "a_b__.g"),
        (" x. ", "x"),
        ("\u20ac.g", "\u20ac.g"),
        ("\u202egcode.exe", "gcode.exe"),
        ("n" * 200 + ".gcode", "n" * 94 + ".gcode"),
        ("n" * 200, "n" * 100),
        ("n" * 100 + "." + "x" * 30, "n" * 100),
    ],
)
def test_safe_file_names(filename, safe):
    assert safe_filename(filename) == safe


@given(st.text(max_size=300))
def test_no_file_name_leaves_its_folder(filename):
    safe = safe_filename(filename)
    assert 1 <= len(safe) <= 100
    assert not set("/\\\0") & set(safe)
    assert safe not in (".", "..")
    assert safe_filename(safe) == safe


pieces = st.lists(st.integers(1, 40), max_size=30)


def feed_in(body, sizes):
    parser = MultipartParser("b")
    events = []
    for size in sizes:
        events += parser.feed(body[:size])
        body = body[size:]
    events += parser.feed(body)
    parser.finish()
    return events


near_boundary = (
    st.text("\r\n-bx", max_size=30).map(str.encode).filter(lambda c: b"\r\n--b" not in c)
)


@given(st.lists(st.tuples(st.booleans(), near_boundary), max_size=4), pieces)
def test_chunking_does_not_matter(contents, sizes):
    parts, expected = [], []
    for index, (is_file, content) in enumerate(contents):
        name = f"n{index}"
        if is_file:
            parts.append(part(f'name="{name}"; filename="f"', content))
            expected.append(FileStart(name, "f", "application/octet-stream"))
            expected += [FileData(content)] if content else []
            expected.append(FileEnd())
        else:
            parts.append(part(f'name="{name}"', content))
            expected.append(FieldDone(name, content.decode()))
    assert joined(feed_in(form(*parts), sizes)) == expected


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    b"--b",
                    b"\r\n",
                    b"--",
                    b"Content-Disposition: ",
                    b'form-data; name="a"',
                    b"x",
                    b":",
                ]
            ),
            max_size=20,
        ).map(b"".join),
    ),
    pieces,
)
def test_any_bytes_parse_or_are_refused(body, sizes):
    try:
        events = feed_in(body, sizes)
    except InvalidParameter:
        return
    assert sum(isinstance(e, FileStart) for e in events) == sum(
        isinstance(e, FileEnd) for e in events
    )
