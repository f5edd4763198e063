"""The way of an application by plain HTTP, as curl and as a page would go it."""

import asyncio
import hashlib
import hmac
import json

import pytest

from gotapi_auth.grants import Lifetime
from gotapi_core import __version__

PAGE = "https://shop.example"
SAY = "/gotapi/echo/say"


def mac(key: str, nonce: str) -> str:
    """node-gotapi: the characters of key and nonce, as they are."""
    return hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


async def test_anybody_may_ask_whether_the_hub_is_there(desk):
    answer = await desk.ask("GET", "/gotapi/availability", origin=None)
    assert answer.status == 200
    assert answer.json == {
        "result": 0,
        "product": "gotapi-hub",
        "version": __version__,
        "name": "gotapi-hub",
        "uuid": desk.hub.instance,
    }
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", ["test.app", PAGE])
async def test_from_availability_to_a_one_shot(desk, origin):
    key, nonce = "ab" * 32, "cd" * 32
    available = await desk.ask("GET", "/gotapi/availability", {"key": key}, origin=origin)
    assert (available.status, available.json["result"]) == (200, 0)

    grant = await desk.ask("GET", "/gotapi/authorization/grant", {"nonce": nonce}, origin=origin)
    assert grant.json["clientId"]

    wish = {"clientId": grant.json["clientId"], "scope": "echo,tick", "nonce": nonce}
    asked = asyncio.create_task(
        desk.ask("GET", "/gotapi/authorization/accesstoken", wish, origin=origin)
    )
    await desk.until(desk.hub.auth.requests)
    waiting = desk.hub.auth.requests()[0]
    assert (waiting.origin, waiting.scopes) == (origin, ("echo", "tick"))
    assert waiting.browser is (origin == PAGE)
    assert not asked.done()
    await desk.live.allow(waiting.code)
    issued = (await asked).json
    token = issued["accessToken"]
    assert {one["scope"] for one in issued["scopes"]} == {"echo", "tick"}
    assert all(one["expirePeriod"] > 0 for one in issued["scopes"])
    assert issued["expire"] > 1_700_000_000_000

    common = {"accessToken": token, "nonce": nonce}
    found = await desk.ask("GET", "/gotapi/servicediscovery", common, origin=origin)
    services = found.json["services"]
    assert [one["serviceId"] for one in services] == ["one.echo", "two.echo"]
    assert all(one["id"] == one["serviceId"] and one["online"] for one in services)

    said = await desk.ask(
        "GET", SAY, {**common, "serviceId": "one.echo", "text": "grüß gott"}, origin=origin
    )
    assert said.json["text"] == "grüß gott"
    assert said.json["serviceId"] == "one.echo"
    assert said.json["origin"] == origin
    for answer in (grant, found, said):
        # Without a key of the launch URI an SDK's application (X-GotAPI-Origin) has none.
        if origin == PAGE:
            assert answer.json["hmac"] == mac(key, nonce)


async def test_every_answer_of_a_page_with_a_key_is_signed(desk):
    await desk.ask("GET", "/gotapi/availability", {"key": "k1"}, origin=PAGE)
    token = await desk.token(origin=PAGE)
    good = {"accessToken": token, "serviceId": "one.echo"}
    for nonce in ("n1", "", "with space & more"):
        for wish, status in ((good, 200), ({**good, "serviceId": "no.echo"}, 404)):
            answer = await desk.ask("GET", SAY, {**wish, "nonce": nonce}, origin=PAGE)
            assert answer.status == status
            assert answer.json["hmac"] == mac("k1", nonce)
    unsigned = await desk.ask("GET", SAY, good, origin=PAGE)
    assert "hmac" not in unsigned.json


async def test_the_nonce_may_be_in_the_query_or_in_the_body(desk):
    await desk.ask("GET", "/gotapi/availability", {"key": "k1"}, origin=PAGE)
    token = await desk.token(origin=PAGE)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wish = f"accessToken={token}&serviceId=one.echo&text=x"
    in_body = await desk.ask("PUT", SAY, headers=form, body=f"{wish}&nonce=n".encode(), origin=PAGE)
    in_query = await desk.ask(
        "PUT", f"{SAY}?nonce=n", headers=form, body=wish.encode(), origin=PAGE
    )
    assert in_body.json["hmac"] == in_query.json["hmac"] == mac("k1", "n")
    # A body that cannot be read hides its own nonce, but not the one of the query.
    broken = await desk.ask(
        "PUT",
        f"{SAY}?nonce=n",
        headers={"Content-Type": "application/json"},
        body=b"{",
        origin=PAGE,
    )
    assert (broken.status, broken.json["hmac"]) == (400, mac("k1", "n"))


async def test_a_key_that_cannot_be_one_is_refused(desk):
    for key in ("x" * 257, "grüß"):
        answer = await desk.ask("GET", "/gotapi/availability", {"key": key}, origin=PAGE)
        assert (answer.status, answer.json["result"]) == (400, 10)
        assert "key must be" in answer.json["errorMessage"]


async def ask_for(desk, client, origin="test.app", scope="echo"):
    wish = {"clientId": client, "scope": scope}
    return await desk.ask("GET", "/gotapi/authorization/accesstoken", wish, origin=origin)


async def test_a_refusal_of_the_user_is_result_11(desk):
    for origin, status, result in (("test.app", 200, 1), (PAGE, 403, 11)):
        grant = await desk.ask("GET", "/gotapi/authorization/grant", origin=origin)
        asked = asyncio.create_task(ask_for(desk, grant.json["clientId"], origin))
        await desk.until(desk.hub.auth.requests)
        await desk.hub.auth.deny(desk.hub.auth.requests()[0].code)
        answer = await asked
        assert (answer.status, answer.json["result"]) == (status, result)
        assert int(answer.json["errorCode"]) == 11


async def test_who_was_not_answered_in_time_finds_the_answer_when_it_asks_again(start):
    async with start(wait=0.1) as desk:
        client = (await desk.ask("GET", "/gotapi/authorization/grant")).json["clientId"]
        late = await ask_for(desk, client)
        assert (late.status, late.json["errorCode"]) == (200, 7)
        await desk.live.allow()
        again = await ask_for(desk, client)
        assert again.json["result"] == 0
        token = again.json["accessToken"]
        good = await desk.ask("GET", "/gotapi/servicediscovery", {"accessToken": token})
        assert good.json["result"] == 0
    # In the other lineage never 408: Chrome would repeat the request silently.


async def test_a_timeout_is_http_500_for_a_page(start):
    async with start(wait=0.05) as desk:
        grant = await desk.ask("GET", "/gotapi/authorization/grant", origin=PAGE)
        late = await ask_for(desk, grant.json["clientId"], PAGE)
        assert (late.status, late.json["result"], late.json["errorCode"]) == (500, 7, "7")


async def test_a_client_that_goes_while_the_user_thinks_gets_its_token_when_it_comes_back(desk):
    client = (await desk.ask("GET", "/gotapi/authorization/grant")).json["clientId"]
    target = f"/gotapi/authorization/accesstoken?clientId={client}&scope=echo"
    line = await desk.connect()
    line.send(desk.request("GET", target))
    await desk.until(desk.hub.auth.requests)
    line.close()
    await desk.until(lambda: not desk.live.server.server_state.tasks)
    await desk.hub.auth.approve(desk.hub.auth.requests()[0].code, Lifetime.ONCE)
    again = await ask_for(desk, client)
    assert again.json["result"] == 0  # an approval for this time only was not used up


async def test_two_applications_side_by_side_do_not_disturb_each_other(desk):
    # node-gotapi keeps one "authorizing client"; the first of two gets an error there.
    first = (await desk.ask("GET", "/gotapi/authorization/grant", origin="a.one")).json
    second = (await desk.ask("GET", "/gotapi/authorization/grant", origin="b.two")).json
    one = asyncio.create_task(ask_for(desk, first["clientId"], "a.one"))
    two = asyncio.create_task(ask_for(desk, second["clientId"], "b.two"))
    await desk.until(lambda: len(desk.hub.auth.requests()) == 2)
    for waiting in desk.hub.auth.requests():
        await desk.live.allow(waiting.code)
    assert (await one).json["accessToken"] != (await two).json["accessToken"]
    stolen = await ask_for(desk, first["clientId"], "b.two")
    assert stolen.json["errorCode"] == 11


async def test_service_information_lists_what_a_service_answers(desk, token):
    wish = {"accessToken": token, "serviceId": "one.echo"}
    for path in ("serviceinformation", "serviceInformation"):
        answer = (await desk.ask("GET", f"/gotapi/{path}", wish)).json
        assert answer["result"] == 0
        assert answer["supports"] == ["echo", "tick"]
        said = {"method": "GET", "path": SAY, "type": "one-shot", "summary": "Say it."}
        assert said in answer["attributes"]
        assert {"PUT", "DELETE"} <= {
            one["method"] for one in answer["attributes"] if one["path"] == "/gotapi/tick/count"
        }
    missing = await desk.ask("GET", "/gotapi/serviceinformation", {"accessToken": token})
    assert missing.json["errorCode"] == 5


def multipart(*parts: tuple[str, bytes, str | None]) -> tuple[dict[str, str], bytes]:
    body = b""
    for name, value, filename in parts:
        file = f'; filename="{filename}"' if filename else ""
        body += f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += value + b"\r\n"
    return {"Content-Type": "multipart/form-data; boundary=XX"}, body + b"--XX--\r\n"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_parameters_come_in_any_of_four_forms(desk, token, method):
    wish = {"accessToken": token, "serviceId": "one.echo", "text": "hé", "number": "7"}
    form = "&".join(f"{name}={value}" for name, value in wish.items()).replace("é", "%C3%A9")
    bodies = [
        ({"Content-Type": "application/x-www-form-urlencoded"}, form.encode()),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}, form.encode()),
        ({"Content-Type": "application/json"}, json.dumps(wish | {"number": 7}).encode()),
        ({"Content-Type": "application/json; charset=utf-8"}, json.dumps(wish).encode()),
        multipart(*((name, value.encode(), None) for name, value in wish.items())),
    ]
    answers = [await desk.ask(method, SAY, headers=head, body=body) for head, body in bodies]
    answers.append(await desk.ask(method, SAY, wish))
    for answer in answers:
        said = {key: answer.json.get(key) for key in ("result", "method", "text", "number")}
        assert said == {"result": 0, "method": method, "text": "hé", "number": 7}


async def test_the_sdk_sends_delete_with_its_parameters_in_the_query_and_an_empty_form(desk, token):
    wish = {"accessToken": token, "serviceId": "one.echo", "text": "x"}
    for head, body in (
        ({"Content-Type": "multipart/form-data; boundary=XX"}, b""),
        ({"Content-Type": "multipart/form-data; boundary=XX"}, b"--XX--\r\n"),
    ):
        answer = await desk.ask("DELETE", SAY, wish, headers=head, body=body)
        assert answer.json["text"] == "x"


async def test_the_body_wins_over_the_query(desk, token):
    wish = {"accessToken": "stale", "serviceId": "one.echo", "text": "query"}
    body = json.dumps({"accessToken": token, "text": "body"}).encode()
    head = {"Content-Type": "application/json"}
    answer = await desk.ask("POST", SAY, wish, headers=head, body=body)
    assert answer.json["text"] == "body"


async def test_a_file_in_a_form_becomes_a_uri_that_the_plug_in_can_read(desk, token):
    head, body = multipart(
        ("accessToken", token.encode(), None),
        ("serviceId", b"one.echo", None),
        ("data", b"G28\nG1 X10\n", "../../part one.gcode"),
        ("text", b"after the file", None),
    )
    answer = (await desk.ask("PUT", SAY, headers=head, body=body)).json
    assert answer["content"] == "G28\nG1 X10\n"
    assert answer["text"] == "after the file"
    assert answer["uri"].startswith(f"http://{desk.host}/blobs/")
    # The token may also stand in the query, before the body is looked at.
    head, body = multipart(("f", b"abc", "a.txt"))
    wish = {"accessToken": token, "serviceId": "one.echo"}
    assert (await desk.ask("POST", SAY, wish, headers=head, body=body)).json["content"] == "abc"


async def test_a_form_with_a_file_is_stored_for_nobody_without_a_token(desk, token):
    for parts in (
        (("data", b"x" * 1000, "a.txt"), ("accessToken", token.encode(), None)),
        (("accessToken", b"wrong", None), ("data", b"x" * 1000, "a.txt")),
        (("accessToken", token.encode(), None), ("a", b"1", "a.txt"), ("b", b"2", "b.txt")),
    ):
        head, body = multipart(*parts)
        answer = await desk.ask("POST", SAY, headers=head, body=body)
        assert answer.json["result"] == 1
    assert not list(desk.hub.paths.blobs.glob("*.part"))


async def test_paths_are_read_without_case_and_with_one_trailing_slash(desk, token):
    wish = {"accessToken": token, "serviceid": "one.echo", "text": "x"}
    for path in (SAY, f"{SAY}/", "/gotapi/Echo/SAY", "/gotapi/ECHO/say/"):
        assert (await desk.ask("GET", path, wish)).json["text"] == "x"
    for path in ("/gotapi/availability/", "/gotapi/Availability"):
        assert (await desk.ask("GET", path, origin=None)).status == 200
    assert (await desk.ask("GET", f"{SAY}//", wish)).json["errorCode"] == 19
    assert (await desk.ask("GET", "/GotAPI/availability")).status == 404


async def test_a_method_in_the_path_is_for_clients_that_can_only_get(desk, token):
    wish = {"accessToken": token, "serviceId": "one.echo"}
    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = await desk.ask("GET", f"/gotapi/{method}/echo/say", wish)
        assert answer.json["method"] == method
    answer = await desk.ask("POST", "/gotapi/PUT/echo/say", wish)
    assert answer.json["errorCode"] == 19


async def test_a_stale_token_does_not_disturb_the_calls_that_need_none(desk):
    for path in ("availability", "authorization/grant"):
        answer = await desk.ask("GET", f"/gotapi/{path}", {"accessToken": "stale"})
        assert answer.json["result"] == 0


async def test_sdk_scopes_by_another_name_and_all(desk):
    for scope in ("all", "Echo , TICK", "echo,unknown"):
        token = await desk.token(scope)
        assert (
            await desk.ask(
                "GET", SAY, {"accessToken": token, "serviceId": "one.echo", "text": scope}
            )
        ).json["text"] == scope


async def test_the_launching_page_may_be_told_by_its_referer(desk):
    # A same-origin GET of a browser carries no Origin.
    headers = {"Referer": f"{PAGE}/shop/index.html?x=1", "Sec-Fetch-Site": "same-origin"}
    answer = await desk.ask("GET", "/gotapi/authorization/grant", headers=headers, origin=None)
    assert answer.json["clientId"]
