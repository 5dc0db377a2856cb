// Follows the workspace: waits until something changed, fetches the same address and swaps what differs.
"use strict";
(() => {
  const REFRESH = 20_000; // formulas such as "2m ago" age by themselves
  const PAUSE = 150;
  let seen = document.body.dataset.version;
  let refreshed = Date.now();

  const flash = (node) => {
    const cell = (node.nodeType === 1 ? node : node.parentElement)?.closest("td, dd, tr, .card");
    if (!cell || cell.closest("#panel, .work")) return;
    cell.classList.remove("changed");
    void cell.offsetWidth;
    cell.classList.add("changed");
  };

  const sync = (old, fresh) => {
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    const keyed = new Map();
    for (const child of old.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
    const wanted = new Set();
    for (const child of fresh.children) if (child.dataset.key) wanted.add(child.dataset.key);
    for (const [key, child] of keyed) if (!wanted.has(key)) child.remove();
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = next.nodeType === 1 ? next.dataset.key : undefined;
      let match = null;
      if (key) match = keyed.get(key) ?? null;
      else if (at && at.nodeName === next.nodeName && !(at.nodeType === 1 && at.dataset.key)) match = at;
      if (!match) {
        old.insertBefore(next, at);
        flash(next);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      if (match.nodeType !== 1) {
        if (match.data !== next.data) {
          match.data = next.data;
          flash(match);
        }
      } else if (!match.isEqualNode(next)) {
        sync(match, next);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  const fetched = async (address) => {
    const answer = await fetch(address, { cache: "no-store" });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const refresh = async () => {
    const page = await fetched(location.href);
    for (const selector of ["nav.sidebar", "#main"]) {
      const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
      if (old && fresh) sync(old, fresh);
    }
    document.title = page.title;
    refreshed = Date.now();
  };

  const refreshPanel = async () => {
    const [old, fresh] = [document.getElementById("panel"), (await fetched("/_board/panel")).getElementById("panel")];
    if (old && fresh) sync(old, fresh);
  };

  const pause = (millis) => new Promise((resume) => setTimeout(resume, millis));

  const follow = async () => {
    for (;;) {
      try {
        const answer = await fetch(`/_board/changes?seen=${encodeURIComponent(seen)}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        const version = await answer.text();
        const content = version.split(".")[0] !== seen.split(".")[0];
        const home = location.pathname === "/";
        seen = version;
        if (content || home || Date.now() - refreshed > REFRESH) await refresh();
        else await refreshPanel();
        document.body.classList.remove("away");
        await pause(PAUSE);
      } catch {
        document.body.classList.add("away");
        await pause(2000);
      }
    }
  };

  setInterval(() => {
    if (Date.now() - refreshed > REFRESH) refresh().catch(() => {});
  }, REFRESH / 4);
  setInterval(() => refreshPanel().catch(() => {}), 5000);
  follow();
})();
