"""The forms of a report: all from one model, whatever the names in it are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lakescope.reports.forms.mail import message_id
from lakescope.reports.model import Report
from lakescope.reports.writing import read_json, write
from tests.reports._store import BEFORE, MONDAY, hourly, store_of, weekly_report

HEBREW, ARABIC, LONG = "\u05d0\u05ea\u05e8", "\u0645\u062e\u0632\u0646", "S" * 200
NAMES = {
    "src_rse": ARABIC,
    "dst_rse": '<B> & "50%" #let x = `y` *z* _u_ @ref |',
    "src_site": LONG,
    "dst_site": HEBREW,
    "activity": "<script>alert(1)</script>",
    "error_template": "a|b\n<img src=x onerror=y> \x1b[31m" + "x" * 300,
}

TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "h1",
        "h2",
        "p",
        "span",
        "b",
        "sup",
        "a",
        "code",
    ),
    *("ul", "ol", "li", "table", "tr", "th", "td", "img", "wbr"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of strange names, in all forms."""
    folder = tmp_path_factory.mktemp("forms")
    events = [
        *hourly(range(168), of=BEFORE),
        *hourly(range(168), failed_every=5),
        *hourly(range(168), failed_every=3, first=500, **NAMES),
    ]
    with store_of(events, folder) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    written = write(report, folder / "out")
    assert written.missing is None
    assert {path.name for path in written.paths if path.parent.name == "out"} == {
        f"report.{ending}" for ending in ("json", "md", "txt", "html", "eml", "pdf")
    }
    return folder / "out"


@pytest.fixture
def report(files: Path) -> Report:
    return read_json((files / "report.json").read_bytes())


class Page(HTMLParser):
    """What is in a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.events: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")
            elif name.startswith("on"):
                self.events.append(name)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_has_no_script_and_needs_nothing_from_elsewhere(files: Path, report: Report) -> None:
    text = (files / "report.html").read_text()
    page = Page(text)
    assert not page.events
    assert page.tags <= TAGS
    inner, images = (
        [link for link in page.links if link[0] == "#"],
        [link for link in page.links if link[0] != "#"],
    )
    assert images and all(link.startswith("data:image/png;base64,") for link in images)
    assert {link[1:] for link in inner} <= page.ids
    assert {f"q{query.number}" for query in report.queries} <= page.ids
    shown = "".join(page.texts)
    for name, value in NAMES.items():
        if name != "error_template":  # on one line, its control characters written out
            assert value in shown, name
    assert "a|b <img src=x onerror=y> \\u001b[31m" in shown
    assert len(text) < 10**6
    assert len(re.sub(r"data:image/png;base64,[^\"]*", "", text)) < 100_000


def parts(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in message.walk():
        assert isinstance(part, EmailMessage)
        if not part.is_multipart():
            yield part


def test_a_mail_has_text_html_and_the_pictures_that_it_names(files: Path, report: Report) -> None:
    source = (files / "report.eml").read_bytes()
    message = message_from_bytes(source, policy=default)
    assert isinstance(message, EmailMessage)
    assert all(len(line) <= 998 for line in source.split(b"\r\n"))
    assert message["Subject"] == report.title
    assert message["Message-ID"] == "<weekly.all.2026-W47.1@reports.lakescope>"
    assert message.get_content_type() == "multipart/alternative"
    plain, page, *images = parts(message)
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert report.findings[0].sentence.text in plain.get_content()
    assert {image.get_content_type() for image in images} == {"image/png"}
    ids = {image["Content-ID"].strip("<>") for image in images}
    assert all(image.get_content().startswith(b"\x89PNG") for image in images)
    addresses = {link for link in Page(page.get_content()).links if link[0] != "#"}
    assert addresses == {f"cid:{id}" for id in ids}
    assert not message.defects and not any(part.defects for part in message.walk())


def test_a_later_revision_is_another_mail_that_answers_the_first(report: Report) -> None:
    later = structs.replace(report, revision=2, vo="a vo/\u05d0")
    assert message_id(later) == "<weekly.a%20vo%2F%D7%90.2026-W47.2@reports.lakescope>"
    site = structs.replace(report, kind="site", site="a.b")
    assert message_id(site) == "<site.a%2Eb.all.2026-W47.1@reports.lakescope>"
    assert message_id(later, revision=1) == message_id(structs.replace(later, revision=1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"vo": "a.b"}, {"vo": "a_b"}),
        ({"vo": None}, {"vo": "all"}),
        ({"site": "a.b", "vo": "c"}, {"site": "a", "vo": "b.c"}),
        ({"vo": "a/b"}, {"vo": "a%2Fb"}),
    ],
)
def test_no_two_reports_have_one_id(report: Report, one: dict[str, Any], other: dict[str, Any]) -> None:
    ids = [message_id(structs.replace(report, **fields)) for fields in (one, other)]
    assert ids[0] != ids[1] and all(
        re.fullmatch(r"<[\w%~-]+(\.[\w%~-]+)+@reports\.lakescope>", id, re.ASCII) for id in ids
    )


def test_markdown_has_no_html_and_whole_tables(files: Path) -> None:
    text = (files / "report.md").read_text()
    without_code = re.sub(r"`[^`]*`", "", re.sub(r"\\.", "", text))
    assert "<" not in without_code and "&" not in without_code
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")]
    heads = [
        len(re.findall(r"(?<!\\)\|", line))
        for line in text.splitlines()
        if re.fullmatch(r"[-:| ]+", line) and line
    ]
    assert set(widths) == set(heads)


def test_the_same_report_gives_the_same_bytes(files: Path, report: Report, tmp_path: Path) -> None:
    for path in write(report, tmp_path / "again").paths:
        assert path.read_bytes() == (files / path.relative_to(tmp_path / "again")).read_bytes(), path.name
    assert (files / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_a_spreadsheet_takes_no_name_for_a_formula(tmp_path: Path) -> None:
    with store_of(hourly(range(168), src_rse="=1+1"), tmp_path) as sink:
        write(weekly_report(sink, "2026-W47", None, MONDAY), tmp_path / "out")
    lines = (tmp_path / "out/tables/links_by_volume.csv").read_text().splitlines()
    assert lines == [
        "Source RSE,Destination RSE,Volume (bytes),Files (count),Efficiency (ratio)",
        "'=1+1,B-DISK,168000000000,168,1.0",
    ]
