"""The stdio port: the plug-in is a child process and speaks GotAPI-4 on its stdin and stdout."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gotapi_core.host.child import Child
from gotapi_core.host.conversation import Channel, Conversation
from gotapi_core.host.port_wire import WirePort
from gotapi_core.plugin.context import Context
from gotapi_core.plugin.manifest import Manifest

MEMORY = 512  # MiB that a plug-in may use if the settings do not say otherwise
_WATCH = 0.5  # seconds between two looks at its memory
_MIB = 1024 * 1024
_BACKSTOP = 2  # times its memory, and the system itself refuses more: it may grow between looks
_TERMINATE = 3.0  # seconds after `bye` until SIGTERM
_KILL = 0.5  # seconds after that until SIGKILL; what remains of the supervisor's 5 is for its end


Sandbox = Callable[[Sequence[str], Context, Path, Path], tuple[str, ...]]
"""Returns the command that runs a command, for a context, a spool and a folder to be in; blocks."""


class StdioPort(WirePort):
    """Runs a command and speaks with it."""

    def __init__(
        self,
        manifest: Manifest,
        command: Sequence[str],
        *,
        spool_root: Path,
        folder: Path | None = None,
        memory: int = MEMORY,
        sandbox: Sandbox | None = None,
    ) -> None:
        """Run `command` in `folder`, else in the plug-in's private one; `sandbox` wraps it."""
        super().__init__(manifest, spool_root)
        self._command = tuple(command)
        self._cwd = folder
        self._memory = memory
        self._sandbox = sandbox
        self._run: _Run | None = None

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError where it was never started."""
        if self._run is None:
            raise RuntimeError("the port is not started")
        return self._run.child.pid

    @property
    def detail(self) -> str:
        return "" if self._run is None else "\n".join(self._run.child.last_lines)

    async def _connect(self, context: Context, spool: Path) -> Conversation:
        self._run = run = _Run(self._memory)
        cwd = self._cwd or context.folder
        command = self._command
        if self._sandbox is not None:
            command = await asyncio.to_thread(self._sandbox, command, context, spool, cwd)
        child = await Child.spawn(command, run, memory=self._memory * _BACKSTOP * _MIB, folder=cwd)
        return run.begin(child, context, spool)

    async def _disconnect(self) -> None:
        run, self._conversation = self._run, None
        if run is None or not run.begun:
            return
        try:
            if not run.child.ended.is_set():
                # Not before its own bye: until then it may still ask, to put its things away.
                run.conversation.gone.add_done_callback(lambda _: run.child.close_input())
                run.conversation.bye("the hub stops this plug-in")
            await run.child.end(_TERMINATE, _KILL)
        finally:
            run.stop()


class _Run(Channel):
    """One life of the child; the channel of its conversation, and who listens to it."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._watch: asyncio.TimerHandle | None = None
        self._early: list[Callable[[], None]] = []
        self.begun = False
        self.child: Child
        self.conversation: Conversation

    def begin(self, child: Child, context: Context, spool: Path) -> Conversation:
        """Begin the conversation with what the child has said by now."""
        self.child = child
        self.conversation = Conversation(context, self, str(spool))
        self.begun = True
        self._look()
        for hear in self._early:
            hear()
        self._early.clear()
        return self.conversation

    def stop(self) -> None:
        """Look no longer."""
        if self._watch is not None:
            self._watch.cancel()
        self.conversation.lost("was stopped")

    def send(self, text: bytes) -> None:
        self.child.send(text)

    @property
    def waiting(self) -> int:
        return self.child.waiting

    def cut(self) -> None:
        self.child.cut()

    def on_message(self, line: bytes) -> None:
        if self.begun:
            self.conversation.received(line)
        else:
            self._early.append(partial(self.on_message, line))

    def on_stderr(self, line: str) -> None:
        if self.begun:
            self.conversation.note("warning", line)
        else:
            self._early.append(partial(self.on_stderr, line))

    def on_end(self, reason: str) -> None:
        if not self.begun:
            self._early.append(partial(self.on_end, reason))
            return
        self.conversation.lost(reason)
        if self._watch is not None:
            self._watch.cancel()

    def _look(self) -> None:
        used = self.child.memory() // _MIB
        if used > self._memory:
            self.conversation.fail(
                f"took {used} MiB of memory and may have {self._memory} (setting "
                "plugin_host.<id>.memory)"
            )
            return
        self._watch = asyncio.get_running_loop().call_later(_WATCH, self._look)


def worker_command(
    module: str, folder: Path | None = None, cache: Path | None = None
) -> tuple[str, ...]:
    """Return the command that runs a Python plug-in.

    `folder` is where it lies uninstalled. With `cache` its compiled code is kept there: what lies
    beside its sources is not part of what was approved.
    """
    where = () if folder is None else ("--path", str(folder))
    kept = () if cache is None else ("--cache", str(cache))
    # -P: what a plug-in wrote into the folder it runs in must not be imported in place of others.
    return (sys.executable, "-P", "-m", "gotapi_core.host.worker", module, *where, *kept)
