"""Every bad request gets its result code, in both lineages, and a message that says what to do."""

import asyncio
import json
import socket
from urllib.parse import urlencode

import pytest

PAGE = "https://shop.example"
SAY = "/gotapi/echo/say"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=XX"}
MIB = 1024 * 1024


class Case:
    """A request: `token` and `service` are put into the query unless they are None."""

    def __init__(
        self,
        code,
        status,
        says,
        *,
        method="GET",
        path=SAY,
        query=None,
        token="good",
        service="one.echo",
        headers=None,
        body=None,
        scope="echo,tick",
        envelope=None,
        envelope_status=200,
    ):
        self.code, self.status, self.says = code, status, says
        self.method, self.path, self.query = method, path, query or {}
        self.token, self.service, self.scope = token, service, scope
        self.headers, self.body = headers or {}, body
        self.envelope = code if envelope is None else envelope
        self.envelope_status = envelope_status

    async def ask(self, desk, origin):
        query = dict(self.query)
        if self.token == "good":  # a word of this test
            query["accessToken"] = await desk.token(self.scope, origin=origin)
        elif self.token is not None:
            query["accessToken"] = self.token
        if self.service is not None:
            query["serviceId"] = self.service
        target = f"{self.path}?{urlencode(query)}" if query else self.path
        return await desk.ask(
            self.method, target, headers=self.headers, body=self.body, origin=origin
        )


def form(field: bytes) -> bytes:
    return b"--XX\r\n" + field + b"\r\n--XX--\r\n"


def text(name: bytes, value: bytes) -> bytes:
    return form(b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value)


TOKEN_PATH = "/gotapi/authorization/accesstoken"
BROKEN = "malformed"

CASES = {
    # names
    "unknown profile": Case(2, 404, "There is no profile", path="/gotapi/nothing", service=None),
    "profile of no service": Case(2, 404, "does not offer", path="/gotapi/tick/count",
                                  method="PUT", service="two.echo"),
    "unknown attribute": Case(8, 404, "known: ", path="/gotapi/echo/nothing"),
    "no attribute": Case(8, 404, "nothing without an attribute", path="/gotapi/echo"),
    "wrong method": Case(3, 405, "it answers", path="/gotapi/echo/crash", method="PUT",
                         envelope=8),
    "wrong method on own name": Case(3, 405, "it answers GET", path="/gotapi/servicediscovery",
                                     method="POST", envelope=8),
    "unknown own attribute": Case(8, 404, "known: accessToken, grant",
                                  path="/gotapi/authorization/x"),
    "foreign method": Case(3, 405, "use GET, PUT, POST or DELETE", method="PATCH",
                           envelope_status=501),
    "no profile": Case(20, 400, "names no profile", path="/gotapi/", envelope_status=400),
    "long path": Case(19, 400, "at most", path="/gotapi/a/b/c/d"),
    "long segment": Case(20, 400, "longer than 64", path="/gotapi/" + "a" * 65),
    "escaped slash": Case(19, 400, "slash", path="/gotapi/echo/a%2Fb"),
    "dots": Case(19, 400, "not a name", path="/gotapi/echo/.."),
    "not UTF-8 in the path": Case(19, 400, "UTF-8", path="/gotapi/echo/%ff"),
    # services
    "no service": Case(5, 400, "serviceId", service=None),
    "empty service": Case(5, 400, "serviceId", service=""),
    "unknown service": Case(6, 404, "servicediscovery lists", service="three.echo"),
    "unknown plug-in": Case(6, 404, "servicediscovery lists", service="one.nobody"),
    "service without plug-in": Case(6, 404, "servicediscovery lists", service="one"),
    # tokens
    "no token": Case(13, 403, "authorization/accesstoken", token=None),
    "empty token": Case(13, 403, "authorization/accesstoken", token=""),
    "unknown token": Case(13, 403, "authorization/accesstoken", token="x" * 43, envelope=15),
    "enormous token": Case(13, 403, "authorization/accesstoken", token="x" * 9000, envelope=15),
    "strange token": Case(13, 403, "authorization/accesstoken", token="\u20ac\n", envelope=15),
    "out of scope": Case(14, 403, "ask for that scope", scope="tick"),
    # asking for a token
    "no client": Case(10, 400, "clientId is missing", path=TOKEN_PATH, query={"scope": "echo"},
                      token=None, service=None),
    "unknown scope": Case(15, 401, "grant", path=TOKEN_PATH, token=None, service=None,
                          query={"clientId": "x", "scope": "nothing"}, envelope=11),
    "unknown client": Case(15, 401, "grant", path=TOKEN_PATH, token=None, service=None,
                           query={"clientId": "x" * 5000, "scope": "echo"}, envelope=11),
    "no text": Case(10, 400, "must be text", path=f"/gotapi/GET{TOKEN_PATH[7:]}", token=None,
                    service=None, headers=JSON, body=b'{"clientId":["x"],"scope":"echo"}'),
    # parameters
    "bad number": Case(10, 400, "'number'", query={"number": "seven"}),
    "long value": Case(10, 413, "send it as a file", method="POST", headers=FORM,
                       body=b"text=" + b"x" * 65537, envelope_status=413),
    "long name": Case(10, 400, "longer than 128", query={"n" * 129: "x"}),
    "long query": Case(10, 413, "send the parameters in the body", query={"text": "x" * 17000},
                       envelope_status=413),
    "twice": Case(10, 400, "twice", path=f"{SAY}?text=a&text=b", token=None, service=None),
    "twice in other case": Case(10, 400, "twice", path=f"{SAY}?nonce=a&NONCE=b", token=None,
                                service=None),
    "many": Case(10, 400, "more than 1000", method="POST", headers=FORM,
                 body="&".join(f"a{number}=1" for number in range(1001)).encode()),
    "NUL": Case(10, 400, "NUL", query={"text": "a\0b"}),
    "not UTF-8": Case(10, 400, "UTF-8", path=f"{SAY}?text=%ff", token=None, service=None),
    # bodies
    "broken JSON": Case(10, 400, BROKEN, method="POST", headers=JSON, body=b'{"a":'),
    "JSON list": Case(10, 400, "must be an object", method="POST", headers=JSON, body=b"[1]"),
    "deep JSON": Case(10, 400, "deeper than 64", method="POST", headers=JSON,
                      body=b'{"a":' * 65 + b"1" + b"}" * 65),
    "very deep JSON": Case(10, 400, "deeper than 64", method="POST", headers=JSON,
                           body=b"[" * 200_000),
    "JSON twice": Case(10, 400, "twice", method="POST", headers=JSON, body=b'{"a":1,"a":2}'),
    "JSON half a character": Case(10, 400, BROKEN, method="POST", headers=JSON,
                                  body=b'{"accessToken":"\\ud800","nonce":"\\udfff"}'),
    "JSON number as token": Case(10, 400, "must be text", method="POST", headers=JSON,
                                 body=b'{"accessToken":7}'),
    "form not UTF-8": Case(10, 400, "UTF-8", method="POST", headers=FORM, body=b"text=%ff"),
    "form without a name": Case(10, 400, "empty name", method="POST", headers=FORM, body=b"=x"),
    "multipart without boundary": Case(10, 400, "boundary", method="POST", body=b"x",
                                       headers={"Content-Type": "multipart/form-data"}),
    "multipart garbage": Case(10, 400, BROKEN, method="POST", headers=MULTIPART, body=b"garbage"),
    "multipart cut off": Case(10, 400, "closing boundary", method="POST", headers=MULTIPART,
                              body=text(b"a", b"b")[:-8]),
    "multipart without name": Case(10, 400, "no name", method="POST", headers=MULTIPART,
                                   body=form(b"Content-Disposition: form-data\r\n\r\nx")),
    "multipart long value": Case(10, 413, "send it as a file", method="POST", headers=MULTIPART,
                                 body=text(b"text", b"x" * 65537), envelope_status=413),
    "multipart many parts": Case(10, 400, "more than 32 parts", method="POST", headers=MULTIPART,
                                 body=b"".join(text(b"%d" % n, b"x")[:-8] + b"\r\n"
                                               for n in range(33))),
    "wrong content type": Case(10, 400, "unsupported Content-Type", method="POST",
                               headers={"Content-Type": "text/plain"}, body=b"text=x"),
    "no content type": Case(10, 400, "unsupported Content-Type", method="POST", body=b"text=x"),
    "large JSON": Case(10, 413, "larger than the 1048576 bytes", method="POST", headers=JSON,
                       body=b" " * (MIB + 1), envelope_status=413),
    # the plug-in's own
    "device says no": Case(16, 409, "wait until it has cooled", path="/gotapi/echo/busy"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_request(desk, name):
    case = CASES[name]
    page = await case.ask(desk, PAGE)
    assert page.status == case.status, page
    assert page.json["result"] == case.code
    assert page.json["errorCode"] == str(case.code)
    assert page.json["statusCode"] == case.status
    assert case.says in page.json["errorMessage"]
    assert page.json["errorMessage"].startswith("[")
    assert page.headers["access-control-allow-origin"] == PAGE

    native = await case.ask(desk, "test.app")
    assert native.status == case.envelope_status
    assert native.json["result"] == 1
    assert native.json["errorCode"] == case.envelope
    assert case.says in native.json["errorMessage"]


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        (None, "scope is missing"),
        ("", "scope is missing"),
        ("nothing,unknown", "this hub offers: "),
        (",,", "The scope is empty"),
        ("x" * 65, "more than 64 characters"),
        (",".join(f"s{number}" for number in range(65)), "at most 64"),
        ("," * 4_500, "too long"),
    ],
)
async def test_a_scope_that_cannot_be_asked_for(desk, scope, says):
    for origin, status in ((PAGE, 400), ("test.app", 200)):
        grant = await desk.ask("GET", "/gotapi/authorization/grant", origin=origin)
        wish = {"clientId": grant.json["clientId"]}
        if scope is not None:
            wish["scope"] = scope
        answer = await desk.ask("GET", TOKEN_PATH, wish, origin=origin)
        assert (answer.status, int(answer.json["errorCode"])) == (status, 10)
        assert says in answer.json["errorMessage"]
    assert not desk.hub.auth.requests()


async def test_what_a_plug_in_does_wrong_is_its_own_fault(start):
    async with start(faults=("plug-in echo raised",)) as desk:
        for origin, status, result in ((PAGE, 500, 1), ("test.app", 200, 1)):
            token = await desk.token(origin=origin)
            wish = {"accessToken": token, "serviceId": "one.echo"}
            answer = await desk.ask("GET", "/gotapi/echo/crash", wish, origin=origin)
            assert (answer.status, answer.json["result"]) == (status, result)
            assert "plug-in 'echo' failed with RuntimeError" in answer.json["errorMessage"]
            assert "broken" not in answer.json["errorMessage"]


async def test_a_plug_in_chooses_its_own_code_and_status(desk):
    token = await desk.token(origin=PAGE)
    wish = {"accessToken": token, "serviceId": "one.echo"}
    answer = await desk.ask("GET", "/gotapi/echo/own", wish, origin=PAGE)
    assert (answer.status, answer.json["result"], answer.json["errorCode"]) == (404, 99, "1234")


async def test_a_plug_in_that_does_not_answer_is_result_7(start):
    settings = {"limits": {"call": 0.1, "in_flight": 1}}
    async with start(**settings) as desk:
        token = await desk.token()
        wish = {"accessToken": token, "serviceId": "one.echo"}
        answer = await desk.ask("GET", "/gotapi/echo/wait", wish)
        assert answer.json["errorCode"] == 7


@pytest.mark.parametrize("path", ["/nothing", "/gotapix", "//gotapi/availability", "/favicon.ico"])
async def test_there_is_nothing_elsewhere(desk, path):
    for method in ("GET", "POST", "DELETE", "PATCH"):
        for origin in (PAGE, "test.app", None):
            answer = await desk.ask(method, path, origin=origin)
            assert answer.status == 404
            assert "applications use /gotapi/" in answer.json["errorMessage"]
    head = await desk.ask("HEAD", path)
    assert (head.status, head.body) == (404, b"")


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        (JSON, 100 * MIB),
        (FORM, 100 * MIB),
        (MULTIPART, 2000 * MIB),
        ({"Content-Type": "application/octet-stream"}, 2000 * MIB),
    ],
)
async def test_an_announced_giant_is_refused_before_its_first_byte(desk, token, headers, size):
    target = "/blobs/" if "octet" in str(headers) else SAY
    line = await desk.connect()
    announced = {**headers, "Content-Length": str(size), "Expect": "100-continue"}
    line.send(desk.request("POST", f"{target}?accessToken={token}", announced))
    answer = await line.answer()
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert "larger than" in answer.json["errorMessage"]
    assert await line.rest() == b""


async def flood(line, head):
    """Send 64 KiB chunks until the hub has answered; returns the answer and how much was sent."""
    line.send(head)
    answering = asyncio.create_task(line.answer())
    sent = 0
    while not answering.done():
        assert sent < 2000 * MIB
        line.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await line.writer.drain()
        await asyncio.sleep(0)
        sent += 65536
    return await answering, sent


async def test_a_giant_in_pieces_is_refused_at_the_limit_without_reading_on(desk):
    line = await desk.connect()
    head = desk.request("POST", SAY, {**JSON, "Transfer-Encoding": "chunked"})
    answer, sent = await flood(line, head)
    assert answer.status == 413
    assert sent < 20 * MIB  # most of it lay in the buffers of the system
    assert answer.headers["connection"] == "close"
    assert await line.rest() == b""
    await desk.until(lambda: not desk.live.server.server_state.connections)  # whoever goes on


async def test_an_endless_epilogue_of_a_form_is_cut(start):
    async with start(upload_size=MIB) as desk:
        line = await desk.connect()
        body = text(b"a", b"b")
        head = desk.request("POST", SAY, {**MULTIPART, "Transfer-Encoding": "chunked"})
        answer, sent = await flood(line, head + b"%x\r\n" % len(body) + body + b"\r\n")
        assert answer.status == 413
        assert sent < 20 * MIB


async def test_a_client_that_sends_its_whole_body_first_still_gets_the_answer(desk):
    def send_all():
        with socket.create_connection(("127.0.0.1", desk.port), timeout=8) as line:
            line.sendall(desk.request("POST", SAY, JSON, body=b" " * 30 * MIB))
            return line.makefile("rb").read()

    answer = await asyncio.to_thread(send_all)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_unknown_parameters_are_ignored(desk, token):
    wish = {"accessToken": token, "serviceId": "one.echo", "text": "x", "_": "cache", "": ""}
    del wish[""]
    assert (await desk.ask("GET", SAY, wish)).json["text"] == "x"


async def test_a_body_of_get_is_read_like_any_other(desk, token):
    body = json.dumps({"serviceId": "one.echo", "text": "in the body"}).encode()
    answer = await desk.ask("GET", SAY, {"accessToken": token}, headers=JSON, body=body)
    assert answer.json["text"] == "in the body"
