"use strict";
// Alerts of rules: the open ones, all rules by state, and one alert. page.js and acts.js have been read before.

const STATES = { firing: "critical", clearing: "warning", pending: "warning", unknown: "warning", covered: "warning", ok: "good" };
const CALM = ["firing", "clearing", "unknown", "pending", "covered", "no data", "no baseline", "ok", "disabled"];
const addressOfAlert = (key) => `alerts/${encodeURIComponent(key)}`;
const alertOf = (key) => `${BELOW}../${addressOfAlert(key)}`;
const isIncident = ({ labels }) => "incident" in labels;
const headlineOf = ({ annotations, rule }) => annotations.summary || rule;
const placesOf = ({ places }) => Object.entries(places).map(([name, value]) => `${name} ${value}`).join(", ");
const limitOf = ({ annotations: { value, threshold } }) => value && threshold ? `${value}, threshold ${threshold}` : value;

function alertCard(one) {
  const level = levelOf(one), notes = [acknowledgedText(one), mutedText(one)].filter(Boolean);
  return el("li", { class: "incident", "data-level": level },
    el("h2", {}, icon(level), el("a", { href: alertOf(one.key) }, headlineOf(one))),
    el("p", {}, el("b", {}, one.state === "ended" ? "Ended" : one.severity === "page" ? "Open, page" : "Open, ticket"), ` · ${spanText(one)}`),
    el("p", {}, ...[`rule ${one.rule}`, placesOf(one), limitOf(one)].filter(Boolean).join(" · "), one.annotations.runbook_url ? " · " : "", linkOf(one.annotations.runbook_url, "Runbook")),
    ...notes.map((text) => el("p", { class: "muted" }, text)));
}
function rulesTable(rules) {
  const columns = ["state", "rule", "what", "value", "threshold", "since (UTC)", "severity", "owner", "runbook"].map((label) => ({ label }));
  const rank = ({ state }) => CALM.indexOf(state);
  const rows = [...rules].sort((a, b) => rank(a) - rank(b)).map((one) => {
    const level = STATES[one.state], since = one.since ? utc(instant(one.since)) : "";
    return {
      values: [rank(one), one.rule, one.title, one.value, one.threshold, since, one.severity, one.owner, one.rule],
      cells: [el("td", { class: "finding" }, ...(level ? [icon(level), " "] : []), one.state, one.firing > 1 ? ` (${one.firing})` : ""), el("th", { scope: "row" }, one.rule),
        el("td", {}, one.title, one.reason ? el("span", { class: "muted" }, ` (${one.reason})`) : ""), ...[one.value, one.threshold].map((text) => el("td", { class: "num" }, text)),
        ...[since, one.severity, one.owner].map((text) => el("td", { class: "finding" }, text)), el("td", {}, linkOf(one.runbook, "Runbook"))],
    };
  });
  return el("section", { class: "panel", "aria-labelledby": "h-rules" }, el("h2", { id: "h-rules" }, "Rules by state"),
    el("div", { class: "scroll free", tabindex: 0, role: "region", "aria-labelledby": "h-rules" }, sortable({ id: "rules", title: "Rules by state" }, columns, rows, "events")));
}
async function openAlerts() {
  $("title").textContent = "Alerts";
  document.title = "Alerts · Lakescope";
  page.kept.set("rules", {});
  await keepShowing(async () => {
    const { rules, alerts, fault } = await ask("alerts"), own = alerts.filter((one) => !isIncident(one)), open = own.filter(({ state }) => state === "open");
    const incidents = alerts.filter((one) => isIncident(one) && one.state === "open").length;
    const level = open.some(({ severity }) => severity === "page") ? "critical" : open.length || fault ? "warning" : "good";
    const text = open.length ? `${open.length} open alert${open.length > 1 ? "s" : ""}` : "No open alert";
    $("facts").textContent = `${rules.length} rules · answered ${clock(new Date())} UTC`;
    $("content").replaceChildren(el("p", { class: "verdict", "data-level": level }, icon(level), el("span", { id: "verdict" }, text)),
      ...(fault ? [words(`The store does not answer, so all is unknown: ${fault}`)] : []),
      el("p", { class: "muted" }, "Failing transfers are reported as incidents: ", el("a", { href: `${BELOW}../incidents` }, incidents ? `${incidents} open` : "none open"), "."),
      ...(open.length ? [el("ul", { class: "incidents" }, ...open.map(alertCard))] : []), el("div", { class: "story" }, rulesTable(rules)), ...limits());
  });
}

// ---- One of them ----

function showAlert(one) {
  const level = levelOf(one), { annotations: notes } = one;
  document.title = `${headlineOf(one)} · Alert · Lakescope`;
  const facts = [["Time", spanText(one)], ["Fires since", `${utc(instant(one.opened))} UTC`], ["Rule", one.rule], ["Where", placesOf(one)], ["Value", notes.value], ["Threshold", notes.threshold],
    ["Data", notes.completeness && `${notes.completeness} complete`], ["Severity", one.severity], ["Owner", one.labels.owner], ["Muted", one.muted_by], ["What to do", notes.description],
    ["Runbook", linkOf(notes.runbook_url)], ["Dashboard", linkOf(notes.dashboard_url)]].filter(([, value]) => value);
  $("head").replaceChildren(el("p", { class: "verdict", "data-level": level }, icon(level), el("span", { id: "verdict" }, headlineOf(one))));
  $("what").replaceChildren(el("h2", { id: "h-what" }, "What is wrong"), el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
  showActs(one, addressOfAlert(one.key));
}
async function openAlert() {
  const key = decodeURIComponent(location.pathname.split("/").at(-1));
  $("title").textContent = "Alert";
  $("content").before(el("p", {}, el("a", { id: "back", href: `${BELOW}../alerts` }, "← All alerts"), " ", el("span", { class: "muted small" }, `alert ${key}`)));
  $("content").replaceChildren(words("Loading …"));
  let isDrawn = false;
  await keepShowing(async () => {
    const one = (await ask("alerts")).alerts.find((one) => one.key === key);
    if (!one) {
      if (!isDrawn) $("content").replaceChildren(words("No alert: see above."));
      throw new Error("This alert is not open: it has ended, or its key is wrong");
    }
    if (!isDrawn) $("content").replaceChildren(el("div", { id: "head" }),
      el("div", { class: "story incident-page" }, el("section", { id: "what", class: "panel wide", "aria-labelledby": "h-what" }), ...acts(addressOfAlert(key))));
    isDrawn = true;
    showAlert(one);
  });
}
