"""The operator's registry of creation services, and the command that keeps it."""

import stat

import pytest
from click.testing import CliRunner

from gotapi_creation.cli import creation, plugin_folder
from gotapi_creation.model import ServiceSettings
from gotapi_creation.registry import Registry, RegistryError, checked_url, of_settings, unique_id


def run(tmp_path, *words):
    return CliRunner().invoke(creation, [*words, "--home", str(tmp_path)])


def test_services_are_added_listed_and_removed(tmp_path):
    key = tmp_path / "key"
    key.write_text("s3cret\nmore")
    assert run(tmp_path, "list").output == "No creation service was added.\n"
    added = run(tmp_path, "add", "http://maker.local:4045", "--key-file", str(key))
    assert added.output == "Added maker-local-4045  http://maker.local:4045\n"
    assert run(tmp_path, "add", "https://b.example", "--name", "Big One").exit_code == 0
    listed = run(tmp_path, "list").output
    assert "maker-local-4045  http://maker.local:4045  (with a key)" in listed
    assert "big-one  https://b.example" in listed
    assert "s3cret" not in listed
    assert run(tmp_path, "remove", "big-one").output == "Removed big-one  https://b.example\n"
    [left] = Registry(plugin_folder(tmp_path)).load()
    assert left.key == "s3cret"


def test_the_file_is_its_users_alone(tmp_path):
    run(tmp_path, "add", "http://a.example")
    path = plugin_folder(tmp_path) / "services.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "ftp://a.example"), "no address"),
        (("add", "http://a.example/?x=1"), "no address"),
        (("add", "http://user:pw@a.example"), "no address"),
        (("remove", "nobody"), "there is no service 'nobody'; there is: none"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path, words, message):
    result = run(tmp_path, *words)
    assert result.exit_code == 1
    assert message in result.output


def test_a_service_is_added_once(tmp_path):
    registry = Registry(tmp_path)
    registry.add("http://a.example/3dcapi/")
    with pytest.raises(RegistryError, match="there already"):
        registry.add("http://a.example")


def test_there_is_an_end_to_services(tmp_path, monkeypatch):
    monkeypatch.setattr("gotapi_creation.registry._MOST", 1)
    registry = Registry(tmp_path)
    registry.add("http://a.example")
    with pytest.raises(RegistryError, match="remove one first"):
        registry.add("http://b.example")


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "services.json").write_text("{")
    with pytest.raises(RegistryError, match=r"services\.json cannot be read"):
        Registry(tmp_path).load()
    home = tmp_path / "data" / "plugins" / "creation"
    home.mkdir(parents=True)
    (home / "services.json").write_text("[3]")
    assert "cannot be read" in run(tmp_path, "list").output


def test_ids_are_made_of_names_and_stay_apart():
    found = of_settings((ServiceSettings("http://a.example"), ServiceSettings("http://a.example")))
    assert [one.id for one in found] == ["a-example", "a-example-2"]
    assert unique_id("!!!", set()) == "service"
    assert checked_url("maker.local") == "http://maker.local"


def test_the_folder_is_where_the_hub_keeps_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert plugin_folder(None) == tmp_path / "gotapi" / "plugins" / "creation"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert plugin_folder(None).parts[-3:] == ("gotapi", "plugins", "creation")


async def test_a_running_hub_knows_a_service_at_once(hub_of, fake, parts, tmp_path):
    async with parts["running"](parts["Fake"]()) as more, hub_of(fake.url) as app:
        run(tmp_path / "home", "add", more.url, "--name", "Fake 0")
        found = (await app.ask("servicediscovery"))["services"]
        assert [one["serviceId"] for one in found] == ["fake-0.creation", "fake-0-2.creation"]
        run(tmp_path / "home", "remove", more.url)
        assert len((await app.ask("servicediscovery"))["services"]) == 1
        path = app.live.hub.paths.plugin("creation") / "services.json"
        path.write_text("{")
        assert (await app.ask("servicediscovery"))["services"] == []
