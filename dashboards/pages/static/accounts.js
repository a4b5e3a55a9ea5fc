"use strict";
// The page of accounts: the server has made the tables; here is the search, as the page's policy lets no form be sent. page.js has been read before.

globalThis.openAccounts = () => {
  openContent("Accounts");
  const search = $("search");
  if (!search) return;
  const find = el("input", { id: "find", type: "search", autocomplete: "off", value: search.dataset.find });
  search.append(el("form", { role: "search", class: "act", onsubmit: (event) => {
    event.preventDefault();
    location.search = find.value.trim() ? String(new URLSearchParams({ find: find.value.trim() })) : "";
  } }, el("div", { class: "field" }, el("label", { for: "find" }, "Name, e-mail, identity or attribute has"), find), el("button", { type: "submit" }, "Find")));
};
