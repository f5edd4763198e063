"""Requests of 3DCAPI in every spelling of the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_creation.wire import (
    AttributesAsk,
    Code,
    CreationError,
    Op,
    ReceiveAsk,
    Request,
    SnapshotAsk,
    SnapshotOp,
    TransferAsk,
    View,
    chosen_views,
    read_request,
    request_of,
    view_of,
    views_of_number,
    write_request,
)
from gotapi_creation.wire.requests import query_pairs


def refusal(method: str, path: str, query: str | bytes = "") -> CreationError:
    with pytest.raises(CreationError) as caught:
        read_request(method, path, query)
    return caught.value


def test_the_example_of_the_discovery_request_is_read():
    assert read_request("GET", "/3dcapi/servicediscovery", b"accessToken=1234567") == Request(
        op=Op.DISCOVERY, access_token="1234567"
    )


def test_the_url_of_service_connecting_without_a_question_mark_is_read():
    path = "/3dcapi/serviceconnecting&accessToken=1234567"  # 7.2.2
    assert read_request("GET", path, b"").access_token == "1234567"


@pytest.mark.parametrize("quotes", ["\u201c%s\u201d", '"%s"', "%s\u201d", "'%s'", " %s ", "%s"])
def test_quotes_round_values_are_no_part_of_them(quotes):
    query = f"serviceId=a&secureToken={quotes % 'xyxyx'}&op={quotes % 'START'}&time=90\u201d"
    request = read_request("GET", "/3dcapi/snapshot", query.encode())
    assert request.secure_token == "xyxyx"
    assert request.ask == SnapshotAsk(SnapshotOp.START, 90)


@pytest.mark.parametrize(
    "query",
    [b"secureToken=%93xyxyx%94&number=3", "secureToken=%E2%80%9Cxyxyx%E2%80%9D&Number=3"],
)
def test_quotes_are_told_in_the_encodings_of_old_and_new_systems(query):
    request = read_request("GET", "/3dcapi/filetransfer", query)
    assert (request.secure_token, request.ask) == ("xyxyx", TransferAsk(3))


@pytest.mark.parametrize("name", ["serviceId", "serviceID", "serviceid", "service_id", "ServiceID"])
def test_the_case_of_a_name_does_not_matter(name):
    assert read_request("GET", "/3dcapi/getattribute", f"{name}=a.b").service_id == "a.b"


@pytest.mark.parametrize("name", ["requestCode", "resquestCode"])
def test_both_spellings_of_the_request_code_are_read(name):
    assert read_request("GET", "/3dcapi/servicediscovery", f"{name}=10").request_code == 10


@pytest.mark.parametrize("path", ["filereceive", "filetreceive", "FileReceive", "filereceive/"])
def test_both_paths_of_file_receive_are_served(path):
    assert read_request("GET", f"/3dcapi/{path}", "").op is Op.RECEIVE


@pytest.mark.parametrize("name", ["num_sil", "num_shi", "numSil"])
def test_set_attribute_is_read(name):
    query = f"templateId=13579&{name}=3&front_sil=TRUE&right_sil=true&back_sil=1"
    assert read_request("PUT", "/3dcapi/setattribute", query).ask == AttributesAsk(
        13579, (View.FRONT, View.RIGHT, View.BACK)
    )


def test_overrides_and_files_of_set_attribute_are_read():
    query = "templateId=1&species=ELF&gender=FEMALE&age=30&style=0.25&front_file=7&engine=onnx"
    request = read_request("PUT", "/3dcapi/setattribute", query)
    assert request.ask == AttributesAsk(1, None, "ELF", "FEMALE", 30, 0.25, files={View.FRONT: 7})
    assert request.ask.overrides
    assert request.extra == {"engine": "onnx"}
    assert not AttributesAsk(1).overrides


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("filetransfer", "", "needs 'number'"),
        ("filetransfer", "number=0", "1 to 3"),
        ("filetransfer", "number=4", "1 to 3"),
        ("filetransfer", "number=three", "not a whole number"),
        ("snapshot", "op=PAUSE", "START, STOP, CANCEL"),
        ("snapshot", "op=START&time=0", "1 to 3600"),
        ("snapshot", "op=START&time=3601", "1 to 3600"),
        ("servicediscovery", "serviceId=a&serviceID=b", "given twice"),
        ("servicediscovery", "requestCode=9007199254740992", "not a whole number"),
        ("servicediscovery", "x=" + "y" * 9000, "longer than"),
        ("servicediscovery", "x=" + "y" * 20000, "longer than"),
        ("servicediscovery", "&".join(f"p{n}=1" for n in range(65)), "more than 64"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(path, query, words):
    error = refusal("GET", f"/3dcapi/{path}", query)
    assert error.code is Code.INVALID_PARAMETER
    assert words in error.message


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "needs 'templateId'"),
        ("templateId=1&style=0.6", "up to 0.5"),
        ("templateId=1&style=big", "not a number"),
        ("templateId=1&style=nan", "not a number"),
        ("templateId=1&age=-1", "in years"),
        ("templateId=1&front_sil=maybe", "TRUE or FALSE"),
    ],
)
def test_an_attribute_that_cannot_be_is_named(query, words):
    error = refusal("PUT", "/3dcapi/setattribute", query)
    assert error.code is Code.INVALID_PARAMETER
    assert words in error.message


@pytest.mark.parametrize(
    "query",
    [
        "num_sil=1&front_sil=TRUE&right_sil=TRUE",
        "num_sil=3&front_sil=TRUE&right_sil=TRUE&back_sil=FALSE",
        "num_sil=4",
        "num_sil=0",
        "num_sil=1&right_sil=TRUE",
        "right_sil=TRUE",
        "num_sil=2&front_sil=FALSE&right_sil=TRUE&back_sil=TRUE",
    ],
)
def test_number_and_flags_that_contradict_are_refused(query):
    error = refusal("PUT", "/3dcapi/setattribute", f"templateId=1&{query}")
    assert error.code is Code.CONTRADICTION


def test_an_unknown_operation_names_those_there_are():
    error = refusal("GET", "/3dcapi/teapot")
    assert error.code is Code.UNKNOWN_OPERATION
    assert "filereceive" in error.message
    assert error.status == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "setattribute"), ("DELETE", "snapshot")])
def test_a_wrong_method_is_told(method, path):
    assert refusal(method, f"/3dcapi/{path}").code is Code.INVALID_METHOD


def test_acknowledging_a_result_is_read():
    assert read_request("GET", "/3dcapi/filereceive", "op=ACK").ask == ReceiveAsk(ack=True)


def test_a_path_may_be_percent_encoded():
    path = "/3dcapi/serviceconnecting%26accessToken%3Dabc"
    assert read_request("GET", path, "").access_token == "abc"


@pytest.mark.parametrize(
    ("number", "flags", "views"),
    [
        (1, {}, "front"),
        (2, {}, "front right"),
        (3, {}, "front right back"),
        (2, {View.FRONT: True, View.BACK: True}, "front back"),
        (3, {View.FRONT: True}, "front right back"),
        (2, {View.BACK: False}, "front right"),
        (None, {View.FRONT: True, View.RIGHT: False}, "front"),
    ],
)
def test_number_and_flags_name_the_views(number, flags, views):
    assert " ".join(chosen_views(number, flags) or ()) == views


def test_a_request_that_names_no_views_leaves_them_open():
    assert chosen_views(None, {}) is None
    assert views_of_number(2) == (View.FRONT, View.RIGHT)
    assert (view_of("Right_sil"), view_of("top")) == (View.RIGHT, None)


ALL = [
    Request(op=Op.DISCOVERY, access_token="t", request_code=10),
    Request(op=Op.CONNECTING, service_id="a.b", access_token="t"),
    Request(op=Op.TRANSFER, secure_token="s&=", ask=TransferAsk(2, "http"), idempotency_key="k"),
    Request(op=Op.GET_ATTRIBUTE, request_code=0),
    Request(
        op=Op.SET_ATTRIBUTE,
        ask=AttributesAsk(
            1, (View.FRONT, View.BACK), "ELF", "MALE", 0, 0.125, files={View.BACK: 9}
        ),
        extra={"engine": "shape"},
    ),
    Request(op=Op.SET_ATTRIBUTE, ask=AttributesAsk(5)),
    Request(op=Op.SNAPSHOT, ask=SnapshotAsk(SnapshotOp.START, 90), job_id="j"),
    Request(op=Op.SNAPSHOT, ask=SnapshotAsk(SnapshotOp.STOP)),
    Request(op=Op.RECEIVE, ask=ReceiveAsk()),
    Request(op=Op.RECEIVE, ask=ReceiveAsk(ack=True)),
    Request(op=Op.STATUS),
    Request(op=Op.PRINTING, service_id="x", extra={"printer": "demo.printer"}),
]


@pytest.mark.parametrize("request_", ALL, ids=lambda one: one.op.value)
def test_what_is_written_is_read_again(request_):
    method, path, query = write_request(request_)
    assert read_request(method, path, query) == request_


def test_the_spelling_of_the_tables_is_written():
    request = Request(
        op=Op.SET_ATTRIBUTE,
        service_id="com.example.3dmodeling",
        access_token="1234567",
        ask=AttributesAsk(13579, (View.FRONT, View.RIGHT, View.BACK)),
    )
    assert write_request(request) == (
        "PUT",
        "/3dcapi/setattribute",
        "serviceId=com.example.3dmodeling&accessToken=1234567&templateId=13579&num_sil=3"
        "&front_sil=TRUE&right_sil=TRUE&back_sil=TRUE",
    )


def read_or_refused(method: str, path: str, query: str | bytes) -> bool:
    """Return True, whether it was understood or refused; anything else is raised."""
    try:
        return isinstance(read_request(method, path, query), Request)
    except CreationError as error:
        return error.code is not Code.OK


@given(
    st.sampled_from(["GET", "PUT", "POST"]),
    st.sampled_from(list(Op)).map(lambda op: f"/3dcapi/{op.value}") | st.text(max_size=60),
    st.binary(max_size=200) | st.text(max_size=200),
)
def test_no_request_is_answered_with_a_crash(method, path, query):
    assert read_or_refused(method, path, query)


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)


@given(st.dictionaries(WORDS, WORDS, max_size=8))
def test_unknown_parameters_are_kept(extra):
    known = {"serviceid", "accesstoken", "securetoken", "jobid", "idempotencykey", "requestcode"}
    known |= {"resquestcode"}
    mine = {name: value for name, value in extra.items() if name.lower() not in known}
    folded = {name.lower(): name for name in mine}
    mine = {name: mine[name] for name in folded.values()}
    assert request_of(Op.DISCOVERY, list(mine.items())).extra == mine


def test_query_pairs_keep_blank_values():
    assert query_pairs("a=&b=1") == [("a", ""), ("b", "1")]
