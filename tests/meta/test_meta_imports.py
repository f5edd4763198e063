"""The arrows of CONTRIBUTING.md: nothing imports upwards, and pure code stays pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OURS = (
    "gotapi_core.", "gotapi_auth", "gotapi_creation", "gotapi_meshes", "gotapi_portrayal",
    "gotapi_printer",
)  # fmt: skip

FILES = "gotapi_core.whole_file"
BELOW_PLUGINS = {"gotapi_core.plugin", "gotapi_core.protocol", "gotapi_meshes", FILES}

# package or module -> what of the project it may import
ALLOWED = {
    "gotapi_core.protocol": {"gotapi_core.protocol"},
    FILES: {FILES},
    "gotapi_core.faces": {"gotapi_core.faces", "gotapi_core.protocol"},
    "gotapi_core.plugin": {"gotapi_core.plugin", "gotapi_core.protocol"},
    "gotapi_core.store": {"gotapi_core.store", "gotapi_core.protocol", "gotapi_core.migrations"},
    "gotapi_core.tls": {"gotapi_core.tls", "gotapi_core.protocol", FILES},
    "gotapi_core.client": {"gotapi_core.client", "gotapi_core.protocol", FILES},
    "gotapi_core.host": {"gotapi_core.host", "gotapi_core.plugin", "gotapi_core.protocol"},
    "gotapi_core.conformance": {"gotapi_core.conformance", "gotapi_core.protocol"},
    "gotapi_auth": {"gotapi_auth", "gotapi_core.protocol", "gotapi_core.store", FILES},
    "gotapi_meshes": {"gotapi_meshes"},
    # A command of a plug-in that is an application: it asks a hub, as `gotapi print` does.
    "gotapi_creation.create": {
        "gotapi_creation",
        "gotapi_core.cli",
        "gotapi_core.client",
        *BELOW_PLUGINS,
    },
    # The same, and it runs a hub of its own to ask.
    "gotapi_creation.demo": {
        "gotapi_creation",
        "gotapi_core.cli",
        "gotapi_core.client",
        "gotapi_core.paths",
        *BELOW_PLUGINS,
    },
    "gotapi_creation": {"gotapi_creation", *BELOW_PLUGINS},
    # Checks of anybody's service, which expect what the text says and not what our code does.
    "gotapi_portrayal.conformance": {"gotapi_portrayal.conformance", "gotapi_core.conformance"},
    "gotapi_portrayal": {"gotapi_portrayal", *BELOW_PLUGINS},
    "gotapi_printer": {"gotapi_printer", *BELOW_PLUGINS},
}

IMPURE = {
    "asyncio", "socket", "threading", "time", "logging", "starlette", "uvicorn", "serial", "bleak",
    "selectors", "subprocess", "os", "httpx2", "sqlalchemy",
}  # fmt: skip


def sources() -> list[Path]:
    roots = [ROOT / "gotapi_core", ROOT / "auth" / "gotapi_auth", ROOT / "plugins"]
    return sorted(path for root in roots for path in root.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] in ("auth", "plugins"):
        parts = parts[1:]
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """Return the dotted names a module imports anywhere in its code."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def room_of(module: str) -> str | None:
    return next((room for room in ALLOWED if f"{module}.".startswith(f"{room}.")), None)


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_nothing_imports_upwards(path: Path) -> None:
    room = room_of(module_name(path))
    if room is None:
        return  # the hub, the server and the command line may use everything below them
    for name in imports(path):
        if name.startswith(OURS):
            allowed = any(f"{name}.".startswith(f"{one}.") for one in ALLOWED[room])
            assert allowed or name == "gotapi_core", f"{module_name(path)} imports {name}"


def is_pure(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return "PURE" in docstring.partition("\n\n")[0]


@pytest.mark.parametrize("path", [path for path in sources() if is_pure(path)], ids=module_name)
def test_pure_modules_import_nothing_that_acts(path: Path) -> None:
    acting = {name for name in imports(path) if name.partition(".")[0] in IMPURE}
    assert not acting


def test_the_whole_protocol_is_pure() -> None:
    modules = [path for path in sources() if path.parent.name == "protocol"]
    assert modules
    assert [path.name for path in modules if not is_pure(path)] in ([], ["__init__.py"])


def test_no_package_files_in_the_folders_that_only_hold_packages() -> None:
    assert not (ROOT / "auth" / "__init__.py").exists()
    assert not (ROOT / "plugins" / "__init__.py").exists()
