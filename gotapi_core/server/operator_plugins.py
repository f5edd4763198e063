"""What the operator can do with plug-ins: turn one on again, make and delete tokens."""

import logging
from typing import Annotated

import msgspec

from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.server.asgi import Headers, Scope

log = logging.getLogger(__name__)

_Id = Annotated[str, msgspec.Meta(max_length=64)]


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: _Id


class PluginActions:
    """The actions below `/operator/api/`, by name in `table`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.table = {
            "plugin-enable": self._enable,
            "plugin-token": self._token,
            "plugin-token-delete": self._delete_token,
        }

    async def _enable(
        self, raw: bytes, caller: object, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        plugin_id = _wish(raw)
        for supervisor in self._hub.registry:
            if supervisor.id == plugin_id:
                await supervisor.enable()
                log.info("the operator turned plug-in %s on", plugin_id)
                health = supervisor.health
                return {"state": health.state.value, "reason": health.reason}
        known = ", ".join(one.id for one in self._hub.registry) or "none"
        raise InvalidParameter(f"There is no plug-in '{plugin_id}'; there are: {known}")

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


def _wish(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=_Wish).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(f"The body is not the JSON expected here: {error}.") from error
