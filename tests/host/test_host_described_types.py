"""Types made for plug-ins in other processes have names of their own, so they can be described."""

from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.host.described import description_of
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.plugin_wire import Describe, RouteData


def described(plugin_id: str) -> Source:
    text = {"type": "object", "properties": {"text": {"type": "string"}}}
    describe = Describe(
        routes=(
            RouteData(kind="one-shot", profile="say", attribute="it", params=text, result=text),
            RouteData(kind="event", profile="say", attribute="it", params=text, result=text),
            RouteData(kind="one-shot", method="POST", profile="say", attribute="it", params=text),
        )
    )
    manifest = Manifest(id=plugin_id, name="Sayer", version="1", module="sayer", profiles=("say",))
    return Source(plugin_id, "Sayer", "1", tuple(description_of(manifest, describe).routes))


def test_routes_of_one_plugin_and_of_two_can_be_described_together() -> None:
    catalog = Catalog((), [described("one"), described("two")], "1")
    for source in catalog.sources[1:]:
        for route in source.routes:
            members, _ = catalog.schemas.members(route.params_type)
            assert members["text"]["type"] == "string"
