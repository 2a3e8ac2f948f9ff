/* The pieces that the sections of the parcel panel are made of. */
(function () {
  "use strict";
  const { el, text, pick, number, share } = OneMap;
  const ICONS = { supports: "✓", assumes: "≈", conditions: "!", missing: "?", excludes: "✕" };
  const STATUS_ICONS = { suitable: "✓", conditional: "!", unsuitable: "✕", unknown: "?" };

  const titleOf = (technology) => {
    const found = OneMap.config.technologies.find((t) => t.id === technology);
    return found ? pick(found.title) : technology;
  };

  /* The name of a district in the language of the page. */
  function districtName(name) {
    const label = OneMap.config.labels.find((one) => one.zh === name);
    return label ? pick(label) : name || text("match_no_district");
  }

  function statusChip(status) {
    return el(
      "span", { class: `chip status-${status}` },
      el("span", { class: "icon", "aria-hidden": "true" }, STATUS_ICONS[status] || "?"),
      pick(OneMap.config.statuses[status] || { zh: status, en: status }),
    );
  }

  function rows(pairs) {
    return el("dl", { class: "figures" }, pairs.filter(Boolean).flatMap(([name, value]) => [
      el("dt", {}, text(name)), el("dd", { class: value === text("unknown") ? "unknown" : null }, value),
    ]));
  }

  function scoreBar(score) {
    if (score === null || score === undefined) return el("span", { class: "score unknown" }, text("unknown"));
    const shown = number(score, null, 0);
    const bar = el("span", { class: "bar" }, el("span", {}));
    bar.firstChild.style.width = `${Math.max(0, Math.min(100, score))}%`;
    return el("span", { class: "score", role: "img", "aria-label": text("score_of", { score: shown }) }, bar, el("b", {}, shown));
  }

  function reasonItem(reason) {
    // A note of the kind "assumes" has no threshold of its own.
    const assumed = reason.threshold_kind === "assumption" && reason.effect !== "assumes";
    return el(
      "li", { class: `reason effect-${reason.effect}` },
      el("span", { class: "effect" },
        el("span", { class: "icon", "aria-hidden": "true" }, ICONS[reason.effect] || "·"), pick(OneMap.config.effects[reason.effect])),
      el("span", { class: "reason-text" }, pick(reason)),
      el(
        "span", { class: "reason-source" }, OneMap.cite(reason.clause_id),
        assumed ? el("span", { class: "assumed" }, text("assumed_threshold")) : null,
      ),
    );
  }

  function assumed(entry) {
    const show = (value, unit) => (entry.parameter.endsWith("_frac") ? share(value) : OneMap.value(value, unit));
    const byName = typeof entry.value === "object" && !Array.isArray(entry.value);
    const values = byName
      ? Object.entries(entry.value).map(([name, value]) => `${name} ${show(value, null)}`).join("、")
      : [entry.value].flat().map((value) => show(value, entry.unit)).join("、");
    if (entry.low === null && entry.high === null) return `${pick(entry.title)} ${values}`;
    const ends = [entry.low, entry.high].filter((end) => end !== null).map((end) => show(end, null));
    return text("assumed_range", { title: pick(entry.title), value: values, range: ends.join(" – ") });
  }

  function assumptions(list) {
    if (!list || !list.length) return null;
    return el("details", { class: "more" }, el("summary", {}, text("assumptions", { n: list.length })), el(
      "ul", {}, list.map((entry) => el(
        "li", {}, assumed(entry), el("p", { class: "note" }, text("assumption_source", { text: entry.source })),
      )),
    ));
  }

  OneMap.parts = { titleOf, districtName, statusChip, rows, scoreBar, reasonItem, assumptions };
})();
