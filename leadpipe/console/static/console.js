// Live refresh, ticking of ranges, and keys. Every page works without it.
"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const boxes = () => all('tbody input[type="checkbox"][name="lead"]');
  const rows = () => all("tbody tr").filter((row) => row.querySelector("a"));
  const tickAll = () => document.querySelector("[data-all]");
  const typing = (target) => target.matches("input:not([type=checkbox]), textarea, select");
  document.body.classList.add("scripted");

  // Not while the person does something with the page: has ticked, selected or begun to type, or looks elsewhere.
  const busy = () =>
    document.hidden || boxes().some((box) => box.checked !== box.defaultChecked) || String(getSelection()) ||
    document.querySelector("dialog[open]") || all("input, textarea").some((field) => field === document.activeElement);

  const seconds = Number(document.body.dataset.refresh);
  const again = () => seconds && setTimeout(refresh, seconds * 1000);
  async function refresh() {
    if (busy()) return again();
    const at = rows().indexOf(document.querySelector("tr.here"));
    const held = document.activeElement;
    if (held && held.closest("[data-live]")) return again();
    let page;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) throw answer.status;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      document.querySelector("footer").textContent = "Not read again: storage or the console does not answer.";
      return again();
    }
    if (busy()) return again();
    const lives = all("[data-live]");
    const same = lives.length && lives.length === all("[data-live]", page).length;
    if (!same || !page.body.dataset.refresh) return location.reload();
    for (const old of lives) {
      const fresh = page.querySelector(`[data-live="${old.dataset.live}"]`);
      if (!fresh) return location.reload();
      if (fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
    }
    for (const part of ["nav", "footer"]) document.querySelector(part).replaceWith(page.querySelector(part));
    if (at >= 0) show(at);
    again();
  }
  again();

  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches || !box.matches("input[type=checkbox]")) return;
    if (box === tickAll()) for (const each of boxes()) each.checked = box.checked;
    if (box.name !== "lead") return;
    const list = boxes();
    const from = list.indexOf(last), to = list.indexOf(box);
    if (event.shiftKey && from >= 0) for (const each of list.slice(Math.min(from, to), Math.max(from, to))) each.checked = box.checked;
    last = box;
  });

  function show(index) {
    const list = rows();
    if (!list.length) return;
    for (const row of list) row.classList.remove("here");
    const row = list[Math.max(0, Math.min(index, list.length - 1))];
    row.classList.add("here");
    row.scrollIntoView({ block: "nearest" });
    row.querySelector("a").focus({ preventScroll: true });
  }
  const here = () => rows().indexOf(document.querySelector("tr.here"));
  const keys = {
    "/": () => (document.querySelector("input[type=search]") ? document.querySelector("input[type=search]").focus() : document.querySelector('nav a[href$="/leads"]').click()),
    "?": () => document.getElementById("keys").showModal(),
    j: () => show(here() + 1),
    k: () => show(here() - 1),
    x: () => {
      const row = document.querySelector("tr.here");
      const box = row && row.querySelector("input[type=checkbox]");
      if (box) box.click();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
