"""What the operator can do with plug-ins: approve, revoke, turn on and off, set; their tokens."""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

import msgspec

from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.server.asgi import Headers, Receive, Scope
from gotapi_core.server.operator_settings import SettingsActions

log = logging.getLogger(__name__)

T = TypeVar("T")

_Id = Annotated[str, msgspec.Meta(max_length=64)]


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: _Id


class _Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve what has this hash, as it was shown."""

    id: _Id
    digest: _Id


class PluginActions:
    """The actions below `/operator/api/`, by name in `table`, and what can be read, in `reads`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        settings = SettingsActions(hub)
        self.reads = {"plugin": self._plugin, **settings.reads}
        self.table = {
            "plugin-approve": self._approve,
            "plugin-revoke": self._deciding("revoked", hub.desk.revoke),
            "plugin-disable": self._deciding("turned off", hub.desk.disable),
            "plugin-enable": self._deciding("turned on", hub.desk.enable),
            "plugin-token": self._token,
            "plugin-token-delete": self._delete_token,
            **settings.actions,
        }

    async def _plugin(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        """Return what is not in the state: what it said of its fault, and the last log lines."""
        fields = dict(parse_qsl(scope["query_string"][:1024].decode("latin-1"), max_num_fields=10))
        supervisor = self._hub.desk.named(fields.get("id", "")[:64])
        lines = [msgspec.structs.asdict(one) for one in self._hub.logs.of(supervisor.id)]
        return {**_state(supervisor), "detail": supervisor.health.detail, "lines": lines}

    async def _approve(
        self, raw: bytes, caller: object, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = _decoded(raw, _Approve)
        supervisor = await self._hub.desk.approve(wish.id, wish.digest)
        log.info("the operator approved plug-in %s with hash %s", wish.id, wish.digest)
        return _state(supervisor)

    def _deciding(
        self, word: str, decide: Callable[[str], Awaitable[Supervisor]]
    ) -> Callable[[bytes, object, Scope, Headers], Awaitable[dict[str, object]]]:
        async def act(
            raw: bytes, caller: object, scope: Scope, headers: Headers
        ) -> dict[str, object]:
            plugin_id = _wish(raw)
            supervisor = await decide(plugin_id)
            log.info("the operator %s plug-in %s", word, plugin_id)
            return _state(supervisor)

        return act

    async def _token(
        self, raw: bytes, caller: object, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        plugin_id = _wish(raw)
        token = await self._hub.socket_plugins.make_token(plugin_id)
        log.info("the operator made a token for plug-in %s", plugin_id)
        return {"token": token}

    async def _delete_token(
        self, raw: bytes, caller: object, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        plugin_id = _wish(raw)
        await self._hub.socket_plugins.delete_token(plugin_id)
        log.info("the operator deleted the token of plug-in %s", plugin_id)
        return {}


def _state(supervisor: Supervisor) -> dict[str, object]:
    health = supervisor.health
    return {"state": health.state.value, "reason": health.reason}


def _wish(raw: bytes) -> str:
    return _decoded(raw, _Wish).id


def _decoded(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(f"The body is not the JSON expected here: {error}.") from error
