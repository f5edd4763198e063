"""`gotapi plugins settings` and `set`, with a hub that runs and without one."""

from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.testing.process import HubProcess

TEXT = (
    '# mine\n[plugins.creation]\nservices = [{ url = "http://a.example/", key = "sesame" }] # A\n'
)


def gotapi(home: Path, *words: str, **options: Any) -> Result:
    return CliRunner(env={"COLUMNS": "150"}).invoke(
        main, ["plugins", *words, "--home", str(home)], **options
    )


def row(result: Result, name: str) -> list[str]:
    """The cells of a setting's row."""
    lines = [line for line in result.output.splitlines() if f"│ {name} " in line]
    assert len(lines) == 1, result.output
    return [cell.strip() for cell in lines[0].strip("│").split("│")]


def test_a_stopped_hub_has_its_file_changed_by_the_same_rules(tmp_path: Path) -> None:
    file = tmp_path / "gotapi.toml"
    shown = gotapi(tmp_path, "settings", "creation")
    assert shown.exit_code == 0, shown.output
    assert row(shown, "job_time") == ["job_time", "3600.0", "3600.0", "default"]
    assert "the section [plugins.creation]" in shown.output

    file.write_text(TEXT)
    made = gotapi(tmp_path, "set", "creation", "job_time=60", "compat=figures")
    assert made.exit_code == 0, made.output
    assert file.read_text() == f'{TEXT}job_time = 60\ncompat = "figures"\n'
    shown = gotapi(tmp_path, "settings", "creation")
    assert row(shown, "job_time") == ["job_time", "60", "3600.0", "gotapi.toml"]
    assert "sesame" not in shown.output
    made = gotapi(tmp_path, "set", "creation", "--unset", "job_time", "--unset", "compat")
    assert (made.exit_code, file.read_text()) == (0, TEXT)

    for words, said in (
        (("creation", "jobs_per_application=0"), "It should be a whole number from 1 to 100"),
        (("creation", "job_tim=3"), "plug-in 'creation' has no setting 'job_tim'; it has: "),
        (("creation", "job_time"), "a change is NAME=VALUE, not 'job_time'"),
        (("nobody", "a=1"), "There is no plug-in nobody; there are: creation, "),
    ):
        refused = gotapi(tmp_path, "set", *words)
        assert refused.exit_code != 0
        assert said in " ".join(refused.output.split())
        assert file.read_text() == TEXT
    file.write_text("[plugins")
    assert "is not TOML" in gotapi(tmp_path, "settings", "creation").output


def test_a_hub_in_a_new_folder_gets_a_file(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    made = gotapi(home, "set", "portrayal", "title=My scenes")
    assert made.exit_code == 0, made.output
    assert (home / "gotapi.toml").read_text() == '[plugins.portrayal]\ntitle = "My scenes"\n'
    (tmp_path / "file").write_text("")
    refused = gotapi(tmp_path / "file" / "home", "set", "portrayal", "title=x")
    assert refused.exit_code == 1
    assert "Not a directory" in refused.output


def test_a_running_hub_restarts_the_plugin_also_one_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "gotapi.toml"
    file.write_text(TEXT)
    options = ("plugin_host.creation.port=stdio", "plugins.creation.lost_time=5")
    with HubProcess(tmp_path, *(word for one in options for word in ("--set", one))):
        shown = gotapi(tmp_path, "settings", "creation")
        # Its type is in the other process, which has told the hub of it.
        assert row(shown, "job_time") == ["job_time", "3600.0", "3600.0", "default"]
        assert row(shown, "lost_time") == ["lost_time", "5", "120.0", "--set"]
        assert "sesame" not in shown.output
        made = gotapi(tmp_path, "set", "creation", "job_time=60")
        assert made.output == "Plug-in creation is ready\n"
        assert file.read_text() == f"{TEXT}job_time = 60\n"
        for words, said in (
            (("jobs_per_application=0",), "It should be a whole number from 1 to 100"),
            (("lost_time=6",), "(--set), which goes before the file"),
            (("services=[{ wrong = 1 }]",), "there is no setting 'services[0].wrong'"),
        ):
            refused = gotapi(tmp_path, "set", "creation", *words)
            assert (refused.exit_code, said in " ".join(refused.output.split())) == (1, True)

        file.write_text(f"{TEXT}job_time = 90\n")
        shown = gotapi(tmp_path, "settings", "creation")
        assert row(shown, "job_time")[1] == "90 *"
        assert "gotapi plugins set creation" in shown.output
        assert gotapi(tmp_path, "set", "creation").output == "Plug-in creation is ready\n"
        assert row(gotapi(tmp_path, "settings", "creation"), "job_time")[1] == "90"


def test_the_command_asks_before_it_ends_what_the_plugin_is_at(
    tmp_path: Path, monkeypatch: Any
) -> None:
    from gotapi_core.cli import plugins_settings
    from gotapi_core.cli.asking import Refused

    asked: list[bool] = []

    def ask(method: str, what: str, body: Any = None, home: Any = None) -> Any:
        if method == "GET":
            return {"revision": "r"}
        asked.append(body["sure"])
        if not body["sure"]:
            raise Refused("It would end this: the print of cube", 409)
        return {"state": "ready", "reason": "", "waits": ""}

    monkeypatch.setattr(plugins_settings, "ask", ask)
    monkeypatch.setattr(plugins_settings, "running", lambda lock: True)
    assert gotapi(tmp_path, "set", "printer", "discover=all", input="n\n").exit_code == 1
    assert asked == [False]
    made = gotapi(tmp_path, "set", "printer", "discover=all", input="y\n")
    assert (made.exit_code, asked) == (0, [False, False, True])
    assert "It would end this: the print of cube. Go on?" in made.output
    assert gotapi(tmp_path, "set", "printer", "discover=all", "--yes").exit_code == 0
    assert asked[-1] is True
