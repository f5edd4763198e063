"""PURE: what the printability check finds, in numbers and in words. Lengths are millimetres."""

import enum

import msgspec


class Severity(enum.Enum):
    """How much a finding matters."""

    ERROR = "error"
    """It cannot be printed so."""
    WARNING = "warning"
    """It prints, but perhaps not as wanted."""
    INFO = "info"


class Finding(msgspec.Struct, frozen=True):
    """One thing to know before a model is printed."""

    severity: Severity
    code: str
    message: str


class MeshReport(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a model is, and what is to be said about printing it."""

    kind: str
    triangles: int
    vertices: int
    size: tuple[float, float, float]
    """Width, depth and height in millimetres, after scaling."""
    volume: float
    """Cubic millimetres."""
    surface: float
    """Square millimetres."""
    watertight: bool
    parts: int
    degenerate: int
    """Triangles without an area."""
    open_edges: int
    """Edges that only one triangle has."""
    crowded_edges: int
    """Edges that more than two triangles share."""
    flipped_edges: int
    """Edges whose two triangles look to opposite sides."""
    thinnest_wall: float | None
    """All but a hundredth of the sampled surface has a thicker wall; None where none was found."""
    wall_pitch: float
    """Distance of the sampled rays: what is narrower across may be missed."""
    overhang: float
    """Share of the surface that hangs over by more than 45 degrees, 0 to 1."""
    resting_area: float
    """Square millimetres that lie on the bed."""
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops a print."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)


class Area(msgspec.Struct, frozen=True):
    """The space a printer can print in: two corners in millimetres."""

    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (200.0, 200.0, 180.0)
    known: bool = False
    """Whether the printer or its operator told it; the default is a small printer's."""

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth and height."""
        return (
            self.high[0] - self.low[0],
            self.high[1] - self.low[1],
            self.high[2] - self.low[2],
        )

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the bed."""
        return (self.low[0] + self.high[0]) / 2, (self.low[1] + self.high[1]) / 2
