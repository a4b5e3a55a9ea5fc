"use strict";
// What the pages of incidents and of alerts share: their state in words, and the forms that acknowledge and silence. page.js has been
// read before.

const SPANS = [["3600", "1 hour"], ["14400", "4 hours"], ["86400", "1 day"], ["259200", "3 days"], ["604800", "7 days"], ["", "until …"]];
const REFRESH_MS = 60_000;

const levelOf = ({ state, severity }) => state === "ended" ? "good" : severity === "page" ? "critical" : "warning";
function lasting({ began, ended }) {
  const from = instant(began), to = instant(ended) ?? Date.now();
  return duration(Math.max(0, to - from) / 1000);
}
const spanText = (one) => one.state === "ended" ? `${utc(instant(one.began))} to ${utc(instant(one.ended))} UTC (${lasting(one)})`
  : `since ${utc(instant(one.began))} UTC (${lasting(one)})`;
const acknowledgedText = ({ acknowledged: by }) => by && `Acknowledged by ${by.by} at ${utc(instant(by.at))} UTC${by.false_alarm ? " as a false alarm" : ""}${by.note ? `: ${by.note}` : ""}`;
const silenceText = ({ silence }) => silence && `Silenced by ${silence.by} until ${utc(instant(silence.until))} UTC: ${silence.reason}`;
const mutedText = ({ muted_by: why }) => why && `Muted: ${why}`;

/** A link to an address, or to a runbook, which Lakescope has itself. */
function linkOf(href, text = href) {
  const name = /^docs\/runbooks\/(\w+)\.md$/.exec(href ?? "")?.[1];
  if (name) return el("a", { href: `${BELOW}../runbooks/${name}` }, text === href ? name : text);
  return href && (/^https?:/.test(href) ? el("a", { href }, text) : href);
}

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

// ---- Acknowledge, silence ----

const own = { name: "lakescope-name" };
function remembered() { try { return localStorage.getItem(own.name) ?? ""; } catch { return ""; } }
function remember(name) { try { localStorage.setItem(own.name, name); } catch { /* it is typed again */ } }

function input(id, label, attributes = {}) {
  return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, autocomplete: "off", ...attributes }));
}
/** A form that sends `body()`; what the server says of it stands below, and `done` gets its answer. */
function form(id, title, fields, button, path, body, done = () => {}) {
  const note = el("p", { role: "status", class: "small" });
  return el("form", { id, class: "act", "aria-label": title, onsubmit: async (event) => {
    event.preventDefault();
    note.textContent = "Sending …";
    try {
      done(await send(path(), body()));
      note.textContent = "";
      for (const one of event.target.querySelectorAll("input:not([data-name])")) { one.value = ""; one.checked = false; }
      await page.again();
    } catch (error) {
      note.textContent = error.message;
    }
  } }, ...fields, el("button", {}, button), note);
}
/** Who does it: the server knows whoever has logged in. */
function named(id) {
  if (page.me && !page.me.asks_name) return el("p", { class: "small" }, `As ${page.me.name}`, el("input", { type: "hidden", id }));
  return input(id, "Your name", { "data-name": true, value: remembered(), required: true, maxlength: 100, onchange: ({ target }) => {
    remember(target.value);
    for (const other of document.querySelectorAll("[data-name]")) other.value = target.value;
  } });
}
/** The forms; `address`: of the incident or alert below the API. */
function acts(address) {
  if (page.me?.role === "reader") return [el("section", { class: "panel" }, el("p", { id: "acknowledged" }), el("p", { id: "silenced" }),
    el("p", { class: "muted" }, "To acknowledge or silence it needs the role operator."))];
  const path = (what) => () => `${address}/${what}`;
  const until = input("until", "Until (UTC)", { type: "datetime-local" });
  until.hidden = true;
  const span = field("span", "For", SPANS, "14400", (value) => { until.hidden = value !== ""; $("until").required = value === ""; });
  const falseAlarm = el("label", { class: "check" }, el("input", { id: "false-alarm", type: "checkbox" }), " False alarm: nothing was wrong");
  const end = () => $("span").value ? new Date(Date.now() + 1000 * $("span").value).toISOString() : `${$("until").value}Z`;
  return [
    el("section", { class: "panel", "aria-labelledby": "h-ack" }, el("h2", { id: "h-ack" }, "Acknowledge"), el("p", { id: "acknowledged" }),
      form("acknowledge", "Acknowledge", [named("ack-by"), input("note", "Note (what you know, what you do)", { maxlength: 1000 }), falseAlarm], "Acknowledge",
        path("acknowledge"), () => ({ by: $("ack-by").value, note: $("note").value, false_alarm: $("false-alarm").checked }))),
    el("section", { class: "panel", "aria-labelledby": "h-silence" }, el("h2", { id: "h-silence" }, "Silence"), el("p", { id: "silenced" }),
      form("silence", "Silence", [named("silence-by"), input("reason", "Reason", { required: true, maxlength: 1000 }), span, until], "Silence",
        path("silence"), () => ({ by: $("silence-by").value, reason: $("reason").value, until: end() }))),
  ];
}
/** What was done, beside the forms. */
function showActs(one, address) {
  $("acknowledged").textContent = acknowledgedText(one) || "Nobody has acknowledged it.";
  $("silenced").replaceChildren(silenceText(one) || "It is not silenced.", ...(one.silence && page.me?.role !== "reader" ? [" ", el("button", { type: "button", id: "end-silence", onclick: async () => {
    try { await send(`${address}/silence/end`, {}); await page.again(); } catch (error) { alarm(error.message); }
  } }, "End the silence")] : []));
}
