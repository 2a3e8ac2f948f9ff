/* A clause that is cited: where it stands, and what it says while the pointer or the focus is on it. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const LEAVE_MS = 150;
  let holder = null;
  let timer = null;

  const tip = () => document.getElementById("clause-tip") || document.getElementById("parcel-panel").appendChild(
    el("div", { id: "clause-tip", role: "tooltip", hidden: true }),
  );

  function hide() {
    clearTimeout(timer);
    if (holder) holder.removeAttribute("aria-describedby");
    holder = null;
    tip().hidden = true;
  }

  /* Below the clause, or above where there is no room. */
  function place(box) {
    const at = holder.getBoundingClientRect();
    const left = Math.min(at.left, window.innerWidth - box.offsetWidth - 12);
    const below = at.bottom + 6;
    const top = below + box.offsetHeight + 6 < window.innerHeight ? below : at.top - box.offsetHeight - 6;
    Object.assign(box.style, { left: `${Math.max(12, left)}px`, top: `${Math.max(6, top)}px` });
  }

  function show(button, id) {
    clearTimeout(timer);
    if (holder && holder !== button) hide();
    holder = button;
    const clause = OneMap.config.clauses[id];
    const own = clause.rule[OneMap.language()];
    const box = tip();
    box.replaceChildren(
      el("b", {}, `${clause.source} [${id}]`), el("p", own ? {} : { lang: "en" }, own || clause.rule.en),
      el("p", { class: "clause-hint" }, text("clause_summary")),
    );
    box.hidden = false;
    button.setAttribute("aria-describedby", "clause-tip");
    place(box);
  }

  /* Where the focus brought the clause into sight, its text goes along. */
  function scrolled() {
    if (!holder) return;
    const at = holder.getBoundingClientRect();
    const body = document.getElementById("panel-body").getBoundingClientRect();
    if (document.activeElement === holder && at.bottom > body.top && at.top < body.bottom) place(tip());
    else hide();
  }

  /* The pointer may go on to the text. */
  function leave() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (document.activeElement !== holder) hide(); }, LEAVE_MS);
  }

  function start() {
    const box = tip();
    box.addEventListener("pointerenter", () => clearTimeout(timer));
    box.addEventListener("pointerleave", leave);
    document.getElementById("panel-body").addEventListener("scroll", scrolled, { passive: true });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || box.hidden) return;
      // Only the text goes, not the panel.
      event.stopPropagation();
      hide();
    }, true);
  }

  /* A cited clause; its id alone where the rule set in use does not have it. */
  OneMap.cite = (id) => {
    if (!id) return null;
    const clause = OneMap.config.clauses[id];
    if (!clause) return el("cite", {}, id);
    const button = el("button", { type: "button", class: "clause" }, `${clause.source} [${id}]`);
    ["pointerenter", "focus", "click"].forEach((name) => button.addEventListener(name, () => show(button, id)));
    button.addEventListener("pointerleave", leave);
    button.addEventListener("blur", hide);
    return el("cite", {}, button);
  };
  OneMap.clauses = { start };
})();
