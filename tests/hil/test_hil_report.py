"""The report: JSON for machines, a page for people, and nothing in it that could do something."""

import html.parser
import json

from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.hil.profile import Profile
from gotapi_printer.hil.report import Entry, Outcome, Report, Result, as_html, as_json

RESULTS = (
    Result("connect", "Shake hands", Outcome.PASSED, 1.25, ("answered",)),
    Result("heat", "Warm up", Outcome.FAILED, 3.0, (), "no <b>heat</b>"),
    Result("stop", "Stop", Outcome.SKIPPED, problem="it moves, which was not allowed"),
)
ENTRIES = (Entry(0.1, ">", "N1 G28*18\\n"), Entry(0.2, "<", "<script>alert(1)</script>"))


def report(results=RESULTS, entries=ENTRIES, printer: str = "Ender") -> Report:
    return Report(
        "0.1.0", "2026-11-21T03:00:00+00:00", "/dev/x", printer, Profile(), results, entries
    )


def test_json_has_everything() -> None:
    found = json.loads(as_json(report()))
    assert [one["outcome"] for one in found["results"]] == ["passed", "failed", "skipped"]
    assert found["transcript"][0] == {"at": 0.1, "way": ">", "text": "N1 G28*18\\n"}
    assert found["profile"]["warm"] == 45.0
    assert found["when"].endswith("+00:00")


def test_counts_and_the_verdict() -> None:
    assert report().count(Outcome.PASSED) == 1
    assert not report().good
    assert report(results=RESULTS[::2]).good


class Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "dl", "dt", "dd", "section"),
    *("span", "p", "ul", "li", "details", "summary", "pre"),
}


def test_the_page_needs_nothing_else_and_fits_a_phone() -> None:
    text = as_html(report())
    page = Page(text)
    assert set(page.tags) <= KNOWN
    assert not {"src", "href", "onclick"} & {name for name, _ in page.attributes}
    assert ("name", "viewport") in page.attributes
    assert "default-src 'none'" in text
    for words in ("Shake hands", "no <b>heat</b>", "1 passed, 1 failed, 1 skipped", "Ender"):
        assert words in page.text


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_printer_says_stays_text(name: str, fact: str, line: str) -> None:
    result = Result("connect", "Hands", Outcome.PASSED, 1.0, (fact,), fact)
    page = Page(as_html(report((result,), (Entry(0.0, "<", line),), name)))
    assert set(page.tags) <= KNOWN
    assert json.loads(as_json(report((result,), (Entry(0.0, "<", line),), name)))


def test_lines_that_came_together_stand_under_each_other() -> None:
    text = as_html(report(entries=(Entry(0.5, "<", "ok\\nok\\n"),)))
    assert "   0.5000 &lt; ok\\n\n            ok\\n</span>" in text


def test_a_printer_that_says_no_name() -> None:
    assert "Printer test: /dev/x" in as_html(report(printer=""))
