"use strict";
// The pages of synchronisations: the server has made the plan's table; here are the buttons. page.js and acts.js have been read before.

const POLL_MS = 1000;

function workText({ what, by, done, total, end, result }) {
  if (end) return `${utc(instant(end))} UTC${by ? `, ${by}` : ""}: ${result}`;
  return what === "plan" || !total ? "The plan is being made …" : `${done} of ${total} changes applied …`;
}
/** Shows what is done about it; once that has ended, the page with the plan of then. */
async function follow(name, running = false) {
  const { work } = await ask(`syncs/${name}`);
  if (!work) return;
  const level = work.end && !work.ok ? "critical" : null;
  $("work").className = level ? "verdict" : "small";
  if (level) $("work").dataset.level = level; else delete $("work").dataset.level;
  $("work").replaceChildren(...(level ? [icon(level)] : []), el("span", {}, workText(work)));
  for (const one of document.querySelectorAll("#acts button")) one.disabled = !work.end;
  if (!work.end) setTimeout(() => follow(name, true).catch((error) => alarm(error.message)), POLL_MS);
  else if (running) location.reload();
}
globalThis.openSync = async () => {
  openContent("Synchronisations");
  const section = $("acts");
  if (!section) return;
  const { sync, digest } = section.dataset, role = page.me?.role ?? "admin";
  if (role === "admin" || role === "operator") section.append(form("plan", "Plan", [], "Make the plan anew", () => `syncs/${sync}/plan`, () => ({})));
  if (role === "admin" && digest) section.append(form("apply", "Apply",
    [input("max-changes", "Existing objects that may change (empty: 10 %, at least 2)", { type: "number", min: 0, inputmode: "numeric" }),
      el("label", { class: "check" }, el("input", { id: "sure", type: "checkbox", required: true }), " I have read the plan: Rucio will be changed")],
    "Apply this plan", () => `syncs/${sync}/apply`, () => ({ digest, max_changes: $("max-changes").value === "" ? null : Number($("max-changes").value) })));
  else if (digest) section.append(el("p", { class: "muted" }, "To apply it needs the role admin."));
  page.again = () => follow(sync, true);
  await follow(sync);
};
