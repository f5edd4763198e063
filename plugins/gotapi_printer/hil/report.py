"""PURE. What was found, as JSON and as one page of HTML that needs nothing else."""

import enum
import html
from collections.abc import Sequence

import msgspec

from gotapi_printer.hil.profile import Profile

__all__ = ["Entry", "Outcome", "Report", "Result", "as_html", "as_json"]


class Entry(msgspec.Struct, frozen=True):
    """Some bytes: when (seconds since the beginning), which way, and what as readable text.

    `way` is `>` to the printer, `<` from it, `!` past everything else, `#` a note of ours.
    """

    at: float
    way: str
    text: str


class Outcome(enum.Enum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(msgspec.Struct, frozen=True):
    """One step: how it ended, what was seen, and what is wrong or why it was left out."""

    id: str
    title: str
    outcome: Outcome
    seconds: float = 0.0
    facts: tuple[str, ...] = ()
    problem: str = ""


class Report(msgspec.Struct, frozen=True):
    """A whole run; `when` is in ISO 8601 with the offset to UTC."""

    version: str
    when: str
    port: str
    printer: str
    profile: Profile
    results: tuple[Result, ...]
    transcript: tuple[Entry, ...]

    def count(self, outcome: Outcome) -> int:
        """How many steps ended so."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return self.count(Outcome.FAILED) == 0


def as_json(report: Report) -> bytes:
    """The report as one JSON object, indented for people."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


_STYLE = """
:root{color-scheme:light dark;--pass:#1a7f37;--fail:#cf222e;--skip:#9a6700;--line:#8884}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:56rem}
h1{font-size:1.4rem;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
p{margin:.25rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0 0 1rem}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
section{border:1px solid var(--line);border-left:6px solid var(--c);border-radius:6px;
padding:.6rem .8rem;margin:.6rem 0}
.passed{--c:var(--pass)}.failed{--c:var(--fail)}.skipped{--c:var(--skip)}
.mark{float:right;margin-left:.8rem;font-weight:600;color:var(--c)}
ul{margin:.3rem 0 0;padding-left:1.2rem;font-size:.92rem}li{overflow-wrap:anywhere}
.problem{font-weight:600}
summary{cursor:pointer;padding:.5rem 0;font-weight:600}
pre{font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.o{color:var(--pass)}.x{color:var(--fail)}.n{opacity:.65}
"""

_CLASSES = {">": "o", "!": "x", "#": "n"}


def as_html(report: Report) -> str:
    """The report as a page: no script, nothing is fetched, legible on a phone."""
    words = html.escape
    title = f"Printer test: {report.printer or report.port}"
    counts = ", ".join(
        f"{count} {outcome.value}" for outcome in Outcome if (count := report.count(outcome))
    )
    facts = (
        ("Printer", report.printer or "did not say"),
        ("Port", report.port),
        ("When", report.when),
        ("Result", counts),
        ("gotapi-hub", report.version),
    )
    rows = "".join(f"<dt>{words(name)}</dt><dd>{words(value)}</dd>" for name, value in facts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{words(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{words(title)}</h1>\n<dl>{rows}</dl>\n"
        + "\n".join(map(_section, report.results))
        + _transcript(report.transcript)
        + "</body></html>\n"
    )


def _section(result: Result) -> str:
    kind = result.outcome.value
    problem = f'<p class="problem">{html.escape(result.problem)}</p>' if result.problem else ""
    items = "".join(f"<li>{html.escape(fact)}</li>" for fact in result.facts)
    items = f"<ul>{items}</ul>" if items else ""
    took = f"{kind}, {result.seconds:.1f} s" if result.seconds else kind
    return (
        f'<section class="{kind}" id="{html.escape(result.id)}"><span class="mark">{took}</span>'
        f"<h2>{html.escape(result.title)}</h2>{problem}{items}</section>"
    )


def _broken(text: str) -> str:
    """The lines of one piece under each other."""
    return text.replace("\\n", "\\n\n" + " " * 12).rstrip(" \n")


def _transcript(entries: Sequence[Entry]) -> str:
    lines = "".join(
        f'<span class="{_CLASSES.get(entry.way, "")}">'
        f"{entry.at:9.4f} {html.escape(entry.way)} {_broken(html.escape(entry.text))}</span>\n"
        for entry in entries
    )
    return (
        f"\n<details><summary>Raw transcript, {len(entries)} records</summary>\n"
        "<p>Seconds, then &gt; to the printer, &lt; from it, ! past all that waits, # a note.</p>\n"
        f"<pre>{lines}</pre></details>\n"
    )
