/* The left panel: legend with counts, and the layer switches by group. */
(function () {
  "use strict";
  const GROUPS = ["results", "resource", "restriction", "network", "reference"];
  // Both colour every parcel: one of them is shown at a time.
  const RESULTS = ["parcel_suitability", "match_parcel"];
  const state = { map: null, grids: null, shown: new Set(), counts: null, labels: null, matched: null };
  const { el, text, pick } = OneMap;

  function swatch(layer) {
    if (RESULTS.includes(layer.id)) return el("span", { class: "swatch swatch-result" });
    if (layer.id === "site") return el("span", { class: "swatch swatch-site" });
    const { colour, dash, fill_opacity: opacity } = layer.style;
    const mark = el("span", { class: `swatch swatch-${layer.geometry}` });
    mark.style.setProperty("--colour", colour);
    mark.style.setProperty("--fill", layer.id === "parcel" ? 0 : Math.min(1, opacity));
    if (dash) mark.classList.add("dashed");
    return mark;
  }

  function gridsOf(layer) {
    const names = layer.id === "match_parcel" ? ["match_parcel", "match_connection"] : [layer.id];
    return names.map((name) => state.grids[name]);
  }

  function draw(layer, on) {
    if (on) state.shown.add(layer.id); else state.shown.delete(layer.id);
    OneMap.filter.drawBadge();
    OneMap.link.changed();
    if (layer.id === "site") {
      OneMap.sites.toggle(on);
      return;
    }
    gridsOf(layer).forEach((grid) => {
      if (on) state.map.addLayer(grid); else state.map.removeLayer(grid);
    });
    if (layer.id === "district") toggleLabels(on);
  }

  /* The layers of the catalogue, with matching beside the other results. */
  function layers() {
    const [results, ...others] = OneMap.config.layers;
    return [results, ...OneMap.match.layers(), ...OneMap.sites.layers(), ...others];
  }

  /* Switch a layer; of two that would cover each other, the other goes. */
  function toggle(layer, on) {
    if (on && RESULTS.includes(layer.id)) {
      layers().filter((other) => RESULTS.includes(other.id) && state.shown.has(other.id)).forEach((other) => draw(other, false));
    }
    draw(layer, on);
    if (["site", "match_segment"].includes(layer.id)) drawMatch();
    if (!RESULTS.includes(layer.id)) return;
    drawMatch();
    OneMap.match.drawToggle();
  }

  function toggleLabels(on) {
    if (on) state.labels.addTo(state.map); else state.labels.remove();
  }

  /* District names, leaving out those that would cover another at this zoom. */
  function drawLabels() {
    state.labels.clearLayers();
    const taken = [];
    OneMap.config.labels.forEach((label) => {
      const at = state.map.project([label.lat, label.lon]);
      const half = L.point((OneMap.language() === "en" ? 4 : 7) * pick(label).length, 9);
      const box = L.bounds(at.subtract(half), at.add(half));
      if (taken.some((other) => other.overlaps(box))) return;
      taken.push(box);
      const name = el("span", {}, pick(label));
      const icon = L.divIcon({ className: "district-label", html: name, iconSize: null });
      state.labels.addLayer(
        L.marker([label.lat, label.lon], { icon, interactive: false, keyboard: false, pane: "onemap-labels" }),
      );
    });
  }

  function switchRow(layer) {
    const id = `switch-${layer.id}`;
    const box = el("input", { type: "checkbox", id, disabled: !layer.loaded });
    box.checked = state.shown.has(layer.id);
    box.addEventListener("change", () => {
      toggle(layer, box.checked);
      document.getElementById(id).focus();
    });
    const absent = layer.id === "parcel_suitability" ? "not_scored" : "not_loaded";
    const missing = layer.withheld ? "withheld" : absent;
    let note = null;
    if (!layer.loaded) note = el("span", { class: "missing" }, text(missing));
    else if (layer.id === "parcel") note = el("span", { class: "zoom-note" }, text("zoom_in_layer"));
    else if (layer.synthetic) note = el("span", { class: "mark" }, text("synthetic_mark"));
    const title = layer.description ? pick(layer.description) : null;
    return el(
      "li", { class: layer.loaded ? null : "disabled", "data-layer": layer.id },
      box, el("label", { for: id, title }, swatch(layer), el("span", { class: "layer-title" }, pick(layer.title))), note,
      layer.id === "match_parcel" ? scenarioSelect() : null,
      layer.id === "site" && OneMap.sites.sitings().length > 1 ? OneMap.sites.select("site-layer-scenario") : null,
      state.shown.has(layer.id) && layer.id !== "site" ? OneMap.opacitySlider(layer.id, pick(layer.title), gridsOf(layer)) : null,
    );
  }

  function scenarioSelect() {
    return OneMap.match.select(OneMap.match.scenario(), text("match_scenario"), (scenario) => {
      OneMap.match.choose(scenario);
      document.querySelector("[data-layer=match_parcel] select").focus();
    });
  }

  function drawSwitches() {
    const groups = GROUPS.map((group) => {
      const own = layers().filter((layer) => layer.group === group);
      return el(
        "fieldset", { "data-group": group },
        el("legend", {}, text(`group_${group}`)), el("ul", {}, own.map(switchRow)),
      );
    });
    document.getElementById("layer-switches").replaceChildren(...groups);
  }

  function count(technology) {
    if (!state.counts) return null;
    return OneMap.number(
      state.counts.filter((row) => row.technology === technology)
        .reduce((sum, row) => sum + row.parcel_count, 0),
    );
  }

  function legendRow(colour, title, number, kind) {
    const mark = el("span", { class: `swatch swatch-fill ${kind || ""}`, "aria-hidden": "true" });
    mark.style.setProperty("--colour", colour);
    const shown = number === null ? null : el("span", { class: "count" }, number);
    return el("li", {}, mark, el("span", { class: "layer-title" }, title), shown);
  }

  const isMatch = () => state.shown.has("match_parcel");

  /* MW of a technology in the run that is shown; nothing before they have arrived. */
  function matchedMw(technology) {
    const found = state.matched && state.matched.summary.technologies.find((row) => row.technology === technology);
    return found ? OneMap.tables.mw(found.allocated_kw) : null;
  }

  function drawLegend() {
    const match = isMatch();
    const [title, unit] = document.querySelectorAll("#legend-title span");
    title.textContent = text(match ? "legend_match" : "legend");
    unit.textContent = match ? "MW" : text("legend_count");
    const rows = OneMap.config.technologies.map(
      (t) => legendRow(t.colour, pick(t.title), match ? matchedMw(t.id) : count(t.id)),
    );
    rows.push(legendRow(OneMap.noneColour, text(match ? "legend_no_load" : "legend_none"), match ? null : count(null), "faint"));
    document.getElementById("legend-technologies").replaceChildren(...rows);
    const grey = "#4a545c";
    document.getElementById("legend-statuses").replaceChildren(...(match ? [
      legendRow(OneMap.noneColour, text("legend_unknown_load"), null, "hatched"),
    ] : [
      legendRow(grey, text("legend_suitable"), null), legendRow(grey, text("legend_conditional"), null, "hatched"),
    ]));
    document.getElementById("legend-sites").replaceChildren(...(state.shown.has("site") ? siteLegend() : []));
    document.getElementById("legend-segments").replaceChildren(...(state.shown.has("match_segment") ? segmentLegend() : []));
    drawNote();
  }

  /* The points of sites: chosen, with their rank; others; left out. */
  const SITE_MARKS = [["site", "legend_site"], ["candidate", "legend_candidate"], ["barred", "legend_barred"]];
  const siteLegend = () => SITE_MARKS.map(([kind, title]) => el(
    "li", {}, el("span", { class: `swatch swatch-${kind}`, "aria-hidden": "true" }), el("span", { class: "layer-title" }, text(title)),
  ));

  /* Mains by what is left to them, the most first. */
  const segmentLegend = () => [
    el("li", { class: "note" }, text("legend_segments", { name: OneMap.match.titleOf(OneMap.match.scenario()) })),
    ...OneMap.leftClasses.map(({ colour, title }) => {
      const mark = el("span", { class: "swatch swatch-line", "aria-hidden": "true" });
      mark.style.setProperty("--colour", colour);
      return el("li", {}, mark, el("span", { class: "layer-title" }, text(title)));
    }),
  ];

  function drawNote() {
    const cells = state.map.getZoom() <= OneMap.config.cellMaxZoom;
    document.body.classList.toggle("cells", cells);
    const key = isMatch() ? (cells ? "legend_match_cells" : "legend_match_parcels") : cells ? "legend_cells" : "legend_parcels";
    document.getElementById("legend-note").textContent = text(key);
    const stale = isMatch() ? OneMap.match.staleNote(OneMap.match.scenario()) : null;
    document.getElementById("legend-stale").replaceChildren(...[stale].filter(Boolean));
  }

  /* Figures of the run that is shown, told once they have arrived. */
  async function drawMatch() {
    drawSwitches();
    drawLegend();
    const scenario = OneMap.match.scenario();
    state.matched = null;
    if (!isMatch()) return;
    try {
      const found = await OneMap.match.detail(scenario);
      if (scenario !== OneMap.match.scenario()) return;
      state.matched = found;
      drawLegend();
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
    }
  }

  function setDrawer(open) {
    const held = !open && document.getElementById("layers-panel").contains(document.activeElement);
    document.body.classList.toggle("drawer-open", open);
    const opener = document.getElementById("layers-toggle");
    opener.setAttribute("aria-expanded", String(open));
    // On a wide screen the layers stay where they are.
    if (held && opener.offsetParent) opener.focus();
  }

  OneMap.controls = {
    shown: () => [...state.shown],

    closeDrawer: () => setDrawer(false),

    /* Show a layer, whatever was shown. */
    show(id) {
      const layer = layers().find((one) => one.id === id);
      if (layer && !state.shown.has(id)) toggle(layer, true);
    },

    /* Show these layers and no others; ids of none that can be shown are returned. */
    showOnly(ids) {
      const known = layers().filter((layer) => layer.loaded);
      const other = known.filter((layer) => ids.includes(layer.id) !== state.shown.has(layer.id));
      other.filter((layer) => state.shown.has(layer.id)).forEach((layer) => toggle(layer, false));
      other.filter((layer) => ids.includes(layer.id)).forEach((layer) => toggle(layer, true));
      drawSwitches();
      return ids.filter((id) => !known.some((layer) => layer.id === id));
    },

    /* Tell the legend how many parcels have what recommended. */
    count(rows) {
      state.counts = rows;
      drawLegend();
    },

    start(map, grids) {
      Object.assign(state, { map, grids, labels: L.layerGroup() });
      OneMap.config.layers.filter((layer) => layer.loaded && layer.visible).forEach((layer) => draw(layer, true));
      map.on("zoomend", () => {
        drawNote();
        drawLabels();
      });
      const opener = document.getElementById("layers-toggle");
      opener.addEventListener("click", () => setDrawer(!document.body.classList.contains("drawer-open")));
      OneMap.onLanguage(() => {
        opener.textContent = `☰ ${text("layers")}`;
        drawSwitches();
        drawLegend();
        drawLabels();
      });
      OneMap.match.onChange(drawMatch);
      OneMap.sites.onChange(drawMatch);
      if (OneMap.config.layers.some((layer) => layer.id === "parcel_suitability" && layer.loaded)) {
        OneMap.getJson("/api/summary?by=city").then((summary) => {
          if (OneMap.filter.isOn()) return;
          state.counts = summary.rows.flatMap((row) => row.recommended);
          drawLegend();
        }).catch((error) => OneMap.hint(text("failed", { text: error.message })));
      }
    },
  };
})();
