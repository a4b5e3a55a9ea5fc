"""The status page in a real browser: what it shows, how it updates, and what it does when the server does not.

The answers come from a stand-in (`_server`), so each test can say what it wants the page to see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.app.web._server import PREFIX, StandIn, Status

POLL_MS = 2000
SCREEN: ViewportSize = {"width": 1280, "height": 800}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PHONE: ViewportSize = {"width": 400, "height": 800}
NOW = datetime(2026, 11, 22, 11, 13, 26, tzinfo=UTC)
DASH = "\N{EN DASH}"  # what is unknown
MINUS = "\N{MINUS SIGN}"
FIXTURE = Path(__file__).with_name("status.json")


def troubled() -> Status:
    """The fixture as it is: something of everything, good and bad."""
    status: Status = json.loads(FIXTURE.read_text())
    return status


def healthy() -> Status:
    """The fixture on a good day."""
    status = troubled()
    status["reasons"] = []
    for part in status["collectors"] + status["sinks"]:
        part["state"] = "ok"
    status["sinks"][0]["queued"] = 3
    status["balance"][1].update(stored=128, holds=True)
    status["dead_letters"] = {"total": 0, "by_reason": []}
    return status


def fresh() -> Status:
    """Just started: nothing has come yet."""
    status = healthy()
    status["started"] = status["now"] - 3
    status.update(datasets=[], balance=[], latest_failures=[])
    status["history"] = {"step_s": 1, "end": int(status["now"]), "received": [], "stored": {}}
    for part in status["collectors"] + status["sinks"]:
        for name, value in part.items():
            if isinstance(value, int | float) and name != "queue_limit":
                part[name] = 0
        part |= {"rate": None, "unknown_fields": {}, "last_received": None, "last_stored": None}
        part |= {"lag_p50_s": None, "lag_p95_s": None}
    return status


@dataclass
class Visit:
    """An open status page and the server behind it."""

    page: Page
    server: StandIn
    requests: list[str]
    complaints: list[str]

    def id(self, name: str) -> Locator:
        return self.page.locator(f"#{name}")

    def show(self, status: Status | None = None) -> None:
        """Open the page on this answer and wait until it is drawn."""
        if status is not None:
            self.server.answer = status
        self.page.goto(self.server.url)
        expect(self.id("headline")).not_to_have_text("Asking the server")

    def poll(self) -> None:
        """Let the page ask once more; its clock is ours, so that this takes no two seconds."""
        with self.page.expect_request(self.server.url + "api/status"):
            self.page.clock.run_for(POLL_MS)

    def show_next(self, status: Status) -> None:
        """Let the page draw this answer over the last one."""
        self.server.answer = status
        with self.page.expect_response(self.server.url + "api/status"):
            self.page.clock.run_for(POLL_MS)
        self.page.evaluate("new Promise(done => setTimeout(done))")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A page in Berlin's winter (UTC+1); any word in its console fails the test."""
    server = StandIn(troubled())
    server.start()
    context = browser.new_context(viewport=SCREEN, timezone_id="Europe/Berlin", locale="de-DE")
    page = context.new_page()
    page.clock.install(time=NOW)
    visit = Visit(page, server, [], [])
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", lambda message: visit.complaints.append(message.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    context.close()
    server.stop()
    # The browser itself says so of each request that fails; the page can't keep it from that.
    assert [text for text in visit.complaints if not text.startswith("Failed to load resource")] == []


def test_every_part_shows_its_values(visit: Visit) -> None:
    visit.show()
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("escape-lake")
    expect(visit.id("version")).to_have_text("Lakescope 0.1.0")
    expect(visit.id("facts")).to_have_text(
        "23.5 events/s in · 130 events since the start · 1302 dead letters, the last 6 s ago · up 16 min 40 s"
    )

    hermes, probes = visit.id("collectors").get_by_role("listitem").all()
    assert_says(
        hermes, "OK", "hermes", "stomp · hermes", "23.5 events/s", "2 of 2 brokers connected", "last just now"
    )
    assert_says(hermes, "130 events in 123 messages · 2 rejected · 12 in flight")
    assert_says(probes, "connecting", "probes", "http · push, telegraf", DASH, "nothing yet")
    es, duckdb = visit.id("sinks").get_by_role("listitem").all()
    assert_says(es, "retrying", "es", "elasticsearch", "22 events/s", "connection refused", "last 12 s ago")
    assert_says(
        es, "9000 of 10 k queued", "half within 1.2 s, 95 % within 5 min 5 s", "1128 stored", "3 retries"
    )
    assert_says(duckdb, "OK", "0 events/s", "half within 30 ms, 95 % within 0.4 s", "1 retry")
    assert [es.get_by_role("meter").get_attribute(f"aria-value{end}") for end in ("min", "now", "max")] == [
        "0",
        "9000",
        "10000",
    ]
    assert_says(visit.id("transform"), "rejecting", "23.5 events/s", "2 rejected · 0 filtered")

    assert rows(visit.id("datasets")) == [["transfers", "12.3 M", "20"], ["deletions", "30", "3.5"]]
    assert rows(visit.id("balance")) == [
        ["hermes → es", "yes", "14 000 130", "14 000 116", "2", "0", "12"],
        ["hermes → duckdb", "no", "130", "125", "2", "0", "0"],
    ]
    assert_says(page.get_by_role("heading", name="Dead letters"), "(1 302)")
    assert [row[:4] for row in rows(visit.id("dead-letters"))] == [
        ["refused", "hermes · hermes → es", "1 300", "Nov 21 12:13:26"],
        ["schema", "hermes · hermes", "2", "12:13:20"],
    ]
    expect(visit.id("dead-letters")).to_contain_text("lakescope dead-letters list --reason schema")
    expect(visit.id("unknown")).to_have_text("payload.new-key 3 times from hermes")

    first, second = visit.id("failures").get_by_role("row").all()
    assert_says(first, "12:07:15", "CNAF-STORM (INFN-T1) → DESY-DCACHE", "data.0001.root", "T0 Export")
    assert_says(first, "TRANSFER [70]", "class 375c96b0c3cd · reported by rucio")
    assert_says(first, "lakescope trace 9908a0c0d5f4e02b2a3c1d4e5f607180")
    expect(first.locator("time")).to_have_attribute("title", "2026-11-22 11:07:15 UTC")
    expect(page.get_by_role("columnheader", name="Time (UTC+1)")).to_be_attached()
    assert_says(second, "unknown → PIC-INJECT", "SOURCE [2]", "reported by fts")
    expect(second.locator("code")).to_be_hidden()


def test_a_collector_with_a_limit_has_a_bar(visit: Visit) -> None:
    visit.show(
        changed(troubled(), {"collectors.0.in_flight_limit": 48, "collectors.0.formats": list("abcd")})
    )
    hermes, probes = visit.id("collectors").get_by_role("listitem").all()
    assert_says(hermes, "12 of 48 in flight", "stomp · 4 formats")
    expect(hermes.get_by_role("meter", name="In flight")).to_have_attribute("aria-valuenow", "12")
    expect(probes.get_by_role("meter")).to_have_count(0)


def test_dead_letters_that_moved_to_files_are_told(visit: Visit) -> None:
    visit.show(changed(troubled(), {"dead_letters.files": 2}))
    expect(visit.id("h-dead")).to_contain_text(re.compile(r"\(1.302 and 2 files\)"))


def test_a_sink_says_what_waits_for_it_on_disk(visit: Visit) -> None:
    full = changed(troubled(), {"sinks.0.overflow.bytes": 300, "sinks.0.overflow.rate": 0.0})
    full["reasons"].append("overflow of sink es: es.sqlite takes 300 bytes of 300 allowed (for 4 s)")
    visit.show(troubled())
    es, duckdb = visit.id("sinks").get_by_role("listitem").all()
    assert_says(es, "on disk: 4.12 M events · 1.24 GB of 10 GB · oldest 2 h 35 min · 162 events/s to disk")
    expect(duckdb).not_to_contain_text("on disk")
    visit.show(full)
    assert_says(visit.id("sinks").get_by_role("listitem").first, "300 B of 10 GB · oldest 2 h 35 min")
    expect(visit.id("sinks").get_by_role("listitem").first).not_to_contain_text("to disk")
    warning = visit.id("reasons").get_by_role("listitem").filter(has_text="overflow of sink es")
    assert_says(warning, "Warning")


def test_the_picture_draws_each_link_by_its_state(visit: Visit) -> None:
    visit.show()
    links = visit.page.locator("#links g")
    assert [link.get_attribute("data-flow") for link in links.all()] == [
        "flowing",
        "broken",
        "broken",
        "idle",
    ]


def test_the_chart_has_units_and_breaks_its_lines_at_gaps(visit: Visit) -> None:
    visit.show()
    plot = visit.id("plot")
    labels = plot.locator("text").all_text_contents()
    assert labels[:2] == ["events/s", "0"]
    assert labels[-6:] == ["now", *(f"{MINUS}{minute} min" for minute in range(1, 6))]
    assert plot.locator(".series").count() == 4  # received, es in two runs, duckdb
    assert texts(visit.id("legend").get_by_role("listitem")) == [
        "received 23.5 events/s",
        "stored in es 22 events/s",
        "stored in duckdb 0 events/s",
    ]


def test_the_legend_follows_pointer_and_keys(visit: Visit) -> None:
    visit.show()
    visit.id("plot").focus()
    visit.page.keyboard.press("ArrowLeft")
    expect(visit.id("legend")).to_contain_text("received 41 events/s")
    expect(visit.id("legend")).to_contain_text(f"stored in es {DASH}")
    expect(visit.id("moment")).to_have_text("values of 5 s ago, 12:13:21")
    expect(visit.id("plot")).to_have_attribute(
        "aria-valuetext",
        f"5 s ago: received 41 events/s, stored in es {DASH}, stored in duckdb 0 events/s",
    )
    visit.page.keyboard.press("Escape")
    expect(visit.id("legend")).to_contain_text("received 23.5 events/s")
    visit.id("plot").hover(position={"x": 60, "y": 50})
    expect(visit.id("moment")).to_contain_text("4 min 5")
    visit.page.mouse.move(0, 0)
    expect(visit.id("moment")).to_be_empty()


@pytest.mark.parametrize(
    ("change", "tone", "headline", "reasons"),
    [
        pytest.param({}, "ok", "Healthy", [], id="well"),
        pytest.param(
            {"reasons": ["sink es: slow"]},
            "warn",
            "Working, with 1 warning",
            ["Warning sink es: slow"],
            id="warned",
        ),
        pytest.param(
            {"tasks": [{"name": "reports", "state": "error", "detail": "not sent: mail: no route"}]},
            "warn",
            "Working, with 1 warning",
            ["Warning task reports: not sent: mail: no route"],
            id="task",
        ),
        pytest.param(
            {"ready": False, "reasons": ["starting"]},
            "bad",
            "Not ready: 1 alarm",
            ["Alarm starting"],
            id="starting",
        ),
        pytest.param(
            {"ready": False},
            "bad",
            "Not ready: 1 alarm",
            ["Alarm server: not ready, and it does not say why"],
            id="reticent",
        ),
        pytest.param(
            {"sinks.0.state": "error", "sinks.0.detail": "disk full", "reasons": ["sink duckdb: slow"]},
            "bad",
            "Degraded: 1 alarm, 1 warning",
            ["Alarm sink es: disk full", "Warning sink duckdb: slow"],
            id="worst-first",
        ),
        pytest.param(
            {"sinks.0.state": "error", "reasons": ["sink es: disk full"]},
            "bad",
            "Degraded: 1 alarm",
            ["Alarm sink es: disk full"],
            id="said-once",
        ),
        pytest.param(
            {"sinks.0.queued": 9000},
            "warn",
            "Working, with 1 warning",
            ["Warning sink es: its queue is 90 % full"],
            id="queue",
        ),
        pytest.param(
            {"balance.0.holds": False, "balance.0.stored": 14000106},
            "bad",
            "Degraded: 1 alarm",
            ["Alarm accounting hermes → es: 10 events missing"],
            id="accounting",
        ),
        pytest.param(
            {"now": 1795346006.2 + 400},
            "warn",
            "Working, with 1 warning",
            ["Warning collectors: nothing received for 6 min 40 s"],
            id="silence",
        ),
        pytest.param(
            {"ready": False, "sinks.0.state": "retrying", "reasons": ["sink es: refused (for 3 s)"]},
            "warn",
            "Working, with 1 warning",
            ["Warning sink es: refused (for 3 s)"],
            id="retrying-loses-nothing",
        ),
        pytest.param(
            {"balance.0.holds": False},
            "bad",
            "Degraded: 1 alarm",
            ["Alarm accounting hermes → es: 12 events missing"],
            id="accounting-left-over",
        ),
        pytest.param(
            {"collectors.0.state": "finished", "collectors.1.state": "finished"},
            "ok",
            "Healthy: everything has been read",
            [],
            id="finished",
        ),
    ],
)
def test_the_verdict_names_what_is_wrong(
    visit: Visit, change: dict[str, Any], tone: str, headline: str, reasons: list[str]
) -> None:
    visit.show(changed(healthy(), change))
    expect(visit.id("headline")).to_have_text(headline)
    expect(visit.id("verdict")).to_have_attribute("data-tone", tone)
    assert texts(visit.id("reasons").get_by_role("listitem")) == reasons
    assert headline in visit.page.title()


def test_new_dead_letters_are_a_warning_and_old_ones_a_fact(visit: Visit) -> None:
    status = healthy()
    status["dead_letters"] = troubled()["dead_letters"]
    visit.show(status)
    assert texts(visit.id("reasons").get_by_role("listitem")) == [
        "Warning dead letters: new ones, the last 6 s ago (schema)"
    ]
    status["dead_letters"]["by_reason"].pop()
    visit.show(status)
    expect(visit.id("headline")).to_have_text("Healthy")
    expect(visit.id("facts")).to_contain_text("1302 dead letters, the last 1 d ago")


def test_a_fresh_start_looks_right(visit: Visit) -> None:
    visit.show(fresh())
    expect(visit.id("headline")).to_have_text("Ready, waiting for the first event")
    for text in (
        "No event yet.",
        "Nothing to account for yet.",
        "None.",
        "None seen since the start.",
        "nothing measured yet",
    ):
        expect(visit.page.get_by_text(text, exact=True)).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Unknown fields")).to_be_hidden()
    assert not {"NaN", "undefined", "null", "Infinity"} & set(visit.page.inner_text("body").split())


def test_no_collectors_and_no_sinks_are_warned_of(visit: Visit) -> None:
    visit.show(changed(fresh(), {"collectors": [], "sinks": []}))
    expect(visit.page.get_by_text("No collector is configured.")).to_be_visible()
    expect(visit.page.get_by_text("No sink is configured.")).to_be_visible()
    expect(visit.id("headline")).to_have_text("Working, with 2 warnings")


def test_an_update_changes_numbers_and_nothing_else(visit: Visit) -> None:
    """Focus, selection, what is unfolded and what one looks at stay, also when rows come in above."""
    visit.show()
    row = visit.id("failures").get_by_role("row").first
    row.locator("summary").click()
    row.get_by_role("button", name="Copy").focus()
    visit.page.evaluate(
        """() => {
            getSelection().selectAllChildren(document.querySelector("#dead-letters summary"));
            scrollTo(0, document.body.scrollHeight);
            window.focused = document.activeElement;
        }"""
    )
    look = "[focused === document.activeElement, String(getSelection()), scrollY]"
    before = visit.page.evaluate(look)

    status = changed(troubled(), {"collectors.0.rate": 99.9, "dead_letters.by_reason.0.count": 1301})
    for minute in (10, 11, 12):
        newer = {
            **status["latest_failures"][1],
            "time": f"2026-11-22T11:{minute}:30Z",
            "name": f"newer {minute}",
        }
        status["latest_failures"].insert(0, newer)
    visit.show_next(status)
    assert_says(visit.id("collectors"), "99.9 events/s")
    expect(visit.id("failures").get_by_role("row")).to_have_count(5)
    assert visit.page.evaluate(look) == before
    expect(visit.id("failures").locator("details[open]")).to_contain_text("TRANSFER [70]")

    status["latest_failures"].reverse()
    visit.show_next(status)
    expect(visit.id("failures").get_by_role("row").last).to_contain_text("newer 12")
    assert visit.page.evaluate(look)[:2] == before[:2]


def test_the_same_answer_again_touches_nothing(visit: Visit) -> None:
    visit.show()
    visit.page.evaluate(
        """() => {
            window.touched = [];
            new MutationObserver((all) => touched.push(...all.filter((m) => !m.target.closest?.("svg"))
                .map((m) => m.target.outerHTML ?? m.target.textContent)))
                .observe(document.querySelector("main"),
                    { subtree: true, childList: true, attributes: true, characterData: true });
        }"""
    )
    for _ in range(3):
        visit.show_next(troubled())
    assert visit.page.evaluate("touched") == []


def test_focus_of_a_row_that_goes_stays_in_the_page(visit: Visit) -> None:
    visit.show()
    visit.id("failures").get_by_role("button", name="Copy").first.focus()
    visit.show_next(changed(troubled(), {"latest_failures": []}))
    expect(visit.id("failures").get_by_role("row")).to_have_count(0)
    assert visit.page.evaluate("document.activeElement.id") == "main"


def test_server_gone_and_back(visit: Visit) -> None:
    visit.show(healthy())
    visit.server.stop()
    visit.poll()
    expect(visit.id("headline")).to_have_text("No good answer since 12:13:26")
    expect(visit.id("facts")).to_contain_text("The server cannot be reached. Asking again every 2 s.")
    expect(visit.id("facts")).to_contain_text("All below is as it was")
    assert_says(visit.id("collectors"), "23.5 events/s")
    assert "grayscale(1)" in visit.id("data").evaluate("node => getComputedStyle(node).filter")
    for _ in range(3):
        visit.poll()
    expect(visit.id("headline")).to_have_text("No good answer since 12:13:26")

    visit.server.start()
    visit.poll()
    expect(visit.id("headline")).to_have_text("Healthy")
    assert visit.id("data").evaluate("node => getComputedStyle(node).filter") == "none"


def test_server_that_hangs(visit: Visit) -> None:
    visit.show(healthy())
    visit.server.hangs = True
    visit.poll()
    expect(visit.id("facts")).to_contain_text("The server gave no answer within 5 s", timeout=8000)
    visit.server.hangs = False
    visit.poll()
    expect(visit.id("headline")).to_have_text("Healthy")


@pytest.mark.parametrize(
    ("code", "answer", "cause"),
    [
        (502, "<h1>Bad gateway</h1>", "The server answered HTTP 502."),
        (200, "<h1>Please log in</h1>", "The answer is not JSON, or broke off: a proxy may be in between."),
        (200, "[]", "does not understand the answer (no version in it)"),
        (200, "null", "does not understand the answer"),
        (200, '{"version": "9", "collectors": 7}', "if Lakescope was updated, reload the page"),
    ],
    ids=["http-error", "html", "list", "null", "other-shape"],
)
def test_an_answer_that_is_none_keeps_the_last_good_one(
    visit: Visit, code: int, answer: str, cause: str
) -> None:
    visit.show(healthy())
    visit.server.code, visit.server.answer = code, answer
    visit.poll()
    expect(visit.id("headline")).to_contain_text("No good answer since")
    expect(visit.id("facts")).to_contain_text(cause)
    assert_says(visit.id("collectors"), "hermes", "23.5 events/s")
    visit.server.code, visit.server.answer = 200, healthy()
    visit.poll()
    expect(visit.id("headline")).to_have_text("Healthy")


def test_server_that_never_answered(visit: Visit) -> None:
    visit.server.code = 503
    visit.show()
    expect(visit.id("headline")).to_have_text("No answer from the server yet")
    expect(visit.id("data")).to_be_hidden()
    visit.server.code = 200
    visit.poll()
    expect(visit.id("data")).to_be_visible()


def test_pause_and_resume(visit: Visit) -> None:
    visit.show(healthy())
    visit.page.get_by_role("button", name="Pause").click()
    expect(visit.id("paused")).to_have_text(re.compile(r"Paused: data of 12:1\d:\d\d"))
    asked = visit.server.asked
    visit.server.answer = changed(healthy(), {"collectors.0.rate": 77})
    visit.page.clock.run_for(10 * POLL_MS)
    assert visit.server.asked == asked
    visit.page.get_by_role("button", name="Resume").click()
    assert_says(visit.id("collectors"), "77 events/s")
    expect(visit.id("paused")).to_be_hidden()


HOSTILE = '<img src=x onerror="window.hacked=1"></script><b>\u202eevil\u2066' + "W" * 600


def test_hostile_strings_stay_text(visit: Visit) -> None:
    """Every string of the answer, keys of objects too, is markup, bidi controls and one endless word."""
    status = hostile(troubled())
    status["collectors"][0]["unknown_fields"] = {"__proto__": 1, HOSTILE: 2}
    status["history"]["stored"] = {"__proto__": [1], HOSTILE: [2]}
    visit.show(status)
    expect(visit.id("headline")).to_contain_text("Degraded")
    visit.show_next(status)
    assert visit.page.locator("img, main script, #collectors b").count() == 0
    assert visit.page.evaluate("window.hacked") is None
    for name in (
        "reasons",
        "collectors",
        "sinks",
        "datasets",
        "balance",
        "dead-letters",
        "unknown",
        "failures",
        "legend",
    ):
        expect(visit.id(name)).to_contain_text("<img src=x")
    expect(visit.id("unknown")).to_contain_text("__proto__")
    assert visit.page.locator(".command:visible").count() == 0, "a bidi control in a command deceives the eye"
    for size in (SCREEN, PHONE):
        visit.page.set_viewport_size(size)
        assert overflow(visit.page) <= 0


@pytest.mark.parametrize(
    ("request_id", "command"),
    [
        ("9908a0c0", "lakescope trace 9908a0c0"),
        ("$(touch x); y", "lakescope trace '$(touch x); y'"),
        ("it's", "lakescope trace 'it'\\''s'"),
        ("two\nlines", None),
        ("--delete", None),
        ("", None),
    ],
)
def test_commands_are_safe_to_paste(visit: Visit, request_id: str, command: str | None) -> None:
    visit.show(changed(troubled(), {"latest_failures.0.request_id": request_id}))
    shown = visit.id("failures").locator(".command").first
    if command is None:
        expect(shown).to_be_hidden()
        return
    expect(shown.locator("code")).to_have_text(command)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.get_by_role("button").click()
    expect(shown.get_by_role("button")).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == command


def test_everything_is_reachable_by_keyboard_with_its_focus_seen(visit: Visit) -> None:
    visit.show()
    met = []
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        met.append(
            visit.page.evaluate(
                """() => {
                    const node = document.activeElement, style = getComputedStyle(node);
                    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                    return `${node.id || node.className || node.tagName}${seen ? "" : " UNSEEN"}`;
                }"""
            )
        )
        if met[-1].startswith("BODY"):
            break
    assert met[:-1] == [
        "skip", "incidents", "alerts", "dashboards", "pause", "theme", "plot", "scroll", "SUMMARY", "copy", "copy",
        "SUMMARY", "copy", "A", "A",
    ]  # fmt: skip


def test_skip_link_leads_to_the_verdict(visit: Visit) -> None:
    visit.show()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"


def test_structure_for_screen_readers(visit: Visit) -> None:
    visit.show()
    page = visit.page
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert page.locator("[aria-live]").count() == 1
    expect(page.get_by_role("status")).to_have_text("Degraded: 1 alarm, 3 warnings")
    assert page.locator("table th:not([scope])").count() == 0
    assert page.locator("svg:not([aria-hidden]):not([hidden])").count() == 0
    # Stacked on a phone, the tables stay tables.
    page.set_viewport_size(PHONE)
    expect(visit.id("failures").get_by_role("rowheader")).to_have_count(2)


def test_theme_follows_the_system_and_the_choice_is_kept(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    visit.show()
    assert luminance(visit.page) < 0.1
    visit.page.emulate_media(color_scheme="light")
    assert luminance(visit.page) > 0.8
    visit.page.get_by_role("button", name="Theme: auto").click()
    visit.page.get_by_role("button", name="Theme: light").click()
    assert luminance(visit.page) < 0.1
    visit.show()
    expect(visit.page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert luminance(visit.page) < 0.1


@pytest.mark.parametrize("state", ["troubled", "healthy", "lost"])
def test_contrast_is_wcag_aa(visit: Visit, state: Literal["troubled", "healthy", "lost"]) -> None:
    visit.show(healthy() if state == "healthy" else troubled())
    if state == "lost":
        visit.server.stop()
        visit.poll()
        expect(visit.id("headline")).to_contain_text("No good answer")
    for scheme in SCHEMES:
        visit.page.emulate_media(color_scheme=scheme)
        assert visit.page.evaluate(FAINT_TEXTS) == [], scheme


@pytest.mark.parametrize("status", [troubled(), fresh()], ids=["troubled", "fresh"])
def test_a_phone_never_scrolls_sideways(visit: Visit, status: Status) -> None:
    visit.page.set_viewport_size(PHONE)
    visit.show(status)
    assert overflow(visit.page) <= 0


def test_the_answer_is_on_the_first_screen(visit: Visit) -> None:
    visit.show()
    for name in ("verdict", "reasons", "picture"):
        box = visit.id(name).bounding_box()
        assert box is not None and box["y"] + box["height"] <= SCREEN["height"], name


def test_reduced_motion_stops_all_motion(visit: Visit) -> None:
    visit.page.emulate_media(reduced_motion="reduce")
    visit.show()
    bar = visit.id("sinks").locator(".bar > div").first
    assert bar.evaluate("node => getComputedStyle(node).transitionDuration") == "0s"


def test_no_request_leaves_the_page(visit: Visit) -> None:
    visit.show()
    visit.poll()
    assert set(visit.requests) == {
        visit.server.url + path
        for path in ("", "look.css", "look.js", "status.css", "status.js", "api/me", "api/status")
    }
    assert visit.server.url.endswith(PREFIX), "relative addresses: it is served under a proxy's prefix here"


def assert_says(place: Locator, *words: str) -> None:
    for word in words:
        expect(place).to_contain_text(word)


def texts(places: Locator) -> list[str]:
    """Texts as one reads them, white space made one."""
    return [" ".join(text.split()) for text in places.all_inner_texts()]


def rows(table: Locator) -> list[list[str]]:
    """The cells' texts, thin spaces made plain."""
    return [texts(row.locator("th, td")) for row in table.get_by_role("row").all()]


def changed(status: Status, changes: dict[str, Any]) -> Status:
    """The status with other values at some paths (`sinks.0.state`)."""
    for path, value in changes.items():
        place: Any = status
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        for step in way:
            place = place[step]
        place[last] = value
    return status


def hostile(value: Any) -> Any:
    """The same structure, every text but the version made hostile."""
    if isinstance(value, dict):
        return {key: item if key == "version" else hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return width


def luminance(page: Page) -> float:
    """Of the page's background, 0 to 1, roughly."""
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    return float(red + green + blue) / 765


FAINT_TEXTS = """() => {
    // Colours by painting them: their computed form may be rgb(), color(srgb ...) or anything newer.
    const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data].map((v) => v / 255);
    };
    const over = ([r, g, b, a], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
    const light = (colour) => colour.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const line = (node) => { const all = []; for (let n = node; n; n = n.parentElement) all.unshift(n); return all; };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
        if (node.closest(".sr, .skip, noscript, script")) continue;
        let ground = [1, 1, 1], below = ground, opacity = 1;
        for (const n of line(node)) {
            const style = getComputedStyle(n);
            if (style.opacity < 1) { below = ground; opacity = Number(style.opacity); }
            ground = over(rgba(style.backgroundColor), ground);
        }
        const style = getComputedStyle(node), svg = node instanceof SVGElement;
        let ink = over(rgba(svg ? style.fill : style.color), ground);
        // One ancestor at most is see-through: everything in it mixes with what lay behind it.
        const [front, back] = [ink, ground].map((colour) => light(over([...colour, opacity], below)));
        const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
        if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${walker.currentNode.data.trim().slice(0, 40)}`);
    }
    return faint;
}"""
