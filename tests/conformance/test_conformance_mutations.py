"""Each rule, broken on purpose: exactly the checks that are about it must fail."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gotapi_core.conformance import CLASSES, Report, Times
from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.transport import Refused

Spoilers = dict[str, Any]
Broken = tuple[frozenset[str], str, Callable[[], Spoilers]]

BROKEN: dict[str, Broken] = {}

MAIN, SECOND = "http://localhost:8080", "http://localhost:8081"
UNKNOWN = "conformance-unknown"
TOKEN = "authorization/accesstoken"
READING = "meter/reading"
OK = {"result": 0, "product": "spoiled", "version": "1"}


def breaks(*ids: str, kind: str = "meter") -> Callable[..., Any]:
    """Register a function that returns what breaks the checks of these ids."""

    def add(make: Callable[[], Spoilers]) -> Callable[[], Spoilers]:
        BROKEN[make.__name__] = (frozenset(ids), kind, make)
        return make

    return add


def answer(status: int = 200, **members: object) -> Answer:
    headers = {"content-type": "application/json", "access-control-allow-origin": "*"}
    return Answer(status, headers, json.dumps(members).encode())


def failure(code: int, status: int = 400) -> Answer:
    return answer(status, result=code, errorCode=str(code), errorMessage="spoiled")


def but(got: Answer, *without: str, status: int | None = None, **members: object) -> Answer:
    """The answer with other members."""
    old = {name: value for name, value in json.loads(got.body).items() if name not in without}
    body = json.dumps({**old, **members}).encode()
    return Answer(got.status if status is None else status, got.headers, body)


def headless(got: Answer, *without: str) -> Answer:
    """The answer without some headers."""
    headers = {name: value for name, value in got.headers.items() if name not in without}
    return Answer(got.status, headers, got.body)


def when(condition: Callable[[Any], bool], change: Callable[[Answer], Answer]) -> Spoilers:
    """Spoil the answers to the requests that a condition picks; preflights have none."""
    return {
        "answer": lambda asked, got: (
            change(got) if asked.method != "OPTIONS" and condition(asked) else None
        )
    }


def instead(condition: Callable[[Any], bool], own: Answer) -> Spoilers:
    """Answer requests in place of the hub."""
    return {"instead": lambda asked: own if condition(asked) else None}


def coded(got: Answer, code: int) -> Answer:
    """The failure with another code, in the form it had."""
    old = json.loads(got.body)
    if isinstance(old.get("errorCode"), str):
        return but(got, result=code, errorCode=str(code))
    return but(got, errorCode=code)


# Authorization


@breaks("availability")
def no_version() -> Spoilers:
    return when(
        lambda asked: asked.path == "availability" and "key" in asked.params,
        lambda got: but(got, "version"),
    )


@breaks("availability-without-key")
def key_required() -> Spoilers:
    return instead(
        lambda asked: (
            asked.raw == "availability"
            and asked.method == "GET"
            and "key" not in asked.params
            and "accessToken" not in asked.params
        ),
        failure(10),
    )


@breaks("availability-old-token")
def old_token_refused() -> Spoilers:
    return instead(
        lambda asked: (
            asked.params.get("accessToken") == UNKNOWN
            and asked.path in ("availability", "authorization/grant")
        ),
        failure(13),
    )


@breaks("grant", "token-needs-scope", "token-foreign-client", "approval", "denied")
def no_client_id_for_the_sdk() -> Spoilers:
    return when(
        lambda asked: asked.sdk and asked.path == "authorization/grant",
        lambda got: but(got, "clientId") if got.good else got,
    )


@breaks("token")
def no_access_token() -> Spoilers:
    return when(lambda asked: asked.path == TOKEN, lambda got: but(got, "accessToken"))


@breaks("token-scopes")
def no_expiry() -> Spoilers:
    return when(lambda asked: asked.path == TOKEN, lambda got: but(got, "expire"))


@breaks("token-all")
def name_required() -> Spoilers:
    return instead(
        lambda asked: (
            asked.path == TOKEN
            and asked.params.get("scope") == "all"
            and "applicationName" not in asked.params
        ),
        failure(10),
    )


@breaks("token-needs-client")
def missing_client_is_unknown() -> Spoilers:
    return when(
        lambda asked: (
            asked.path == TOKEN
            and asked.method == "GET"
            and "scope" in asked.params
            and not asked.params.get("clientId")
        ),
        lambda got: coded(got, 11),
    )


@breaks("token-needs-scope")
def missing_scope_is_refused() -> Spoilers:
    return when(
        lambda asked: (
            asked.path == TOKEN
            and not asked.params.get("scope")
            and "applicationName" in asked.params
        ),
        lambda got: coded(got, 14),
    )


@breaks("token-unknown-client")
def unknown_client_is_no_token() -> Spoilers:
    return when(
        lambda asked: asked.raw == TOKEN and asked.params.get("clientId") == UNKNOWN,
        lambda got: coded(got, 13),
    )


@breaks("token-foreign-client")
def any_client_will_do() -> Spoilers:
    owners: dict[str, str] = {}

    def spoil(asked: Any, got: Answer) -> Answer | None:
        if asked.path == "authorization/grant" and got.good:
            owners[got.text("clientId")] = asked.origin
        owner = owners.get(asked.params.get("clientId", ""), asked.origin)
        return answer(**OK, accessToken="x") if owner != asked.origin else None

    return {"answer": spoil}


@breaks("two-at-once")
def one_client_at_a_time() -> Spoilers:
    newest: list[str] = []

    def spoil(asked: Any, got: Answer) -> Answer | None:
        if asked.path == "authorization/grant" and got.good:
            newest[:] = [got.text("clientId")]
        lost = asked.params.get("clientId") not in newest and "scope" not in asked.params
        return failure(15, 401) if asked.path == TOKEN and asked.method == "GET" and lost else None

    return {"answer": spoil}


@breaks("approval")
def nobody_is_asked() -> Spoilers:
    return instead(
        lambda asked: "not approve" in asked.params.get("applicationName", ""),
        answer(**OK, accessToken="given"),
    )


@breaks("approval")
def authorization_is_off() -> Spoilers:
    return instead(
        lambda asked: "not approve" in asked.params.get("applicationName", ""),
        answer(result=1, errorCode=2, errorMessage="off"),
    )


@breaks("denied")
def refusal_is_a_timeout() -> Spoilers:
    return when(
        lambda asked: asked.path == TOKEN and asked.params.get("clientId") != UNKNOWN,
        lambda got: (
            coded(got, 7) if "did not allow" in str(got.members.get("errorMessage")) else got
        ),
    )


# Discovery


@breaks("discovery")
def services_by_name() -> Spoilers:
    return when(
        lambda asked: asked.path == "servicediscovery" and asked.origin == MAIN,
        lambda got: but(got, services={}) if got.good else got,
    )


def with_services(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoilers:
    def spoil(got: Answer) -> Answer:
        return but(got, services=[change(one) for one in json.loads(got.body)["services"]])

    return when(
        lambda asked: asked.path == "servicediscovery",
        lambda got: spoil(got) if got.good and "services" in got.members else got,
    )


@breaks("discovery-members")
def online_in_words() -> Spoilers:
    return with_services(lambda one: {**one, "online": "yes"})


@breaks("discovery-both-ids")
def only_service_id() -> Spoilers:
    return with_services(lambda one: {name: one[name] for name in one if name != "id"})


@breaks("discovery-needs-token")
def missing_token_is_no_client() -> Spoilers:
    return when(
        lambda asked: (
            asked.path == "servicediscovery"
            and asked.method == "GET"
            and "accessToken" not in asked.params
            and "?" not in asked.target
        ),
        lambda got: coded(got, 15),
    )


@breaks("discovery-unknown-token")
def unknown_token_is_no_service() -> Spoilers:
    return when(
        lambda asked: (
            asked.path == "servicediscovery" and asked.params.get("accessToken") == UNKNOWN
        ),
        lambda got: coded(got, 6),
    )


def information(**members: object) -> Spoilers:
    return when(
        lambda asked: asked.path == "serviceinformation",
        lambda got: but(got, **members) if got.good else got,
    )


@breaks("information")
def supports_in_words() -> Spoilers:
    return information(supports="meter")


@breaks("information-connect")
def connect_in_words() -> Spoilers:
    return information(connect={"wifi": "no", "bluetooth": False, "ble": False, "nfc": False})


@breaks("information-apis")
def no_apis() -> Spoilers:
    return information(supportApis={})


@breaks("information-apis")
def apis_of_another_kind() -> Spoilers:
    return information(supportApis={"meter": {"openapi": "3.1.0", "paths": {}}})


@breaks("information-needs-service")
def missing_service_is_a_parameter() -> Spoilers:
    return when(
        lambda asked: asked.path == "serviceinformation" and "serviceId" not in asked.params,
        lambda got: coded(got, 10) if not got.good else got,
    )


@breaks("service-id-spelling")
def one_spelling_only() -> Spoilers:
    return instead(lambda asked: "serviceID" in asked.params, failure(5))


@breaks("system")
def plugins_without_names() -> Spoilers:
    return when(lambda asked: asked.path == "system", lambda got: but(got, plugins=["meter"]))


@breaks("one-shot")
def no_service_in_the_answer() -> Spoilers:
    return when(lambda asked: asked.path == READING, lambda got: but(got, "serviceId"))


# Paths


@breaks("path-case")
def case_matters() -> Spoilers:
    return instead(lambda asked: asked.raw == "SERVICEDISCOVERY", failure(2, 404))


@breaks("path-slash")
def slash_matters() -> Spoilers:
    return instead(lambda asked: asked.raw == "servicediscovery/", failure(19))


@breaks("path-method")
def no_method_paths() -> Spoilers:
    return instead(
        lambda asked: asked.path == "get/availability" and asked.method == "GET", failure(2)
    )


@breaks("path-method")
def method_paths_act_as_get() -> Spoilers:
    return when(lambda asked: asked.path.startswith("delete/"), lambda got: coded(got, 8))


@breaks("path-method-twice")
def two_methods() -> Spoilers:
    return instead(
        lambda asked: asked.method == "PUT" and asked.raw == "GET/availability", failure(8)
    )


@breaks("path-empty")
def empty_path_is_fine() -> Spoilers:
    return when(lambda asked: asked.target == "/gotapi/", lambda got: but(got, status=200))


@breaks("method-foreign")
def patch_is_not_allowed() -> Spoilers:
    return when(lambda asked: asked.method == "PATCH", lambda got: but(got, status=405))


@breaks("method-wrong")
def any_method_grants() -> Spoilers:
    return instead(
        lambda asked: asked.method == "PUT" and asked.path == "authorization/grant", answer(**OK)
    )


@breaks("query-unknown")
def unknown_parameters_are_refused() -> Spoilers:
    return instead(lambda asked: "conformance" in asked.params, failure(10))


@breaks("query-malformed")
def malformed_queries_crash() -> Spoilers:
    return instead(lambda asked: asked.target.endswith("?%zz=%f"), failure(1, 500))


# Errors


@breaks("error-form-sdk")
def real_status_for_the_sdk() -> Spoilers:
    return when(
        lambda asked: asked.sdk and asked.method == "GET",
        lambda got: but(got, status=403) if got.status == 200 and not got.good else got,
    )


@breaks("error-form-sdk")
def code_as_text_for_the_sdk() -> Spoilers:
    return when(
        lambda asked: asked.sdk and asked.target == "/gotapi/servicediscovery",
        lambda got: but(got, errorCode="13"),
    )


@breaks("error-form-status")
def success_in_status_only() -> Spoilers:
    return when(
        lambda asked: not asked.sdk and asked.target == "/gotapi/servicediscovery",
        lambda got: but(got, status=200, statusCode=200),
    )


@breaks("error-code-text")
def code_as_number() -> Spoilers:
    return when(
        lambda asked: not asked.sdk and asked.path == "servicediscovery",
        lambda got: but(got, errorCode=13) if not got.good else got,
    )


@breaks("error-json")
def html_errors() -> Spoilers:
    def spoil(got: Answer) -> Answer:
        return Answer(got.status, {**got.headers, "content-type": "text/html"}, got.body)

    return when(lambda asked: asked.path == "a/b/c/d/e", spoil)


@breaks("error-json")
def no_json_at_all() -> Spoilers:
    return when(
        lambda asked: asked.path == f"{UNKNOWN}/{UNKNOWN}" and "accessToken" not in asked.params,
        lambda got: Answer(got.status, got.headers, b"Not found"),
    )


@breaks("error-profile")
def unknown_profile_is_an_attribute() -> Spoilers:
    return when(
        lambda asked: asked.path == f"{UNKNOWN}/{UNKNOWN}" and "accessToken" in asked.params,
        lambda got: coded(got, 8),
    )


@breaks("error-attribute")
def unknown_attribute_is_a_service() -> Spoilers:
    return when(lambda asked: asked.path == f"meter/{UNKNOWN}", lambda got: coded(got, 6))


@breaks("error-service")
def missing_service_is_unknown() -> Spoilers:
    return when(
        lambda asked: (
            asked.path == READING and asked.method == "GET" and "serviceId" not in asked.params
        ),
        lambda got: coded(got, 6),
    )


def named(asked: Any) -> bool:
    return bool({"Origin", "X-GotAPI-Origin", "Referer"} & set(asked.headers))


@breaks("origin-needed")
def nobody_may_ask() -> Spoilers:
    return instead(
        lambda asked: asked.path == "authorization/grant" and not named(asked),
        answer(**OK, clientId="x"),
    )


@breaks("origin-native")
def browsers_only() -> Spoilers:
    return instead(
        lambda asked: asked.headers.get("X-GotAPI-Origin") == "org.example.conformance",
        failure(18, 403),
    )


@breaks("origin-referer")
def referer_is_nothing() -> Spoilers:
    return instead(
        lambda asked: "Referer" in asked.headers and asked.path == "authorization/grant",
        failure(18, 403),
    )


@breaks("origin-null")
def null_is_nobody() -> Spoilers:
    return instead(lambda asked: asked.origin == "null", failure(18, 403))


# Bodies


def form(asked: Any) -> bool:
    return "urlencoded" in asked.headers.get("Content-Type", "")


@breaks("body-form")
def form_of_post_is_dropped() -> Spoilers:
    return when(lambda asked: asked.method == "POST" and form(asked), lambda got: coded(got, 13))


@breaks("body-charset")
def charset_loses_the_body() -> Spoilers:
    return when(
        lambda asked: "charset" in asked.headers.get("Content-Type", ""),
        lambda got: coded(got, 13),
    )


@breaks("body-multipart")
def multipart_is_not_allowed() -> Spoilers:
    return instead(lambda asked: b"form-data" in asked.body, failure(3, 405))


@breaks("body-of-delete")
def delete_has_no_body() -> Spoilers:
    return instead(lambda asked: asked.method == "DELETE" and asked.body != b"", failure(10))


@breaks("body-over-query")
def query_wins() -> Spoilers:
    return instead(
        lambda asked: asked.method == "PUT" and asked.params.get("accessToken") == UNKNOWN,
        failure(13, 403),
    )


@breaks("body-large")
def any_size_will_do() -> Spoilers:
    return instead(lambda asked: len(asked.body) > 2**20, failure(2, 404))


@breaks("body-deep")
def deep_json_crashes() -> Spoilers:
    return instead(lambda asked: asked.body.startswith(b'{"a":{"a"'), failure(1, 500))


@breaks("body-garbage")
def garbage_crashes() -> Spoilers:
    return instead(lambda asked: asked.body.startswith(b"\x00"), failure(1, 500))


# Server authentication


def mac(key: str, nonce: str) -> str:
    return hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


@breaks("hmac-text", "hmac-own-key")
def text_key_is_hex() -> Spoilers:
    return when(
        lambda asked: not asked.sdk and asked.params.get("nonce", "") != "",
        lambda got: (
            but(got, hmac="00") if "clientId" in got.members and "hmac" in got.members else got
        ),
    )


@breaks("hmac-everywhere")
def discovery_is_not_signed() -> Spoilers:
    return when(lambda asked: asked.path == "servicediscovery", lambda got: but(got, "hmac"))


@breaks("hmac-in-body")
def nonce_of_the_body_is_not_seen() -> Spoilers:
    return when(lambda asked: b"nonce=" in asked.body, lambda got: but(got, "hmac"))


@breaks("hmac-empty-nonce")
def empty_nonce_is_none() -> Spoilers:
    return when(
        lambda asked: not asked.sdk and asked.params.get("nonce") == "",
        lambda got: but(got, "hmac"),
    )


@breaks("hmac-unasked")
def always_signed() -> Spoilers:
    return when(
        lambda asked: asked.path == "authorization/grant" and "nonce" not in asked.params,
        lambda got: but(got, hmac="00"),
    )


@breaks("hmac-own-key")
def one_key_for_all() -> Spoilers:
    newest: list[str] = []

    def spoil(asked: Any, got: Answer) -> Answer | None:
        newest.extend([asked.params["key"]] if "key" in asked.params else [])
        nonce = asked.params.get("nonce")
        if asked.sdk or nonce is None or "hmac" not in got.members:
            return None
        return but(got, hmac=mac(newest[-1], nonce))

    return {"answer": spoil}


@breaks("hmac-hex")
def hex_key_is_text() -> Spoilers:
    return when(
        lambda asked: asked.sdk and "nonce" in asked.params, lambda got: but(got, hmac="00")
    )


# CORS


@breaks("cors-answer")
def answers_of_no_origin() -> Spoilers:
    return when(
        lambda asked: asked.path == "availability",
        lambda got: headless(got, "access-control-allow-origin"),
    )


@breaks("cors-error")
def errors_of_no_origin() -> Spoilers:
    return when(
        lambda asked: asked.method == "GET",
        lambda got: got if got.good else headless(got, "access-control-allow-origin"),
    )


@breaks("cors-preflight")
def no_header_is_allowed() -> Spoilers:
    return {
        "answer": lambda asked, got: (
            headless(got, "access-control-allow-headers") if asked.method == "OPTIONS" else None
        )
    }


@breaks("cors-preflight")
def preflight_needs_a_token() -> Spoilers:
    return instead(lambda asked: asked.method == "OPTIONS", failure(13, 403))


@breaks("cors-vary")
def caches_are_forgotten() -> Spoilers:
    return when(lambda asked: asked.path == "availability", lambda got: headless(got, "vary"))


# WebSockets and events


@breaks("socket")
def verdict_as_text() -> Spoilers:
    accepted = {"attribute": "verify", "result": 0}
    return {"frame": lambda one: {**one, "result": "0"} if accepted.items() <= one.items() else one}


@breaks("socket-unknown-token")
def refusal_as_text() -> Spoilers:
    return {"frame": lambda one: {**one, "errorCode": "3"} if one.get("errorCode") == 3 else one}


@breaks("socket-unknown-token")
def every_token_is_good() -> Spoilers:
    return {"frame": lambda one: {"result": 0} if one.get("errorCode") == 3 else one}


@breaks("socket-garbage")
def garbage_is_no_token() -> Spoilers:
    return {"frame": lambda one: {**one, "errorCode": 1} if one.get("errorCode") == 5 else one}


@breaks("socket-again", "event-other-socket")
def one_socket_only() -> Spoilers:
    count = [0]

    @asynccontextmanager
    async def socket(open_: Any, target: str, headers: Any) -> AsyncIterator[Any]:
        if count[0]:
            raise Refused("there is one already")
        count[0] += 1
        try:
            async with open_(target, headers) as wire:
                yield wire
        finally:
            count[0] -= 1

    return {"socket": socket}


@breaks("socket-path")
def any_path_is_a_socket() -> Spoilers:
    return {"socket": lambda open_, _, headers: open_("/gotapi/websocket", headers)}


@breaks("socket-foreign-origin")
def origin_of_sockets_is_not_seen() -> Spoilers:
    def socket(open_: Any, target: str, headers: Any) -> Any:
        foreign = headers["Origin"] == "http://localhost:8082"
        mine = {"Origin": MAIN, "X-GotAPI-Origin": MAIN}
        return open_(target, mine if foreign else headers)

    return {"socket": socket}


class Changed:
    """A WebSocket of which a test replaces some methods."""

    def __init__(self, wire: Any, **methods: Any) -> None:
        self.send = wire.send
        self.receive = wire.receive
        self.closed = wire.closed
        vars(self).update(methods)


def with_wire(change: Callable[[Any], Any]) -> Spoilers:
    @asynccontextmanager
    async def socket(open_: Any, target: str, headers: Any) -> AsyncIterator[Any]:
        async with open_(target, headers) as wire:
            yield change(wire)

    return {"socket": socket}


@breaks("socket-silent")
def greets_everybody() -> Spoilers:
    def change(wire: Any) -> Changed:
        said: list[str] = []

        async def send(text: str) -> None:
            said.append(text)
            await wire.send(text)

        async def receive(within: float) -> str | None:
            return await wire.receive(within) if said else '{"key": "secret"}'

        return Changed(wire, send=send, receive=receive)

    return with_wire(change)


@breaks("socket-revoked")
def revoked_goes_on() -> Spoilers:
    async def stays(within: float) -> bool:
        return False

    return with_wire(lambda wire: Changed(wire, closed=stays))


@breaks("event", "event-stop", "event-case", "event-twice")
def no_way_to_stop() -> Spoilers:
    return when(
        lambda asked: asked.path == READING and asked.method == "DELETE",
        lambda got: failure(3, 405),
    )


def events(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Spoilers:
    return {"frame": lambda one: change(one) if one.get("profile") in ("meter", "3dp") else one}


@breaks("event-members")
def event_of_nobody() -> Spoilers:
    return events(lambda one: {name: one[name] for name in one if name != "serviceId"})


@breaks("event-result")
def event_without_result() -> Spoilers:
    return events(lambda one: {name: one[name] for name in one if name != "result"})


@breaks("event-stop")
def goes_on_for_ever() -> Spoilers:
    def change(wire: Any) -> Changed:
        last: list[str] = []

        async def receive(within: float) -> str | None:
            if last:
                await asyncio.sleep(min(within, 0.01))
                return last[0]
            text = await wire.receive(within)
            if text is not None and json.loads(text).get("profile") == "meter":
                last.append(text)
            return text

        return Changed(wire, receive=receive)

    return with_wire(change)


@breaks("event-case")
def events_have_case() -> Spoilers:
    return instead(lambda asked: asked.raw == READING.upper(), failure(2, 404))


@breaks("event-twice")
def listening_twice_is_refused() -> Spoilers:
    listening: list[bool] = []

    def spoil(asked: Any) -> Answer | None:
        if asked.path != READING or asked.method not in ("PUT", "DELETE"):
            return None
        if asked.method == "DELETE":
            listening.clear()
            return None
        if "accessToken" in asked.params:
            listening.append(True)
        return failure(16, 409) if len(listening) > 1 else None

    return {"instead": spoil}


@breaks("event-other-socket")
def the_last_socket_takes_all() -> Spoilers:
    opened: list[object] = []
    lost: list[object] = []

    @asynccontextmanager
    async def socket(open_: Any, target: str, headers: Any) -> AsyncIterator[Any]:
        async with open_(target, headers) as wire:

            async def receive(within: float) -> str | None:
                return None if wire in lost else await wire.receive(within)

            opened.append(wire)
            try:
                yield Changed(wire, receive=receive)
            finally:
                opened.remove(wire)
                lost.extend(opened)

    return {"socket": socket}


@breaks("event-needs-token")
def anybody_may_listen() -> Spoilers:
    return instead(
        lambda asked: (
            asked.path == READING and asked.method == "PUT" and "accessToken" not in asked.params
        ),
        answer(**OK),
    )


@breaks("service-change")
def no_news_of_services() -> Spoilers:
    return instead(lambda asked: asked.path.endswith("/onservicechange"), failure(8, 404))


# Safety


@breaks("scope-enforced")
def scopes_are_ignored() -> Spoilers:
    return instead(lambda asked: asked.path == READING and asked.origin == SECOND, answer(**OK))


@breaks("scope-hides")
def everything_is_listed() -> Spoilers:
    return when(
        lambda asked: asked.path == "servicediscovery" and asked.origin == SECOND,
        lambda got: but(got, services=[{"id": "hall.meter"}]),
    )


@breaks("token-bound")
def tokens_travel() -> Spoilers:
    mine: list[str] = []

    def spoil(asked: Any, got: Answer) -> Answer | None:
        if asked.path == TOKEN and asked.origin == MAIN and got.good:
            mine.append(got.text("accessToken"))
        foreign = asked.origin not in (MAIN, SECOND, "") and asked.path == "servicediscovery"
        travels = foreign and asked.params.get("accessToken") in mine
        return answer(**OK, services=[]) if travels else None

    return {"answer": spoil}


@breaks("token-not-repeated")
def errors_repeat_the_request() -> Spoilers:
    return {
        "answer": lambda asked, got: (
            but(got, errorMessage=asked.target)
            if asked.path == "a/b/c/d/e" and "accessToken" in asked.params
            else None
        )
    }


@breaks("host-foreign")
def any_host_will_do() -> Spoilers:
    return instead(lambda asked: asked.headers["Host"] == "rebound.example", answer(**OK))


@breaks("fetch-foreign")
def any_image_will_do() -> Spoilers:
    return instead(
        lambda asked: asked.headers.get("Sec-Fetch-Dest") == "image", answer(**OK, services=[])
    )


# 3D printers


def printer(attribute: str, service: str = "ready") -> Callable[[Any], bool]:
    return lambda asked: (
        asked.path == f"3dp/{attribute}"
        and asked.method == "GET"
        and asked.params.get("serviceId") == f"{service}.paper"
    )


@breaks("3dp-scopes", kind="3dp")
def only_the_long_scope() -> Spoilers:
    return with_services(lambda one: {**one, "scopes": ["3dprinter"]})


@breaks("3dp-information", kind="3dp")
def information_of_one() -> Spoilers:
    return when(printer("information"), lambda got: but(got, **{"3dp": {"online": True}}))


@breaks("3dp-information", kind="3dp")
def information_without_online() -> Spoilers:
    return when(printer("information"), lambda got: but(got, **{"3dp": [{"scopes": []}]}))


@breaks("3dp-status", "3dp-one-shot-at-once", kind="3dp")
def status_elsewhere() -> Spoilers:
    return when(printer("status"), lambda got: but(got, "3dp", printer={}))


@breaks("3dp-one-shot-at-once", kind="3dp")
def no_result_is_no_error() -> Spoilers:
    return when(printer("information", "cold"), lambda got: answer(**OK))


@breaks("3dp-event-at-once", kind="3dp")
def the_latest_is_kept_back() -> Spoilers:
    return {**events(lambda one: None), "times": Times(soon=0.2, at_once=0.2, quiet=0.05)}


@breaks("3dp-event-nothing", kind="3dp")
def something_without_a_result() -> Spoilers:
    cold: list[bool] = []

    def see(asked: Any) -> None:
        if asked.params.get("serviceId") == "cold.paper" and asked.method == "PUT":
            cold.append(True)

    def change(wire: Any) -> Changed:
        async def receive(within: float) -> str | None:
            if cold:
                cold.clear()
                return '{"3dp": {}, "serviceId": "cold.paper"}'
            return await wire.receive(within)

        return Changed(wire, receive=receive)

    return {"instead": see, **with_wire(change)}


@breaks("3dp-print-needs-file", kind="3dp")
def prints_nothing_gladly() -> Spoilers:
    return instead(
        lambda asked: asked.path == "3dp/printingcommand" and "uri" not in asked.params,
        answer(**OK),
    )


@breaks("3dp-print-foreign-file", kind="3dp")
def prints_any_file() -> Spoilers:
    return instead(lambda asked: asked.params.get("uri") == "/etc/hostname", answer(**OK))


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_broken_rule_fails_its_checks_and_no_other(
    name: str, conform: Callable[..., Awaitable[Report]]
) -> None:
    ids, kind, make = BROKEN[name]
    report = await conform(kind, **make())
    assert report.failed() == ids


def test_every_check_can_fail() -> None:
    every = {check.id for one in CLASSES.values() for check in one.checks}
    assert every == {id_ for ids, _, _ in BROKEN.values() for id_ in ids}
