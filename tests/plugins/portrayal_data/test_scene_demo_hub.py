"""`gotapi run --demo` serves the demonstration city."""

from pathlib import Path

from gotapi_core.testing.process import HubProcess
from gotapi_portrayal.model import PortrayalSettings


def test_the_city_is_there_with_demo(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "home", "--demo") as hub:
        hub.wait_for_service("demo-city.portrayal")
        hub.wait_for_service("demo-terrain.portrayal")
    assert not (tmp_path / "home" / "data" / "plugins" / "portrayal" / "scenes.sqlite3").exists()


def test_scenes_lie_in_the_folder_of_the_plugin_or_another(tmp_path: Path) -> None:
    assert PortrayalSettings().folder(tmp_path) == tmp_path
    assert PortrayalSettings(scenes="~/scenes").folder(tmp_path) == Path.home() / "scenes"
