"""PURE: what the embedded slicer calls itself, everywhere it is named."""

from typing import Final

NAME: Final = "gotapi embedded slicer (experimental)"
