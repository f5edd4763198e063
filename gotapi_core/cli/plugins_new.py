"""`gotapi plugins new`: a complete plug-in project that works as it is."""

import importlib.util
import keyword
from collections.abc import Mapping
from pathlib import Path
from string import Template

import click
import msgspec

from gotapi_core import __version__
from gotapi_core.plugin.manifest import (
    API_VERSION,
    FILE_NAME,
    ManifestError,
    parse_manifest,
    valid_id,
)

TEMPLATES = Path(__file__).parent / "project"


class Names(msgspec.Struct, frozen=True):
    """What a new plug-in and its parts are called."""

    id: str
    profile: str

    @property
    def module(self) -> str:
        """The package to import."""
        return "gotapi_" + self.id.replace("-", "_")

    @property
    def distribution(self) -> str:
        """What pip calls it, and the name of its folder."""
        return f"gotapi-{self.id}"

    def substitutes(self) -> dict[str, str]:
        """Return what stands for the `$words` of the templates."""
        words = [word.capitalize() for word in self.id.split("-") if word]
        return {
            "id": self.id,
            "profile": self.profile,
            "module": self.module,
            "distribution": self.distribution,
            "class": "".join(words) + "Plugin" if words[0][0].isalpha() else "NewPlugin",
            "title": " ".join([words[0], *(word.lower() for word in words[1:])]),
            "hub": __version__,
            "api": str(API_VERSION),
        }


@click.command()
@click.argument("name")
@click.option("--profile", help="The profile it answers. [default: its name]")
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to make its folder. [default: here]",
)
def new(name: str, profile: str | None, parent: Path) -> None:
    """Make the project of a new plug-in NAME (like `lamp` or `garage-door`).

    The project installs, passes its tests and works; replace its counter by your device.
    """
    names = Names(name, profile or name)
    texts = rendered(names)
    folder = parent / names.distribution
    _write(folder, texts)
    click.echo(f"Made {folder}. Next:")
    click.echo(f"  pip install -e '{folder}[dev]'   in the environment of gotapi-hub")
    click.echo(f"  pytest {folder}")
    click.echo(f"  gotapi conformance {names.id}")
    click.echo(f"  gotapi plugins approve {names.id}   where a hub runs, started anew")


def rendered(names: Names) -> Mapping[str, str]:
    """Return path -> text of the project's files; raises click.BadParameter for bad names."""
    _check(names)
    substitutes = names.substitutes()

    def text(template: str) -> str:
        source = (TEMPLATES / f"{template}.template").read_text(encoding="utf-8")
        return Template(source).substitute(substitutes)

    files = {
        "pyproject.toml": text("pyproject.toml"),
        "README.md": text("README.md"),
        ".gitignore": text("gitignore"),
        f"{names.module}/__init__.py": text("package"),
        f"{names.module}/plugin.py": text("plugin"),
        f"{names.module}/{FILE_NAME}": text("manifest"),
        f"{names.module}/py.typed": "",
        f"tests/test_{names.module}.py": text("test"),
    }
    try:
        parse_manifest(files[f"{names.module}/{FILE_NAME}"].encode())
    except ManifestError as error:
        raise click.BadParameter(str(error)) from None
    return files


def _check(names: Names) -> None:
    if not valid_id(names.id) or keyword.iskeyword(names.module):
        raise click.BadParameter(
            f"NAME must be 1 to 40 lower-case letters, digits and inner hyphens, not {names.id!r}"
        )
    # The profile goes into strings of the project's Python and TOML files.
    if not (names.profile.isprintable() and not set(names.profile) & set("\"'\\$`{}")):
        raise click.BadParameter(
            f"the profile {names.profile!r} must have no quotes, braces, backslashes and $"
        )
    if importlib.util.find_spec(names.module) is not None:
        raise click.BadParameter(
            f"there is a package {names.module} in this environment already; choose another NAME"
        )


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise click.ClickException(
            f"{folder} is there already and stays as it is; choose another NAME or --dir"
        ) from None
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be made: {error.strerror}") from error
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
