// Follows the workspace: waits until something changed, fetches the same address and swaps what differs.
"use strict";
(() => {
  const REFRESH = 20_000; // formulas such as "2m ago" age by themselves
  const PAUSE = 50;
  let shown = document.body.dataset.version; // of what stands on the page
  let seen = shown; // of what the server told last
  let refreshed = Date.now();

  const flash = (node) => {
    const cell = (node.nodeType === 1 ? node : node.parentElement)?.closest("td, dd, tr, .card");
    if (!cell || cell.closest("#panel, .work")) return;
    for (const animation of cell.getAnimations()) animation.currentTime = 0;
    cell.classList.add("changed");
  };
  document.addEventListener("animationend", ({ target }) => target.classList.remove("changed"));

  // Swaps what differs; false when something that the server only named is not here.
  const sync = (old, fresh) => {
    let whole = true;
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
      const same = key && next.dataset.same !== undefined;
      let match = null;
      if (key) match = keyed.get(key) ?? null;
      else if (at && at.nodeName === next.nodeName && !(at.nodeType === 1 && at.dataset.key)) match = at;
      if (!match) {
        if (same) {
          whole = false;
          continue;
        }
        old.insertBefore(next, at);
        flash(next);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      if (same) continue;
      if (match.nodeType !== 1) {
        if (match.data !== next.data) {
          match.data = next.data;
          flash(match);
        }
      } else if (!match.isEqualNode(next)) {
        whole = sync(match, next) && whole;
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    return whole;
  };

  const fetched = async (address) => {
    const answer = await fetch(address, { cache: "no-store" });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  // One after the other, so that no older answer is shown after a newer one.
  let turn = Promise.resolve();
  const inTurn = (work) => (turn = turn.then(work, work));

  const renew = async (since) => {
    const address = new URL(location.href);
    if (since) address.searchParams.set("since", since);
    const page = await fetched(address);
    let whole = true;
    for (const selector of ["nav.sidebar", "#main"]) {
      const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
      if (old && fresh) whole = sync(old, fresh) && whole;
    }
    document.title = page.title;
    if (!whole) return renew();
    shown = page.body.dataset.version ?? shown;
    if (!since) refreshed = Date.now();
  };

  const refresh = (since) => inTurn(() => renew(since));

  const refreshPanel = () => inTurn(async () => {
    const [old, fresh] = [document.getElementById("panel"), (await fetched("/_board/panel")).getElementById("panel")];
    if (old && fresh) sync(old, fresh);
  });

  const pause = (millis) => new Promise((resume) => setTimeout(resume, millis));

  const follow = async () => {
    for (;;) {
      try {
        const answer = await fetch(`/_board/changes?seen=${encodeURIComponent(seen)}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        const started = Date.now();
        if (answer.status === 200) seen = await answer.text();
        const [content, time] = seen.split(".");
        const [had, then] = shown.split(".");
        if (time !== then || Date.now() - refreshed > REFRESH) await refresh();
        else if (content !== had || location.pathname === "/") await refresh(had);
        else await refreshPanel();
        document.body.classList.remove("away");
        await pause(Math.max(PAUSE, Date.now() - started));
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
