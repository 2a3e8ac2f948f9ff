/* One technology of the ranking: how much it gives, why it is not chosen, what would make it feasible. */
(function () {
  "use strict";
  const { el, text, pick, number, share } = OneMap;
  const { titleOf, statusChip, rows, scoreBar, reasonItem, assumptions } = OneMap.parts;

  /* The figures of P90, P50 and P10; nothing where the rules declare no range. */
  function spread(range, show) {
    if (!range || range.p90 === range.p10) return null;
    return [range.p90, range.p50, range.p10].map(show).join(" / ");
  }

  function figures(entry) {
    const capacity = spread(entry.capacity_range_kw, (kw) => number(kw));
    const shares = spread(entry.installed_share_range_frac, share);
    return rows([
      ["capacity", number(entry.capacity_kw, "kW")],
      capacity ? ["capacity_range", `${capacity} kW`] : null,
      ["installed_share", share(entry.installed_share_frac)],
      shares ? ["share_range", shares] : null,
      ["energy_share", share(entry.energy_share_frac)],
    ]);
  }

  function whyNot(entry) {
    if (!entry.why_not) return null;
    return el(
      "p", { class: "why-not" }, el("b", {}, text("why_not")), pick(entry.why_not),
      el("span", { class: "reason-source" }, OneMap.cite(entry.why_not.clause_id)),
    );
  }

  function changeItem(change) {
    const fact = OneMap.config.facts[change.fact];
    const show = (value) => (change.fact.endsWith("_frac") ? share(value) : OneMap.value(value, change.unit));
    return el(
      "li", {}, pick(change),
      el(
        "span", { class: "reason-source" },
        el("span", {}, `${fact ? pick(fact) : change.fact} ${show(change.from)} → ${show(change.to)}`), OneMap.cite(change.clause_id),
      ),
    );
  }

  function changes(entry) {
    if (!entry.changes.length) return null;
    return el(
      "div", { class: "changes" }, el("h4", {}, text("changes")),
      el("p", { class: "note" }, text("changes_note")), el("ul", {}, entry.changes.map(changeItem)),
    );
  }

  function evidence(entry) {
    const known = Object.entries(entry.evidence || {}).filter(([name, value]) => OneMap.config.facts[name] && value !== null);
    if (!known.length) return null;
    return el("details", { class: "more" }, el("summary", {}, text("evidence")), el(
      "dl", { class: "figures" }, known.flatMap(([name, value]) => {
        const fact = OneMap.config.facts[name];
        const shown = name.endsWith("_frac") ? share(value) : OneMap.value(value, fact.unit);
        return [el("dt", {}, pick(fact)), el("dd", {}, shown)];
      }),
    ));
  }

  /* An item of the ranking, folded or not. */
  OneMap.optionItem = (entry, unfolded) => {
    const summary = el(
      "summary", {},
      el("span", { class: "rank" }, String(entry.rank)),
      el("span", { class: "option-title" }, entry.title ? pick(entry.title) : titleOf(entry.technology)),
      statusChip(entry.status), scoreBar(entry.score),
    );
    summary.style.setProperty("--colour", OneMap.colourOf(entry.technology));
    const reasons = entry.reasons || [];
    return el(
      "li", {},
      el(
        "details", { class: "option", "data-technology": entry.technology, "data-variant": entry.variant, open: unfolded },
        summary,
        figures(entry),
        whyNot(entry),
        changes(entry),
        el("h4", {}, text("reasons")),
        reasons.length ? el("ul", { class: "reasons" }, reasons.map(reasonItem)) : el("p", { class: "note" }, text("no_reasons")),
        OneMap.evidence.section(entry),
        evidence(entry),
        assumptions(entry.assumptions),
      ),
    );
  };
})();
