"use strict";
// What all of Lakescope's pages share.

// In the head, so that the page is never drawn in the wrong theme first; the rest waits for the body.
try { document.documentElement.dataset.theme = localStorage.getItem("lakescope-theme") ?? "auto"; } catch { /* no storage */ }

const DASH = "–";
const TEXT_MAX = 4000;     // characters of one datum that a page holds; an error may be a megabyte
const THEMES = ["auto", "light", "dark"];

const $ = (id) => document.getElementById(id);

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
  try { localStorage.setItem("lakescope-theme", theme); } catch { /* then it lasts until the next visit */ }
}
/** The button `theme` goes through the themes. */
function startTheme() {
  setTheme(THEMES.find((theme) => theme === document.documentElement.dataset.theme) ?? "auto");
  $("theme").addEventListener("click", () =>
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
}

/** What alone somebody sees who may not see all; empty for who may. */
function limitsOf(me) {
  if (!me?.vos) return "";
  const own = me.vos.length ? `events of ${me.vos.length > 1 ? "the VOs" : "the VO"} ${me.vos.join(", ")}` : "";
  const common = me.shared ? "what belongs to no VO (hosts, network, storage totals)" : "";
  return `You see ${[own, common].filter(Boolean).join(" and ") || "no event"} only`;
}
/** Whom to ask for a right. */
const remedyOf = (right) => `For more you lack the right \`${right}\`: ask an administrator of Lakescope (docs/how-to/access.md).`;

/** Who has logged in, and the way out, before the button `theme`; `root`: from here to Lakescope's first page. Where nobody needs to, nothing. */
async function startUser(root) {
  const me = await fetch(`${root}api/me`).then((answer) => answer.ok ? answer.json() : null).catch(() => null);
  if (!me?.name) return null;
  const name = document.createElement("span"), out = document.createElement("button");
  name.className = "muted";
  name.id = "user";
  name.textContent = `${me.name} (${me.role})`;
  name.title = limitsOf(me);
  out.type = "button";
  out.id = "logout";
  out.textContent = "Log out";
  out.addEventListener("click", () =>
    fetch(`${root}logout`, { method: "POST" }).finally(() => location.assign(`${root}login`)));
  $("theme").before(name, out);
  return me;
}
