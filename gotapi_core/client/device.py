"""Asking for access by a code that the user compares (RFC 8628)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from gotapi_core.client.answers import MAX_MESSAGE
from gotapi_core.client.errors import ConsentDenied, ConsentPending, HubFault, HubRefused
from gotapi_core.protocol.errors import ResultCode
from gotapi_core.protocol.oauth import DEVICE_GRANT

SILENT: Final = 0.7  # seconds in which a decision that is remembered comes
HOLD: Final = 20  # seconds that a hub of ours may hold a poll; others answer at once
_SLOWER: Final = 5.0  # seconds added at each slow_down; RFC 8628 3.5
_ASK_AGAIN: Final = 1.0  # seconds at least between two requests for a code

T = TypeVar("T")
Post = Callable[[str, Mapping[str, str], float], Awaitable[tuple[int, bytes]]]


class Code(msgspec.Struct, frozen=True):
    """What to show to the user: approve the request with this code, on the page at this address."""

    user_code: str
    verification_uri: str


class NoCodes(Exception):  # noqa: N818  # reads as what is the case
    """The hub does not know this way of asking."""


class _Device(msgspec.Struct, frozen=True):
    device_code: str
    user_code: str
    verification_uri: str = ""
    interval: float = 5.0


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    error_description: str = ""


class DeviceFlow:
    """One application's way to its token at one hub."""

    def __init__(self, post: Post, show: Callable[[Code], None]) -> None:
        """Use `post(path, params, time limit)`; `show` is called where the user is to decide."""
        self._post = post
        self._show = show

    async def run(self, client_id: str, name: str, scopes: Sequence[str]) -> dict[str, object]:
        """Return the members of the token answer.

        Raises NoCodes, ConsentDenied, ConsentPending (nobody answered), HubRefused and HubFault.
        """
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            device = await self._begin(client_id, name, scopes)
            code = Code(device.user_code, device.verification_uri)
            notice = loop.call_later(SILENT, self._show, code)
            try:
                members = await self._poll(client_id, device)
            finally:
                notice.cancel()
            if members is not None:
                return members
            # A hub that was restarted has forgotten the code: the user gets another one.
            await asyncio.sleep(max(0.0, begun + _ASK_AGAIN - loop.time()))

    async def _begin(self, client_id: str, name: str, scopes: Sequence[str]) -> _Device:
        params = {"client_id": client_id, "scope": " ".join(scopes), "applicationName": name}
        status, body = await self._post("/gotapi/authorization/device", params, 30.0)
        if (refusal := _decode(body, _Refusal)) is not None:
            raise _failure(refusal, status)
        device = _decode(body, _Device)
        if device is None:
            raise NoCodes
        return device

    async def _poll(self, client_id: str, device: _Device) -> dict[str, object] | None:
        loop, interval = asyncio.get_running_loop(), max(1.0, min(device.interval, 60.0))
        params = {
            "grant_type": DEVICE_GRANT,
            "client_id": client_id,
            "device_code": device.device_code,
            "wait": str(HOLD),
        }
        while True:
            asked = loop.time()
            status, body = await self._post("/gotapi/authorization/token", params, HOLD + 30.0)
            refusal = _decode(body, _Refusal)
            if refusal is None:
                return _token(body, status)
            if refusal.error in ("invalid_grant", "invalid_client"):
                return None
            if refusal.error == "slow_down":
                interval += _SLOWER
            elif refusal.error != "authorization_pending":
                raise _failure(refusal, status)
            await asyncio.sleep(max(0.0, asked + interval - loop.time()))


def _token(body: bytes, status: int) -> dict[str, object]:
    members = _decode(body, dict[str, object])
    if members is None or status != 200:
        raise HubFault(f"The hub's token answer (HTTP {status}) is malformed")
    return members


def _failure(refusal: _Refusal, status: int) -> Exception:
    message = refusal.error_description[:MAX_MESSAGE] or refusal.error[:MAX_MESSAGE]
    if refusal.error == "access_denied":
        return ConsentDenied(int(ResultCode.NOT_AUTHORIZED), message, status)
    if refusal.error == "expired_token":
        return ConsentPending(message)
    if refusal.error == "invalid_client":
        return HubRefused(int(ResultCode.INVALID_CLIENT_ID), message, status)
    return HubRefused(int(ResultCode.ERROR), message, status)


def _decode(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
