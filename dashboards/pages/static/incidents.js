"use strict";
// Incidents: their list, and one of them with its evidence and charts. page.js and acts.js have been read before.

const NOTES_MAX = 20;
const written = { notes: [] };   // interventions that the store does not list yet
const AGES = [["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"]];
const FINDINGS = { confirms: ["critical", "confirms"], clears: ["good", "clears"], neutral: [null, "no verdict"] };

const addressOfIncident = (id) => `incidents/${encodeURIComponent(id)}`;
const incidentOf = (id) => `${BELOW}../incidents/${encodeURIComponent(id)}`;
const whole = (n) => Math.round(n).toLocaleString("en");
const failed = ({ failures, attempts, expected }) => attempts
  ? `${whole(failures)} of ${whole(attempts)} attempts failed (${Math.round(100 * failures / attempts)} %), ${whole(expected)} expected` : `${whole(failures)} failed`;

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
  $("content").after(el("section", { id: "changes", class: "panel", "aria-labelledby": "h-changes" }, el("h2", { id: "h-changes" }, "Interventions"),
    el("div", { id: "notes" }), page.me?.role === "reader" ? el("p", { class: "muted" }, "To write one down needs the role operator.") : noteForm()));
  await keepShowing(async () => {
    const range = new URLSearchParams({ since: since() });
    const [all, listed] = await Promise.all([ask("incidents", range), ask("annotations", range).catch(() => null)]), open = all.filter(({ state }) => state === "open");
    const level = open.some(({ severity }) => severity === "page") ? "critical" : open.length ? "warning" : "good";
    const said = open.length ? `${open.length} open incident${open.length > 1 ? "s" : ""}` : "No open incident";
    $("facts").textContent = `${all.length - open.length} ended · answered ${clock(new Date())} UTC`;
    $("content").replaceChildren(el("p", { class: "verdict", "data-level": level }, icon(level), el("span", { id: "verdict" }, said)),
      all.length ? el("ul", { class: "incidents" }, ...all.map(card)) : words("No incident in this time."), ...limits());
    written.notes = written.notes.filter((note) => !listed || listed.every(({ annotation }) => annotation !== note.annotation));
    const notes = [...written.notes, ...listed ?? []];
    $("notes").replaceChildren(notes.length ? el("ul", {}, ...notes.slice(0, NOTES_MAX).map(noteItem)) : words(listed ? "None was written down in this time." : "The store does not answer."));
  });
}
/** What somebody changed, for everybody who looks at charts and incidents later. */
function noteForm() {
  const value = (id) => $(id).value || null;
  return form("annotate", "Write down an intervention", [named("note-by"), input("note-text", "What was changed", { required: true, maxlength: 1000 }),
    input("note-site", "Site (empty: the whole lake)", { maxlength: 100 }), input("note-at", "Begin (UTC; empty: now)", { type: "datetime-local" }),
    input("note-until", "End (UTC; empty: none)", { type: "datetime-local" })], "Write it down", () => "annotations",
  () => ({ by: value("note-by"), text: value("note-text"), site: value("note-site"), at: value("note-at"), until: value("note-until") }),
  (note) => written.notes.unshift(note));
}
const noteItem = ({ time, ended, text, site, rse, by }) => el("li", {}, el("b", {}, `${utc(instant(time))} UTC`),
  ended ? ` until ${utc(instant(ended))}` : "", ` ${text}`, el("span", { class: "muted" }, [site && ` · ${site}`, rse && ` · ${rse}`, by && ` · ${by}`].filter(Boolean).join("")));

// ---- One of them ----

function showIncident(one) {
  const level = levelOf(one), titles = `${one.title} · Incident · Lakescope`;
  document.title = titles;
  const link = (href, text) => el("a", { href }, text);
  const example = one.example && [`${utc(instant(one.example.time))} UTC: `, one.example.request_id ? link(storyOf(one.example.request_id), one.example.error) : one.example.error];
  const facts = [["Time", spanText(one)], ["Confirmed", `${utc(instant(one.opened))} UTC`], ["Failures", failed(one)],
    ["Main error", one.error && (one.error_class ? link(`${BELOW}failures?var.error=${encodeURIComponent(one.error_class)}`, one.error) : one.error)],
    ["Example", example], ["Severity", one.severity], ["Owner", one.owner], ["Muted", one.muted_by],
    ["Runbook", linkOf(one.runbook)]].filter(([, value]) => value);
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
  $("changes").replaceChildren(el("h2", { id: "h-changes" }, "Interventions"), one.annotations.length
    ? el("ul", {}, ...one.annotations.map((note) => el("li", {}, el("b", {}, `${utc(instant(note.time))} UTC`), note.ended ? ` until ${utc(instant(note.ended))}` : "", ` ${note.summary}`)))
    : words("None was written down: lakescope annotate."));
  showActs(one, addressOfIncident(one.id));
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
    if (!known) $("content").replaceChildren(el("div", { id: "head" }), el("div", { class: "story incident-page" }, ...["what", "evidence", "changes"].map(section), ...acts(addressOfIncident(id)), section("links")),
      el("div", { id: "charts" }));
    known = true;
    showIncident(one);
    await showCharts(id);
  });
}
