"""When a worker ends: the hub says bye, the connection is gone, or a signal asks for it."""

import asyncio
import signal

from gotapi_core.host.worker_session import WorkerSession

_LAST_WORDS = 6  # seconds after SIGTERM in which it must have ended, or the system ends it


async def until_end(session: WorkerSession, closed: asyncio.Event) -> bool:
    """Wait for the end of a session and stop its plug-in; True where the hub is not the reason."""
    terminated = asyncio.Event()

    def terminate() -> None:
        signal.alarm(_LAST_WORDS)
        terminated.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    waits = {asyncio.create_task(one.wait()) for one in (closed, terminated, session.over)}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
    await session.end("the process was told to end")
    await session.over.wait()
    return terminated.is_set()
