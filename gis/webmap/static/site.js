/* Sites for new sources: which answers there are, and the one that is shown as points on the map. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const COLOUR = "#111827";
  const state = { sitings: [], job: null, scenario: null, shown: false, group: null, drawn: 0 };
  const listeners = [];
  const kept = new Map();

  const sitingOf = (name) => state.sitings.find((one) => one.scenario === name) || null;

  /* An answer with its candidates as GeoJSON, asked for once. */
  function detail(scenario) {
    const key = `${scenario} ${sitingOf(scenario).finished_at}`;
    if (!kept.has(key)) {
      const asked = Promise.all([
        OneMap.getJson(`/api/sites/${scenario}`), OneMap.getJson(`/api/sites/${scenario}/places`),
      ]).then(([found, places]) => ({ ...found, features: places.features }));
      asked.catch(() => kept.delete(key));
      kept.set(key, asked);
    }
    return kept.get(key);
  }

  const titleOf = (row) => row.site_name || row.site_id;

  /* Why a candidate was left out, or what must be settled before it is built; nothing where all is well. */
  function remark(row) {
    if (row.exclusion) return pick(OneMap.config.sites.exclusions[row.exclusion]);
    return row.condition ? pick(OneMap.config.sites.conditions[row.condition]) : "";
  }

  function told(row) {
    const { mw, figure, count } = OneMap.tables;
    const chosen = row.rank !== null;
    const facts = [
      ["site_technology", OneMap.parts.titleOf(row.technology)],
      ["site_capacity", `${mw(row.capacity_kw)} MW`],
      chosen ? ["site_gain", `${mw(row.gain_kw)} MW`] : null,
      chosen ? ["site_served", text("site_served_by", { kw: mw(row.allocated_kw), n: count(row.parcel_count) })] : null,
      chosen ? ["site_heat", `${figure(row.allocated_mwh_per_a / 1000, 1)} GWh`] : null,
      row.parcel_id ? ["site_parcel", row.parcel_id] : null,
    ].filter(Boolean);
    const head = chosen ? text("site_rank_name", { rank: row.rank, name: titleOf(row) }) : titleOf(row);
    return el(
      "div", { class: "site-told" }, el("h3", {}, head),
      chosen ? null : el("p", {}, text(row.exclusion ? "site_excluded" : "site_not_chosen")),
      el("dl", { class: "figures" }, facts.flatMap(([name, value]) => [el("dt", {}, text(name)), el("dd", {}, value)])),
      remark(row) ? el("p", { class: "note" }, remark(row)) : null,
    );
  }

  function chosenMark({ properties: row, geometry }) {
    const [lon, lat] = geometry.coordinates;
    const badge = el("span", {}, String(row.rank));
    badge.style.setProperty("--colour", OneMap.colourOf(row.technology));
    const icon = L.divIcon({ className: "site-mark", html: badge, iconSize: [26, 26] });
    const name = text("site_rank_name", { rank: row.rank, name: titleOf(row) });
    return L.marker([lat, lon], { icon, pane: "onemap-sites", alt: name, title: name, zIndexOffset: -row.rank });
  }

  function otherMark({ properties: row, geometry }) {
    const [lon, lat] = geometry.coordinates;
    return L.circleMarker([lat, lon], {
      pane: "onemap-point", radius: 4, color: row.exclusion ? "#9b1c1c" : COLOUR, weight: 1.4, opacity: 0.9,
      fillColor: "#ffffff", fillOpacity: row.exclusion ? 0.2 : 0.9, dashArray: row.exclusion ? "2 2" : null, bubblingMouseEvents: false,
    });
  }

  /* Draw the answer that is shown anew, or take it away. */
  async function draw() {
    const turn = ++state.drawn;
    if (!state.shown || !state.scenario) {
      state.group.clearLayers();
      return;
    }
    try {
      const { features } = await detail(state.scenario);
      if (turn !== state.drawn) return;
      state.group.clearLayers();
      // The best lie above the others.
      [...features].reverse().forEach((feature) => {
        const mark = feature.properties.rank === null ? otherMark(feature) : chosenMark(feature);
        mark.siteId = feature.id;
        mark.bindPopup(() => told(feature.properties), { maxWidth: 300, minWidth: 200 });
        state.group.addLayer(mark);
      });
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
    }
  }

  function tell() {
    draw();
    listeners.forEach((listener) => listener());
  }

  OneMap.sites = {
    detail, titleOf, remark,

    onChange(listener) { listeners.push(listener); },

    sitings: () => state.sitings,

    siting: sitingOf,

    scenario: () => state.scenario,

    job: () => state.job,

    start(map) {
      map.createPane("onemap-sites").style.zIndex = 455;
      state.group = L.layerGroup().addTo(map);
      OneMap.onLanguage(draw);
      return OneMap.sites.refresh();
    },

    /* Ask which answers there are; the one that is shown stays, or is the first. */
    async refresh() {
      const listed = await OneMap.getJson("/api/sites");
      const known = JSON.stringify(state.sitings);
      Object.assign(state, { sitings: listed.sitings, job: listed.job });
      if (known === JSON.stringify(state.sitings)) return;
      if (!sitingOf(state.scenario)) {
        const first = sitingOf("base") || state.sitings[0];
        state.scenario = first ? first.scenario : null;
      }
      tell();
    },

    choose(scenario) {
      state.scenario = scenario;
      tell();
    },

    /* Show or hide the points. */
    toggle(on) {
      state.shown = on;
      draw();
    },

    /* Go to a candidate and tell of it. */
    async goTo(id) {
      OneMap.controls.show("site");
      await draw();
      const mark = state.group.getLayers().find((one) => one.siteId === id);
      if (!mark) return;
      OneMap.map.setView(mark.getLatLng(), Math.max(OneMap.map.getZoom(), 13), { animate: false });
      mark.openPopup();
    },

    /* A select of the scenarios that have an answer. */
    select(id) {
      const box = el("select", { id, "aria-label": text("match_scenario") }, state.sitings.map((one) => el(
        "option", { value: one.scenario, selected: one.scenario === state.scenario }, OneMap.match.titleOf(one.scenario),
      )));
      box.addEventListener("change", () => OneMap.sites.choose(box.value));
      return box;
    },

    /* The entry among the layers, once something was sited. */
    layers: () => (state.sitings.length ? [{
      id: "site", group: "results", geometry: "point", loaded: true,
      title: { zh: OneMap.config.strings.sites.zh, en: OneMap.config.strings.sites.en },
      style: { colour: COLOUR, fill_opacity: 1, dash: null },
      synthetic: OneMap.config.layers.some((layer) => layer.id === "parcel" && layer.synthetic),
    }] : []),
  };
})();
