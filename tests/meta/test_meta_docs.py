"""The documentation says everything there is, and needs nothing from elsewhere when it is read."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gotapi_core.host.ports import PluginHost
from gotapi_core.plugin import hookspecs
from gotapi_core.settings import Settings
from gotapi_creation.model import CreationSettings
from gotapi_portrayal.model import PortrayalSettings
from gotapi_printer.model import PrinterSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

HOOKS = [
    function
    for name, function in vars(hookspecs).items()
    if name.startswith("gotapi_") and inspect.isfunction(function)
]


def rows(page: str) -> dict[str, tuple[str, str]]:
    """The name, default and meaning of each setting that a page has a row for."""
    text = (DOCS / page).read_text()
    found = re.findall(r"^\| `([a-z_]+\.[a-z_<>.]+)` \| `([^`]*)` \| (.+) \|$", text, re.MULTILINE)
    return {name: (default, meaning) for name, default, meaning in found}


def settings() -> Iterator[tuple[str, object]]:
    """Every setting and its default."""
    for section in msgspec.structs.fields(Settings):
        if isinstance(section.default, msgspec.Struct):
            yield from members(section.name, type(section.default))
    yield from members("plugin_host.<id>", PluginHost)
    yield from members("plugins.printer", PrinterSettings)
    yield from members("plugins.portrayal", PortrayalSettings)
    yield from members("plugins.creation", CreationSettings)


def members(section: str, kind: type[msgspec.Struct]) -> Iterator[tuple[str, object]]:
    for field in msgspec.structs.fields(kind):
        made = field.default is msgspec.NODEFAULT
        yield f"{section}.{field.name}", field.default_factory() if made else field.default


def test_every_setting_has_its_row_with_its_default_and_no_other_has() -> None:
    expected = {name: msgspec.json.encode(default).decode() for name, default in settings()}
    assert {name: default for name, (default, _) in rows("settings.md").items()} == expected


def test_other_pages_give_the_same_defaults() -> None:
    expected = {name: default for name, (default, _) in rows("settings.md").items()}
    for page in PAGES:
        for name, (default, _) in rows(page.name).items():
            assert expected[name] == default, f"{page.name}: {name}"


def test_every_section_of_the_settings_has_a_heading() -> None:
    text = (DOCS / "settings.md").read_text()
    for section in msgspec.structs.fields(Settings):
        assert f"\n## `[{section.name}" in text, section.name


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_has_a_heading_with_its_exact_signature(hook: object) -> None:
    assert inspect.isfunction(hook)
    [node] = ast.parse(inspect.getsource(hook)).body
    assert isinstance(node, ast.FunctionDef)
    assert node.returns is not None
    heading = f"### {node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
    assert f"\n{heading}\n" in (DOCS / "plugins.md").read_text()


def test_there_are_hooks() -> None:
    assert len(HOOKS) >= 6


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_python_in_the_pages_is_python(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        compile(block, page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_script_of_the_applications_page_is_that_of_the_example() -> None:
    [script] = re.findall(
        r"^```js\n(.*?)^```", (DOCS / "applications.md").read_text(), re.DOTALL | re.MULTILINE
    )
    library = (ROOT / "examples" / "page" / "hub.js").read_text()
    for method in set(re.findall(r"hub\.([a-z]+)\(", script)):
        assert re.search(rf"^  (?:async )?{method}\(", library, re.MULTILINE), method


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a broken link, a page outside the navigation, and the build fails."""
    target = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return target


def test_every_page_is_built(site: Path) -> None:
    for page in PAGES:
        assert (site / f"{page.stem}.html").exists()
    assert "Changelog" in (site / "changelog.html").read_text()
    assert "Contributing" in (site / "contributing.html").read_text()


def test_reading_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["']?(?:https?:)?//""")
    for page in site.rglob("*.html"):
        assert not fetched.search(page.read_text()), page.name
    imported = re.compile(r"""(?:@import\s*|url\(\s*)["']?(?:https?:)?//""")
    for sheet in site.rglob("*.css"):
        assert not imported.search(sheet.read_text()), sheet.name
