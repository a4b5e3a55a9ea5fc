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

/** Who has logged in, and the way out, before the button `theme`; `root`: from here to Lakescope's first page. Where nobody needs to, nothing. */
async function startUser(root) {
  const me = await fetch(`${root}api/me`).then((answer) => answer.ok ? answer.json() : null).catch(() => null);
  if (!me?.name) return null;
  const name = document.createElement("span"), out = document.createElement("button");
  name.className = "muted";
  name.id = "user";
  name.textContent = `${me.name} (${me.role})`;
  out.type = "button";
  out.id = "logout";
  out.textContent = "Log out";
  out.addEventListener("click", () =>
    fetch(`${root}logout`, { method: "POST" }).finally(() => location.assign(`${root}login`)));
  $("theme").before(name, out);
  return me;
}
