"""Answers of 3DCAPI: written as the tables say, read as figures and services write them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_creation.wire import (
    TABLE,
    Attributes,
    Code,
    Connecting,
    CreationError,
    Discovery,
    Done,
    FileEntry,
    Hello,
    JobState,
    Printed,
    Report,
    ServerEntry,
    ServiceEntry,
    Snapshot,
    Status,
    TemplateEntry,
    Transfer,
    View,
    code_of,
    file_url,
    read_answer,
    read_attributes,
    read_connecting,
    read_discovery,
    read_done,
    read_hello,
    read_report,
    read_snapshot,
    read_transfer,
    service_url,
    words,
    write_answer,
    write_error,
    write_hello,
    write_report,
)

READERS = [
    read_attributes,
    read_connecting,
    read_discovery,
    read_done,
    read_snapshot,
    read_transfer,
]


def members(**more: Any) -> bytes:
    return json.dumps({"requestCode": 10, "result": 0, **more}).encode()


def bad(data: bytes | str, read: Any = lambda members: members) -> CreationError:
    with pytest.raises(CreationError) as caught:
        read(read_answer(data)[1])
    return caught.value


def survives(read: Any, data: bytes | str) -> bool:
    """Return True, whether it was understood or refused; anything else is raised."""
    try:
        read(read_answer(data)[1])
    except CreationError as error:
        return bool(error.message)
    return True


def test_the_discovery_answer_has_every_member_of_the_table():
    answer = Discovery(
        (ServiceEntry("com.example.3dmodeling", "3dcharacter", "etri", "1.0", "Fixed Internet"),)
    )
    assert write_answer(answer, 10) == {
        "requestCode": 10,
        "result": 0,
        "services": [
            {
                "serviceId": "com.example.3dmodeling",
                "name": "3dcharacter",
                "provider": "etri",
                "version": "1.0",
                "type": "Fixed Internet",
                "online": True,
                "scopes": ["3dmodeling"],
            }
        ],
    }


def test_the_discovery_answer_of_the_figure_is_read():
    data = (
        '{"resquestCode": 10, "result": 0, "services": [{"serviceId": ["com.example.3dmodeling"],'
        ' "name": ["3dcharacter"], "provider": "etri"}]}'
    )
    code, found = read_answer(data)
    assert code == 10
    assert read_discovery(found) == Discovery(
        (ServiceEntry("com.example.3dmodeling", "3dcharacter", "etri"),)
    )


@pytest.mark.parametrize(
    "name",
    ["3dContentCreationServerList", "3dConecntCreationServerList", "3dconecntCr eationServerList"],
)
def test_the_server_list_is_read_in_the_spellings_of_table_and_figure(name):
    entry = {"servicename": "3D Creation Server1", "url": "www.3dcs1.com", "secureToken": "xyxyx"}
    _, found = read_answer(members(**{name: [entry]}))
    assert read_connecting(found) == Connecting(
        (ServerEntry("3D Creation Server1", "www.3dcs1.com", "xyxyx"),)
    )


@pytest.mark.parametrize("number", [7654321, "7654321", [7654321], 7654321.0])
def test_the_files_of_the_figure_are_read(number):
    number = number[0] if isinstance(number, list) else number
    entry = {"Method": "FTP", "fileId": number, "url": "ftp.3dcs1.com"}
    _, found = read_answer(members(FileTransInfo=[entry], fileNum=3))
    assert read_transfer(found) == Transfer((FileEntry("ftp", 7654321, "ftp.3dcs1.com"),))


def test_one_object_is_read_as_an_array_of_one():
    entry = {"method": "http", "fileId": 1, "url": "http://a/b", "view": "Front"}
    _, found = read_answer(members(fileTransInfo=entry))
    [file] = read_transfer(found).files
    assert file.view is View.FRONT


def test_the_templates_of_the_figure_are_read_and_unknown_members_kept():
    entry = {
        "templateId": "13579",
        "species": "HUMAN",
        "gender": "MALE",
        "age": 30,
        "style": 0.5,
        "2Dsilhouette ImgUrl": "http://3dcs1.com/silhouette2D/13579",
        "silhouetteId": 7,
        "partNames": ["head"],
    }
    _, found = read_answer(members(templateInfo=[entry]))
    assert read_attributes(found) == Attributes(
        (
            TemplateEntry(
                13579,
                "HUMAN",
                "MALE",
                30,
                0.5,
                "http://3dcs1.com/silhouette2D/13579",
                7,
                {"partNames": ["head"]},
            ),
        )
    )


ANSWERS = [
    (Discovery((ServiceEntry("a", "b", online=False, scopes=("3d", "x")),)), read_discovery),
    (Discovery(), read_discovery),
    (Connecting((ServerEntry("n", "a", "t"), ServerEntry("m", "b"))), read_connecting),
    (
        Transfer(
            (
                FileEntry("http", 1, "http://a/1", View.BACK),
                FileEntry("http", 2, "http://a/2", None, "glb", 99, "0" * 64, "model"),
            ),
            "job",
        ),
        read_transfer,
    ),
    (Attributes((TemplateEntry(1, "ELF", "FEMALE", 90, 0.14, "http://a", 2),)), read_attributes),
    (Snapshot("ws://a/b", "job"), read_snapshot),
    (Done("job", 2, 1.5), read_done),
    (Done(), read_done),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "read"), ANSWERS)
@pytest.mark.parametrize("figures", [False, True])
def test_what_is_written_is_read_again(answer, read, figures):
    code, found = read_answer(json.dumps(write_answer(answer, 7, figures=figures)))
    assert code == 7
    assert read(found) == answer


def test_an_answer_without_a_request_code_has_none():
    assert write_answer(Done(), None) == {"result": 0}
    assert read_answer('{"result": "0"}') == (None, {"result": "0"})


def test_the_spelling_of_the_figures_comes_beside_that_of_the_tables():
    files = write_answer(Transfer((FileEntry("ftp", 5, "ftp://a/5"),)), 10, figures=True)
    assert files["resquestCode"] == files["requestCode"] == 10
    [entry] = files["FileTransInfo"]
    assert (entry["Method"], entry["fileId"]) == ("ftp", "5")
    assert files["fileTransInfo"] == [{"method": "ftp", "fileId": 5, "url": "ftp://a/5"}]
    servers = write_answer(Connecting((ServerEntry("n", "u"),)), None, figures=True)
    assert servers["3dConecntCreationServerList"] == servers["3dContentCreationServerList"]


def test_the_status_has_time_zone_resolution_software_and_revision():
    status = Status("2026-11-21T03:00:00.5Z", "UTC", 1e-9, "gotapi-hub", "0.1.0", "3DCAPI 1.0", "C")
    assert write_answer(status, None) == {
        "result": 0,
        "time": "2026-11-21T03:00:00.5Z",
        "zone": "UTC",
        "resolution": 1e-9,
        "software": "gotapi-hub",
        "version": "0.1.0",
        "protocol": "3DCAPI 1.0",
        "revision": "C",
    }


def test_a_print_is_told_by_printer_and_job():
    answer = write_answer(Printed("demo.printer", "p1"), 3)
    assert answer == {"requestCode": 3, "result": 0, "printer": "demo.printer", "printJobId": "p1"}


def test_a_failure_has_number_name_and_words():
    error = CreationError(Code.NO_JOB, "There is no job yet; call setattribute")
    assert write_error(error, 4) == {
        "requestCode": 4,
        "result": 112,
        "errorCode": "NO_JOB",
        "errorMessage": "There is no job yet; call setattribute",
    }


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_meaning_and_a_status(code):
    words_, status = TABLE[code]
    assert words_
    assert 200 <= status < 600
    assert (status == 200) == (code is Code.OK)
    assert CreationError(code).message
    assert CreationError(code).code is not Code.OK


def test_a_failure_of_a_service_keeps_code_and_words():
    data = '{"result": 107, "errorMessage": "no template 5"}'
    error = bad(data)
    assert (error.code, error.message) == (Code.UNKNOWN_TEMPLATE, "no template 5")
    assert bad('{"result": 111}').message
    assert bad('{"result": 4711, "message": "busy"}').code is Code.SERVICE_REFUSED
    assert "4711" in bad('{"result": 4711}').message
    assert code_of(-3) is Code.SERVICE_REFUSED


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("<html>", None),
        (b"\xff\xfe", None),
        ("[]", None),
        ("3", None),
        ("null", None),
        ("true", None),
        ('"x"', None),
        ("{}", None),
        ('{"result": true}', None),
        ('{"result": 1e400}', None),
        ("[" * 5000, None),
        (b'{"result": 0, "x": "' + b"y" * (1 << 20) + b'"}', None),
        ('{"result": 0}', read_discovery),
        ('{"result": 0, "services": 3}', read_discovery),
        ('{"result": 0, "services": [3]}', read_discovery),
        ('{"result": 0, "services": [{}]}', read_discovery),
        ('{"result": 0, "services": [' + ",".join(["{}"] * 1001) + "]}", read_discovery),
        ('{"result": 0, "fileTransInfo": []}', read_transfer),
        ('{"result": 0, "fileNum": 0, "fileTransInfo": [{"method": "a", "fileId": 1, "url": "b"}]}',
         read_transfer),
        ('{"result": 0, "fileTransInfo": [{"method": "ftp", "url": "b"}]}', read_transfer),
        ('{"result": 0, "fileTransInfo": [{"fileId": 1, "url": "b"}]}', read_transfer),
        ('{"result": 0, "templateInfo": [{"templateId": "x"}]}', read_attributes),
    ],
)  # fmt: skip
def test_garbage_is_told_from_an_answer(data, read):
    assert bad(data, read or (lambda found: found)).code is Code.BAD_ANSWER


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_no_answer_is_read_with_a_crash(data):
    for read in READERS:
        assert survives(read, data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "services",
        "serviceId",
        "fileTransInfo",
        "method",
        "fileId",
        "url",
        "templateInfo",
        "templateId",
        "online",
        "scopes",
        "progress",
        "time",
        "status",
        "fileNum",
        "requestCode",
        "3dContentCreationServerList",
    ]
)


@given(
    st.dictionaries(NAMES, JSON | st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=3))
)
def test_no_member_of_any_type_is_read_with_a_crash(found):
    data = json.dumps(found | {"result": 0})
    for read in [*READERS, lambda _: read_report(data), lambda _: read_hello(data)]:
        assert survives(read, data)


REPORTS = [
    Report("a", 0.25, 90),
    Report("a", 1.0, 360, JobState.DONE, "done", "job", 10, 0, 0.0, "http://a/p", "http://a/m"),
    Report("a", 0.5, 8, JobState.FAILED, error="The outline is open"),
    Report("a", 0.0, 0, JobState.QUEUED, queue=3, estimate=4.5),
]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_is_written_is_read_again(report):
    assert read_report(json.dumps(write_report(report))) == report


@pytest.mark.parametrize(
    ("data", "progress", "state"),
    [
        ('{"serviceId": "com.3dcapi-modeling", "progress": 0.25, "time": 90}', 0.25, "running"),
        ('{"serviceId": 3, "progress": 1.00, "time": 360}', 1.0, "done"),
        ('{"progress": 50}', 0.5, "running"),
        ('{"progress": 400}', 1.0, "done"),
        ('{"progress": "0.3", "status": "FAILED"}', 0.3, "failed"),
        ('{"progress": 0.3, "error": "broken"}', 0.3, "failed"),
    ],
)
def test_reports_of_other_services_are_read(data, progress, state):
    report = read_report(data)
    assert (report.progress, report.status.value) == (progress, state)
    assert report.final == (state in ("done", "failed"))


def test_only_what_can_be_fetched_is_reported_as_one():
    assert write_report(Report("a", 0.999, 5))["progress"] == 0.99
    assert write_report(Report("a", 1.0, 5))["progress"] == 0.99
    assert write_report(Report("a", 0.3, 5, JobState.DONE))["progress"] == 1.0


@pytest.mark.parametrize("data", ["{}", '{"progress": -1}', '{"progress": null}', " " * 70000])
def test_a_report_without_progress_is_none(data):
    with pytest.raises(CreationError, match="snapshot socket"):
        read_report(data)


def test_the_first_message_of_the_socket_is_read_again():
    for hello in (Hello("abcdef012345"), Hello("a", "b", "c")):
        assert read_hello(json.dumps(write_hello(hello))) == hello
    assert read_hello('{"accesstoken": "\u201cx\u201d"}') == Hello("x")
    with pytest.raises(CreationError):
        read_hello(" " * 70000)


@pytest.mark.parametrize(
    ("url", "method", "full"),
    [
        ("ftp.3dcs1.com", "ftp", "ftp://ftp.3dcs1.com/7"),
        ("www.3dcs1.com", "http", "http://www.3dcs1.com/7"),
        ("www.3dcs1.com:4035/", "websocket", "ws://www.3dcs1.com:4035/7"),
        ("https: //a.b/c", "http", "https://a.b/c"),
        ("Ws://a.b/3dcapi/x", "websocket", "ws://a.b/3dcapi/x"),
        ("/files/9?t=1", "http", "http://base:1/files/9?t=1"),
    ],
)
def test_the_address_of_a_file_is_read(url, method, full):
    assert file_url(url, method, 7, "http://base:1") == full


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "http://", "http://a:b", "http://[::", "http://u:p@a/", "gopher://a",
     "http://a/" + "b" * 5000],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused(url):
    with pytest.raises(CreationError) as caught:
        service_url(url)
    assert caught.value.code is Code.BAD_ANSWER


def test_a_bare_host_is_a_service():
    assert service_url("www.3dcs1.com") == "http://www.3dcs1.com"


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1), ("1", 1), (" '1' ", 1), (1.0, 1), ("+1", 1), ("-1", -1), (True, None), ("1.5", None),
     (1.5, None), ("", None), (None, None), (1 << 53, None), ("9" * 30, None), ("²", None),
     ("1_0", None), ([1], None)],
)  # fmt: skip
def test_whole_numbers(value, number):
    assert words.int_of(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), ("1.5", 1.5), (True, None), ("nan", None), ("inf", None), ("x", None), (None, None),
     ("1_0", None), ("1" * 50, None), (10**400, None)],
)  # fmt: skip
def test_numbers(value, number):
    assert words.float_of(value) == number


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), ("TRUE", True), ("1", True), (1, True), ("FALSE", False), (0, False),
     ("maybe", None), (None, None), ({}, None)],
)  # fmt: skip
def test_flags(value, flag):
    assert words.bool_of(value) is flag


def test_the_first_of_equal_names_counts():
    assert words.folded({"serviceId": 1, "serviceID": 2}) == {"serviceid": 1}
