"""What the operator can do with the settings of plug-ins: read them, change them."""

import logging
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from gotapi_core.hub import Hub
from gotapi_core.plugin_settings.desk import Change, SettingsDesk
from gotapi_core.protocol.errors import InvalidParameter
from gotapi_core.server.asgi import Headers, Receive, Scope

log = logging.getLogger(__name__)

_MOST = 200  # settings of one plug-in
_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change settings of the file that had this revision; `unset` goes back to the default."""

    id: _Id
    revision: Annotated[str, msgspec.Meta(max_length=64)]
    set: Annotated[dict[_Name, Any], msgspec.Meta(max_length=_MOST)] = {}
    unset: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=_MOST)] = ()
    sure: bool = False


class SettingsActions:
    """The read `plugin-settings` and the action `plugin-set` of the operator API."""

    def __init__(self, hub: Hub) -> None:
        self._desk = SettingsDesk(hub)
        self.reads = {"plugin-settings": self._read}
        self.actions = {"plugin-set": self._change}

    async def _read(self, scope: Scope, headers: Headers, _: Receive) -> dict[str, object]:
        fields = dict(parse_qsl(scope["query_string"][:1024].decode("latin-1"), max_num_fields=10))
        view = await self._desk.view(fields.get("id", "")[:64])
        members: dict[str, object] = msgspec.to_builtins(view)
        return members

    async def _change(
        self, raw: bytes, caller: object, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        wish = _decoded(raw)
        change = Change(
            id=wish.id, revision=wish.revision, values=wish.set, unset=wish.unset, sure=wish.sure
        )
        done = await self._desk.change(change)
        # The names only: a value may be secret.
        log.info(
            "%s: changed settings of plug-in %s: set %s; back to the default: %s",
            getattr(caller, "value", "the operator"),
            wish.id,
            ", ".join(sorted(wish.set)) or "nothing",
            ", ".join(sorted(wish.unset)) or "nothing",
        )
        health = done.supervisor.health
        return {"state": health.state.value, "reason": health.reason, "waits": done.waits}


def _decoded(raw: bytes) -> _Wish:
    try:
        return msgspec.json.decode(raw, type=_Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(f"The body is not the JSON expected here: {error}.") from error
