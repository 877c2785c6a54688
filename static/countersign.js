// Progressive only: every page works without this file. No inline handlers, no requests.
(() => {
  "use strict";
  const all = (selector) => document.querySelectorAll(selector);
  const textOf = (element) => ("value" in element ? element.value : element.innerText).trim();

  // The error summary takes the focus: by its autofocus, or here in browsers that know that for fields alone.
  if (!("autofocus" in HTMLElement.prototype)) document.querySelector("[data-focus]")?.focus();

  // On narrow screens the navigation folds behind its button.
  for (const button of all("[data-menu]")) {
    button.hidden = false;
    const open = (yes) => button.setAttribute("aria-expanded", String(yes));
    button.addEventListener("click", () => open(button.getAttribute("aria-expanded") !== "true"));
    button.closest("header").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && button.getAttribute("aria-expanded") === "true") {
        open(false);
        button.focus();
      }
    });
  }

  // Printing.
  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Copying, with formatted text where the target program wants it.
  const copy = async (text, html) => {
    if (html && window.ClipboardItem && navigator.clipboard?.write) {
      try {
        await navigator.clipboard.write([new ClipboardItem({
          "text/plain": new Blob([text], { type: "text/plain" }),
          "text/html": new Blob([html], { type: "text/html" }),
        })]);
        return;
      } catch { /* plain text still works in more places */ }
    }
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("copy refused");
  };
  for (const button of all("[data-copy]")) {
    const box = button.closest(".copy");
    const status = box?.querySelector("[role=status]");
    if (box) box.hidden = false;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.querySelector(button.dataset.copy);
      const rich = button.dataset.copyHtml && document.querySelector(button.dataset.copyHtml);
      let said = button.dataset.done;
      try {
        await copy(textOf(source), rich ? rich.innerHTML : "");
      } catch {
        said = button.dataset.failed;
        if (source.select) source.select();
        else getSelection()?.selectAllChildren(source);
      }
      if (status) {
        status.textContent = "";
        setTimeout(() => { status.textContent = said; }, 50);
      }
    });
  }

  // Typing narrows folded lists at once; the button beside the field does the same on the server.
  for (const box of all("[data-find]")) {
    box.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
      for (const list of all(box.dataset.find)) {
        let fitting = 0;
        for (const choice of list.querySelectorAll(".choice")) {
          const text = choice.textContent.normalize("NFKC").toLowerCase();
          choice.hidden = !choice.querySelector(":checked") && !words.every((word) => text.includes(word));
          fitting += !choice.hidden;
        }
        list.hidden = !fitting;
        list.open = words.length > 0;
      }
    });
  }

  // A second press on the same button sends nothing again. The server is safe without this.
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (Date.now() - (sent.get(form) ?? -Infinity) < 4000) event.preventDefault();
    else sent.set(form, Date.now());
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) sent.delete(form);
  });

  // Links in Microsoft's shape say where they lead in the fragment, which no server sees.
  // The page lists where each known fragment leads; only these, and only on this site, are followed.
  const follow = () => {
    const fragment = location.hash.replace(/^#/, "").split("?")[0].replace(/\/+$/, "");
    for (const link of all("[data-fragment-redirect] a[data-fragment]")) {
      const known = link.dataset.fragment;
      let leads = null;
      if (known.endsWith("/*")) {
        const start = known.slice(0, -1);
        const id = fragment.slice(start.length);
        if (fragment.toLowerCase().startsWith(start.toLowerCase()) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
          leads = (link.dataset.fragmentTarget ?? link.getAttribute("href")).replace("*", id);
        }
      } else if (fragment.toLowerCase() === known.toLowerCase()) {
        leads = link.getAttribute("href");
      }
      if (leads === null) continue;
      const target = new URL(leads, location.href);
      if (target.origin === location.origin) location.replace(target);
      return;
    }
  };
  if (document.querySelector("[data-fragment-redirect]")) {
    follow();
    addEventListener("hashchange", follow);
  }
})();
