/* The parcel panel: what was asked, what is recommended, the full ranking with its reasons. */
(function () {
  "use strict";
  const { el, text, pick, number, share } = OneMap;
  const ICONS = { supports: "✓", assumes: "≈", conditions: "!", missing: "?", excludes: "✕" };
  const STATUS_ICONS = { suitable: "✓", conditional: "!", unsuitable: "✕", unknown: "?" };
  const state = { parcel: null, found: null, document: null, error: null };

  const titleOf = (technology) => {
    const found = OneMap.config.technologies.find((t) => t.id === technology);
    return found ? pick(found.title) : technology;
  };
  const optionOf = (entry) => (entry.title ? pick(entry.title) : titleOf(entry.technology));

  function statusChip(status) {
    return el(
      "span", { class: `chip status-${status}` },
      el("span", { class: "icon", "aria-hidden": "true" }, STATUS_ICONS[status] || "?"),
      pick(OneMap.config.statuses[status] || { zh: status, en: status }),
    );
  }

  function rows(pairs) {
    return el("dl", { class: "figures" }, pairs.flatMap(([name, value]) => [
      el("dt", {}, text(name)), el("dd", { class: value === text("unknown") ? "unknown" : null }, value),
    ]));
  }

  function scoreBar(score) {
    if (score === null || score === undefined) return el("span", { class: "score unknown" }, text("unknown"));
    const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
    bar.firstChild.style.width = `${Math.max(0, Math.min(100, score))}%`;
    return el("span", { class: "score" }, bar, el("b", {}, number(score, null, 0)));
  }

  function reasonItem(reason) {
    const fact = OneMap.config.facts[reason.fact];
    const known = reason.value !== null && reason.value !== undefined;
    const figures = [];
    if (fact && known) figures.push(`${pick(fact)} ${OneMap.value(reason.value, reason.unit)}`);
    if (reason.threshold !== null && reason.threshold !== undefined && typeof reason.threshold !== "object") {
      figures.push(`${text("threshold")} ${OneMap.value(reason.threshold, reason.unit)}`);
    }
    return el(
      "li", { class: `reason effect-${reason.effect}` },
      el("span", { class: "effect" },
        el("span", { class: "icon", "aria-hidden": "true" }, ICONS[reason.effect] || "·"), text(`effect_${reason.effect}`)),
      el("span", { class: "reason-text" }, reason[OneMap.language()]),
      figures.length ? el("span", { class: "reason-figures" }, figures.join(" · ")) : null,
      reason.clause_id ? el("cite", { title: text("clause") }, reason.clause_id) : null,
    );
  }

  function rankingItem(entry, recommended) {
    const summary = el(
      "summary", {},
      el("span", { class: "rank" }, entry.rank === null || entry.rank === undefined ? "–" : String(entry.rank)),
      el("span", { class: "option-title" }, optionOf(entry)), statusChip(entry.status), scoreBar(entry.score),
    );
    summary.style.setProperty("--colour", OneMap.colourOf(entry.technology));
    const reasons = entry.reasons || [];
    return el(
      "li", {},
      el(
        "details", { class: "option", "data-technology": entry.technology, "data-variant": entry.variant, open: recommended },
        summary,
        rows([
          ["capacity", number(entry.capacity_kw, "kW")],
          ["installed_share", share(entry.installed_share_frac)],
          ["energy_share", share(entry.energy_share_frac)],
        ]),
        el("h4", {}, text("reasons")),
        reasons.length ? el("ul", { class: "reasons" }, reasons.map(reasonItem)) : el("p", { class: "note" }, text("no_reasons")),
      ),
    );
  }

  function isRecommended(entry, doc) {
    return entry.technology === doc.recommended
      && (!doc.recommended_variant || !entry.variant || entry.variant === doc.recommended_variant);
  }

  function recommendation(doc) {
    if (!doc.recommended) {
      return el("div", { class: "recommended none" }, el("b", {}, text("no_recommendation")));
    }
    const entry = doc.technologies.find((t) => isRecommended(t, doc));
    const box = el(
      "div", { class: "recommended" },
      el("span", { class: "label" }, text("recommended")),
      el("b", {}, entry ? optionOf(entry) : titleOf(doc.recommended)), statusChip(doc.recommended_status),
    );
    box.style.setProperty("--colour", OneMap.colourOf(doc.recommended));
    return box;
  }

  function footer(doc) {
    const versions = Object.entries(doc.data_versions || {}).map(([layer, version]) => {
      const found = OneMap.config.layers.find((entry) => entry.id === layer);
      return `${found ? pick(found.title) : layer} v${version}`;
    });
    return el(
      "footer", {},
      el("p", {}, `${text("ruleset")} ${doc.ruleset.id} · ${text("as_of")} ${doc.ruleset.as_of}`),
      versions.length
        ? el("details", {}, el("summary", {}, text("data_versions")), el("p", {}, versions.join(OneMap.language() === "en" ? ", " : "，")))
        : null,
    );
  }

  function basis(value) {
    if (!value) return text("unknown");
    const known = OneMap.config.strings[`basis_${value}`];
    return known ? pick(known) : value;
  }

  function parcelBody(doc, parcel) {
    const place = doc.location || {};
    const where = [place.district, place.township].filter(Boolean).join(" ");
    const demand = doc.demand || {};
    return [
      el("h2", { tabindex: "-1" }, doc.name || parcel.name || text("unnamed")),
      parcel.synthetic ? el("p", { class: "synthetic-hint" }, text("synthetic_hint")) : null,
      recommendation(doc),
      doc.undecided && doc.undecided.length
        ? el("p", { class: "note" }, text("undecided", { names: doc.undecided.map(undecidedName).join(OneMap.language() === "en" ? ", " : "、") }))
        : null,
      rows([
        ["parcel_id", doc.parcel_id],
        ["place", where || text("unknown")],
        ["area", number(place.area_m2, "m2")],
        ["heated_area", number(demand.heated_area_m2, "m2")],
        ["heated_area_basis", basis(demand.heated_area_basis)],
        ["heat_load", number(demand.heat_load_kw, "kW")],
        ["heat_demand", number(demand.heat_demand_mwh_per_a, "MWh/a")],
      ]),
      el("h3", {}, text("ranking")),
      el("ol", { class: "ranking" }, doc.technologies.map((entry) => rankingItem(entry, isRecommended(entry, doc)))),
    ];
  }

  const undecidedName = (id) => (OneMap.config.options[id] ? pick(OneMap.config.options[id]) : titleOf(id));

  function featureItem(feature) {
    const layer = OneMap.config.layers.find((entry) => entry.id === feature.layer);
    const facts = feature.attributes.map(
      (a) => `${pick(a.title)} ${OneMap.value(a.value, a.unit)}`,
    );
    return el(
      "li", {},
      el("span", { class: "label" }, pick(layer.title)), el("b", {}, feature.name || feature.id),
      feature.synthetic ? el("span", { class: "mark" }, text("synthetic_mark")) : null,
      el("p", { class: "note" }, facts.join(" · ")),
    );
  }

  function alsoHere(found) {
    const others = found.parcels.filter((p) => p !== state.parcel);
    const parts = [];
    if (others.length) {
      parts.push(el("h3", {}, text("other_parcels")));
      parts.push(el("p", {}, others.map((p) => {
        const button = el("button", { type: "button", class: "link" }, p.name || p.parcel_id);
        button.addEventListener("click", () => OneMap.panel.show(found, p));
        return button;
      })));
    }
    if (found.features.length) {
      parts.push(el("h3", {}, text("also_here")));
      parts.push(el("ul", { class: "features" }, found.features.map(featureItem)));
    }
    return parts;
  }

  function render() {
    if (!state.found) return;
    const body = document.getElementById("panel-body");
    let parts;
    if (state.error) parts = [el("p", { class: "error", role: "alert" }, text("failed", { text: state.error }))];
    else if (state.document) parts = parcelBody(state.document, state.parcel);
    else if (state.parcel) parts = [el("p", { class: "note" }, text("loading"))];
    else parts = [el("p", { class: "note" }, text("nothing_here"))];
    const end = state.document ? [footer(state.document)] : [];
    body.replaceChildren(...parts.filter(Boolean), ...alsoHere(state.found), ...end);
  }

  OneMap.panel = {
    isOpen: () => document.body.classList.contains("panel-open"),

    /* Show a parcel (or, without one, only the other features) found at a point. */
    async show(found, parcel) {
      Object.assign(state, { found, parcel: parcel || null, document: null, error: null });
      document.getElementById("parcel-panel").hidden = false;
      document.body.classList.add("panel-open");
      OneMap.select(parcel || null);
      render();
      document.getElementById("panel-body").parentElement.scrollTop = 0;
      if (!parcel) return;
      try {
        const doc = await OneMap.getJson(`/api/parcels/${encodeURIComponent(parcel.parcel_id)}/suitability`);
        if (state.parcel !== parcel) return;
        state.document = doc;
      } catch (error) {
        if (state.parcel !== parcel) return;
        state.error = error.message;
      }
      render();
      const heading = document.querySelector("#panel-body h2");
      if (heading) heading.focus({ preventScroll: true });
    },

    close() {
      Object.assign(state, { found: null, parcel: null, document: null, error: null });
      document.getElementById("parcel-panel").hidden = true;
      document.body.classList.remove("panel-open");
      OneMap.select(null);
    },

    start() {
      document.getElementById("panel-close").addEventListener("click", OneMap.panel.close);
      OneMap.onLanguage(render);
    },
  };
})();
