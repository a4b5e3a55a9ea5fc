"use strict";
// Incidents: their list, and one of them with its evidence and charts. page.js has been read before.

const AGES = [["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"]];
const SPANS = [["3600", "1 hour"], ["14400", "4 hours"], ["86400", "1 day"], ["259200", "3 days"], ["604800", "7 days"], ["", "until …"]];
const FINDINGS = { confirms: ["critical", "confirms"], clears: ["good", "clears"], neutral: [null, "no verdict"] };
const REFRESH_MS = 60_000;

const levelOf = ({ state, severity }) => state === "ended" ? "good" : severity === "page" ? "critical" : "warning";
const incidentOf = (id) => `${BELOW}../incidents/${encodeURIComponent(id)}`;
const whole = (n) => Math.round(n).toLocaleString("en");
const failed = ({ failures, attempts, expected }) => attempts
  ? `${whole(failures)} of ${whole(attempts)} attempts failed (${Math.round(100 * failures / attempts)} %), ${whole(expected)} would be usual` : `${whole(failures)} failed`;
function lasting({ began, ended }) {
  const from = instant(began), to = instant(ended) ?? Date.now();
  return duration(Math.max(0, to - from) / 1000);
}
const spanText = (one) => one.state === "ended" ? `${utc(instant(one.began))} to ${utc(instant(one.ended))} UTC (${lasting(one)})`
  : `since ${utc(instant(one.began))} UTC (${lasting(one)})`;
const acknowledgedText = ({ acknowledged: by }) => by && `Acknowledged by ${by.by} at ${utc(instant(by.at))} UTC${by.note ? `: ${by.note}` : ""}`;
const silenceText = ({ silence }) => silence && `Silenced by ${silence.by} until ${utc(instant(silence.until))} UTC: ${silence.reason}`;
const mutedText = ({ muted_by: why }) => why && `Muted: ${why}`;

async function send(path, body) {
  const answer = await fetch(API + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) })
    .catch(() => { throw new Error("The server cannot be reached"); });
  const result = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(typeof result?.detail === "string" ? result.detail : `The server answered HTTP ${answer.status}`);
  return result;
}

/** Asks now, each minute, and when the page is looked at again; what was shown stays when the server does not answer. */
async function keepShowing(show) {
  const once = async () => {
    clearTimeout(page.timer);
    try {
      await show();
      document.body.classList.remove("stale");
      alarm("");
    } catch (error) {
      document.body.classList.add("stale");
      alarm(error.message);
    }
    $("content").setAttribute("aria-busy", "false");
    if (!document.hidden) page.timer = setTimeout(once, REFRESH_MS);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) once(); });
  page.again = once;
  await once();
}

// ---- The list ----

function card(one) {
  const level = levelOf(one), notes = [acknowledgedText(one), silenceText(one), mutedText(one)].filter(Boolean);
  return el("li", { class: "incident", "data-level": level },
    el("h2", {}, icon(level), el("a", { href: incidentOf(one.id) }, one.title)),
    el("p", {}, el("b", {}, one.state === "ended" ? "Ended" : one.severity === "page" ? "Open, page" : "Open, ticket"), ` · ${spanText(one)}`),
    el("p", {}, failed(one)),
    one.error ? el("p", { class: "error" }, one.error) : null,
    ...notes.map((text) => el("p", { class: "muted" }, text)));
}
async function openIncidents() {
  $("title").textContent = "Incidents";
  document.title = "Incidents · Lakescope";
  const since = () => new URLSearchParams(location.search).get("since") ?? "7d";
  $("controls").replaceChildren(field("since", "Ended incidents", AGES, since(), (value) => {
    history.pushState(null, "", `?since=${encodeURIComponent(value)}`);
    page.again();
  }));
  $("controls").hidden = false;
  addEventListener("popstate", () => { $("since").value = since(); page.again(); });
  await keepShowing(async () => {
    const all = await ask("incidents", new URLSearchParams({ since: since() })), open = all.filter(({ state }) => state === "open");
    const level = open.some(({ severity }) => severity === "page") ? "critical" : open.length ? "warning" : "good";
    const said = open.length ? `${open.length} open incident${open.length > 1 ? "s" : ""}` : "No open incident";
    $("facts").textContent = `${all.length - open.length} ended · answered ${clock(new Date())} UTC`;
    $("content").replaceChildren(el("p", { class: "verdict", "data-level": level }, icon(level), el("span", { id: "verdict" }, said)),
      all.length ? el("ul", { class: "incidents" }, ...all.map(card)) : words("No incident in this time."));
  });
}

// ---- One of them ----

const own = { name: "lakescope-name" };
function remembered() { try { return localStorage.getItem(own.name) ?? ""; } catch { return ""; } }
function remember(name) { try { localStorage.setItem(own.name, name); } catch { /* it is typed again */ } }

function input(id, label, attributes = {}) {
  return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, autocomplete: "off", ...attributes }));
}
/** A form that sends `body()`; what the server says of it stands below. */
function form(id, title, fields, button, path, body) {
  const note = el("p", { role: "status", class: "small" });
  return el("form", { id, class: "act", "aria-label": title, onsubmit: async (event) => {
    event.preventDefault();
    note.textContent = "Sending …";
    try {
      await send(path(), body());
      note.textContent = "";
      for (const one of event.target.querySelectorAll("input:not([data-name])")) one.value = "";
      await page.again();
    } catch (error) {
      note.textContent = error.message;
    }
  } }, ...fields, el("button", {}, button), note);
}
function named(id) {
  return input(id, "Your name", { "data-name": true, value: remembered(), required: true, maxlength: 100, onchange: ({ target }) => {
    remember(target.value);
    for (const other of document.querySelectorAll("[data-name]")) other.value = target.value;
  } });
}
function acts(id) {
  const path = (what) => () => `incidents/${encodeURIComponent(id)}/${what}`;
  const until = input("until", "Until (UTC)", { type: "datetime-local" });
  until.hidden = true;
  const span = field("span", "For", SPANS, "14400", (value) => { until.hidden = value !== ""; $("until").required = value === ""; });
  const end = () => $("span").value ? new Date(Date.now() + 1000 * $("span").value).toISOString() : `${$("until").value}Z`;
  return [
    el("section", { class: "panel", "aria-labelledby": "h-ack" }, el("h2", { id: "h-ack" }, "Acknowledge"), el("p", { id: "acknowledged" }),
      form("acknowledge", "Acknowledge", [named("ack-by"), input("note", "Note (what you know, what you do)", { maxlength: 1000 })], "Acknowledge",
        path("acknowledge"), () => ({ by: $("ack-by").value, note: $("note").value }))),
    el("section", { class: "panel", "aria-labelledby": "h-silence" }, el("h2", { id: "h-silence" }, "Silence"), el("p", { id: "silenced" }),
      form("silence", "Silence", [named("silence-by"), input("reason", "Reason", { required: true, maxlength: 1000 }), span, until], "Silence",
        path("silence"), () => ({ by: $("silence-by").value, reason: $("reason").value, until: end() }))),
  ];
}
function showIncident(one) {
  const level = levelOf(one), titles = `${one.title} · Incident · Lakescope`;
  document.title = titles;
  const link = (href, text) => el("a", { href }, text);
  const example = one.example && [`${utc(instant(one.example.time))} UTC: `, one.example.request_id ? link(storyOf(one.example.request_id), one.example.error) : one.example.error];
  const facts = [["Time", spanText(one)], ["Confirmed", `${utc(instant(one.opened))} UTC`], ["Failures", failed(one)],
    ["Main error", one.error && (one.error_class ? link(`${BELOW}failures?var.error=${encodeURIComponent(one.error_class)}`, one.error) : one.error)],
    ["Example", example], ["Severity", one.severity], ["Owner", one.owner], ["Muted", one.muted_by],
    ["Runbook", one.runbook && (/^https?:/.test(one.runbook) ? link(one.runbook, one.runbook) : one.runbook)]].filter(([, value]) => value);
  $("head").replaceChildren(el("p", { class: "verdict", "data-level": level }, icon(level),
    el("span", { id: "verdict" }, `${one.title}: ${one.state === "ended" ? `ended, lasted ${lasting(one)}` : `open for ${lasting(one)}`}`)));
  $("what").replaceChildren(el("h2", { id: "h-what" }, "What happens"),
    el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, ...[value].flat())])));
  $("links").replaceChildren(el("h2", { id: "h-links" }, "Dashboards"), el("ul", {}, ...one.links.map(({ title, dashboard, query }) =>
    el("li", {}, link(`${BELOW}${encodeURIComponent(dashboard)}?${new URLSearchParams(query)}`, title)))));
  const finding = ({ finding: name }) => { const [mark, text] = FINDINGS[name]; return [...(mark ? [icon(mark), " "] : []), text]; };
  $("evidence").replaceChildren(el("h2", { id: "evidence-title" }, "Evidence"), one.evidence.length
    ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "evidence-title" }, sortable({ id: "evidence", title: "Evidence" }, ["source", "finding", "what it reports"].map((label) => ({ label })),
      one.evidence.map((row) => ({ values: [row.source, row.finding, row.text], cells: [el("th", { scope: "row" }, row.source), el("td", { class: "finding" }, ...finding(row)), el("td", {}, row.text)] })), "events"))
    : words("Nothing else has reported of this place."));
  $("acknowledged").textContent = acknowledgedText(one) || "Nobody has acknowledged it.";
  $("silenced").replaceChildren(silenceText(one) || "It is not silenced.", ...(one.silence ? [" ", el("button", { type: "button", id: "end-silence", onclick: async () => {
    try { await send(`incidents/${encodeURIComponent(one.id)}/silence/end`, {}); await page.again(); } catch (error) { alarm(error.message); }
  } }, "End the silence")] : []));
}
async function showCharts(id) {
  const { layout, data } = await ask(`incidents/${encodeURIComponent(id)}/charts`);
  if (JSON.stringify(page.layout) !== JSON.stringify(layout)) {
    page.layout = layout;
    $("charts").replaceChildren(...rowsOf(layout));
  }
  page.data = data;
  page.range = { since: data.since.slice(0, 16), until: data.until.slice(0, 16) };
  showData();
}
async function openIncident() {
  const id = decodeURIComponent(location.pathname.split("/").at(-1));
  const section = (name) => el("section", { id: name, class: "panel", "aria-labelledby": name === "evidence" ? "evidence-title" : `h-${name}` });
  $("title").textContent = "Incident";
  page.kept.set("evidence", {});
  $("content").before(el("p", {}, el("a", { id: "back", href: `${BELOW}../incidents` }, "← All incidents"), " ", el("span", { class: "muted small" }, `incident ${id}`)));
  $("content").replaceChildren(words("Loading …"));
  let known = false;
  await keepShowing(async () => {
    const one = await ask(`incidents/${encodeURIComponent(id)}`).catch((error) => { if (!known) $("content").replaceChildren(words("No incident: see above.")); throw error; });
    if (!known) $("content").replaceChildren(el("div", { id: "head" }), el("div", { class: "story incident-page" }, ...["what", "evidence"].map(section), ...acts(id), section("links")),
      el("div", { id: "charts" }));
    known = true;
    showIncident(one);
    await showCharts(id);
  });
}
