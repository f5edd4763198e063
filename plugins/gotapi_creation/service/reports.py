"""The snapshot socket: reports of one job to one client (3DCAPI-4, 7.5)."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from gotapi_creation.engine.order import PREVIEW_MODEL
from gotapi_creation.service.model import Job
from gotapi_creation.service.operations import Operations
from gotapi_creation.service.records import Records
from gotapi_creation.service.runner import Runner
from gotapi_creation.service.shelf import Shelf
from gotapi_creation.transfer.channel import next_text
from gotapi_creation.transfer.failures import Cut
from gotapi_creation.transfer.ws_server import ServerChannel
from gotapi_creation.wire import CreationError, Report, read_hello, write_report
from gotapi_creation.wire.reports import JobState

_FIRST_MESSAGE: Final = 5.0  # seconds for the token
_LEAST: Final = 0.1  # seconds between two reports, however fast things change
_PICTURE: Final = "preview-front.png"


class Reporter:
    """Serves snapshot sockets."""

    def __init__(
        self, operations: Operations, records: Records, runner: Runner, shelf: Shelf
    ) -> None:
        self._operations = operations
        self._records = records
        self._runner = runner
        self._shelf = shelf

    async def serve(self, socket: WebSocket) -> None:
        """Report to one client until the job is over, reports are stopped, or it goes away."""
        await socket.accept()
        code = 1000
        try:
            job = await self._wanted(socket)
            code = await self._report_while_connected(socket, job)
        except (Cut, WebSocketDisconnect):
            return
        except CreationError as error:
            code = 1008
            body = {"result": int(error.code), "errorMessage": error.message}
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(json.dumps(body))
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(code)

    async def _wanted(self, socket: WebSocket) -> Job:
        """Read the first message; returns the job that it is about."""
        hello = read_hello(await next_text(ServerChannel(socket), _FIRST_MESSAGE))
        self._operations.check_access(hello.access_token)
        job_id = hello.job_id or socket.path_params.get("job_id", "")
        if hello.secure_token or not job_id:
            return self._operations.job_of(self._operations.session(hello.secure_token), job_id)
        # 7.5.2 sends the access token only; then the address says which job, and nobody guesses it.
        job = self._records.job(job_id)
        if job is None:
            self._operations.session("")
        assert job is not None
        return job

    async def _report_while_connected(self, socket: WebSocket, job: Job) -> int:
        reporting = asyncio.create_task(self._report(socket, job))
        reading = asyncio.create_task(_until_gone(socket))
        try:
            await asyncio.wait([reporting, reading], return_when=asyncio.FIRST_COMPLETED)
            if not reporting.done():
                raise Cut("The client went away")
            return reporting.result()
        finally:
            for task in (reporting, reading):
                task.cancel()
            await asyncio.gather(reporting, reading, return_exceptions=True)

    async def _report(self, socket: WebSocket, job: Job) -> int:
        """Send reports; returns the code to close with."""
        base = f"http{str(socket.base_url).removeprefix('ws').rstrip('/')}"
        sent: tuple[object, ...] = ()
        due = 0.0
        with self._runner.watching(job.id) as changed:
            while True:
                changed.clear()
                now = self._records.job(job.id)
                period = self._operations.periods.get(job.session)
                if now is None or period is None:
                    return 1000  # it is not kept any more, or STOP was said
                state = (now.state, now.stage, now.preview, int(100 * now.progress))
                if state != sent or time.monotonic() >= due:
                    await socket.send_text(json.dumps(write_report(self._said(now, base))))
                    sent, due = state, time.monotonic() + period
                if now.state.final:
                    return 1000 if now.state is JobState.DONE else 1011
                await asyncio.sleep(_LEAST)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), max(0.0, due - time.monotonic()))

    def _said(self, job: Job, base: str) -> Report:
        queue, estimate = (None, None) if job.state.final else self._runner.estimate(job)
        picture = self._runner.file_of(job, _PICTURE)
        model = self._runner.file_of(job, PREVIEW_MODEL)
        return Report(
            service_id=self._operations.service_id,
            progress=job.progress,
            time=int((job.ended or time.time()) - job.started) if job.started else 0,
            status=job.state,
            stage=job.stage if job.state is JobState.RUNNING else "",
            job_id=job.id,
            queue=queue,
            estimate=estimate,
            snapshot_url=self._shelf.preview_url(job, picture, base),
            preview_model_url=self._shelf.preview_url(job, model, base),
            error=job.error,
        )


async def _until_gone(socket: WebSocket) -> None:
    """Read and forget what the client says; ends when it is gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
