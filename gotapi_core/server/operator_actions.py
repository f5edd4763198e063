"""What the operator can do with approvals beyond yes and no, and what launch URIs ask for."""

import logging
from collections.abc import Callable
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec

from gotapi_auth.grants import MAX_SCOPE, MAX_SCOPES, Lifetime
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.protocol.hmac import MAX_KEY
from gotapi_core.protocol.identity import MAX_ORIGIN, NATIVE_HEADER, identify
from gotapi_core.server.asgi import Headers, Receive, Scope
from gotapi_core.server.operator_api import ApiError, Caller, decode_body

log = logging.getLogger(__name__)

_MAX_ID = 64  # characters; an application's id has 6
_Scope = Annotated[str, msgspec.Meta(max_length=MAX_SCOPE)]
_Id = Annotated[str, msgspec.Meta(max_length=_MAX_ID)]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change an approval; what is left out stays. `until` is in seconds since 1970 (UTC)."""

    id: _Id
    scopes: Annotated[tuple[_Scope, ...], msgspec.Meta(max_length=MAX_SCOPES)] | None = None
    lifetime: Lifetime | None = None
    until: float | None = None


class LaunchKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key of a launch URI; an empty one removes the key of the origin."""

    origin: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ORIGIN)]
    key: Annotated[str, msgspec.Meta(max_length=MAX_KEY)]
    replace: bool = False


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stop the hub; `silent` where nobody was asked."""

    silent: bool = False


class OperatorActions:
    """Reads and actions of the operator API, by name; `stop` ends the hub unless it is in use."""

    def __init__(self, hub: Hub, stop: Callable[[], int]) -> None:
        """Work on a hub; `stop` returns how many WebSockets keep it from stopping."""
        self._hub = hub
        self._stop_hub = stop
        self.reads = {"history": self._history}
        self.actions = {"change": self._change, "key": self._key, "stop": self._stop}

    async def _history(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        uses = await self._hub.auth.history(_id(scope["query_string"]))
        return {"uses": [msgspec.structs.asdict(use) for use in uses]}

    async def _change(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = decode_body(raw, Change)
        changed = await self._hub.auth.change(
            wish.id, scopes=wish.scopes, lifetime=wish.lifetime, until=wish.until
        )
        log.info(
            "%s: changed application %r: scopes %s, ends at %.0f",
            caller.value,
            changed.id,
            ", ".join(changed.scopes),
            changed.expires,
        )
        return {"id": changed.id, "scopes": changed.scopes, "expires": changed.expires}

    async def _key(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        _check_command(caller)
        wish = decode_body(raw, LaunchKey)
        # The same normal form as that of the requests which are to be signed with it.
        origin = identify({NATIVE_HEADER: wish.origin}).origin
        await self._hub.auth.launch_key(origin, wish.key, replace=wish.replace)
        log.info(
            "%s: %s the launch key of %r", caller.value, "took" if wish.key else "removed", origin
        )
        return {"origin": origin}

    async def _stop(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        _check_command(caller)
        if decode_body(raw, Stop).silent and not self._hub.settings.launch.allow_stop:
            raise ApiError(
                403,
                "A launch URI may not stop this hub without a question; allow it with the setting "
                "launch.allow_stop = true, or use gotapi://stop",
            )
        if count := self._stop_hub():
            raise ApiError(
                409,
                f"{count} WebSockets of applications are open. Close these applications first, or "
                "stop the hub with Ctrl-C.",
            )
        log.info("%s: stops the hub", caller.value)
        return {}


def _check_command(caller: Caller) -> None:
    if caller is not Caller.COMMAND:
        raise ApiError(403, "Only the gotapi command may do this; run: gotapi open URI")


def _id(query: bytes) -> str:
    try:
        fields = dict(parse_qsl(query[:1024].decode("ascii"), max_num_fields=10))
    except ValueError:
        fields = {}
    if not fields.get("id"):
        raise InvalidParameter("The parameter id must be that of an application.")
    return fields["id"][:_MAX_ID]
