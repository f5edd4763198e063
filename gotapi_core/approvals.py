"""What the operator decided about plug-ins, in the store: which are approved, which are off."""

import logging
from collections.abc import Callable, Mapping

import msgspec

from gotapi_core.host.approval import Approval, Subject, approval_of
from gotapi_core.store import Documents, Store

log = logging.getLogger(__name__)

OWNER = "plugin-approvals"
APPROVED = "approved"
OFF = "off"
MOST_FILES = 5000  # whose hashes are kept; 100 bytes each, and a document has 1 MiB
_MOST_BYTES = 900_000


class Approvals:
    """Approvals and the plug-ins that are off, by plug-in id; `load` before use."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._documents = Documents(store, OWNER)
        self._clock = clock
        self._approved: dict[str, Approval] = {}
        self._off: set[str] = set()

    async def load(self) -> None:
        """Read what is stored; an approval that no longer fits is as good as none."""
        self._approved = decoded(await self._documents.list(APPROVED))
        self._off = {plugin_id for plugin_id, _ in await self._documents.list(OFF)}

    def get(self, plugin_id: str) -> Approval | None:
        """Return what was approved of a plug-in."""
        return self._approved.get(plugin_id)

    def is_off(self, plugin_id: str) -> bool:
        """Tell whether the operator turned the plug-in off."""
        return plugin_id in self._off

    async def approve(self, plugin_id: str, subject: Subject) -> None:
        """Keep the approval of a plug-in as it is now; it is on the disk when this returns."""
        approval = approval_of(subject, self._clock(), most_files=MOST_FILES)
        body = msgspec.json.encode(approval)
        if len(body) > _MOST_BYTES:
            approval = msgspec.structs.replace(approval, files=None)
            body = msgspec.json.encode(approval)
        await self._documents.put(APPROVED, plugin_id, body)
        self._approved[plugin_id] = approval

    async def revoke(self, plugin_id: str) -> bool:
        """Forget an approval; returns whether there was one."""
        await self._documents.delete(APPROVED, plugin_id)
        return self._approved.pop(plugin_id, None) is not None

    async def turn(self, plugin_id: str, *, on: bool) -> None:
        """Keep that the operator turned a plug-in on or off."""
        if on:
            await self._documents.delete(OFF, plugin_id)
            self._off.discard(plugin_id)
        else:
            await self._documents.put(OFF, plugin_id, b"{}")
            self._off.add(plugin_id)


def approved_in(store: Store) -> Mapping[str, Approval]:
    """Return the approvals in an open store; blocks, for commands."""
    return decoded(Documents(store, OWNER).list_sync(APPROVED))


def decoded(entries: list[tuple[str, bytes]]) -> dict[str, Approval]:
    """Return what documents hold, but for those of another version of the hub."""
    found = {}
    for plugin_id, body in entries:
        try:
            found[plugin_id] = msgspec.json.decode(body, type=Approval)
        except msgspec.DecodeError as error:
            log.warning("the approval of plug-in %s is not readable: %s", plugin_id, error)
    return found
