"""GetView from the request to the bytes: what is in the pictures, and what is done only once."""

import asyncio
import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from gotapi_portrayal.catalogue import Catalogue, CrsInfo, Extension, Layer
from gotapi_portrayal.check import Shelf
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.surfaces import TriangleBatch
from gotapi_portrayal.data.types import Crs, FeatureDraft, LayerDraft, Material
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.view import desk as desks
from gotapi_portrayal.view import encode, looks, offer
from gotapi_portrayal.view.desk import ViewDesk
from gotapi_portrayal.view.notes import noted

UTM = np.array((456_000.0, 5_428_000.0, 110.0))
CRS = "EPSG:25832"
MODES = {"1bit": "1", "24bit": "RGB", "32bit": "RGBA"}
OBLIQUE = "Perspective,455950,5427900,300,456130,5428130,110,,,,60,,1,5000"


def write(store, town, *, name="town", first=0):
    """Keep the ground as one feature and each triangle of the houses as another."""
    vertices, triangles, _ = town
    with store.write(LayerDraft(name, "Town", Crs(CRS, CRS))) as writer:
        red = writer.material(Material("brick", (0.9, 0.2, 0.1)))
        owners = np.where(np.arange(len(triangles)) < 3200, 0, 1 + np.arange(len(triangles)) // 900)
        for count in range(first, int(owners.max()) + 1):
            number = writer.feature(FeatureDraft(f"house-{count}", "Building"))
            mine = triangles[owners == count]
            if len(mine):
                writer.triangles(batch(vertices + UTM, mine, number, red))


def batch(points, triangles, number, material):
    count = len(triangles)
    return TriangleBatch(
        points=points,
        triangles=triangles.astype(np.int64),
        features=np.full(count, number),
        lods=np.full(count, 255, np.uint8),
        masks=np.full(count, 1 << 31, np.uint32),
        materials=np.full(count, material, np.uint32),
        surfaces=np.zeros(count, np.uint8),
    )


def catalogue():
    return Catalogue(
        version=1,
        extensions=(Extension.VIEW,),
        layers=(Layer(id="town", crs=(CRS, "EPSG:4326"), styles=looks.STYLES),),
        crs={
            CRS: CrsInfo(CRS),
            "EPSG:4326": CrsInfo("EPSG:4326", geographic=True, north_first=True),
        },
        overall_styles=offer.OVERALL_STYLES,
        backgrounds=offer.BACKGROUNDS,
        image_layers=offer.IMAGE_LAYERS,
        projections=offer.PROJECTIONS,
    )


@pytest.fixture(scope="module")
def store(town, tmp_path_factory):
    kept = SqliteSceneStore(tmp_path_factory.mktemp("scenes") / "scenes.sqlite3")
    write(kept, town)
    yield kept
    kept.close()


@pytest.fixture
def desk(native, store):
    made = ViewDesk(store, native, threads=2)
    yield made
    made.close()


@pytest.fixture
def any_desk(engine, store):
    """One that draws by each of the engines."""
    made = ViewDesk(store, engine, threads=2)
    yield made
    made.close()


def asked(
    layers="COLOR", formats="image/png", more="", projection=OBLIQUE, crs=CRS, size=(160, 120)
):
    return read_fields(
        read_query(
            f"service=3DPS&version=1.0&request=GetView&crs={crs}&layers=town{more}"
            f"&portrayals=WIDTH={size[0]};HEIGHT={size[1]};PROJECTION={projection}"
            f";IMAGELAYERS={layers};FORMATS={formats}".encode()
        )
    )


async def view(desk, request):
    return await desk.view(request, Shelf(catalogue()).select(request))


def pixels(data, mode=None):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode) if mode else image)


def parts_of(drawn):
    """Take a multipart answer apart, as RFC 2046 has it."""
    first, *inner, last = drawn.body.split(b"--3DPS_MULTIPART_MESSAGE_BOUNDARY")
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for part in inner:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(line.split(": ") for line in head.decode().split("\r\n"))
        assert int(fields["Content-Length"]) == len(data) - 2
        found.append((fields["Content-Type"], data.removesuffix(b"\r\n")))
    return found


async def test_every_layer_says_the_same_of_each_pixel(any_desk, store):
    request = asked(
        "COLOR,DEPTH,OBJECTID,NORMAL,MASK",
        "image/png,image/png%3Bmode=32bit,image/png%3Bmode=32bit,image/png,image/png%3Bmode=1bit",
        "&overallstyles=aliased&backgroundcolor=0x010203",
    )
    drawn = await view(any_desk, request)
    assert drawn.content_type == "multipart/mixed; boundary=3DPS_MULTIPART_MESSAGE_BOUNDARY"
    parts = parts_of(drawn)
    assert [kind for kind, _ in parts] == [layer.format for layer in request.views[0].layers]
    colour, depth, ids, normal, mask = (pixels(data) for _, data in parts)
    assert colour.shape == (120, 160, 3)
    numbers = ids.astype(np.uint32) @ (1 << np.arange(0, 32, 8, dtype=np.uint32))
    seen = numbers > 0
    assert 0.2 < seen.mean() < 0.95
    assert ((encode.depth_words(depth) > 0) == seen).all()
    assert (normal.any(axis=2) == seen).all()
    assert (mask == ~seen).all()  # black where there is something
    assert (colour[~seen] == (1, 2, 3)).all()
    found = store.features(np.unique(numbers[seen]).tolist())
    assert {feature.layer for feature in found.values()} == {"town"}
    assert len(found) == len(np.unique(numbers[seen]))


async def test_equal_requests_are_drawn_once_and_kept(desk, monkeypatch):
    drawn = []
    render = desks.Renderer.render
    monkeypatch.setattr(
        desks.Renderer, "render", lambda self, *args: drawn.append(1) or render(self, *args)
    )
    request = asked(projection=OBLIQUE.replace("300", "301"))
    answers = await asyncio.gather(*(view(desk, request) for _ in range(12)))
    assert len(drawn) == 1
    assert len({answer.body for answer in answers}) == 1
    again = await view(desk, request)
    assert again is answers[0]
    assert again.etag == await desk.etag(request, Shelf(catalogue()).select(request))


async def test_nobody_waits_so_nothing_is_drawn(desk, monkeypatch):
    begun = []
    monkeypatch.setattr(desks, "AT_ONCE", 0)
    desk._turn = asyncio.Semaphore(0)
    monkeypatch.setattr(desks.ViewDesk, "_drawn", lambda *args: begun.append(1))
    one, other = (asyncio.ensure_future(view(desk, asked())) for _ in range(2))
    while [work.waiting for work in desk._coming.values()] != [2]:  # noqa: ASYNC110  # turns
        await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert len(desk._coming) == 1  # the other one still wants it
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert not desk._coming
    desk._turn.release()
    await asyncio.sleep(0)
    assert begun == []


async def test_a_changed_layer_is_drawn_anew(native, town, tmp_path):
    store = SqliteSceneStore(tmp_path / "scenes.sqlite3")
    write(store, town)
    desk = ViewDesk(store, native)
    before = await view(desk, asked())
    write(store, town, first=1)  # without the ground
    after = await view(desk, asked())
    assert before.etag != after.etag
    assert before.body != after.body
    desk.close()
    store.close()


async def test_degrees_show_the_same_as_metres(any_desk):
    pyproj = pytest.importorskip("pyproj")
    there = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    eye, target = there.transform(455950, 5427900), there.transform(456130, 5428130)
    plain = pixels((await view(any_desk, asked("OBJECTID"))).body)
    for crs, order in (("EPSG:4326", 1), ("urn:ogc:def:crs:EPSG::4326", -1)):
        poc, poi = (",".join(f"{value:.9f}" for value in point[::order]) for point in (eye, target))
        projection = f"Perspective,{poc},300,{poi},110,,,,60,,1,5000"
        turned = pixels(
            (await view(any_desk, asked("OBJECTID", crs=crs, projection=projection))).body
        )
        assert (plain == turned).all(axis=2).mean() > 0.99


async def test_styles_and_backgrounds_differ(desk):
    seen = {}
    for style in (one.id for one in offer.OVERALL_STYLES):
        seen[style] = (await view(desk, asked(more=f"&overallstyles={style}"))).body
    for name in (one.id for one in offer.BACKGROUNDS):
        seen[name] = (await view(desk, asked(more=f"&background={name}"))).body
    for style in (one.id for one in looks.STYLES):
        seen[f"layer {style}"] = (await view(desk, asked(more=f"&styles={style}"))).body
    same = {"shaded", "layer as-is"}  # the defaults
    assert len(set(seen.values())) == len(seen) - len(same) + 1
    smooth, hard = (pixels(seen[name]) for name in ("shaded", "aliased"))
    assert len(np.unique(smooth.reshape(-1, 3), axis=0)) > len(
        np.unique(hard.reshape(-1, 3), axis=0)
    )


async def test_background_order_and_transparency(any_desk):
    corner = (0, 0)
    red = pixels(
        (
            await view(any_desk, asked(more="&backgroundcolor=0xFF0000&transparentbackground=true"))
        ).body
    )
    assert red[corner].tolist() == [255, 0, 0]
    clear = pixels((await view(any_desk, asked(more="&transparentbackground=true"))).body)
    assert clear.shape[2] == 4
    assert clear[corner][3] == 0
    assert clear[..., 3].max() == 255
    jpeg = pixels(
        (await view(any_desk, asked("COLOR", "image/jpeg", "&transparentbackground=true"))).body
    )
    assert jpeg[corner].min() > 250  # no error: it cannot be transparent, so it is white


@pytest.mark.parametrize("layer", offer.IMAGE_LAYERS, ids=lambda layer: layer.id)
async def test_every_format_that_is_offered(any_desk, layer):
    for form in layer.formats:
        drawn = await view(any_desk, asked(layer.id, form.replace(";", "%3B")))
        assert drawn.content_type == form
        image = Image.open(io.BytesIO(drawn.body))
        assert image.size == (160, 120)
        assert image.format.lower() in form
        if "mode=" in form:
            assert {"1bit": "1", "24bit": "RGB", "32bit": "RGBA"}[
                form.partition("=")[2]
            ] == image.mode


@pytest.mark.parametrize(
    ("projection", "says"),
    [
        ("Perspective,456000,5428000,200,456000,5428000,200,,,,60,,1,100", "same point"),
        ("Perspective,456000,5428000,200,456000,5428001,200,0,1,0,60,,1,100", "Up"),
        ("Perspective,456000,5428000,200,456000,5428001,200,,,,60,,100,1", "NearPlane"),
        ("Orthographic,456000,5428000,200,456000,5428001,200,,,,9,-9,-9,9,1,9", "Left"),
    ],
)
async def test_a_camera_that_sees_nothing_is_told_so(desk, projection, says):
    with pytest.raises(OwsError, match=says) as caught:
        await view(desk, asked(projection=projection))
    assert caught.value.code is Code.INVALID_PARAMETER_VALUE


async def test_an_error_leaves_the_desk_as_it_was(desk, monkeypatch):
    def broken(*_):
        raise MemoryError("no memory to draw the view")

    with monkeypatch.context() as patch:
        patch.setattr(desks.Renderer, "render", broken)
        with pytest.raises(MemoryError):
            await view(desk, asked(size=(33, 33)))
    assert (await view(desk, asked(size=(33, 33)))).body


def test_what_went_wrong_can_be_read_on_a_picture():
    text = "StyleNotDefined: styles: layer town does not have 'neon'; it has as-is, plain"
    for size in ((640, 480), (160, 120), (30, 20), (1, 1)):
        image = pixels(noted(text, "image/png", size, (255, 255, 255))[1], "L")
        assert image.shape == (size[1], size[0])
        if size[0] >= 160:
            ink = (image < 128).mean()
            assert 0.005 < ink < 0.3
            assert (image[:2] > 200).all()  # it stays inside
            assert (image[-2:] > 200).all()


async def test_the_answer_is_the_same_for_every_way_to_ask_for_exceptions(desk):
    one = await view(desk, asked())
    other = await view(desk, asked(more="&exceptions=inimage"))
    assert one.etag == other.etag


def test_requests_are_values():
    assert msgspec.structs.replace(asked(), transparent=True) != asked()
