/* The parcel panel: what was asked, what is recommended, the full ranking with its reasons. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  const { titleOf, statusChip, rows, assumptions } = OneMap.parts;
  const state = { parcel: null, found: null, document: null, error: null, given: null, own: null };
  const panel = () => document.getElementById("parcel-panel");
  let opener = null;

  function isRecommended(entry, doc) {
    return entry.technology === doc.recommended
      && (!doc.recommended_variant || !entry.variant || entry.variant === doc.recommended_variant);
  }

  function recommendation(doc) {
    if (!doc.recommended) {
      const open = doc.technologies.some((t) => t.status !== "unsuitable");
      return el("div", { class: "recommended none" }, el("b", {}, text(open ? "none_decidable" : "none_suitable")));
    }
    const entry = doc.technologies.find((t) => isRecommended(t, doc));
    const box = el(
      "div", { class: "recommended" },
      el("span", { class: "label" }, text("recommended")),
      el("b", {}, entry ? pick(entry.title) : titleOf(doc.recommended)), statusChip(doc.recommended_status),
    );
    box.style.setProperty("--colour", OneMap.colourOf(doc.recommended));
    return box;
  }

  function footer(doc) {
    const versions = Object.entries(doc.data_versions || {}).map(
      ([layer, version]) => `${OneMap.value(layer)} v${version}`,
    );
    return el(
      "footer", {},
      state.given ? null : OneMap.reportLinks(doc.parcel_id),
      el("p", {}, `${text("ruleset")} ${doc.ruleset.id} · ${text("as_of")} ${doc.ruleset.as_of}`),
      versions.length
        ? el("details", {}, el("summary", {}, text("data_versions")), el("p", {}, versions.join(OneMap.language() === "en" ? ", " : "，")))
        : null,
    );
  }

  /* The title of a coded value, the value itself where it has none. */
  function coded(titles, value) {
    if (!value) return text("unknown");
    return Object.hasOwn(titles, value) ? pick(titles[value]) : value;
  }

  function policyAreas(place) {
    const ids = [place.geothermal_pilot_area, place.geothermal_focus_area, place.data_centre_area].filter(Boolean);
    return ids.map((id) => coded(OneMap.config.areas, id)).join(OneMap.language() === "en" ? ", " : "、");
  }

  function parcelBody(doc, parcel) {
    const place = doc.location || {};
    const where = [place.district, place.township].filter(Boolean).join(" ");
    const demand = doc.demand || {};
    return [
      parcel.synthetic ? el("p", { class: "synthetic-hint" }, text("synthetic_hint")) : null,
      recommendation(doc),
      doc.undecided && doc.undecided.length
        ? el("p", { class: "note" }, text("undecided", { names: doc.undecided.map(undecidedName).join(OneMap.language() === "en" ? ", " : "、") }))
        : null,
      rows([
        state.given ? null : ["parcel_id", doc.parcel_id],
        ["place", where || text("unknown")],
        policyAreas(place) ? ["policy_areas", policyAreas(place)] : null,
        ["land_use", coded(OneMap.config.landUses, place.land_use_class)],
        ["building_status", coded(OneMap.config.words, place.building_status)],
        ["area", number(place.area_m2, "m2")],
        ["heated_area", number(demand.heated_area_m2, "m2")],
        ["heated_area_basis", coded(OneMap.config.bases, demand.heated_area_basis)],
        ["heat_load", number(demand.heat_load_kw, "kW")],
        ["season", number(demand.season_d, "d")],
        ["heat_demand", number(demand.heat_demand_mwh_per_a, "MWh/a")],
      ]),
      assumptions(demand.assumptions),
      el("h3", {}, text("ranking")),
      el("p", { class: "note" }, text("range_note")),
      state.given ? null : OneMap.evidence.control(),
      el("ol", { class: "ranking" }, doc.technologies.map(
        // Without a recommendation the first option is unfolded, so that a reason is in sight.
        (entry, place) => OneMap.optionItem(entry, doc.recommended ? isRecommended(entry, doc) : place === 0),
      )),
      OneMap.portfolioSection(doc.portfolio),
      state.given ? null : OneMap.matchSection(parcel.parcel_id),
      OneMap.checklistSection(doc.checklist),
    ];
  }

  const undecidedName = (id) => (OneMap.config.options[id] ? pick(OneMap.config.options[id]) : titleOf(id));

  function featureItem(feature, place) {
    const layer = OneMap.config.layers.find((entry) => entry.id === feature.layer);
    const notes = [["source", feature.source], ["remark", feature.remark]].filter((note) => note[1]);
    return el("li", {}, el(
      "details", { open: !state.parcel && place === 0 },
      el(
        "summary", {}, el("span", { class: "label" }, pick(layer.title)), el("b", {}, feature.name || feature.id),
        feature.synthetic ? el("span", { class: "mark" }, text("synthetic_mark")) : null,
      ),
      el("dl", { class: "figures" }, feature.attributes.flatMap((a) => [
        el("dt", {}, pick(a.title)), el("dd", {}, OneMap.value(a.value, a.unit)),
      ])),
      notes.map(([name, words]) => el("p", { class: "note" }, text(name, { text: words }))),
      feature.layer === "heat_project" ? el("p", {}, el("a", { href: OneMap.page("/projects", { project: feature.id }) }, text("projects_look"))) : null,
    ));
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
    if (found.hidden_parcel_count) parts.push(el("p", { class: "note hidden-parcels" }, OneMap.filter.hidden(found)));
    parts.push(...OneMap.rasters.section(found.rasters || []));
    if (found.features.length) {
      parts.push(el("h3", {}, text("also_here")));
      parts.push(el("ul", { class: "features" }, found.features.map(featureItem)));
    }
    return parts;
  }

  function render() {
    if (!state.found) return;
    const body = document.getElementById("panel-body");
    const { parcel, own, given } = state;
    if (own) {
      document.getElementById("panel-title").textContent = own.title();
      body.replaceChildren(...own.body());
      return;
    }
    document.getElementById("panel-title").textContent = parcel
      ? parcel.name || text("parcel", { id: parcel.parcel_id }) : text("no_parcel");
    let parts;
    if (state.error) parts = [el("p", { class: "error", role: "alert" }, text("failed", { text: state.error }))];
    else if (state.document) parts = parcelBody(state.document, parcel);
    else if (parcel) parts = [el("p", { class: "note" }, text("loading"))];
    else parts = state.found.hidden_parcel_count ? [] : [el("p", { class: "note" }, text("nothing_here"))];
    const end = state.document ? [footer(state.document)] : [];
    body.replaceChildren(...(given ? given.head() : []), ...parts.filter(Boolean), ...alsoHere(state.found), ...end);
  }

  /* Select a parcel; only a stored one has evidence, and a place in links. */
  function choose(parcel) {
    const stored = state.given ? null : parcel;
    OneMap.select(parcel);
    OneMap.link.select(stored ? stored.parcel_id : null);
    OneMap.evidence.show(stored);
  }

  function open(parcel) {
    if (panel().hidden) opener = document.activeElement;
    panel().hidden = false;
    document.body.classList.add("panel-open");
    choose(parcel);
    render();
    document.getElementById("panel-body").scrollTop = 0;
    document.getElementById("panel-title").focus({ preventScroll: true });
  }

  OneMap.panel = {
    isOpen: () => document.body.classList.contains("panel-open"),

    /* Show a parcel (or, without one, only the other features) found at a point; of an area that is no stored
       parcel its document is given, with what stands above it. */
    async show(found, parcel, given) {
      Object.assign(state, { found, parcel: parcel || null, document: given ? given.document : null, error: null, given: given || null, own: null });
      open(parcel || null);
      if (!parcel || given) return;
      try {
        const doc = await OneMap.getJson(`/api/parcels/${encodeURIComponent(parcel.parcel_id)}/suitability`);
        if (state.parcel !== parcel) return;
        state.document = doc;
      } catch (error) {
        if (state.parcel !== parcel) return;
        state.error = error.message;
      }
      render();
    },

    /* Show something of its own: functions that give its title and its parts in the present language. */
    showOwn(title, body) {
      Object.assign(state, { found: { parcels: [], features: [] }, parcel: null, document: null, error: null, given: null, own: { title, body } });
      open(null);
    },

    close() {
      Object.assign(state, { found: null, parcel: null, document: null, error: null, given: null, own: null });
      const held = panel().contains(document.activeElement);
      panel().hidden = true;
      document.body.classList.remove("panel-open");
      choose(null);
      if (held) OneMap.focusOn(opener);
    },

    start() {
      document.getElementById("panel-close").addEventListener("click", OneMap.panel.close);
      OneMap.onLanguage(render);
      OneMap.match.onChange(render);
    },
  };
})();
