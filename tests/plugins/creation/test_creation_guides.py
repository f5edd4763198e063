"""Guides of templates: the hub fetches them from the service that names them, not elsewhere."""

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gotapi_creation import guides as module
from gotapi_creation.client import ServiceClient
from gotapi_creation.guide_picture import LARGEST, clean
from gotapi_creation.guides import Guides
from gotapi_creation.pictures import PictureError
from gotapi_creation.wire import Code, CreationError


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 80), **options: object) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, "#336699").save(data, kind, **options)
    return data.getvalue()


async def guide_of(app, name="2DsilhouetteImgUrl"):
    if not app.secure:
        await app.connect()
    [entry] = (await app.ask("getattribute"))["templateInfo"]
    return await app.http.get(entry[name])


def named(fake, **addresses):
    """Let the service's template have these addresses."""
    [entry] = fake.getattribute({})["templateInfo"]
    fake.answers["getattribute"] = lambda _: {"templateInfo": [entry | addresses]}


async def test_a_guide_comes_from_its_service_once_and_no_token_goes_there(app, fake):
    fake.guides["13579"] = Response(picture("JPEG", comment=b"made by hand"))
    answer = await guide_of(app)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size, image.info) == ("PNG", (40, 80), {})
    assert (await guide_of(app)).content == answer.content
    [request] = fake.looked
    assert "authorization" not in request.headers
    assert not request.url.query


async def test_the_other_views_are_had_in_the_same_way(app, fake):
    fake.guides["side"] = Response(picture("WEBP"))
    named(fake, rightSilhouetteImgUrl=f"{fake.url}/silhouette2D/side", backSilhouetteImgUrl="")
    assert (await guide_of(app, "rightSilhouetteImgUrl")).status_code == 200
    [entry] = (await app.ask("getattribute"))["templateInfo"]
    assert entry["backSilhouetteImgUrl"] == ""


async def test_who_looks_at_once_shares_one_fetch(app, fake):
    fake.guides["13579"] = Response(picture())
    await app.connect()
    answers = await asyncio.gather(*(guide_of(app) for _ in range(5)))
    assert {one.status_code for one in answers} == {200}
    assert len(fake.looked) == 1


async def endless():
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lambda: Response(status_code=404), "HTTP 404"),
        (lambda: RedirectResponse("/silhouette2D/good"), "HTTP 307"),
        (lambda: Response("<svg/>", media_type="image/svg+xml"), "is an SVG"),
        (lambda: Response(b""), "is an empty file"),
        (lambda: Response(picture()[:60]), "ends too early"),
        (lambda: Response(picture(size=(8, 8))), "has only 8 x 8 pixels"),
        (lambda: Response(picture(size=(5000, 20))), "has 5000 x 20 pixels"),
        (lambda: StreamingResponse(endless()), "longer than 4194304 bytes"),
    ],
)
async def test_what_is_no_guide_is_refused_in_words(app, fake, reply, words):
    fake.guides = {"13579": reply(), "good": Response(picture())}
    answer = await guide_of(app)
    assert answer.status_code == 502
    assert words in answer.json()["errorMessage"]
    await guide_of(app)
    assert len(fake.looked) == 1  # it is not asked again at once


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:{port}/silhouette2D/13579",
        "http://127.0.0.2:{port}/x",
        "ftp://127.0.0.1/x",
    ],
)
async def test_the_hub_looks_at_the_services_own_host_only(app, fake, address):
    fake.guides["13579"] = Response(picture())
    port = fake.url.rpartition(":")[2]
    named(fake, **{"2DsilhouetteImgUrl": address.format(port=port)})
    answer = await guide_of(app)
    assert answer.status_code == 502
    assert "another place than its own" in answer.json()["errorMessage"]
    assert fake.looked == []


async def test_an_address_that_was_guessed_has_nothing(app):
    answer = await app.http.get(f"{app.url}/3dcapi/files/guides/{'0' * 32}")
    assert answer.status_code == 404
    assert "call getattribute again" in answer.json()["errorMessage"]


def test_pixels_are_turned_and_made_smaller_and_the_rest_is_left_behind(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    source, made = tmp_path / "in", tmp_path / "out.png"
    source.write_bytes(picture("JPEG", (2000, 500), exif=exif))
    clean(source, made)
    with Image.open(made) as image:
        assert image.size == (LARGEST // 4, LARGEST)
        assert not image.getexif()


def test_a_picture_with_a_good_head_and_no_pixels_is_told(tmp_path):
    data = bytearray(picture())
    at = data.index(b"IDAT") + 4
    data[at : at + 8] = b"\xff" * 8
    source = tmp_path / "in"
    source.write_bytes(data)
    with pytest.raises(PictureError, match="damaged"):
        clean(source, tmp_path / "out.png")


class Service:
    """A creation service that gives guides, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: CreationError | None = None

    async def reach(self, _own_id: str) -> tuple["Service", str]:
        return self, ""

    async def guide(self, address: str, _limit: int) -> bytes:
        self.asked.append(address)
        if self.error is not None:
            raise self.error
        return picture()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Guides of a service that a test speaks for, and a clock that it turns."""

    async def copied(command, *_options):
        await asyncio.to_thread(Path(command[-1]).write_bytes, picture())
        return SimpleNamespace(code=0, timed_out=False, said=())

    monkeypatch.setattr(module, "run", copied)
    service, clock = Service(), SimpleNamespace(now=0.0)
    guides = Guides(tmp_path, service, lambda: clock.now)
    return SimpleNamespace(guides=guides, service=service, clock=clock, monkeypatch=monkeypatch)


def key_of(path: str) -> str:
    return path.rpartition("/")[2]


async def test_a_guide_is_fetched_anew_after_a_day_and_a_failure_after_half_a_minute(desk):
    key = key_of(desk.guides.offer("one", "http://a", "http://a/x.png"))
    await desk.guides.picture(key)
    desk.clock.now = 86_000
    await desk.guides.picture(key)
    assert desk.service.asked == ["/x.png"]
    desk.clock.now = 87_000
    desk.service.error = CreationError(Code.SERVICE_OFFLINE, "gone")
    for _ in range(2):
        with pytest.raises(CreationError, match="gone"):
            await desk.guides.picture(key)
    assert len(desk.service.asked) == 2
    desk.clock.now = 87_031
    desk.service.error = None
    await desk.guides.picture(key)
    assert len(desk.service.asked) == 3


async def test_an_address_stays_the_same_where_the_service_moved(desk):
    first = desk.guides.offer("one", "http://a:1", "http://a:1/x.png")
    assert desk.guides.offer("one", "http://a:2", "http://a:2/x.png") == first
    assert desk.guides.offer("two", "http://a:2", "http://a:2/x.png") != first
    assert desk.guides.offer("one", "http://a:2", "http://a:20/x.png") != first


async def test_addresses_and_pictures_are_bounded(desk):
    desk.monkeypatch.setattr(module, "MOST_OFFERED", 3)
    desk.monkeypatch.setattr(module, "MOST_KEPT", 2)
    keys = [key_of(desk.guides.offer("one", "http://a", f"/{at}")) for at in range(4)]
    with pytest.raises(CreationError, match="getattribute"):
        await desk.guides.picture(keys[0])
    paths = [await desk.guides.picture(key) for key in keys[1:]]
    assert [path.exists() for path in paths] == [False, True, True]


async def test_the_end_of_the_hub_ends_a_fetch(desk):
    begun = asyncio.Event()

    async def slow(*_) -> bytes:
        begun.set()
        return await asyncio.get_running_loop().create_future()

    desk.monkeypatch.setattr(desk.service, "guide", slow)
    looking = asyncio.create_task(
        desk.guides.picture(key_of(desk.guides.offer("one", "http://a", "/x")))
    )
    await begun.wait()
    await desk.guides.stop()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_a_service_that_is_gone_is_told(app):
    client = ServiceClient(app.http, "http://127.0.0.1:9", "", 5.0)
    with pytest.raises(CreationError, match="cannot be reached"):
        await client.guide("/x.png", 100)
