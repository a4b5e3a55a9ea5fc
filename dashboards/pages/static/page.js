"use strict";

const VIEW = document.documentElement.dataset.view;
const BELOW = document.documentElement.dataset.below;   // from here to /dashboards/
const API = `${BELOW}../api/`;
const TIMEOUT_MS = 60_000;
const PRESETS = [["1h", "last hour"], ["6h", "last 6 hours"], ["24h", "last 24 hours"], ["2d", "last 2 days"], ["7d", "last 7 days"],
  ["30d", "last 30 days"]];
const BINS = [["", "automatic"], ["1min", "1 min"], ["5min", "5 min"], ["10min", "10 min"], ["30min", "30 min"], ["1h", "1 h"], ["6h", "6 h"],
  ["1d", "1 day"]];
const NOISE = [["", "default of each panel"], ["true", "included"], ["false", "left out"]];
const REFRESH = [["0", "off"], ["30", "every 30 s"], ["60", "every minute"], ["300", "every 5 min"]];
const SEARCH_FROM = 10;    // a longer list of values can be searched
const TEXT_CELLS = 14;     // sites of a matrix whose cells are wide enough for their text
const SMALL_CELLS = 40;
const TIP_LINES = 14;
const BANDS = 12;          // names of downtimes or incidents in a legend
const WIDE = 24;           // characters; a longer word may be broken
const LONG = 140;          // characters; a longer text is folded

/** With what cannot be seen written out, as `escape_unprintable` of core/printable.py does. */
function printable(text) {
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\udb40[\udc00-\udc7f]/g,
    (found) => found.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""));
}

/** An element: attributes by name (null: none; true: empty; `on...`: a listener; `--...`: a style's variable), then children. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) node.style.setProperty(key, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined)
    .map((child) => child instanceof Node ? child : printable(String(child).slice(0, TEXT_MAX))));
  return node;
}
function icon(level) {
  const NS = "http://www.w3.org/2000/svg", node = document.createElementNS(NS, "svg"), use = document.createElementNS(NS, "use");
  node.setAttribute("class", "icon");
  node.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${level}`);
  node.append(use);
  return node;
}
const words = (text) => el("p", { class: "words" }, text);
const utc = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const clock = (date) => date.toISOString().slice(11, 19);

// ---- What is chosen stands in the address, so that a link shows another person the same ----

const inlined = () => JSON.parse($("inlined")?.textContent ?? "null");  // a preview brings its data along
const page = { name: "", layout: null, data: null, answered: null, timer: 0, asking: null, values: null, kept: new Map(), preview: null, me: null, range: {} };

function chosen() {
  const query = new URLSearchParams(location.search), variables = new Map();
  for (const [key, value] of query) if (key.startsWith("var.")) {
    const name = key.slice(4);
    variables.set(name, [...(variables.get(name) ?? []), value]);
  }
  const of = (key) => query.get(key) ?? "";
  return { since: of("since"), until: of("until"), bin: of("bin"), noise: of("noise"), group: of("group"), store: of("store"), refresh: of("refresh"),
    filters: query.getAll("filter"), variables };
}
function queryOf({ variables, filters = [], ...rest }) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(rest)) if (value) query.set(key, value);
  for (const [name, values] of variables) for (const value of values) query.append(`var.${name}`, value);
  for (const filter of filters) query.append("filter", filter);
  return query;
}
function choose(change) {
  const query = queryOf({ ...chosen(), ...change }).toString();
  if (`?${query}` !== location.search) history.pushState(null, "", query ? `?${query}` : location.pathname);
  showControls();
  load();
}
function chooseValues(name, values) {
  const variables = new Map(chosen().variables);
  if (values.length) variables.set(name, values); else variables.delete(name);
  choose({ variables });
}
/** `field=value` or `field!=value`. */
function partsOf(filter) {
  const [, field, operator, value] = /^(\w+)(!?=)(.*)$/s.exec(filter) ?? [null, filter, "=", ""];
  return { field, operator, value };
}
/** The address of another dashboard, in the same time and for the same variables and filters but those that the link sets. */
function addressOf(dashboard, set = {}, wanted = {}) {
  if (page.preview) return `${encodeURIComponent(dashboard)}.html`;
  const now = chosen(), variables = new Map(now.variables);
  for (const [name, value] of Object.entries(set)) variables.set(name, [value]);
  const filters = [...now.filters.filter((filter) => !(partsOf(filter).field in wanted)),
    ...Object.entries(wanted).map(([field, value]) => `${field}=${value}`)];
  const query = queryOf({ ...now, ...page.range, variables, filters }).toString();
  return BELOW + encodeURIComponent(dashboard) + (query ? `?${query}` : "");
}
const linkTo = (link) => link && addressOf(link.dashboard, link.variables, link.filters);
function storyOf(request) {
  if (page.preview) return null;
  const from = page.name + location.search;
  return `${BELOW}transfer/${encodeURIComponent(request)}?from=${encodeURIComponent(from)}`;
}

/** Where the page is that says what a rule (or `did`, `fts_job`) waits for. */
function explanationOf(kind, id) {
  if (page.preview || !id) return null;
  const from = page.name && page.name + location.search;
  return `${BELOW}explain/${kind}?${new URLSearchParams({ id, ...(from ? { from } : {}) })}`;
}

// ---- Asking ----

async function ask(path, query = null, signal = undefined) {
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
  const address = API + path + (query && query.toString() ? `?${query}` : "");
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.any(signals) }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error(error.name === "TimeoutError" ? `The server gave no answer within ${TIMEOUT_MS / 1000} s` : "The server cannot be reached");
  });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(typeof body?.detail === "string" ? body.detail : `The server answered HTTP ${answer.status}`);
  if (body === null) throw new Error("The answer is not JSON: a proxy may be in between");
  return body;
}
function alarm(text) {
  $("alert").hidden = !text;
  if ($("alert").textContent !== text) $("alert").textContent = text;
}
async function load() {
  clearTimeout(page.timer);
  page.asking?.abort();
  const asking = page.asking = new AbortController(), query = queryOf(chosen());
  query.delete("refresh");
  $("content").setAttribute("aria-busy", "true");
  try {
    const data = await ask(`dashboards/${encodeURIComponent(page.name)}/data`, query, asking.signal);
    if (asking.signal.aborted) return;
    page.data = data;
    document.body.classList.remove("stale");
    alarm("");
    showData();
  } catch (error) {
    if (asking.signal.aborted) return;
    document.body.classList.add("stale");
    alarm(error.message + (page.data ? `. What is shown is of ${page.data.answered.slice(11, 19)} UTC.` : ""));
    if (!page.data) for (const panel of panels()) $(panel.id).querySelector(".body").replaceChildren(words("No data: see above."));
  }
  $("content").setAttribute("aria-busy", "false");
  schedule();
}
function schedule() {
  clearTimeout(page.timer);
  const seconds = Number(chosen().refresh || page.layout.refresh_s);
  // an absolute range does not change
  if (seconds > 0 && !chosen().until && !document.hidden) page.timer = setTimeout(load, seconds * 1000);
}

// ---- The frame ----

function showNav(all) {
  const item = (name, title) => el("li", {}, el("a", { href: addressOf(name), "aria-current": name === page.name ? "page" : null }, title));
  const home = page.preview ? [] : [el("li", {}, el("a", { href: `${BELOW}../` }, "Status of Lakescope")),
    el("li", {}, el("a", { href: `${BELOW}../incidents`, "aria-current": VIEW.startsWith("incident") ? "page" : null }, "Incidents")),
    el("li", {}, el("a", { href: `${BELOW}../alerts`, "aria-current": VIEW.startsWith("alert") ? "page" : null }, "Alerts")),
    el("li", {}, el("a", { href: `${BELOW}../reports`, "aria-current": VIEW === "report" ? "page" : null }, "Reports")),
    el("li", {}, el("a", { href: `${BELOW}../syncs`, "aria-current": VIEW === "sync" ? "page" : null }, "Synchronisations")),
    el("li", {}, el("a", { href: `${BELOW}../accounts`, "aria-current": VIEW === "accounts" ? "page" : null }, "Accounts")),
    el("li", {}, el("a", { href: `${BELOW}../topology`, "aria-current": VIEW === "topology" ? "page" : null }, "Topology")),
    el("li", {}, el("a", { href: BELOW || "./", "aria-current": VIEW === "index" ? "page" : null }, "All dashboards"))];
  $("nav").replaceChildren(...home, ...all.map(({ name, title }) => item(name, title)));
}
const panels = () => page.layout.rows.flatMap((row) => row.panels);

function showLayout() {
  const { title, question } = page.layout;
  $("title").textContent = title;
  document.title = `${title} · Lakescope`;
  $("content").replaceChildren(el("p", { class: "muted" }, question), ...limits(), ...rowsOf(page.layout));
}
const rowsOf = ({ rows }) => rows.map((row, i) => el("section", { "aria-labelledby": `row${i}` }, el("h2", { id: `row${i}` }, row.title),
  el("div", { class: "grid" }, ...row.panels.map(frameOf))));
function frameOf(panel) {
  const header = el("header", {}, el("h3", { id: `${panel.id}-title` }, panel.title));
  if (panel.description) header.append(el("details", { class: "about" },
    el("summary", { "aria-label": `About ${panel.title}`, title: "What this is" }, "?"), el("p", {}, panel.description)));
  return el("section", { class: `panel ${panel.kind}`, id: panel.id, "aria-labelledby": `${panel.id}-title`,
    "--width": panel.width, "--height": panel.height }, header, el("div", { class: "body" }, words("Loading …")),
    el("p", { class: "note", hidden: true }));
}

function option(select, [value, label], current) {
  select.append(el("option", { value, selected: value === current }, label));
}
function field(id, label, options, current, change) {
  const select = el("select", { id, onchange: (event) => change(event.target.value) });
  const known = options.some(([value]) => value === current);
  for (const one of known ? options : [...options, [current, current]]) option(select, one, current);
  return el("div", { class: "field" }, el("label", { for: id }, label), select);
}
function showControls() {
  if (page.preview || VIEW !== "dashboard") return;
  const now = chosen(), focused = document.activeElement?.id, absolute = Boolean(now.until) || /^\d{4}-/.test(now.since);
  const own = page.layout.since, presets = PRESETS.some(([value]) => value === own) ? PRESETS : [[own, `last ${own}`], ...PRESETS];
  const time = field("time", "Time", [...presets, ["absolute", "from … to … (UTC)"]], absolute ? "absolute" : now.since || own, (value) => {
    const range = page.data ?? { since: new Date(Date.now() - 864e5).toISOString(), until: new Date().toISOString() };
    choose(value === "absolute" ? { since: range.since.slice(0, 16), until: range.until.slice(0, 16) } : { since: value === own ? "" : value, until: "" });
  });
  const ends = absolute ? [absoluteRange(now)] : [];
  const stores = page.data?.stores ?? [];
  const open = document.querySelector(".choice[open]")?.dataset.name, typed = document.querySelector(".choice[open] input[type=search]")?.value;
  if (open !== undefined) return updateChoices(now);  // a menu in use stays as it is
  const form = $("controls");
  form.replaceChildren(time, ...ends, field("bin", "Bin", BINS, now.bin, (bin) => choose({ bin })),
    field("noise", "Functional tests", NOISE, now.noise, (noise) => choose({ noise })),
    ...(page.layout.groupings.length > 1 ? [field("group", "Group by", page.layout.groupings.map(({ name, label }) => [name, label]), groupOf(now),
      (group) => choose({ group: group === page.layout.group ? "" : group }))] : []),
    ...page.layout.variables.map((variable) => menu(variable, now.variables.get(variable.name) ?? [], typed)),
    ...(page.layout.dimensions.length ? [filterField(now)] : []),
    ...(stores.length > 1 ? [field("store", "Store", stores.map((name) => [name, name]), now.store || page.data.store, (store) => choose({ store }))] : []),
    el("span", { class: "push" }),
    field("refresh", "Refresh", REFRESH, now.refresh || String(page.layout.refresh_s), (refresh) => choose({ refresh })),
    el("button", { type: "button", id: "now", onclick: () => load() }, "Refresh now"));
  form.hidden = false;
  if (focused) $(focused)?.focus({ preventScroll: true });
}
function absoluteRange(now) {
  const data = page.data, of = (text, other) => (/^\d{4}-/.test(text) ? text : other ?? "").slice(0, 16);
  const input = (id, value) => el("input", { type: "datetime-local", id, value });
  const from = input("from", of(now.since, data?.since)), to = input("to", of(now.until, data?.until));
  const apply = () => from.value && to.value && choose({ since: from.value, until: to.value });
  const enter = (event) => { if (event.key === "Enter") { event.preventDefault(); apply(); } };
  return el("div", { id: "absolute", role: "group", "aria-label": "Absolute time in UTC", onkeydown: enter },
    el("div", { class: "field" }, el("label", { for: "from" }, "From (UTC)"), from),
    el("div", { class: "field" }, el("label", { for: "to" }, "To (UTC)"), to),
    el("button", { type: "button", id: "apply", onclick: apply }, "Apply"));
}
const said = (value) => value === "" ? "unknown" : value;   // chosen: the events without a value
const summaryOf = (values) => values.length === 0 ? "All" : values.length === 1 ? said(values[0]) : `${values.length} chosen`;

/** A menu with a box for each value; "All" is none ticked. */
function menu(variable, values) {
  const id = `var-${variable.name}`, list = el("ul", {}), search = el("input", { type: "search", "aria-label": `Search ${variable.label}`,
    placeholder: "Search", hidden: true, oninput: () => filter() });
  const filter = () => { for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(search.value.toLowerCase()); };
  const details = el("details", { class: `choice${values.length ? " chosen" : ""}`, "data-name": variable.name },
    el("summary", { id, "aria-label": `${variable.label}: ${summaryOf(values)}` }, summaryOf(values)),
    el("div", {}, search, el("button", { type: "button", onclick: () => { for (const box of list.querySelectorAll("input")) box.checked = false;
      chooseValues(variable.name, []); } }, "All"), list));
  const fillIn = async () => {
    list.replaceChildren(el("li", { class: "muted" }, "Loading …"));
    const known = await valuesOf(variable.name).catch((error) => error);
    const now = chosen().variables.get(variable.name) ?? [];
    const all = [...new Set([...(Array.isArray(known) ? known : []), ...now])].sort((a, b) => (a === "") - (b === "") || a.localeCompare(b, "en", { numeric: true }));
    search.hidden = all.length < SEARCH_FROM;
    const box = (value) => el("input", { type: "checkbox", value, checked: now.includes(value), onchange: () =>
      chooseValues(variable.name, [...list.querySelectorAll("input:checked")].map((one) => one.value)) });
    const none = known instanceof Error ? known.message : ["No value occurs in this time.", limitsOf(page.me)].filter(Boolean).join(" ");
    list.replaceChildren(...(all.length ? all.map((value) => el("li", {}, el("label", {}, box(value), el("span", {}, said(value))))) : [el("li", { class: "muted" }, none)]));
    for (const one of list.querySelectorAll("input")) one.checked = now.includes(one.value);
    filter();
  };
  details.addEventListener("toggle", () => {
    if (!details.open) return showControls();
    for (const other of document.querySelectorAll(".choice[open]")) if (other !== details) other.open = false;
    const box = details.lastElementChild;
    box.classList.toggle("right", details.getBoundingClientRect().left > innerWidth / 2);
    fillIn();
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.firstElementChild.focus();
  });
  return el("div", { class: "field" }, el("span", { class: "label", "aria-hidden": "true" }, variable.label), details);
}
const groupOf = ({ group }) => page.layout.groupings.some(({ name }) => name === group) ? group : page.layout.group;
const labelOf = (field) => page.layout.dimensions.find(({ name }) => name === field)?.label;

/** The filters beside the variables: a button each, which removes it, and a menu that adds one. */
function filterField(now) {
  const chip = (filter, i) => {
    const { field, operator, value } = partsOf(filter), text = `${labelOf(field) ?? field} ${operator === "=" ? "=" : "≠"} ${said(value)}`;
    return el("button", { type: "button", class: `chip${labelOf(field) ? "" : " idle"}`, id: `filter-${i}`, "aria-label": `Remove the filter ${text}`,
      title: labelOf(field) ? "Remove" : "Without effect here; remove", onclick: () => {
        choose({ filters: now.filters.filter((one) => one !== filter) });
        $("add-filter").focus();
      } }, el("span", {}, text), el("span", { "aria-hidden": "true" }, " ×"));
  };
  return el("div", { class: "field filters" }, el("span", { class: "label", "aria-hidden": "true" }, "Filters"),
    el("div", { role: "group", "aria-label": "Filters" }, ...now.filters.map(chip), adder()));
}
function adder() {
  const name = field("filter-field", "Dimension", page.layout.dimensions.map(({ name, label }) => [name, label]), page.layout.dimensions[0].name, () => offer());
  const operator = field("filter-operator", "Is", [["=", "= equal to"], ["!=", "≠ not"]], "=", () => {});
  const value = el("input", { id: "filter-value", list: "filter-values", autocomplete: "off", placeholder: "empty: without a value" });
  const values = el("datalist", { id: "filter-values" }), of = (node) => node.querySelector("select");
  const details = el("details", { class: "choice", "data-name": "" }, el("summary", { id: "add-filter" }, "Add filter"),
    el("div", { role: "group", "aria-label": "New filter" }, name, operator, el("div", { class: "field" }, el("label", { for: "filter-value" }, "Value"), value, values),
      el("button", { type: "button", id: "filter-apply", onclick: () => apply() }, "Add")));
  const offer = async () => {
    const wanted = of(name).value, known = await valuesOf(wanted, wanted).catch(() => []);  // without them one can type
    if (of(name).value === wanted) values.replaceChildren(...known.filter(Boolean).map((one) => el("option", { value: one })));
  };
  const apply = () => {
    const filter = of(name).value + of(operator).value + value.value.trim(), now = chosen().filters;
    details.open = false;
    choose({ filters: now.includes(filter) ? now : [...now, filter] });
    $("add-filter").focus();
  };
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    details.lastElementChild.classList.toggle("right", details.getBoundingClientRect().left > innerWidth / 2);
    offer();
  });
  details.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === value) { event.preventDefault(); apply(); }
    if (event.key !== "Escape") return;
    details.open = false;
    details.firstElementChild.focus();
  });
  return details;
}
function updateChoices(now) {
  for (const details of document.querySelectorAll(".choice:not([data-name=''])")) {
    const values = now.variables.get(details.dataset.name) ?? [], summary = details.firstElementChild;
    const label = page.layout.variables.find(({ name }) => name === details.dataset.name).label;
    details.classList.toggle("chosen", values.length > 0);
    summary.textContent = summaryOf(values);
    summary.setAttribute("aria-label", `${label}: ${summaryOf(values)}`);
    for (const box of details.querySelectorAll("input[type=checkbox]")) box.checked = values.includes(box.value);
  }
}
/** Of all variables, or of the dimension `of`. Asked once for a range, when a menu opens first. */
async function valuesOf(name, of = "") {
  const { since, until, store } = chosen(), query = queryOf({ since, until, store, of, variables: new Map() }), key = query.toString();
  if (page.values?.key !== key) page.values = { key, answer: ask(`dashboards/${encodeURIComponent(page.name)}/values`, query) };
  return (await page.values.answer.catch((error) => { page.values = null; throw error; }))[name] ?? [];
}

// ---- Panels ----

function showData() {
  const { since, until, bin_s: bin, store, answered } = page.data;
  const minutes = bin / 60, said = bin % 86400 === 0 ? `${bin / 86400} d` : bin % 3600 === 0 ? `${bin / 3600} h` : minutes >= 1 ? `${minutes} min` : `${bin} s`;
  const own = page.layout.variables.map(({ name }) => name), now = chosen();
  const idle = page.preview ? [] : [...[...now.variables.keys()].filter((name) => !own.includes(name)),
    ...new Set(now.filters.map((filter) => partsOf(filter).field).filter((field) => !labelOf(field))),
    ...(now.group && now.group !== groupOf(now) ? [`group by ${now.group}`] : [])];
  $("facts").textContent = `${utc(since)} to ${utc(until)} UTC · bins of ${said} · from ${store} · answered ${answered.slice(11, 19)} UTC`
    + (idle.length ? ` · chosen, but without effect here: ${idle.join(", ")}` : "");
  // a panel may be higher once its neighbours are drawn
  Promise.all(page.data.panels.map(show)).then(() => document.querySelectorAll(".scroll:not(.free)").forEach(wholeRows));
  showControls();
}
/** Draws a panel if something in it changed; what its user opened, sorted, scrolled to or focused stays. */
function show(picture) {
  const panel = $(picture.id), key = JSON.stringify(picture) + (picture.spec ? panel.clientWidth : "") + (VIEW === "dashboard" ? location.search : "");
  const kept = page.kept.get(picture.id) ?? {};
  if (!panel || kept.key === key) return;
  page.kept.set(picture.id, { ...kept, key });
  panel.style.setProperty("--width", picture.width);  // of a large matrix more than the layout says
  tools(panel, picture);
  $(`${picture.id}-title`).textContent = picture.title;  // it says the grouping
  const note = panel.querySelector(":scope > .note");
  note.textContent = picture.remarks.join(" · ");
  note.hidden = !picture.remarks.length;
  return draw(panel, picture);
}
async function draw(panel, picture) {
  const body = panel.querySelector(".body"), turn = page.kept.get(picture.id);
  const made = await bodyOf(panel, picture).catch((error) => [words(`This panel could not be drawn: ${error.message}`)]);
  if (page.kept.get(picture.id)?.key !== turn.key || page.kept.get(picture.id)?.asTable !== turn.asTable) return;  // a newer one is on its way
  const scroll = body.querySelector(".scroll"), at = [scroll?.scrollTop ?? 0, scroll?.scrollLeft ?? 0];
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = [...body.querySelectorAll("details[open][data-key]")].map((node) => node.dataset.key);
  body.replaceChildren(...made);
  const by = (name) => [...body.querySelectorAll("[data-key]")].find((node) => node.dataset.key === name);
  for (const name of open) by(name)?.setAttribute("open", "");
  if (body.querySelector(".scroll")) [body.querySelector(".scroll").scrollTop, body.querySelector(".scroll").scrollLeft] = at;
  if (focused) by(focused)?.focus({ preventScroll: true });
  wholeRows(body.querySelector(".scroll:not(.free)"));
}
/** A table that scrolls ends with a whole row. */
function wholeRows(scroll) {
  if (!scroll) return;
  scroll.style.maxHeight = "";
  const top = scroll.getBoundingClientRect().top + scroll.clientTop, room = scroll.clientHeight;
  if (scroll.scrollHeight <= room + 1 || scroll.scrollTop > 0) return;
  const ends = [...scroll.querySelectorAll("tbody tr")].map((row) => row.getBoundingClientRect().bottom - top).filter((end) => end <= room);
  if (ends.length) scroll.style.maxHeight = `${Math.ceil(ends.at(-1)) + scroll.offsetHeight - room}px`;
}
function tools(panel, picture) {
  const header = panel.querySelector("header");
  for (const old of header.querySelectorAll("button")) old.remove();
  const table = picture.refused ? null : tableOf(picture);
  if (!table) return;
  const csv = el("button", { type: "button", "aria-label": `CSV of ${picture.title}`, title: "Download as CSV", onclick: () => download(picture, table) }, "CSV");
  if (picture.spec) {
    const kept = () => page.kept.get(picture.id);
    const button = el("button", { type: "button", "aria-pressed": String(Boolean(kept().asTable)), "aria-label": `${picture.title} as a table`, title: "As a table",
      onclick: () => { page.kept.set(picture.id, { ...kept(), asTable: !kept().asTable });
        button.setAttribute("aria-pressed", String(kept().asTable)); draw(panel, picture); } }, "table");
    header.append(button);
  }
  header.append(csv);
}
async function bodyOf(panel, picture) {
  if (picture.refused) return [words(`Cannot be shown: ${picture.refused}`)];
  switch (picture.form) {
    case "text": return [el("p", {}, picture.text)];
    case "tiles": return [el("div", { class: "tiles" }, ...picture.tiles.map((one) => tile(picture.lacks === "shared" && !one.value
      ? { label: one.label, text: DASH, note: "Needs the right `shared`" } : one)))];
    case "events": return picture.events.length ? [eventsTable(picture)] : [words(limited(picture, "No such event in this time."))];
    case "cells": return picture.cells.length ? matrix(picture) : [words(nothing(picture))];
    case "groups": return picture.groups.length ? [groupsTable(picture)] : [words(nothing(picture))];
  }
  if (!picture.spec) return [words(nothing(picture))];
  if (page.kept.get(picture.id).asTable) return [scroller(picture, timeTable(picture))];
  return chart(panel, picture);
}
function nothing(picture) {
  const why = [...new Set(picture.numbers.map((number) => number.null).filter((text) => text !== "never null"))];
  return limited(picture, `Nothing to show: ${why.join("; ") || "no event counts"} in this time.`);
}
/** A text about an empty panel, which says so where it may be empty for want of a right. */
function limited({ lacks }, text) {
  if (!lacks) return text;
  return lacks === "shared" ? "Nothing to show to you: it needs the right `shared`." : `${text} ${limitsOf(page.me)}.`;
}
/** What a viewer may not see, once a page. */
const limits = () => page.me?.vos ? [words(`${limitsOf(page.me)}. ${remedyOf(page.me.shared ? "all_vos" : "shared` or `all_vos")}`)] : [];
const WORDS = { good: "good", warning: "warning", critical: "critical" };

function tile({ label, text, level, note }) {
  return el("div", { class: "tile", "data-level": level }, ...(label ? [el("p", { class: "muted small" }, label)] : []),
    el("p", { class: "value" }, text), ...(level ? [el("p", { class: "word" }, icon(level), WORDS[level])] : []),
    ...(note ? [el("p", { class: "muted small" }, note)] : []));
}
function scroller(picture, table, free = false) {
  return el("div", { class: `scroll${free ? " free" : ""}`, tabindex: 0, role: "region", "aria-labelledby": `${picture.id}-title` }, table);
}
/** The level as a mark, and as a word for who listens: never by colour alone. */
const mark = (level) => level === "warning" || level === "critical"
  ? [el("span", { class: "mark", "aria-hidden": "true" }, level === "warning" ? "▲" : "✕"), el("span", { class: "sr" }, `${level} `)] : [];
const wrap = (text) => text.length > WIDE ? "wrap" : null;
const anchor = (href, key, name) => href ? el("a", { href, "data-key": key, title: name }, name) : el("span", { title: name }, name);

/** A table that its headings sort. `columns`: {label, num}; `rows`: {values (to sort by), cells (nodes)}. */
function sortable(picture, columns, rows, className = "") {
  const kept = page.kept.get(picture.id), sort = kept?.sort, body = el("tbody", {});
  const fillIn = (by) => {
    const order = (a, b) => {
      const [x, y] = [a.values[by.column], b.values[by.column]];
      if (x === null || y === null) return (x === null) - (y === null);
      return (typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true })) * (by.up ? 1 : -1);
    };
    body.replaceChildren(...(by ? [...rows].sort(order) : rows).map((row) => el("tr", {}, ...row.cells)));
    wholeRows(body.closest(".scroll:not(.free)"));
  };
  const heads = columns.map(({ label, num }, column) => {
    const head = el("th", { scope: "col", class: num ? "num" : null, "aria-sort": sort?.column === column ? (sort.up ? "ascending" : "descending") : null });
    head.append(el("button", { type: "button", "data-key": `sort ${column}`, onclick: () => {
      const was = page.kept.get(picture.id).sort, up = was?.column === column ? !was.up : !num;
      page.kept.set(picture.id, { ...page.kept.get(picture.id), sort: { column, up } });
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      fillIn({ column, up });
    } }, label));
    return head;
  });
  fillIn(sort);
  return el("table", { class: className }, el("caption", { class: "sr" }, picture.title), el("thead", {}, el("tr", {}, ...heads)), body);
}
function groupsTable(picture) {
  const bars = picture.kind === "bars";
  const columns = [...picture.dimensions.map((label) => ({ label })), ...picture.columns.map((label) => ({ label, num: !bars }))];
  const cell = ({ text, level, share }) => bars
    ? el("td", { "data-level": level }, el("span", { class: "bar" }, el("i", { "--share": share }), el("span", {}, ...mark(level), text)))
    : el("td", { class: "num", "data-level": level }, ...mark(level), text);
  const rows = picture.groups.map(({ names, link, cells }) => ({
    values: [...names, ...cells.map(({ value }) => value)],
    cells: [...names.map((name, i) => el(i ? "td" : "th", { scope: i ? null : "row", class: wrap(name) },
      el("div", { class: name.length > WIDE ? "name" : null, title: name.length > WIDE ? name : null },
        i ? name : anchor(linkTo(link), names.join("\n"), name)))), ...cells.map(cell)],
  }));
  return scroller(picture, sortable(picture, columns, rows, picture.kind));
}
function eventsTable(picture) {
  const columns = picture.columns.map((label) => ({ label }));
  const long = (text, key) => text.length > LONG ? el("details", { class: "long", "data-key": key }, el("summary", {}, text)) : text;
  const rows = picture.events.map(({ time, texts, story, explained }) => {
    const subject = (i) => { const [kind, id] = explained?.[i] ?? []; return kind && explanationOf(kind, id); };
    const at = String(time ?? DASH).replace("T", " ").slice(0, 19), href = story && storyOf(story);
    return { values: [time, ...texts], cells: [
      el("th", { scope: "row", class: "time" }, href ? el("a", { href, "data-key": story, "aria-label": `Story of the transfer of ${at}` }, at) : at),
      ...texts.map((text, i) => el("td", { class: wrap(text) }, subject(i) ? el("a", { href: subject(i) }, text) : long(text, `${time} ${i}`)))] };
  });
  return scroller(picture, sortable(picture, columns, rows, "events"));
}
/** Rows send, columns receive; one stop for Tab, arrow keys from there. */
function matrix(picture) {
  const { down, across, cells, dimensions } = picture, most = Math.max(down.length, across.length);
  const density = most <= TEXT_CELLS ? "" : most <= SMALL_CELLS ? "dense" : "tiny", levels = cells.some(({ level }) => level);
  const places = down.map(() => across.map(() => null));
  for (const cell of cells) places[cell.row][cell.column] = cell;
  let first = true;
  const drawn = (cell, row, column) => {
    if (!cell) return el("td", {});
    const said = [`${down[row]} → ${across[column]}: ${cell.text}${cell.level ? `, ${WORDS[cell.level]}` : ""}`, ...cell.also].join("; ");
    const href = linkTo(cell.link), short = density ? { warning: "▲", critical: "✕" }[cell.level] ?? "" : cell.text;
    const inner = el(href ? "a" : "span", { href, title: said, "aria-label": href ? said : null, tabindex: href ? (first ? 0 : -1) : null,
      "data-key": `${down[row]}\n${across[column]}`, "data-at": `${row} ${column}` }, density === "tiny" ? "" : short);
    if (!href) inner.append(el("span", { class: "sr" }, said));
    first &&= !href;
    return el("td", { "data-level": cell.level, "data-share": cell.level ? null : cell.share, "--share": cell.share }, inner);
  };
  const head = el("tr", {}, el("td", { class: "corner small muted" }, `${dimensions[0]} ↓ ${dimensions[1]} →`),
    ...across.map((name) => el("th", { scope: "col", title: name }, el("span", {}, name))));
  const longest = Math.max(...cells.map(({ text }) => text.length)), room = density ? null : `${Math.max(2.8, longest * 0.42 + 0.4)}rem`;
  const table = el("table", { class: `matrix ${density}`, "--cell": room, onkeydown: walk }, el("caption", { class: "sr" },
    `${picture.title}: rows are ${dimensions[0]}, columns ${dimensions[1]}; arrow keys move between cells`), el("thead", {}, head),
    el("tbody", {}, ...places.map((row, i) => el("tr", {}, el("th", { scope: "row", title: down[i] }, el("span", {}, down[i])), ...row.map((cell, j) => drawn(cell, i, j))))));
  return [scroller(picture, table, true), levels ? key(density) : el("p", { class: "key" }, el("span", {}, "deeper: nearer to the greatest"), emptyKey())];
}
const emptyKey = () => el("span", {}, el("i", {}), "empty: no value");
function key(density) {
  const sign = { good: "", warning: density ? " ▲" : "", critical: density ? " ✕" : "" };
  return el("p", { class: "key" }, ...Object.keys(WORDS).map((level) => el("span", { "data-level": level }, el("i", {}), WORDS[level] + (level === "good" ? ", deeper: better" : density === "tiny" ? "" : sign[level]))), emptyKey());
}
function walk(event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key], at = event.target.dataset?.at;
  if (!step || !at) return;
  event.preventDefault();
  let [row, column] = at.split(" ").map(Number);
  const table = event.currentTarget, rows = table.tBodies[0].rows, inside = () => rows[row]?.cells[column + 1];
  do { row += step[0]; column += step[1]; } while (inside() && column >= 0 && !inside().querySelector("a"));  // over the empty ones
  const next = column >= 0 && inside()?.querySelector("a");
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

// ---- Charts ----

let library = null;
function vega() {
  if (window.vegaEmbed) return Promise.resolve();
  library ??= new Promise((done, fail) => document.head.append(el("script", { type: "module", src: BELOW + document.documentElement.dataset.vega,
    onload: done, onerror: () => { library = null; fail(new Error("the charts' library did not load")); } })));
  return library;
}
async function chart(panel, picture) {
  await vega();
  const spec = structuredClone(picture.spec), holder = el("div", { class: "chart", "aria-hidden": "true" }), legend = legendOf(picture);
  spec.width = Math.max(200, panel.clientWidth - 26);
  if (!picture.has_levels) spec.height = Math.max(120, picture.height * 30 - 76);
  const { view } = await window.vegaEmbed(holder, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
    tooltip: (_, event, item, value) => tip(picture, event, value && datumOf(item)) });
  view.addEventListener("click", (_, item) => {
    const link = picture.series[datumOf(item)?.s]?.link;
    if (link) location.assign(linkTo(link));
  });
  const image = el("div", { role: "img", "aria-label": spec.description }, holder);
  return picture.has_levels ? [scroller(picture, image, true), legend] : [image, legend];
}
/** What is under the pointer; the cells around moments (Vega's "nearest") hold the moment one level deeper. */
const datumOf = (item) => item?.datum?.datum ?? item?.datum;

function legendOf(picture) {
  const name = ({ link }, i, text) => anchor(linkTo(link), `series ${i}`, text);
  if (picture.has_levels) {
    const levels = picture.series.some(({ levels: all }) => all.some(Boolean));
    const linked = picture.series.some(({ link }) => link);
    return el("div", {}, levels ? key("") : el("p", { class: "key" }, el("span", {}, "deeper: nearer to the greatest"), emptyKey()),
      linked ? el("ul", { class: "legend", "aria-label": "Open" }, ...picture.series.map((line, i) => el("li", {}, name(line, i, line.name)))) : "");
  }
  const swatch = ({ colour, dashed }) => el("i", { class: picture.is_summed ? "area" : dashed ? "dashed" : null, "--colour": colour });
  return el("ul", { class: "legend", "aria-label": `Series of ${picture.title}` },
    ...picture.looks.map((look, i) => el("li", {}, swatch(look), name(picture.series[i], i, look.name))), ...bandsOf(picture));
}
/** The places of the grey bands and the incidents of the yellow ones, as entries of the legend. */
function bandsOf(picture) {
  const entry = (colour, what, names) => names.length ? [el("li", { class: "bands" }, el("i", { class: "area", "--colour": colour }),
    el("span", {}, `${what}: ${names.slice(0, BANDS).join(", ")}${names.length > BANDS ? ` and ${names.length - BANDS} more` : ""}`))] : [];
  return [...entry("var(--muted)", "declared downtime", [...new Set((picture.downtimes ?? []).flatMap((one) => one.places))]),
    ...entry("var(--warning)", "incident", [...new Set((picture.disturbances ?? []).flatMap((one) => one.titles))]),
    ...notesOf(picture)];
}
/** The interventions, which dashed lines mark, as an entry of the legend. */
function notesOf(picture) {
  const texts = [...new Set((picture.interventions ?? []).map((one) => one.text))];
  return texts.length ? [el("li", { class: "bands notes" }, el("i", { class: "dashed", "--colour": "var(--ink)" }),
    el("span", {}, `intervention: ${texts.slice(0, BANDS).join("; ")}${texts.length > BANDS ? ` and ${texts.length - BANDS} more` : ""}`))] : [];
}
function tip(picture, event, value) {
  const box = $("tip"), i = value?.i, time = picture.times[i];
  box.hidden = time === undefined;
  if (box.hidden) return;
  const own = value.s === undefined ? picture.series.map((_, s) => s) : [value.s];
  const lines = own.filter((s) => picture.series[s].values[i] !== null)
    .sort((a, b) => picture.series[b].values[i] - picture.series[a].values[i]);
  const row = (s) => el("tr", {}, el("td", {}, picture.has_levels ? "" : el("i", { "--colour": picture.looks[s].colour }), ` ${picture.series[s].name}`),
    el("td", {}, picture.series[s].texts[i] + (picture.series[s].levels?.[i] ? `, ${picture.series[s].levels[i]}` : "")));
  const more = lines.length - TIP_LINES, incident = picture.incidents?.find((one) => one.i === i), downtime = picture.downtimes?.find((one) => one.i === i),
    disturbance = picture.disturbances?.find((one) => one.i === i);
  box.replaceChildren(el("b", {}, `${utc(time)} UTC`), el("table", {}, el("tbody", {}, ...lines.slice(0, TIP_LINES).map(row))),
    more > 0 ? `and ${more} more` : lines.length ? "" : "no value", ...(incident ? [el("p", {}, incident.text)] : []),
    ...(downtime ? [el("p", {}, `declared downtime: ${downtime.places.join(", ")}`)] : []),
    ...(disturbance ? [el("p", {}, `incident: ${disturbance.titles.join("; ")}`)] : []),
    ...(picture.interventions ?? []).filter((one) => one.i === i).map((one) => el("p", {}, `intervention: ${utc(one.t)} UTC ${one.text}`)));
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${event.clientX + 14 + width > innerWidth ? Math.max(0, event.clientX - width - 14) : event.clientX + 14}px`;
  box.style.top = `${Math.max(0, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
}
function timeTable(picture) {
  const columns = [{ label: "time (UTC)" }, ...picture.series.map(({ name }) => ({ label: name, num: true }))];
  const rows = picture.times.map((time, i) => ({ values: [time, ...picture.series.map(({ values }) => values[i])],
    cells: [el("th", { scope: "row", class: "time" }, utc(time)), ...picture.series.map(({ texts, levels }) =>
      el("td", { class: "num", "data-level": levels?.[i] }, ...mark(levels?.[i]), texts[i]))] }));
  return sortable(picture, columns, rows);
}

// ---- The same as a file ----

/** {head, rows} of plain values in the numbers' own units; null where there is no table to it. */
function tableOf(picture) {
  const named = (number) => `${number.label} (${number.unit})`;
  switch (picture.form) {
    case "text": return null;
    case "tiles": return { head: picture.numbers.map(named), rows: [picture.tiles.map(({ value }) => value)] };
    case "events": return { head: [...picture.columns, "request_id"], rows: picture.events.map(({ time, texts, story }) => [time, ...texts, story]) };
    case "cells": return { head: [...picture.dimensions, named(picture.numbers[0])],
      rows: picture.cells.map(({ row, column, value }) => [picture.down[row], picture.across[column], value]) };
    case "groups": return { head: [...picture.dimensions, ...picture.numbers.map(named)],
      rows: picture.groups.map(({ names, cells }) => [...names, ...cells.map(({ value }) => value)]) };
  }
  return { head: ["time", ...picture.series.map(({ name }) => `${name} (${picture.numbers[0].unit})`)],
    rows: picture.times.map((time, i) => [new Date(time).toISOString(), ...picture.series.map(({ values }) => values[i])]) };
}
function download(picture, { head, rows }) {
  // a text that a spreadsheet would take for a formula gets a quote before it
  const safe = (value) => typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  const line = (values) => values.map((value) => `"${safe(value).replaceAll('"', '""')}"`).join(",");
  const text = [head, ...rows].map(line).join("\r\n") + "\r\n", url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  el("a", { href: url, download: `${page.name}-${picture.title.replace(/[^\w]+/g, "-")}.csv`.toLowerCase() }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// ---- A transfer's history ----

function duration(s) {
  if (!Number.isFinite(s)) return DASH;
  const [size, unit] = s < 60 ? [1, "s"] : s < 3600 ? [60, "min"] : s < 86400 ? [3600, "h"] : [86400, "d"];
  return `${Number((s / size).toPrecision(3))} ${unit}`;
}
function bytes(n) {
  if (!Number.isFinite(n)) return DASH;
  const power = Math.min(5, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  return `${Number((n / 1000 ** power).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB", "PB"][power]}`;
}
const SOURCES = new Map([["rucio", "Rucio"], ["fts", "FTS"]]);
const instant = (text) => { const ms = Date.parse(text ?? ""); return Number.isNaN(ms) ? null : ms; };
const seconds = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

/** The requests of a history: times of each step (ms or null), how it ended, the error; `hop`: the RSE between that it goes to. */
function attempts(events) {
  const requests = [...new Set(events.map((event) => event.request_id).filter(Boolean))];
  return requests.map((request) => {
    const own = events.filter((event) => event.request_id === request), jobs = new Set(own.map((event) => event.job_id).filter(Boolean));
    const all = [...own, ...events.filter((event) => !event.request_id && jobs.has(event.job_id))];
    const earliest = (...times) => { const known = times.filter((time) => time !== null); return known.length ? Math.min(...known) : null; };
    const step = (key, ...names) => earliest(...all.map((event) => instant(event[key])), ...all.filter((event) => names.includes(event.event)).map((event) => instant(event.time)));
    const end = own.find((event) => typeof event.ok === "boolean") ?? all.find((event) => typeof event.ok === "boolean");
    const refused = own.find((event) => event.event === "submission_failed"), untried = own.find((event) => event.event === "failed" && typeof event.ok !== "boolean");
    const to = own.find((event) => event.dst_rse)?.dst_rse;
    const hop = to && events.some((event) => event.request_id !== request && jobs.has(event.job_id) && event.src_rse === to) ? to : null;
    return { request, hop, created: step("created", "queued"), submitted: step("submitted", "submitted"), started: step("started", "started", "active"),
      ended: end ? instant(end.ended) ?? instant(end.time) : refused || untried ? instant((refused ?? untried).time) : null,
      ok: end ? end.ok : refused || untried ? false : null, how: end ? end.event : untried ? "not tried" : refused?.event ?? "under way", error: (end ?? refused ?? untried)?.error ?? null, first: all.map((event) => instant(event.time)).filter((time) => time !== null)[0] };
  }).sort((a, b) => (a.created ?? a.first) - (b.created ?? b.first));
}
function storyHead(requests) {
  const all = requests.filter(({ hop }) => !hop); // a hop is a part of an attempt
  const last = all.at(-1), begin = all[0]?.created ?? all[0]?.first, th = (n) => ["1st", "2nd", "3rd"][n - 1] ?? `${n}th`;
  if (!last) return [null, "Only FTS reported this transfer"];
  if (last.ok) return ["good", `Arrived${begin ? ` after ${duration((last.ended - begin) / 1000)}` : ""}, at the ${th(all.length)} attempt`];
  if (last.ok === false) return ["critical", `Did not arrive: ${all.length} attempt${all.length > 1 ? "s" : ""}, the last one ${last.how.replaceAll("_", " ")}`];
  return [null, `Under way: attempt ${all.length}, ${last.started ? "bytes are moving" : last.submitted ? "FTS has it" : "waiting in Rucio"}`];
}
function lane(attempt, number, begin, length) {
  const from = (ms) => (ms - begin) / length, stretch = (className, a, b, said) => a !== null && b !== null && b >= a
    ? [el("i", { class: className, "--from": from(a), "--part": (b - a) / length, title: said })] : [];
  const { created, submitted, started, ended, ok, how, hop } = attempt, level = ok ? "good" : ok === false ? "critical" : null;
  const taken = [[created, submitted ?? started ?? ended, "waited in Rucio"], [submitted, started ?? ended, "waited in FTS"], [started, ended, "moved"]]
    .map(([a, b, what]) => a !== null && b !== null && b >= a && `${what} ${duration((b - a) / 1000)}`).filter(Boolean);
  return el("li", { class: "lane" }, el("div", {}, el("b", {}, `${hop ? `Hop to ${hop}` : `Attempt ${number}`}: ${how.replaceAll("_", " ")}`), el("p", { class: "muted small" }, taken.join(", "))),
    el("div", { class: "track", "aria-hidden": "true" }, ...stretch("waiting", created, submitted ?? started ?? ended, "waiting in Rucio"),
      ...stretch("handed", submitted, started ?? ended, "waiting in FTS"), ...stretch("moving", started, ended, "bytes moving"),
      ...(ended !== null && level ? [el("span", { class: "mark", "--from": from(ended) }, icon(level))] : [])));
}
function showStory(events) {
  const newest = (key) => events.findLast((event) => event[key] !== undefined && event[key] !== null)?.[key];
  const all = attempts(events), [level, headline] = storyHead(all);
  const times = all.flatMap(({ created, submitted, started, ended, first }) => [created, submitted, started, ended, first]).filter((time) => time !== null && time !== undefined);
  const begin = Math.min(...times), end = Math.max(...times), length = Math.max(1000, end - begin);
  const place = (side) => [newest(`${side}_rse`) ?? newest(`${side}_host`), newest(`${side}_site`) && `(${newest(`${side}_site`)})`].filter(Boolean).join(" ") || "unknown";
  const facts = [["File", [newest("scope"), newest("name")].filter(Boolean).join(":")], ["Size", newest("bytes") === undefined ? null : bytes(newest("bytes"))], ["From", place("src")], ["To", place("dst")],
    ["Activity", newest("activity")], ["Account", newest("account")], ["Rule", newest("rule_id")], ["Protocol", newest("protocol")], ["FTS", newest("endpoint")],
    ["FTS jobs", [...new Set(events.map((event) => event.job_id).filter(Boolean))].join(", ")]].filter(([, value]) => value);
  const error = all.findLast((attempt) => attempt.error)?.error, kinds = { File: "did", Rule: "rule", "FTS jobs": "fts_job" };
  const row = (event) => ({ values: [event.time, event.source, event.event, event.error ?? ""], cells: [
    el("th", { scope: "row", class: "time" }, seconds(instant(event.time) ?? 0)), el("td", {}, SOURCES.get(event.source) ?? event.source),
    el("td", { "data-level": event.ok === false ? "critical" : null }, ...mark(event.ok === false ? "critical" : null), String(event.event ?? "").replaceAll("_", " ")),
    el("td", {}, event.error ?? "", ...(event.error_class ? [" ", el("a", { class: "small", href: `${BELOW}failures?var.error=${encodeURIComponent(event.error_class)}` }, "all of this kind")] : [])),
    el("td", { class: "small" }, [event.endpoint, event.job_id, event.request_id].filter(Boolean).join(" · "))] });
  const table = sortable({ id: "story", title: "Transfer history" }, ["time (UTC)", "reported by", "event", "error", "FTS, job, request"].map((label) => ({ label })), events.map(row), "events");
  $("content").replaceChildren(el("div", { class: "story" },
    el("p", { class: "verdict", "data-level": level }, ...(level ? [icon(level)] : []), el("span", { id: "verdict" }, headline)),
    ...(error ? [el("section", { class: "panel" }, el("h2", {}, "Original error message of the last attempt"), el("p", {}, error))] : []),
    el("section", { class: "panel", "aria-labelledby": "h-what" }, el("h2", { id: "h-what" }, "File and link"), el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, name in kinds && !value.includes(", ") ? el("a", { href: explanationOf(kinds[name], value) }, value) : value)]))),
    ...(all.length ? [el("section", { class: "panel", "aria-labelledby": "h-when" }, el("h2", { id: "h-when" }, "Time line"), el("ol", {}, ...all.map((attempt, i) => lane(attempt, all.slice(0, i + 1).filter(({ hop }) => !hop).length, begin, length))),
      el("p", { class: "clock", "aria-hidden": "true" }, el("span", {}, `${seconds(begin)} UTC`), el("span", {}, `${seconds(end)} UTC`)),
      el("p", { class: "key" }, ...[["waiting", "waiting in Rucio"], ["handed", "handed over, waiting in FTS"], ["moving", "bytes moving"]].map(([name, said]) => el("span", {}, el("i", { class: name }), said))))] : []),
    el("section", { class: "panel", "aria-labelledby": "h-all" }, el("h2", { id: "h-all" }, "Transfer history"), table)));
}
function wayBack() {
  const from = new URLSearchParams(location.search).get("from") ?? "", back = /^[\w-]+(\?.*)?$/s.test(from) ? BELOW + from : BELOW;
  return el("a", { id: "back", href: back }, back === BELOW ? "← All dashboards" : "← Back to the dashboard");
}
async function openStory() {
  const request = decodeURIComponent(location.pathname.split("/").at(-1));
  $("title").textContent = "Transfer history";
  document.title = "Transfer history · Lakescope";
  $("content").before(el("p", {}, wayBack(), " ", el("span", { class: "muted small" }, `request ${request}`)));
  $("content").replaceChildren(words("Loading …"));
  page.kept.set("story", {});
  try {
    const events = await ask(`transfers/${encodeURIComponent(request)}`);
    if (events.length) showStory(events);
    else $("content").replaceChildren(words("No event of this transfer: it may be older than what the store keeps, or the request's id is wrong."), ...limits());
  } catch (error) {
    $("content").replaceChildren(words("No story: see above."));
    alarm(error.message);
  }
}

// ---- Why a rule is stuck, where a file is ----

const SUBJECTS = { rule: ["Why is this rule stuck?", "rule"], did: ["Where is this file?", "data identifier"], fts_job: ["What became of this FTS job?", "FTS job"] };
const WHOSE = { site: "the site", user: "the user", nobody: "nobody" };
/** A panel with a table: columns as [label, value of a row, content of its cell]. */
function listing(id, title, columns, rows) {
  if (!rows.length) return [];
  const cells = (row) => columns.map(([, value, content], i) => el(i ? "td" : "th", { scope: i ? null : "row" }, ...[(content ?? value)(row) ?? DASH].flat()));
  const table = sortable({ id, title }, columns.map(([label]) => ({ label })), rows.map((row) => ({ values: columns.map(([, value]) => value(row) ?? null), cells: cells(row) })), "events");
  return [el("section", { class: "panel", "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), scroller({ id, title }, table))];
}
function showExplanation(known) {
  const at = (key) => [(row) => row[key], (row) => { const ms = instant(row[key]); return ms === null ? DASH : seconds(ms); }];
  const link = (href, text) => href ? el("a", { href }, text) : text;
  const story = ({ request_id: id, name }) => link(/^[0-9a-f]{32}$/.test(id ?? "") && storyOf(id), name);
  const { files, arrived, failed, waiting, under_way, attempts: tried, bytes_arrived } = known.counts;
  const facts = [["Files", files], ["Arrived", `${arrived} (${bytes(bytes_arrived)})`], ["Failed", failed], ["Waiting in Rucio", waiting], ["Under way in FTS", under_way], ["Attempts", tried]];
  const open = known.transfers.filter(({ state }) => state !== "arrived"), done = known.transfers.filter(({ state }) => state === "arrived");
  const file = ["file", ({ name }) => name, story], from = ["from", ({ source }) => source], to = ["to", ({ destination }) => destination];
  $("content").replaceChildren(el("div", { class: "story" },
    el("p", { class: "verdict", "data-level": known.level }, ...(known.level ? [icon(known.level)] : []), el("span", { id: "verdict" }, known.verdict)),
    ...(files || known.rules.length ? [] : limits()),
    ...listing("turns", "Whose turn it is", [["who", ({ who }) => WHOSE[who] ?? who], ["where", ({ where }) => where], ["files", ({ files: n }) => n || null], ["because", ({ why }) => why]], known.turns),
    ...(files ? [el("section", { class: "panel", "aria-labelledby": "h-what" }, el("h2", { id: "h-what" }, "Files"), el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))])))] : []),
    ...listing("rules", "Rules", [["rule", (rule) => rule.rule_id, (rule) => link(explanationOf("rule", rule.rule_id), rule.rule_id)], ["state", ({ event }) => event], ["RSE", ({ rse }) => rse], ["account", ({ account }) => account],
      ["locks ok", ({ locks_ok }) => locks_ok], ["stuck", ({ locks_stuck }) => locks_stuck], ["stuck since", ...at("stuck_at")], ["error", ({ error }) => error]], known.rules),
    ...listing("failures", "What fails", [from, to, ["attempts", ({ attempts: n }) => n], ["files", ({ files: n }) => n], ["last (UTC)", ...at("last")],
      ["error", ({ error }) => error ?? "", (row) => [row.error ?? row.event ?? DASH, ...(row.error_class ? [" ", el("a", { class: "small", href: `${BELOW}failures?var.error=${encodeURIComponent(row.error_class)}` }, "all of this kind")] : [])]]], known.failures),
    ...listing("open", "What has not arrived", [file, from, to, ["state", ({ state }) => state], ["since (UTC)", ...at("time")], ["attempts", ({ attempts: n }) => n], ["whose turn", ({ turn }) => `${WHOSE[turn.who] ?? turn.who}${turn.where ? ` (${turn.where})` : ""}`], ["next attempt", ({ next }) => next]], open),
    ...listing("arrived", "What arrived", [file, from, to, ["time (UTC)", ...at("time")], ["size", ({ bytes: n }) => n, ({ bytes: n }) => bytes(n ?? NaN)], ["attempts", ({ attempts: n }) => n]], done)));
}
async function openExplanation() {
  const kind = decodeURIComponent(location.pathname.split("/").at(-1)), query = new URLSearchParams(location.search), [title, what] = SUBJECTS[kind] ?? ["What is asked about?", kind];
  $("title").textContent = title;
  document.title = `${title} · Lakescope`;
  $("content").before(el("p", {}, wayBack(), " ", el("span", { class: "muted small" }, `${what} ${query.get("id") ?? ""}`)));
  $("content").replaceChildren(words("Loading …"));
  for (const table of ["turns", "rules", "failures", "open", "arrived"]) page.kept.set(table, {});
  const chosen = new URLSearchParams([...query].filter(([name]) => ["id", "since", "until"].includes(name)));
  try {
    showExplanation(await ask(`explain/${encodeURIComponent(kind)}?${chosen}`));
  } catch (error) {
    $("content").replaceChildren(words("No answer: see above."));
    alarm(error.message);
  }
}

// ---- All of it ----

function openIndex(all) {
  $("title").textContent = "Dashboards";
  document.title = "Dashboards · Lakescope";
  $("content").replaceChildren(...limits(), el("ul", { class: "list" }, ...all.map(({ name, title, question }) =>
    el("li", {}, el("a", { href: addressOf(name) }, title), el("p", {}, question)))));
}
/** What the server has made: runbooks, reports. */
function openContent(title) {
  $("title").textContent = title;
  const name = $("content").querySelector("h1")?.textContent;
  document.title = `${name ? `${name} · ` : ""}${title} · Lakescope`;
  $("content").setAttribute("aria-busy", "false");
}
async function openDashboard() {
  page.layout = page.preview?.layout ?? await ask(`dashboards/${encodeURIComponent(page.name)}`);
  showLayout();
  if (page.preview) {
    page.data = page.preview.data;
    return showData();
  }
  showControls();
  addEventListener("popstate", () => { showControls(); load(); });
  // Browsers slow the timers of hidden pages down: catch up on return.
  document.addEventListener("visibilitychange", () => { if (!document.hidden && Number(chosen().refresh || page.layout.refresh_s)) load(); });
  await load();
}
async function start() {
  startTheme();
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll(".choice[open], .about[open]")) if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    $("tip").hidden = true;
    for (const open of document.querySelectorAll(".about[open]")) open.open = false;
  });
  let resized = 0;
  new ResizeObserver(() => { clearTimeout(resized); resized = setTimeout(() => { if (page.data) for (const picture of page.data.panels) show(picture); }, 150); })
    .observe($("content"));
  page.preview = inlined();
  const me = page.preview ? null : startUser(`${BELOW}../`);
  page.name = VIEW === "dashboard" ? page.preview?.layout.name ?? decodeURIComponent(location.pathname.split("/").at(-1)) : "";
  try {
    const all = page.preview?.all ?? await ask("dashboards");
    page.me = await me;
    showNav(all);
    if (VIEW === "index") openIndex(all);
    else await ({ story: openStory, explanation: openExplanation, incidents: globalThis.openIncidents, incident: globalThis.openIncident, alerts: globalThis.openAlerts, alert: globalThis.openAlert, runbook: () => openContent("Runbooks"), report: () => openContent("Reports"), sync: globalThis.openSync, accounts: globalThis.openAccounts, topology: () => openContent("Topology") }[VIEW] ?? openDashboard)();
  } catch (error) {
    alarm(error.message);
  }
}
document.addEventListener("DOMContentLoaded", start);
