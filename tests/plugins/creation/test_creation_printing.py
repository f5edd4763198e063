"""3DCAPI-6: one call prints the result, with the application's own grant."""

from typing import Any, ClassVar

import pytest

from gotapi_core.plugin import Call, Context, Params, Plugin, Result, Service, put
from gotapi_core.protocol.errors import IllegalDeviceState

BOTH = "3dcapi,3dp"


class PrintWish(Params):
    uri: str
    name: str = ""
    copies: int = 1


class Queued(Result):
    job_id: str


class Printer(Plugin):
    """Stands for the printer plug-in, and reads the file as that does."""

    id = "press"
    name = "Press"
    got: ClassVar[list[tuple[PrintWish, bytes, str]]] = []
    names: ClassVar[list[str]] = ["one"]

    async def start(self, context: Context) -> None:
        await super().start(context)
        type(self).got = []

    def services(self) -> list[Service]:
        return [Service(id=name, name=name, scopes=("3dp",)) for name in type(self).names]

    @put("3dp", "printingCommand")
    async def print(self, call: Call, params: PrintWish) -> Queued:
        if params.copies > 9:
            raise IllegalDeviceState("The printer has no filament")
        blob = await self.context.blobs.open(params.uri, application=call.application)
        type(self).got.append((params, blob.path.read_bytes(), call.origin))
        return Queued(job_id="print-7")


async def made(app: Any, fake: Any) -> None:
    await app.begin()
    fake.finish()
    assert (await app.done())["result"] == 0


@pytest.fixture
async def press(monkeypatch):
    monkeypatch.setattr(Printer, "names", ["one"])
    return Printer


async def test_the_model_goes_to_the_printer(hub_of, fake, press):
    async with hub_of(fake.url, plugins=(press,), scope=BOTH) as app:
        await made(app, fake)
        answer = await app.ask("printing", "PUT", copies=2)
        assert (answer["result"], answer["printer"]) == (0, "one.press")
        assert answer["printJobId"] == "print-7"
        [(wish, data, origin)] = press.got
        assert (data, wish.copies, origin) == (fake.models["stl"], 2, "test.app")
        named = await app.ask("printing", "POST", printer="one.press", name="elf")
        assert named["result"] == 0
        assert press.got[-1][0].name == "elf"


async def test_3mf_is_printed_rather_than_stl(hub_of, fake, press):
    from gotapi_creation.model import Job, ResultFile
    from gotapi_creation.printing import _best
    from gotapi_creation.wire import CreationError

    def job(*formats: str) -> Job:
        files = tuple(ResultFile(1, kind, 1, "") for kind in formats)
        return Job("j", "s", "a", "x", 1, 0.0, (), results=files)

    assert _best(job("glb", "stl", "3mf")).format == "3mf"
    assert _best(job("png", "glb")).format == "glb"
    with pytest.raises(CreationError, match="no file that can be printed"):
        _best(job("png"))


async def test_printing_needs_the_scope_of_printers(hub_of, fake, press):
    async with hub_of(fake.url, plugins=(press,)) as app:
        await made(app, fake)
        answer = await app.ask("printing", "PUT")
        assert answer["errorCode"] == "NOT_PRINTED"
        assert "3dp" in answer["errorMessage"]
        assert not press.got


@pytest.mark.parametrize(
    ("names", "params", "words"),
    [
        ([], {}, "there is: none"),
        (["one", "two"], {}, "one.press, two.press"),
        (["one"], {"printer": "other"}, "There is no printer 'other'"),
        (["one"], {"copies": 99}, "no filament"),
    ],
)
async def test_what_stands_in_the_way_is_told(hub_of, fake, press, names, params, words):
    press.names = names
    async with hub_of(fake.url, plugins=(press,), scope=BOTH) as app:
        await made(app, fake)
        answer = await app.ask("printing", "PUT", **params)
        assert answer["errorCode"] == "NOT_PRINTED"
        assert words in answer["errorMessage"]


async def test_only_a_finished_model_is_printed(hub_of, fake, press):
    async with hub_of(fake.url, plugins=(press,), scope=BOTH) as app:
        await app.begin()
        assert (await app.ask("printing", "PUT"))["errorCode"] == "NOT_READY"
