"""Makes the model through the running hub, with the user's consent, as any application does."""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
import msgspec

from gotapi_core.cli.consent import ORIGIN, open_client, token_cache, with_consent
from gotapi_core.cli.own_key import own_key
from gotapi_core.cli.trust import trust_in
from gotapi_core.client import Events, HubClient, HubError, HubRefused, Service
from gotapi_core.client.tus import Answer
from gotapi_core.client.wire import Wire
from gotapi_creation.create.direct import told
from gotapi_creation.create.report import Report
from gotapi_creation.create.wish import Unfit, Wish, writing
from gotapi_creation.wire import (
    AttributesAsk,
    Code,
    CreationError,
    FileEntry,
    JobState,
    Op,
    ReceiveAsk,
    Request,
    SnapshotAsk,
    SnapshotOp,
    TemplateEntry,
    Transfer,
    TransferAsk,
    View,
    read_answer,
    read_attributes,
    read_connecting,
    read_done,
    read_report,
    read_transfer,
    write_request,
)
from gotapi_creation.wire.requests import Ask
from gotapi_creation.wire.words import Folded

PROFILE: Final = "3dcapi"
_FORM: Final = "application/x-www-form-urlencoded"
_BYTES: Final = "application/octet-stream"
_ANSWER: Final = 90.0  # seconds; the first request may have to start the service
_SILENCE: Final = 5.0  # seconds without an event, then the hub is asked
_LARGEST: Final = 256 << 20  # bytes of a model
_STALL: Final = 30.0  # seconds without a byte of a model


async def make(wish: Wish, report: Report, url: str, service: str) -> str:
    """Make the model and write it; returns what to tell the user. Raises Unfit and HubError."""
    cache = token_cache()
    async with open_client(url, cache) as client:
        services = await with_consent(client, cache, [PROFILE], report.note, client.services)
        chosen = choose(services, service)
        wire = Wire(client.url, ORIGIN, trust_in(url), own_key(client.url, proved=client.keyed))
        try:
            await ModelJob(client, wire, chosen, report).run(wish)
        except CreationError as error:
            raise Unfit(error.message) from error
        finally:
            await wire.close()
    return told(wish)


def choose(services: Sequence[Service], wanted: str) -> Service:
    """Return the creation service that is meant; raises Unfit."""
    found = [one for one in services if PROFILE in one.scopes]
    if wanted:
        found = [one for one in found if wanted in (one.id, one.name, one.id.partition(".")[0])]
    online = [one for one in found if one.online]
    if not online:
        names = ", ".join(one.name for one in found) or "none"
        raise Unfit(
            f"The hub has no creation service that answers (there is: {names}); --here makes the "
            "model without the hub"
        )
    # The one of this computer comes first: it tells nobody else what is drawn.
    return next((one for one in online if one.id.startswith("embedded.")), online[0])


class ModelJob:
    """One model at the hub."""

    def __init__(self, client: HubClient, wire: Wire, service: Service, report: Report) -> None:
        self._client = client
        self._wire = wire
        self._service = service
        self._report = report
        self._secure_token = ""
        self._id = ""

    async def run(self, wish: Wish) -> None:
        """Send, begin, follow, fetch; a job that is left is cancelled."""
        servers = read_connecting(await self._ask(Op.CONNECTING)).servers
        self._secure_token = servers[0].secure_token if servers else ""
        template = find_template(
            read_attributes(await self._ask(Op.GET_ATTRIBUTE)).templates, wish.template
        )
        await self._send(wish)
        try:
            await self._begin(wish, template)
            await self._follow()
        except BaseException:
            with contextlib.suppress(HubError, CreationError):
                await asyncio.shield(self._ask(Op.SNAPSHOT, SnapshotAsk(SnapshotOp.CANCEL)))
            raise
        await self._fetch(wish)

    async def _ask(self, op: Op, ask: Ask | None = None, **extra: str) -> Folded:
        """Send one request of 3DCAPI; raises CreationError and HubError."""
        request = Request(
            op=op,
            service_id=self._service.id,
            access_token="" if op is Op.SET_ATTRIBUTE else self._client.reveal_token(),
            secure_token=self._secure_token,
            job_id=self._id,
            ask=ask,
            extra=extra,
        )
        method, path, query = write_request(request)
        async with _in_time():
            if method == "PUT":
                answer = await self._exchange(method, path, query.encode(), _FORM)
                status, body = answer.status, answer.body
            else:
                params = dict(parse_qsl(query))
                status, body = await self._wire.ask(method, path, params, _ANSWER)
        if status == 404:
            raise Unfit("This hub cannot make models; --here makes the model without it")
        return read_answer(body)[1]

    async def _exchange(self, method: str, path: str, data: bytes, kind: str) -> Answer:
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "Authorization": f"Bearer {self._client.reveal_token()}",
        }
        return await self._wire.exchange(method, path, headers, _once(data))

    async def _send(self, wish: Wish) -> None:
        paths = [
            wish.pictures[view] for view in sorted(wish.pictures, key=list(wish.pictures).index)
        ]
        members = await self._ask(Op.TRANSFER, TransferAsk(len(paths)))
        transfer = read_transfer(members)
        self._id = transfer.job_id
        for entry, path in zip(transfer.files, paths, strict=True):
            self._report.progress(f"Sending {path.name}", 0.0)
            data = await asyncio.to_thread(path.read_bytes)
            answer = await self._exchange("PUT", _path(entry), data, _BYTES)
            if answer.status >= 300:
                read_answer(answer.body)
                raise Unfit(f"The hub does not take {path} (HTTP {answer.status})")

    async def _begin(self, wish: Wish, template: int) -> None:
        views = tuple(View(view.value) for view in wish.pictures)
        ask = AttributesAsk(template, views)
        extra = {"height": f"{wish.height:g}", "foot": str(wish.foot).upper()}
        if wish.paper:
            extra["paper"] = wish.paper
        done = read_done(await self._ask(Op.SET_ATTRIBUTE, ask, **extra))
        if done.queue:
            others = "1 model is" if done.queue == 1 else f"{done.queue} models are"
            self._report.note(f"{others} made before yours")

    async def _follow(self) -> None:
        """Report until the model is there; raises Unfit where it is not made."""
        await self._ask(Op.SNAPSHOT, SnapshotAsk(SnapshotOp.START, time=1))
        async with self._client.events(PROFILE, "snapshot", self._service.id) as events:
            while True:
                try:
                    async with asyncio.timeout(_SILENCE):
                        if await self._heard(events):
                            return
                except TimeoutError:
                    if await self._ready() is not None:
                        return

    async def _heard(self, events: Events) -> bool:
        try:
            event = await anext(events)
        except (StopAsyncIteration, HubRefused):
            await asyncio.sleep(_SILENCE)  # without events the hub is asked
            return False
        found = read_report(msgspec.json.encode(event.members))
        if found.job_id != self._id:
            return False
        if found.status in (JobState.FAILED, JobState.CANCELLED):
            raise Unfit(found.error or f"The model was {found.status}")
        stage = found.stage or (
            "Waiting" if found.status is JobState.QUEUED else "Making the model"
        )
        self._report.progress(stage, found.progress)
        return found.status is JobState.DONE

    async def _ready(self) -> Transfer | None:
        try:
            return read_transfer(await self._ask(Op.RECEIVE, ReceiveAsk()))
        except CreationError as error:
            if error.code is not Code.NOT_READY:
                raise
            return None

    async def _fetch(self, wish: Wish) -> None:
        files = read_transfer(await self._ask(Op.RECEIVE, ReceiveAsk())).files
        by_format = {f".{one.format}": one for one in files if not one.part}
        context = await self._wire.verifier.context() or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx2.AsyncClient(
            base_url=self._wire.url, verify=context, trust_env=False, timeout=_STALL
        ) as http:
            for path in wish.outputs:
                entry = by_format.get(path.suffix.lower())
                if entry is None:
                    there = ", ".join(sorted(by_format))
                    raise Unfit(f"The service made no {path.suffix} but {there}; name such a file")
                self._report.progress(f"Fetching {path.name}", 1.0)
                with writing(path) as file:
                    async for piece in _pieces(http, entry):
                        file.write(piece)


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_ANSWER):
            yield
    except TimeoutError:
        raise Unfit(f"The hub did not answer within {_ANSWER:.0f} s; try again") from None


def find_template(templates: Sequence[TemplateEntry], wanted: str) -> int:
    """Return the number of a template by number, name or species; raises Unfit."""
    word = wanted.strip().lower()
    named = [(one, str(one.extra.get("name", "")).lower()) for one in templates]
    for one, name in named:
        if word in (str(one.template_id), name):
            return one.template_id
    same = [(one, name) for one, name in named if one.species.lower() == word]
    for one, name in same:
        if name.endswith("-male-adult"):  # what `--here` takes too
            return one.template_id
    if same:
        return same[0][0].template_id
    known = ", ".join(name or str(one.template_id) for one, name in named)
    raise Unfit(f"There is no template {wanted!r}; there is: {known}", 2)


def _path(entry: FileEntry) -> str:
    """Return the path only: a picture goes to the hub, whatever the answer says."""
    return urlsplit(entry.url).path


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _pieces(http: httpx2.AsyncClient, entry: FileEntry) -> AsyncIterator[bytes]:
    """Yield a model's bytes; raises Unfit where they are not those that were announced."""
    parts = urlsplit(entry.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    hashed, size = hashlib.sha256(), 0
    try:
        async with http.stream("GET", target) as answer:
            if answer.status_code != 200:
                raise Unfit(f"The hub does not give the model out (HTTP {answer.status_code})")
            async for piece in answer.aiter_bytes():
                size += len(piece)
                if size > _LARGEST:
                    raise Unfit(f"The model has more than {_LARGEST >> 20} MB")
                hashed.update(piece)
                yield piece
    except httpx2.TransportError as error:
        raise Unfit("The connection to the hub broke off; run the command again") from error
    if entry.sha256 and hashed.hexdigest() != entry.sha256:
        raise Unfit("The model arrived damaged; run the command again")
