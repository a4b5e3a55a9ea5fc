"use strict";
const POLL_MS = 2000, TIMEOUT_MS = 5000;
const RECENT_S = 300;      // a dead letter, or a silence, of this age is worth a warning
const QUEUE_HIGH = 0.8;    // of its limit: the sink falls behind
const WINDOW_S = 300;      // the chart's width

const page = { status: null, answered: null, failure: null, paused: false, asking: false, timer: 0, ago: 0 };

// ---- Words for numbers and times; null, or what is no number, is a dash ----

// Made once: they are dear.
const GROUPS = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en", { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

const known = (n) => typeof n === "number" && Number.isFinite(n);

/** Three digits and a prefix: 99.9, 4210 (four stay readable), 12.3 k, 14 M. */
function short(n) {
  if (!known(n)) return DASH;
  const size = Math.abs(n);
  const [unit, prefix] = size < 1e4 ? [1, ""] : size < 1e6 ? [1e3, " k"] : size < 1e9 ? [1e6, " M"] : [1e9, " G"];
  return Number((n / unit).toPrecision(size < 1e3 || prefix ? 3 : 4)) + prefix;
}
/** All digits, in groups: accounts must add up to the eye. */
const exact = (n) => known(n) ? GROUPS.format(n).replaceAll(",", "\u202f") : DASH;
const perSecond = (n) => known(n) ? `${short(n)} events/s` : DASH;
const several = (n, one, many = one + "s") => `${short(n)} ${n === 1 ? one : many}`;

function duration(s) {
  if (!known(s)) return DASH;
  if (s < 0) return `−${duration(-s)}`;  // clocks differ
  if (s > 0 && s < 0.1) return `${Math.ceil(s * 1000)} ms`;
  if (s < 60) return `${s < 10 ? Math.round(s * 10) / 10 : Math.floor(s)} s`;
  const [big, unit, small, rest] = s < 3600 ? [60, "min", 1, "s"] : s < 86400 ? [3600, "h", 60, "min"] : [86400, "d", 3600, "h"];
  const left = Math.floor(s % big / small);
  return `${Math.floor(s / big)} ${unit}` + (left ? ` ${left} ${rest}` : "");
}
function ago(then, now) {
  if (!known(then) || !known(now)) return DASH;
  return now - then < 1 ? "just now" : `${duration(Math.floor(now - then))} ago`;
}
const lastOne = (then, now) => known(then) ? `last ${ago(then, now)}` : "nothing yet";

const clock = (date) => CLOCK.format(date);
function showTime(node, value, now) {
  const date = new Date(known(value) ? value * 1000 : value ?? NaN);
  if (Number.isNaN(date.getTime())) return setText(node, value ?? DASH);
  const today = date.toDateString() === new Date(now * 1000).toDateString();
  setText(node, (today ? "" : `${DAY.format(date)} `) + clock(date));
  setAttribute(node, "datetime", date.toISOString());
  setAttribute(node, "title", `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`);
}
function zone() {
  const minutes = -new Date().getTimezoneOffset(), size = Math.abs(minutes);
  const hours = `${Math.floor(size / 60)}${size % 60 ? ":" + String(size % 60).padStart(2, "0") : ""}`;
  return minutes ? `UTC${minutes < 0 ? "−" : "+"}${hours}` : "UTC";
}

/** A word of a command that somebody will paste into a shell; null if it can't be made safe to look at and to paste. */
function shellWord(value) {
  const text = String(value ?? "");
  if (!text || text.length > 200 || text.startsWith("-") || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) return null;
  return /^[\w.:@%+=,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// ---- Changing the page: only where something differs, so that selection, focus and scroll position stay ----

function setText(node, value) {
  const text = String(value ?? "").slice(0, TEXT_MAX);
  if (node.textContent !== text) node.textContent = text;
}
function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}
function hide(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}
/** Texts by their names in the markup (data-t); an empty one hides its place, unless that is a cell. */
function fill(row, texts) {
  for (const node of row.querySelectorAll("[data-t]")) {
    if (!(node.dataset.t in texts)) continue;
    const text = texts[node.dataset.t];
    setText(node, text);
    hide(node, (text === null || text === "") && !node.matches("td, th"));
  }
}
function svg(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const rowsOf = new WeakMap();
/** Make a list's children follow the items: known ones are kept and changed in place, by key. */
function sync(list, items, keyOf, template, update) {
  const before = rowsOf.get(list) ?? new Map(), after = new Map(), focused = document.activeElement;
  for (const item of items) {
    let key = keyOf(item);
    while (after.has(key)) key += "+";
    const row = before.get(key) ?? $(template).content.firstElementChild.cloneNode(true);
    after.set(key, row);
    update(row, item);
  }
  for (const [key, row] of before) if (after.get(key) !== row) row.remove();
  let next = list.firstElementChild;
  for (const row of after.values()) {
    if (row === next) next = next.nextElementSibling;
    else list.insertBefore(row, next);
  }
  rowsOf.set(list, after);
  setAttribute(list.closest("[data-list]") ?? list, "data-empty", !items.length);
  // A row that moved loses its focus, and one that went takes it along: stay in the neighbourhood.
  if (focused !== document.activeElement) (focused.isConnected ? focused : $("main")).focus({ preventScroll: true });
}

const STATES = {  // state -> icon, word, tone
  ok: ["ok", "OK", "ok"], connecting: ["wait", "connecting", "wait"], retrying: ["warn", "retrying", "warn"],
  error: ["bad", "error", "bad"], finished: ["done", "finished", "none"], idle: ["none", "idle", "none"],
  rejecting: ["warn", "rejecting", "warn"], alarm: ["bad", "Alarm", "bad"], warning: ["warn", "Warning", "warn"],
  holds: ["ok", "yes", "ok"], broken: ["bad", "no", "bad"], unknown: ["none", "unknown", "none"],
};
function showState(row, state) {
  const [icon, word, tone] = Object.hasOwn(STATES, state) ? STATES[state] : ["none", state, "none"];
  setAttribute(row, "data-tone", tone);
  setAttribute(row.querySelector(".badge use"), "href", `#i-${icon}`);
  fill(row.querySelector(".badge"), { state: word });
}
function showBar(row, label, value, limit) {
  const bar = row.querySelector(".bar"), share = known(value) && limit > 0 ? Math.min(1, value / limit) : null;
  hide(bar, share === null);
  if (share === null) return;
  bar.classList.toggle("full", share > QUEUE_HIGH);
  bar.firstElementChild.style.width = `${share * 100}%`;
  for (const [name, text] of [["label", label], ["valuenow", value], ["valuemin", 0], ["valuemax", limit]])
    setAttribute(bar, `aria-${name}`, text);
}
/** A text of any length: two lines of it, and all on demand. */
function showLong(details, text) {
  const long = (text?.length ?? 0) > 80, summary = details.firstElementChild;
  setAttribute(details, "data-long", long);
  setAttribute(summary, "tabindex", long ? 0 : -1);
  setText(summary, text ?? DASH);
}
function showCommand(row, words, value) {
  const word = shellWord(value), command = word && `${words} ${word}`;
  fill(row, { command });
  hide(row.querySelector(".command"), !command);
  setAttribute(row.querySelector(".copy"), "aria-label", `Copy ${command}`);
}

// ---- The verdict ----

/** All that is not well, worst first: {state: alarm | warning, text}. Nothing is said twice: what the server says
 *  (`sink es: connection refused`) stands for what we would say of the same subject. */
function findings(s) {
  const subjects = [...s.collectors.map((c) => [`collector ${c.name}:`, c]), ...s.sinks.map((k) => [`sink ${k.name}:`, k]),
    // A disk that takes no more makes sources wait; nothing is lost by it.
    ...s.sinks.map((k) => [`overflow of sink ${k.name}:`, { state: "warning" }])];
  const found = s.reasons.map(String).map((text) => {
    const part = subjects.find(([start]) => text.startsWith(start))?.[1];
    // Not ready because something is being tried again is no alarm yet: nothing is lost.
    return { text, state: (part ? part.state === "error" : !s.ready) ? "alarm" : "warning" };
  });
  const add = (state, subject, text) => {
    const said = found.find((f) => f.text.startsWith(`${subject}:`));
    if (!said) found.push({ state, text: `${subject}: ${text}` });
    else if (state === "alarm") said.state = state;
  };
  if (!s.ready && !found.length) add("alarm", "server", "not ready, and it does not say why");
  if (!s.collectors.length) add("warning", "collectors", "none is configured, so nothing can arrive");
  if (!s.sinks.length) add("warning", "sinks", "none is configured, so nothing can be stored");
  for (const c of s.collectors) {
    if (c.state === "error") add("alarm", `collector ${c.name}`, c.detail || "error");
    if (c.state === "connecting") add("warning", `collector ${c.name}`, c.detail || "connecting");
  }
  for (const k of s.sinks) {
    if (k.state === "error") add("alarm", `sink ${k.name}`, k.detail || "error");
    if (k.state === "retrying") add("warning", `sink ${k.name}`, k.detail || "retrying");
    const share = k.queued / k.queue_limit;
    if (share > QUEUE_HIGH) add("warning", `sink ${k.name}`, `its queue is ${Math.floor(share * 100)} % full`);
  }
  for (const b of s.balance) if (b.holds === false) {
    // Where the server takes for in flight what is left over, that is what is missing.
    const gap = b.received + (b.restored ?? 0) - b.stored - b.dead - b.filtered - b.in_flight || b.in_flight - (b.overflow ?? 0);
    const wrong = gap < 0 ? "too many" : "missing";
    add("alarm", `accounting ${b.collector} → ${b.sink}`, `${several(Math.abs(gap), "event")} ${wrong}`);
  }
  for (const t of s.tasks ?? []) if (t.state === "error") add("warning", `task ${t.name}`, t.detail || "error");
  const dead = s.dead_letters.by_reason.filter((d) => s.now - d.last_seen < RECENT_S && known(d.last_seen));
  if (dead.length) add("warning", "dead letters", `new ones, the last ${ago(Math.max(...dead.map((d) => d.last_seen)), s.now)}`
    + ` (${[...new Set(dead.map((d) => d.reason))].join(", ")})`);
  const silence = s.now - lastReceived(s);
  if (silence > RECENT_S && s.collectors.some((c) => c.state !== "finished"))
    add("warning", "collectors", `nothing received for ${duration(silence)}`);
  return found.sort((a, b) => (a.state > b.state) - (a.state < b.state));
}
const lastReceived = (s) => Math.max(s.started, ...s.collectors.map((c) => c.last_received).filter(known));
const sum = (list, key) => list.reduce((total, item) => total + (known(item[key]) ? item[key] : 0), 0);

function headline(s, found) {
  const alarms = found.filter((f) => f.state === "alarm").length, warnings = found.length - alarms;
  const said = [alarms && several(alarms, "alarm"), warnings && several(warnings, "warning")].filter(Boolean).join(", ");
  const received = sum(s.collectors, "received_events");
  if (alarms) return ["bad", `${s.ready ? "Degraded" : "Not ready"}: ${said}`];
  if (warnings) return ["warn", s.ready || received ? `Working, with ${said}` : `Not ready: ${said}`];
  if (s.collectors.every((c) => c.state === "finished")) return ["ok", "Healthy: everything has been read"];
  return ["ok", received ? "Healthy" : "Ready, waiting for the first event"];
}
function facts(s) {
  const total = s.dead_letters.total, last = Math.max(...s.dead_letters.by_reason.map((d) => d.last_seen).filter(known));
  return [
    `${perSecond(sum(s.collectors, "rate"))} in`,
    `${several(sum(s.collectors, "received_events"), "event")} since the start`
      + (s.balance.length && s.balance.every((b) => b.holds) ? ", every one accounted for" : ""),
    total ? `${several(total, "dead letter")}${known(last) ? `, the last ${ago(last, s.now)}` : ""}` : "no dead letters",
    `up ${duration(Math.floor(s.now - s.started))}`,
  ].join("  ·  ");
}
function showVerdict(s) {
  const found = s ? findings(s) : [];
  let [tone, line] = s ? headline(s, found) : ["none", "Asking the server"];
  let icon = s ? tone : "wait", text = s ? facts(s) : "";
  if (page.failure) {
    [tone, icon] = ["bad", "lost"];
    line = s ? `No good answer since ${clock(page.answered)}` : "No answer from the server yet";
    const old = s ? ` All below is as it was ${duration(Math.floor((Date.now() - page.answered) / 1000))} ago.` : "";
    text = `${page.failure}. Asking again every ${POLL_MS / 1000} s.${old}`;
  }
  setAttribute($("verdict"), "data-tone", tone);
  setAttribute($("verdict").querySelector("use"), "href", `#i-${icon}`);
  setText($("headline"), line);
  setText($("facts"), text);
  hide($("reasons"), !found.length || page.failure !== null);
  sync($("reasons"), found, (f) => f.text.replace(/\d+/g, "#"), "t-reason", (row, f) => {
    showState(row, f.state);
    fill(row, { text: f.text });
  });
  const sign = { ok: "✓", warn: "▲", bad: "✕" }[tone] ?? "…";
  document.title = `${page.paused ? "Paused · " : ""}${sign} ${line} · ${s?.name || "Lakescope"}`;
  showTabIcon(tone);
}
/** The verdict's sign as the tab's icon: of a pinned tab one sees no more. */
function showTabIcon(tone) {
  const colours = getComputedStyle(document.documentElement);
  const shape = $(`i-${tone}`).innerHTML.replace(/var\((--\w+)\)/g, (_, name) => colours.getPropertyValue(name));
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${shape}</svg>`;
  setAttribute($("icon"), "href", `data:image/svg+xml,${encodeURIComponent(image)}`);
}

// ---- The picture ----

function showCollector(row, c, s) {
  const list = c.formats ?? [], formats = list.length > 3 ? `${list.length} formats` : list.join(", ");
  showState(row, c.state);
  fill(row, {
    name: c.name, kind: [c.type, formats].filter(Boolean).join(" · "), rate: perSecond(c.rate),
    detail: c.detail, last: lastOne(c.last_received, s.now),
    load: known(c.in_flight_limit) ? `${short(c.in_flight)} of ${short(c.in_flight_limit)} in flight` : null,
    overflow: null, lag: null, counts: `${several(c.received_events, "event")} in ${several(c.received_messages, "message")}`
      + ` · ${short(c.rejected)} rejected · ${short(c.in_flight)} in flight`,
  });
  showBar(row, "In flight", c.in_flight, c.in_flight_limit);  // a collector without a limit has no bar
}
/** What waits for a sink in its overflow. */
function onDisk(o) {
  const size = (n) => `${short(n)}${n < 1e4 ? " " : ""}B`;
  const bound = o.limit_bytes ? ` of ${size(o.limit_bytes)}` : "", rate = o.rate > 0 ? ` · ${perSecond(o.rate)} to disk` : "";
  return `on disk: ${several(o.events, "event")} · ${size(o.bytes)}${bound} · oldest ${duration(Math.floor(o.age_s))}${rate}`;
}
function showSink(row, k, s) {
  showState(row, k.state);
  fill(row, {
    name: k.name, kind: k.type, rate: perSecond(k.rate), detail: k.detail, last: lastOne(k.last_stored, s.now),
    load: `${short(k.queued)}${known(k.queue_limit) ? ` of ${short(k.queue_limit)}` : ""} queued`,
    overflow: k.overflow?.events ? onDisk(k.overflow) : null,
    lag: known(k.lag_p50_s) ? `lag: half within ${duration(k.lag_p50_s)}, 95 % within ${duration(k.lag_p95_s)}` : null,
    counts: `${short(k.stored)} stored · ${short(k.dead)} dead · ${short(k.filtered)} filtered`
      + ` · ${several(k.retries, "retry", "retries")}`,
  });
  showBar(row, "Queue", k.queued, k.queue_limit);
}
function showTransform(s) {
  const rejecting = s.dead_letters.by_reason.some((d) => !d.sink && s.now - d.last_seen < RECENT_S);
  const rate = sum(s.collectors, "rate");
  showState($("transform"), rejecting ? "rejecting" : rate > 0 ? "ok" : "idle");
  fill($("transform"), {
    total: perSecond(rate),
    "left-out": `${short(sum(s.collectors, "rejected"))} rejected · ${short(sum(s.collectors, "filtered"))} filtered`,
  });
  sync($("datasets"), s.datasets, (d) => d.dataset, "t-dataset", (row, d) =>
    fill(row, { name: d.dataset, events: short(d.events), rate: short(d.rate) }));
}
const BROKEN = ["error", "retrying", "connecting"];
/** A line from each collector to the transform, and from there to each sink: thickness follows the rate, dots mean
 *  that nothing flows, dashes an interruption. */
function drawLinks() {
  const s = page.status, box = $("picture").getBoundingClientRect(), middle = $("transform").getBoundingClientRect();
  if (!s || getComputedStyle($("links")).display === "none") return;
  const link = (card, part, incoming) => {
    const edge = card.getBoundingClientRect(), y = edge.top + edge.height / 2 - box.top;
    const from = (incoming ? edge : middle).right - box.left + 4, to = (incoming ? middle : edge).left - box.left - 4;
    const width = 1.5 + (part.rate > 0 ? Math.min(4.5, Math.log10(1 + part.rate)) : 0);
    const group = svg("g", { "data-flow": BROKEN.includes(part.state) ? "broken" : part.rate > 0 ? "flowing" : "idle" });
    group.append(svg("path", { d: `M${from} ${y}H${to}`, "stroke-width": width }),
      svg("path", { class: "tip", d: `M${to - 6} ${y - 5}L${to} ${y}L${to - 6} ${y + 5}` }));
    return group;
  };
  $("links").replaceChildren(
    ...s.collectors.map((collector, i) => link($("collectors").children[i], collector, true)),
    ...s.sinks.map((sink, i) => link($("sinks").children[i], sink, false)));
}

// ---- The chart ----

const LEFT = 48, RIGHT = 14;  // the plot's margins

function seriesOf(history) {
  const stored = Object.entries(history?.stored ?? {}).map(([sink, list]) => [`stored in ${sink}`, list]);
  return [["received", history?.received], ...stored]
    .map(([name, list], i) => ({ name, list: Array.isArray(list) ? list : [], mark: i && 1 + (i - 1) % 5 }));
}
const stepOf = (s) => s?.history?.step_s || 1;  // seconds
const at = (series, steps) => series.list[series.list.length - 1 - steps];

/** Ticks from 0 in steps of 1, 2 or 5 times a power of ten, the last at or above the maximum. */
function ticks(max) {
  const power = 10 ** Math.floor(Math.log10(max / 5));
  const step = [1, 2, 5, 10].map((f) => f * power).find((f) => f * 5 >= max * 0.999);
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => i * step);
}
function drawChart() {
  if (!page.status) return;
  const plot = $("plot"), all = seriesOf(page.status.history), step = stepOf(page.status);
  showLegend(all, step);  // first: its height decides about the plot's
  const width = plot.clientWidth, height = plot.clientHeight, left = LEFT, right = width - RIGHT, top = 22, bottom = height - 22;
  const levels = ticks(Math.max(1, ...all.flatMap((series) => series.list).filter(known)));
  const x = (secondsAgo) => right - secondsAgo / WINDOW_S * (right - left);
  const y = (value) => bottom - value / levels.at(-1) * (bottom - top);
  const parts = [svg("text", { x: 0, y: 12 }, "events/s")];
  for (const level of levels) parts.push(
    svg("line", { class: "grid", x1: left, x2: right, y1: y(level), y2: y(level) }),
    svg("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, short(level)));
  for (let minute = 0; minute <= WINDOW_S / 60; minute++) parts.push(
    svg("line", { class: "grid", x1: x(minute * 60), x2: x(minute * 60), y1: bottom, y2: bottom + 4 }),
    svg("text", { x: x(minute * 60), y: height - 5, "text-anchor": minute ? "middle" : "end" },
      minute ? `−${minute} min` : "now"));
  for (const series of all) for (const run of runs(series.list)) {
    const place = ([i]) => x((series.list.length - 1 - i) * step).toFixed(1);
    const points = run.map((point) => `${place(point)} ${y(point[1]).toFixed(1)}`).join("L");
    const area = `M${place(run[0])} ${bottom}L${points}L${place(run.at(-1))} ${bottom}Z`;
    if (!series.mark) parts.push(svg("path", { class: "area", d: area }));
    parts.push(svg("path", { class: "series", "data-series": series.mark, d: `M${points}` }));
  }
  if (!all.some((series) => series.list.some(known))) parts.push(
    svg("text", { x: (left + right) / 2, y: (top + bottom) / 2 - 6, "text-anchor": "middle" }, "nothing measured yet"));
  const cursor = x(page.ago * step);
  if (page.ago) parts.push(svg("line", { class: "cursor", x1: cursor, x2: cursor, y1: top, y2: bottom }));
  plot.firstElementChild.replaceChildren(...parts);
}
/** The unbroken stretches of a list with nulls: lists of [index, value]. */
function runs(list) {
  const found = [];
  list.forEach((value, i) => {
    if (!known(value)) return;
    if (i && known(list[i - 1])) found.at(-1).push([i, value]); else found.push([[i, value]]);
  });
  return found;
}
function showLegend(all, step) {
  sync($("legend"), all, (series) => series.name, "t-legend", (row, series) => {
    setAttribute(row.querySelector("line"), "data-series", series.mark);
    fill(row, { name: series.name, value: perSecond(at(series, page.ago)) });
  });
  const end = page.status.history?.end, then = new Date((end - page.ago * step) * 1000);
  setText($("moment"), page.ago ? `values of ${duration(page.ago * step)} ago` + (known(end) ? `, ${clock(then)}` : "") : "");
}
function moveCursor(steps) {
  const step = stepOf(page.status);
  page.ago = Math.max(0, Math.min(WINDOW_S / step - 1, Math.round(steps)));
  drawChart();
  const words = seriesOf(page.status?.history).map((series) => `${series.name} ${perSecond(at(series, page.ago))}`);
  setAttribute($("plot"), "aria-valuenow", -page.ago);
  setAttribute($("plot"), "aria-valuetext", `${page.ago ? `${duration(page.ago * step)} ago` : "now"}: ${words.join(", ")}`);
}

// ---- The tables ----

/** The list's rows, known by the values of these fields. */
const byFields = (...fields) => (item) => JSON.stringify(fields.map((field) => item[field]));

function showBalance(row, b) {
  showState(row, b.holds === true ? "holds" : b.holds === false ? "broken" : "unknown");
  const received = exact(b.received + (b.restored ?? 0));  // by this process, and by the one before it
  fill(row, { collector: b.collector, sink: b.sink, received, stored: exact(b.stored), dead: exact(b.dead),
    filtered: exact(b.filtered), in_flight: exact(b.in_flight) });
}
function showDeadLetters(row, d, s) {
  const where = [d.collector, d.format].filter(Boolean).join(" · ") + (d.sink ? ` → ${d.sink}` : "");
  fill(row, { reason: d.reason, where, count: exact(d.count) });
  showTime(row.querySelector("time"), d.last_seen, s.now);
  showLong(row.querySelector("details"), d.example);
  showCommand(row, "lakescope dead-letters list --reason", d.reason);
}
function showFailure(row, f, s) {
  const place = (rse, site) => `${rse ?? "unknown"}${site ? ` (${site})` : ""}`;
  fill(row, {
    from: place(f.src_rse, f.src_site), to: place(f.dst_rse, f.dst_site), name: f.name, activity: f.activity ?? DASH,
    class: [f.error_class && `class ${f.error_class}`, f.source && `reported by ${f.source}`].filter(Boolean).join(" · "),
  });
  showTime(row.querySelector("time"), f.time, s.now);
  showLong(row.querySelector("details"), f.error);
  showCommand(row, "lakescope trace", f.request_id);
}
function showTables(s) {
  sync($("balance"), s.balance, byFields("collector", "sink"), "t-balance", showBalance);
  const { total, files } = s.dead_letters, moved = files ? ` and ${several(files, "file")}` : "";
  fill($("h-dead"), { dead: total || moved ? `(${exact(total)}${moved})` : "" });
  sync($("dead-letters"), s.dead_letters.by_reason, byFields("reason", "collector", "format", "sink"), "t-dead",
    (row, d) => showDeadLetters(row, d, s));
  const unknown = s.collectors.flatMap(({ name, unknown_fields }) =>
    Object.entries(unknown_fields ?? {}).map(([field, count]) => ({ name, field, count })));
  hide($("unknown-section"), !unknown.length);
  sync($("unknown"), unknown, byFields("name", "field"), "t-unknown",
    (row, u) => fill(row, { field: u.field, where: `${several(u.count, "time")} from ${u.name}` }));
  sync($("failures"), s.latest_failures, byFields("time", "source", "request_id", "name", "src_rse", "dst_rse"), "t-failure",
    (row, f) => showFailure(row, f, s));
}

// ---- All of it ----

function show() {
  const s = page.status;
  document.body.classList.toggle("lost", page.failure !== null);
  document.body.classList.toggle("paused", page.paused);
  $("paused").hidden = !page.paused;
  setText($("paused"), `Paused${page.answered ? `: data of ${clock(page.answered)}` : ""}`);
  setText($("answered"), page.answered ? `answered ${clock(page.answered)}` : "not answered yet");
  setText($("pause"), page.paused ? "Resume" : "Pause");
  showVerdict(s);
  if (!s) return;
  fill(document.querySelector("h1"), { name: s.name || "Lakescope" });
  setText($("version"), `Lakescope ${s.version}`);
  setText($("zone"), zone());
  $("data").hidden = false;
  sync($("collectors"), s.collectors, (c) => c.name, "t-part", (row, c) => showCollector(row, c, s));
  sync($("sinks"), s.sinks, (k) => k.name, "t-part", (row, k) => showSink(row, k, s));
  showTransform(s);
  showTables(s);
  drawLinks();
  drawChart();
}

async function ask() {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch("api/status", { cache: "no-store", signal }).catch((error) => {
    const late = `The server gave no answer within ${TIMEOUT_MS / 1000} s`;
    throw new Error(error.name === "TimeoutError" ? late : "The server cannot be reached");
  });
  if (answer.status === 403) location.replace("dashboards/");  // whoever may see their VOs alone
  if (!answer.ok) throw new Error(`The server answered HTTP ${answer.status}`);
  return answer.json().catch(() => { throw new Error("The answer is not JSON, or broke off: a proxy may be in between"); });
}
/** Take the answer over; if the page stumbles over it, keep to the last one that it could show. */
function accept(status) {
  const { status: lastStatus, answered: lastAnswered } = page;
  try {
    if (typeof status.version !== "string") throw new Error("no version in it");
    for (const key of ["reasons", "collectors", "sinks", "datasets", "balance", "latest_failures"]) status[key] ??= [];
    status.dead_letters = { total: 0, ...status.dead_letters, by_reason: status.dead_letters?.by_reason ?? [] };
    Object.assign(page, { status, answered: new Date(), failure: null });
    show();
  } catch (error) {
    Object.assign(page, { status: lastStatus, answered: lastAnswered });
    fail(new Error(`This page does not understand the answer (${error.message}); if Lakescope was updated, reload the page`));
  }
}
function fail(error) {
  page.failure = error.message;
  show();
}
async function poll() {
  clearTimeout(page.timer);
  if (page.asking || page.paused) return;
  page.asking = true;
  const settle = await ask().then((status) => () => accept(status), (error) => () => fail(error));
  page.asking = false;
  if (page.paused) return;
  try { settle(); } finally { page.timer = setTimeout(poll, POLL_MS); }
}

function copy(button) {
  const code = button.previousElementSibling;
  getSelection().selectAllChildren(code);
  // The clipboard interface exists on https and localhost only; the old way works on http too.
  if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).catch(() => {});
  else document.execCommand("copy");
  setText(button, "Copied");
  setTimeout(() => setText(button, "Copy"), 1500);
}
startTheme();
startUser("");
$("pause").addEventListener("click", () => { page.paused = !page.paused; show(); poll(); });
$("main").addEventListener("click", (event) => { if (event.target.matches(".copy")) copy(event.target); });
$("plot").addEventListener("pointermove", (event) => {
  const box = $("plot").getBoundingClientRect();
  moveCursor((box.right - RIGHT - event.clientX) / (box.width - LEFT - RIGHT) * WINDOW_S / stepOf(page.status));
});
$("plot").addEventListener("pointerleave", () => moveCursor(0));
$("plot").addEventListener("focus", () => moveCursor(page.ago));
$("plot").addEventListener("keydown", (event) => {
  const to = { ArrowLeft: page.ago + 5, ArrowRight: page.ago - 5, Home: WINDOW_S, End: 0, Escape: 0 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  moveCursor(to);
});
new ResizeObserver(() => { drawLinks(); drawChart(); }).observe($("picture"));
// Browsers slow the timers of hidden pages down: catch up on return.
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
addEventListener("online", poll);
poll();
