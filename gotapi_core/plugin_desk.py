"""What the operator sees and decides about plug-ins: approve, revoke, turn on and off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from gotapi_core.approvals import Approvals
from gotapi_core.host.approval import Approval, Subject, differences
from gotapi_core.host.loader import Found, Loaded, load
from gotapi_core.host.package_files import UnfitPackage, measure
from gotapi_core.host.ports import Hosts, is_isolated
from gotapi_core.host.registry import Registry
from gotapi_core.host.supervisor import Held, PluginState, Supervisor
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.plugin.rights import words
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter

log = logging.getLogger(__name__)

_STARTED = (PluginState.READY, PluginState.STARTING)


class Card(msgspec.Struct, frozen=True):
    """What the operator is shown of a plug-in beside its name, version and state."""

    bundled: bool
    runs: str = ""
    rights: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()  # since the approval, in words
    digest: str = ""  # to be sent back with the approval
    approved: float | None = None  # seconds since 1970


class PluginDesk:
    """The approvals of one hub's plug-ins, and what follows from them at once.

    `plugins` are all that were found; one with `found` set must be approved before it runs.
    `start` starts a supervisor whose plug-in may run.
    """

    def __init__(
        self,
        approvals: Approvals,
        registry: Registry,
        hosts: Hosts,
        start: Callable[[Supervisor], Awaitable[None]],
        safe_mode: str = "",
    ) -> None:
        self._approvals = approvals
        self._registry = registry
        self._hosts = hosts
        self._start = start
        self._subjects: dict[str, Subject | str] = {}  # as last seen; a text says what is wrong
        self._imported: dict[str, str] = {}  # id -> hash of what runs in the hub's own process
        self._admitted: set[str] = set()  # just looked at, and about to start
        self._lock = asyncio.Lock()  # decisions come one after another
        self.plugins: dict[str, Loaded] = {}
        self.safe_mode = safe_mode  # why only the hub's own plug-ins start; empty: all do

    # -- what is shown -----------------------------------------------------------------------

    def card(self, supervisor: Supervisor) -> Card:
        """Return what there is to show of a plug-in."""
        loaded = self.plugins.get(supervisor.id)
        manifest = supervisor.manifest
        rights = words(manifest.rights)
        if loaded is None or loaded.found is None:
            bundled = loaded is not None and not loaded.reason
            return Card(bundled=bundled, runs=_runs(manifest), rights=rights)
        subject = self._subjects.get(supervisor.id, "")
        approval = self._approvals.get(supervisor.id)
        approved = None if approval is None else approval.approved
        if isinstance(subject, str):
            return Card(bundled=False, runs=_runs(manifest), rights=rights, approved=approved)
        return Card(
            bundled=False,
            runs=subject.runs,
            rights=words(subject.rights),
            changes=() if approval is None else differences(approval, subject),
            digest=subject.digest,
            approved=approved,
        )

    def named_card(self, plugin_id: str) -> Card:
        """Return what there is to show of a plug-in; raises InvalidParameter for an unknown one."""
        return self.card(self.named(plugin_id))

    # -- what may start ----------------------------------------------------------------------

    def prefers(self, loaded: Loaded) -> bool:
        """Tell whether this is the plug-in that was approved under its id."""
        approval = self._approvals.get(loaded.manifest.id)
        found = loaded.found
        if approval is None or found is None:
            return False
        name = found.distribution.partition(" ")[0]
        return _runs(loaded.manifest) == approval.runs and (
            name == approval.distribution.partition(" ")[0]
        )

    def doubtful(self) -> list[str]:
        """Return the plug-ins that are not the hub's own and are about to be started."""
        return [
            plugin_id
            for plugin_id, loaded in self.plugins.items()
            if loaded.found is not None
            and self._approvals.get(plugin_id) is not None
            and not (self.safe_mode or loaded.reason or self._approvals.is_off(plugin_id))
        ]

    def watch(self, supervisor: Supervisor) -> None:
        """Ask the desk before each start of this plug-in."""
        supervisor.gate = partial(self._gate, supervisor)

    async def _gate(self, supervisor: Supervisor) -> Held | None:
        plugin_id = supervisor.id
        if plugin_id in self._admitted:
            self._admitted.discard(plugin_id)
            return None
        loaded = self.plugins.get(plugin_id)
        if self._approvals.is_off(plugin_id):
            return Held(PluginState.STOPPED, _off(plugin_id))
        if loaded is None or loaded.found is None or loaded.reason:
            return None
        if self.safe_mode:
            return Held(PluginState.STOPPED, "the hub is in safe mode and does not start it")
        return await self._unapproved(supervisor, loaded.found)

    async def _unapproved(self, supervisor: Supervisor, found: Found) -> Held | None:
        subject = await self._look(supervisor, found)
        if isinstance(subject, str):
            return Held(PluginState.PENDING, subject)
        approval = self._approvals.get(supervisor.id)
        if approval is None:
            reason = f"it waits for your approval: gotapi plugins approve {supervisor.id}"
            return Held(PluginState.PENDING, reason)
        if changes := differences(approval, subject):
            reason = f"it is not as you approved it: {', '.join(changes)}"
            return Held(PluginState.PENDING, reason)
        if self._imported.get(supervisor.id, subject.digest) != subject.digest:
            reason = "the hub still has its old code in memory; restart the hub"
            return Held(PluginState.STOPPED, reason)
        return None

    async def _look(self, supervisor: Supervisor, found: Found) -> Subject | str:
        subject, again = await asyncio.to_thread(_subject, found)
        plugin_id = supervisor.id
        self._subjects[plugin_id] = subject
        if again.sound and again.manifest != self.plugins[plugin_id].manifest:
            # It says something else of itself now; what is shown and approved is that.
            changed = msgspec.structs.replace(again.manifest, id=plugin_id)
            supervisor.manifest = changed
            self.plugins[plugin_id] = Loaded(
                changed,
                isolated=is_isolated(again, self._hosts),
                folder=again.folder,
                found=again,
            )
        return subject

    async def admit(self, supervisor: Supervisor) -> bool:
        """Tell whether a plug-in may start; one that runs in the hub's process is then imported."""
        self._admitted.discard(supervisor.id)
        held = await self._gate(supervisor)
        if held is not None:
            await supervisor.hold(held)
            return False
        loaded = self.plugins.get(supervisor.id)
        if loaded is None or loaded.found is None:
            return True
        self._admitted.add(supervisor.id)
        if loaded.isolated or loaded.plugin_type is not None:
            return True
        return await self._import(supervisor, loaded.found)

    async def _import(self, supervisor: Supervisor, found: Found) -> bool:
        subject = self._subjects[supervisor.id]
        assert isinstance(subject, Subject)  # or it had not been admitted
        one = await asyncio.to_thread(load, found)
        self._imported[supervisor.id] = subject.digest
        self.plugins[supervisor.id] = replace(one, found=found)
        if one.reason:
            supervisor.fail(one.reason, one.detail)
        return not one.reason

    # -- decisions ---------------------------------------------------------------------------

    async def approve(self, plugin_id: str, digest: str) -> Supervisor:
        """Approve what has this hash and start it.

        Raises InvalidParameter for a plug-in that needs no approval, and IllegalServerState where
        its files are others than those that were shown.
        """
        async with self._lock:
            supervisor = self.named(plugin_id)
            loaded = self.plugins.get(plugin_id)
            if loaded is None or loaded.found is None or loaded.reason:
                why = f": {loaded.reason}" if loaded is not None and loaded.reason else ""
                raise InvalidParameter(f"Plug-in '{plugin_id}' cannot be approved{why}")
            subject = await self._look(supervisor, loaded.found)
            if isinstance(subject, str):
                raise IllegalServerState(f"Plug-in '{plugin_id}' cannot be approved: {subject}")
            if subject.digest != digest:
                raise IllegalServerState(
                    f"The files of plug-in '{plugin_id}' are others than those that were shown; "
                    "look at it again"
                )
            await self._approvals.approve(plugin_id, subject)
            await self._restart(supervisor)
            return supervisor

    async def revoke(self, plugin_id: str) -> Supervisor:
        """Stop a plug-in and ask again before it runs; raises InvalidParameter."""
        async with self._lock:
            supervisor = self.named(plugin_id)
            if not await self._approvals.revoke(plugin_id):
                raise InvalidParameter(f"Plug-in '{plugin_id}' has no approval to revoke")
            await self._restart(supervisor)
            return supervisor

    async def disable(self, plugin_id: str) -> Supervisor:
        """Stop a plug-in and keep it off until it is turned on again."""
        async with self._lock:
            supervisor = self.named(plugin_id)
            loaded = self.plugins.get(plugin_id)
            if loaded is not None and loaded.reason:
                raise InvalidParameter(f"Plug-in '{plugin_id}' cannot run anyway: {loaded.reason}")
            await self._approvals.turn(plugin_id, on=False)
            await supervisor.hold(Held(PluginState.STOPPED, _off(plugin_id)))
            return supervisor

    async def enable(self, plugin_id: str) -> Supervisor:
        """Start a plug-in that is off, failed or waits; raises IllegalServerState where it runs."""
        async with self._lock:
            supervisor = self.named(plugin_id)
            if supervisor.health.state in _STARTED:
                state = supervisor.health.state.value
                raise IllegalServerState(f"plug-in '{plugin_id}' is {state}")
            loaded = self.plugins.get(plugin_id)
            if loaded is not None and loaded.reason:
                raise IllegalServerState(
                    f"plug-in '{plugin_id}' cannot be started: {loaded.reason}; repair that and "
                    "restart the hub"
                )
            await self._approvals.turn(plugin_id, on=True)
            if loaded is None:
                await supervisor.enable()  # it connects by itself
            else:
                await self._restart(supervisor)
            return supervisor

    async def restart(self, plugin_id: str) -> Supervisor:
        """Stop a plug-in and start it anew, as far as it may start."""
        async with self._lock:
            supervisor = self.named(plugin_id)
            await self._restart(supervisor)
            return supervisor

    async def _restart(self, supervisor: Supervisor) -> None:
        await supervisor.hold(Held(PluginState.STOPPED, "it is about to start"))
        supervisor.forget_crashes()
        await self._start(supervisor)

    def named(self, plugin_id: str) -> Supervisor:
        """Return the supervisor of a plug-in; raises InvalidParameter for an unknown one."""
        for supervisor in self._registry:
            if supervisor.id == plugin_id:
                return supervisor
        known = ", ".join(one.id for one in self._registry) or "none"
        raise InvalidParameter(f"There is no plug-in '{plugin_id}'; there are: {known}")


def is_trusted(approvals: Mapping[str, Approval], found: Found) -> bool:
    """Tell whether a plug-in is the hub's own, or approved as it is; blocks."""
    return found.bundled or is_approved(found, approvals)


def is_approved(found: Found, approvals: Mapping[str, Approval]) -> bool:
    """Tell whether a plug-in is as it was approved; blocks, for commands."""
    approval = approvals.get(found.manifest.id)
    if approval is None:
        return False
    subject, _ = _subject(found)
    return isinstance(subject, Subject) and not differences(approval, subject)


def _subject(found: Found) -> tuple[Subject | str, Found]:
    """Look at a plug-in anew; a text instead of a subject says why it cannot be vouched for."""
    again = found if found.again is None else found.again()
    if not again.sound:
        return again.reason, again
    if again.manifest.id != found.manifest.id:
        return f"its manifest now says id '{again.manifest.id}'; restart the hub", again
    if again.package is None:
        return "its files are not known", again
    try:
        measured = measure(again.package)
    except UnfitPackage as error:
        return str(error), again
    manifest = again.manifest
    subject = Subject(
        version=manifest.version,
        runs=_runs(manifest),
        distribution=again.distribution,
        rights=manifest.rights,
        digest=measured.digest,
        files=measured.files,
    )
    return subject, again


def _runs(manifest: Manifest) -> str:
    return " ".join(manifest.command) or manifest.module


def _off(plugin_id: str) -> str:
    return f"you turned it off; turn it on with: gotapi plugins enable {plugin_id}"
