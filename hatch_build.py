"""Builds the native rasteriser with the C compiler that is there; without one, there is none."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("plugins/gotapi_portrayal/view/native")
LIBRARY = Path("plugins/gotapi_portrayal/view/_raster.so")
UNITS = ("raster.c", "scene.c", "resolve.c", "texture.c", "blend.c")
# Contraction off: the same picture on every machine, whether it has fused multiplication or not.
FLAGS = ["-O3", "-std=c11", "-fPIC", "-ffp-contract=off", "-Wno-psabi"]
WIDER = ["-mavx2", "-DWIDE=8", "-DRASTER(name)=raster_##name##_avx2"]
USUAL = ["-DRASTER(name)=raster_##name", "-DRASTER_WORKSPACE"]


class NativeHook(BuildHookInterface[Any]):
    """Compiles before files are collected; also for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; where that cannot be, say so and go on without."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        try:
            build(root / SOURCES, root / LIBRARY)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or error
            self.app.display_warning(f"without the native rasteriser; it cannot be built: {said}")
            return
        build_data["artifacts"].append(LIBRARY.as_posix())
        build_data["pure_python"] = False
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{tag}"


def build(sources: Path, library: Path, *more: str) -> None:
    """Compile and link; raises OSError or CalledProcessError."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        raise FileNotFoundError(f"there is no C compiler '{compiler[0]}'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        units = [(one, USUAL) for one in UNITS]
        if platform.machine().lower() in ("x86_64", "amd64"):
            units.append(("raster.c", WIDER))
        objects = []
        for number, (source, flags) in enumerate(units):
            made = str(folder / f"{number}.o")
            _run([*compiler, *FLAGS, *flags, *more, "-c", str(sources / source), "-o", made])
            objects.append(made)
        partial = str(folder / "raster.so")
        _run([*compiler, "-shared", *more, *objects, "-o", partial, "-lm", "-lpthread"])
        library.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(partial, library)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":  # a build with other flags, for tests: hatch_build.py LIBRARY [FLAG...]
    here = Path(__file__).parent
    build(here / SOURCES, Path(sys.argv[1]), *sys.argv[2:])
