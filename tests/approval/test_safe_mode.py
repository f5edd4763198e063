"""Safe mode in a process of its own: asked for, or after a start that did not complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gotapi_core.cli import main
from gotapi_core.start_marker import StartMarker, safe_mode_reason
from gotapi_core.testing.process import HubProcess

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def home(tmp_path: Path, foreign, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose plug-in runs in the hub's own process and kills it when a file says so."""
    monkeypatch.setenv("PYTHONPATH", str(foreign.package.parent))
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "plugins.d").rename(home / "plugins.d")
    (home / "gotapi.toml").write_text('[plugin_host.lamp]\nport = "inprocess"\n')
    source = foreign.package / "__init__.py"
    fatal = tmp_path / "fatal"
    kill = f"import os\nif Path({str(fatal)!r}).exists():\n    os.kill(os.getpid(), 9)\n"
    source.write_text(source.read_text().replace("\n\nclass Told", f"\n{kill}\n\nclass Told", 1))
    return home


def gotapi(home: Path, *words: str, answer: str = "") -> str:
    done = CliRunner().invoke(main, ["plugins", *words, "--home", str(home)], input=answer)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def plugin(hub: HubProcess) -> dict[str, str]:
    (one,) = [one for one in hub.operator("GET", "state")["plugins"] if one["id"] == "lamp"]
    return one


def test_the_commands_decide_and_a_fatal_start_leads_to_safe_mode(
    home: Path, tmp_path: Path
) -> None:
    with HubProcess(home) as hub:
        assert "lamp" in gotapi(home, "list")
        assert "is pending it waits for your approval" in gotapi(home, "show", "lamp")
        shown = gotapi(home, "approve", "lamp", answer="y\n")
        assert "wants: nothing outside its own folder" in shown
        assert "Plug-in lamp is ready" in shown
        assert "nothing more about a fault" in gotapi(home, "show", "lamp", "--traceback")
        unknown = CliRunner().invoke(main, ["plugins", "show", "lamb", "--home", str(home)])
        assert "There is no plug-in lamb; there are: " in unknown.output
        own = CliRunner().invoke(main, ["plugins", "approve", "printer", "--home", str(home)])
        assert "cannot be approved: it came with the hub" in own.output
        off = gotapi(home, "disable", "lamp")
        assert "Plug-in lamp is stopped: you turned it off" in off
        assert "Plug-in lamp is ready" in gotapi(home, "enable", "lamp")
        assert "Plug-in lamp is pending" in gotapi(home, "revoke", "lamp")
        assert "Plug-in lamp is ready" in gotapi(home, "approve", "lamp", "--yes")

    (tmp_path / "fatal").touch()
    dying = HubProcess(home)
    with pytest.raises(RuntimeError, match="did not start"):
        dying.start()
    assert dying.stop() == -9
    with HubProcess(home) as hub:  # which would die again
        state = hub.operator("GET", "state")
        assert state["hub"]["safeMode"] == (
            "its last start did not complete while plug-ins were starting (lamp)"
        )
        assert plugin(hub)["state"] == "stopped"
        assert "SAFE MODE: its last start did not complete" in gotapi(home, "list")
        assert "safe mode" in gotapi(home, "show", "lamp")
        gotapi(home, "disable", "lamp")
    with HubProcess(home) as hub:  # stopped in good order, so that is over
        assert hub.operator("GET", "state")["hub"]["safeMode"] == ""
        assert plugin(hub)["state"] == "stopped"


def test_safe_mode_on_request_starts_only_the_hubs_own(home: Path, foreign) -> None:
    with HubProcess(home) as hub:
        assert hub.approve_plugin("lamp") == "ready"
    foreign.ran.unlink()
    with HubProcess(home, "--safe-mode") as hub:
        plugins = {one["id"]: one for one in hub.operator("GET", "state")["plugins"]}
        assert plugins["printer"]["state"] == "ready"
        assert plugins["lamp"]["state"] == "stopped"
        assert "safe mode" in plugins["lamp"]["reason"]
        assert hub.operator("POST", "plugin-enable", {"id": "lamp"})["state"] == "stopped"
        assert not foreign.ran.exists()
    with HubProcess(home) as hub:
        assert plugin(hub)["state"] == "ready"


def test_a_hub_without_others_plugins_leaves_no_mark(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path).start()
    hub.kill()
    assert safe_mode_reason(tmp_path / "data", wished=False) == ""


def test_the_marker(tmp_path: Path) -> None:
    marker = StartMarker(tmp_path)
    assert marker.found() is None
    marker.write(["b", "a"])
    assert marker.found() == ["a", "b"]
    assert safe_mode_reason(tmp_path, wished=False).endswith("were starting (a, b)")
    assert safe_mode_reason(tmp_path, wished=True) == "it was started with --safe-mode"
    marker.clear()
    marker.clear()
    assert marker.found() is None


@pytest.mark.parametrize("text", [b"", b"{", b"3", b"\xff", b"[1]", b"[" * 9000])
def test_a_marker_that_cannot_be_read_is_one_all_the_same(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "starting.json").write_bytes(text)
    assert StartMarker(tmp_path).found() == []
    assert safe_mode_reason(tmp_path, wished=False).endswith("plug-ins were starting")
